"""The engine's stream of a container's output, taken apart."""

import struct

import pytest

from localstack_fargate.launchers.docker.output import Demultiplexer


def frame(number: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", number, len(data)) + data


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1000, 65536])
def test_frames_are_put_together_however_they_come(size: int) -> None:
    """``size`` is that of the pieces in which they come."""
    data = frame(1, b"x") * 2000 + frame(2, b"error") + frame(1, b"") + frame(1, b"y" * 5000)
    frames = Demultiplexer()
    written = {"stdout": b"", "stderr": b""}
    for start in range(0, len(data), size):
        for stream, part in frames.feed(data[start : start + size]):
            written[stream] += part
    assert written == {"stdout": b"x" * 2000 + b"y" * 5000, "stderr": b"error"}
