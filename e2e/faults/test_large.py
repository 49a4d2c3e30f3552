"""An upload of 2 GB: more than fits into memory, in parts on both ways, fetched to disk."""

import struct
from pathlib import Path

import pytest

from e2e.faults.fault import NewFault

BYTES = 2 * 1000**3


@pytest.mark.only_target("process")  # a minute; it has not been seen to end in containers
def test_two_gigabytes(new_fault: NewFault, clip: Path, tmp_path: Path) -> None:
    """A small video and a box of type `free`, which players skip (ISO/IEC 14496-12, 8.1.2); on disk it is a hole."""
    large = tmp_path / "large.mp4"
    content = clip.read_bytes()
    rest = BYTES - len(content)
    with large.open("wb") as file:
        file.write(content + struct.pack(">I4s", rest, b"free"))
        file.truncate(BYTES)
    fault = new_fault("an upload of 2 GB")
    fault.upload(large, "large.mp4")
    [record] = fault.settle(injected=1)
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1), record
    assert record["source"]["size"] == BYTES
