"""How far the machine's clock, which is also that of every container, may be from the right time.

https://man7.org/linux/man-pages/man2/adjtimex.2.html
"""

import ctypes
from datetime import UTC, datetime
from typing import Any

TIME_ERROR = 5  # the clock is not synchronized, with NTP for instance
MICROSECONDS_PER_MILLISECOND = 1000
SIZE_OF_TIMEX = 256  # somewhat more than struct timex has


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: change nothing
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # in microseconds
        ("rest", ctypes.c_char * SIZE_OF_TIMEX),
    )


def clock_drift() -> dict[str, Any] | None:
    """The metadata's ``ClockDrift``, with the error's bound in milliseconds; None on a system that cannot tell."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    timex = _Timex()
    state = -1 if adjtimex is None else adjtimex(ctypes.byref(timex))
    if state < 0:
        return None
    return {
        "ClockErrorBound": timex.maxerror / MICROSECONDS_PER_MILLISECOND,
        "ReferenceTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ClockSynchronizationStatus": "NOT_SYNCHRONIZED" if state == TIME_ERROR else "SYNCHRONIZED",
    }
