"""The one file that the engine writes, opened by the worker: in the engine's process nothing can be opened any more."""

import os
from io import FileIO
from typing import Any, BinaryIO

import av
from av.container import OutputContainer

WRITE_BYTES = 1 << 18  # one call from C into Python for each


class ResultFile:
    """The result's file by two descriptors, since writing and reading each have a position of their own.

    Attributes:
        failure: Why a write failed, if one did; what the muxer makes of it differs.
    """

    def __init__(self, writing: int, reading: int) -> None:
        """Take two descriptors of the same empty file, opened one by one; they stay the caller's."""
        self._writing, self._reading = writing, reading
        self.failure: OSError | None = None

    def create(self, options: dict[str, str]) -> OutputContainer:
        """Return a new mp4 file with these options of the muxer, in place of what is there. The caller closes it."""
        if os.fstat(self._writing).st_size:
            os.ftruncate(self._writing, 0)
        os.lseek(self._writing, 0, os.SEEK_SET)
        return av.open(
            _Written(self._writing, self),
            "w",
            format="mp4",
            container_options=options,
            buffer_size=WRITE_BYTES,
            io_open=lambda *_: self.open(),  # to move the index in front, the muxer reads what it has written
        )

    def open(self) -> BinaryIO:
        """Return the file for reading from its start. The caller closes it."""
        os.lseek(self._reading, 0, os.SEEK_SET)
        return os.fdopen(self._reading, "rb", closefd=False)

    def overwrite(self, position: int, data: bytes) -> None:
        """Replace bytes of the finished file."""
        os.pwrite(self._writing, data, position)


class _Written(FileIO):
    """Writes at once and wholly: what it has taken can be read by the other descriptor."""

    def __init__(self, descriptor: int, result: ResultFile) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._result = result

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._result.failure = self._result.failure or error
            raise
        return len(data)
