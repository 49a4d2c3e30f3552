"""For all tests: signals as a program in a terminal has them.

A run that was started in the background or by nohup ignores some, and all that the tests start would ignore them too.
"""

import signal


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
