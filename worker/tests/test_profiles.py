"""How hard the encoder works, by what there is of CPUs."""

from pathlib import Path

import pytest

from worker.engine.encoders import choose_coding
from worker.engine.probe import probe
from worker.engine.profiles import PROFILES


@pytest.mark.parametrize(("cpus", "threads"), [(0.25, 1), (1.0, 1), (1.5, 2), (2.0, 2), (4.0, 4)])
def test_threads_follow_the_cpus(clip: Path, cpus: float, threads: int) -> None:
    with clip.open("rb") as file:
        assert choose_coding(probe(file), PROFILES["balanced"], cpus).threads == threads
