"""What a job goes through, and how much of the whole each phase is."""

FETCHING, PROBING, ENCODING = "FETCHING", "PROBING", "ENCODING"
VERIFYING, PUBLISHING = "VERIFYING", "PUBLISHING"

# Where each begins and ends in the percentage of the whole job. Encoding is most of the time; 100 is the job's own end.
_PERCENT = {FETCHING: (0, 8), PROBING: (8, 10), ENCODING: (10, 85), VERIFYING: (85, 95), PUBLISHING: (95, 99)}


def percent(phase: str, share: float) -> float:
    """Return how much of a whole job is done, where so much of a phase is, 0 to 1."""
    begin, end = _PERCENT[phase]
    return begin + (end - begin) * share
