"""For all tests: signals as a program in a terminal has them, and the same examples of properties in every run.

A run that was started in the background or by nohup ignores some, and all that the tests start would ignore them too.
"""

import signal

from hypothesis import settings

# Without a deadline for an example: the machine may have other work.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
