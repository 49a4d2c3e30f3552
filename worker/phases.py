"""What a job goes through, and how much of the whole each phase is."""

from collections.abc import Iterable

FETCHING, PROBING, ENCODING = "FETCHING", "PROBING", "ENCODING"
VERIFYING, PUBLISHING = "VERIFYING", "PUBLISHING"
ALL = (FETCHING, PROBING, ENCODING, VERIFYING, PUBLISHING)
ON_FILES = (PROBING, ENCODING, VERIFYING)

# How long each takes. Of the engine's time for 1080p, drawn or as noisy as a camera's, encoding takes 80 to 93 %, and
# verifying nearly all of the rest. Fetching 94 MB at 50 MB/s is 2 % of what a quarter of a CPU does
# with them, and the result is smaller.
_WEIGHTS = {FETCHING: 2, PROBING: 1, ENCODING: 84, VERIFYING: 11, PUBLISHING: 1}
_ALL_DONE = 99  # percent: 100 is the job's own end


def percent(phase: str, share: float) -> float:
    """Return how much of a whole job is done, where so much of a phase is, 0 to 1."""
    return _ALL_DONE * _done(ALL, phase, share)


def share_on_files(phase: str, share: float) -> float:
    """Return how much of the work on files is done, 0 to 1, where so much of a phase is."""
    return _done(ON_FILES, phase, share)


def _done(phases: Iterable[str], phase: str, share: float) -> float:
    weights = {name: _WEIGHTS[name] for name in phases}
    names = list(weights)
    before = sum(weights[name] for name in names[: names.index(phase)])
    return (before + weights[phase] * share) / sum(weights.values())
