"""How hard the encoder works, by what there is of CPUs."""

import pytest

from worker.engine.profiles import PROFILES


@pytest.mark.parametrize(("cpus", "threads"), [(0.25, 1), (1.0, 1), (1.5, 2), (2.0, 2), (4.0, 4)])
def test_threads_follow_the_cpus(cpus: float, threads: int) -> None:
    assert PROFILES["balanced"].options(0, cpus)["threads"] == str(threads)
