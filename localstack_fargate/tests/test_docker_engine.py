"""Whether an engine answers, where none does."""

import gc
from pathlib import Path

import pytest

from localstack_fargate.launchers.docker.engine import answers


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["no such socket", "file"])
def test_no_engine_answers_and_no_socket_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / name}")
    assert not answers()
    gc.collect()
