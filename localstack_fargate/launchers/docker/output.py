"""What containers write, as the engine streams it, read by one thread for all of them."""

import logging
import queue
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..base import Output

LOG = logging.getLogger(__name__)

READ_BYTES = 65536
HEADER = struct.Struct(">BxxxL")  # which stream, and how many bytes of it follow
STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}


class Demultiplexer:
    """Takes the engine's frames apart, however their bytes come.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
    """

    def __init__(self) -> None:
        self._header = b""
        self._stream = "stdout"
        self._left = 0

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The streams' names and bytes in ``data``."""
        position = 0
        while position < len(data):
            if self._left:
                part = data[position : position + self._left]
                position += len(part)
                self._left -= len(part)
                yield self._stream, part
            else:
                part = data[position : position + HEADER.size - len(self._header)]
                position += len(part)
                self._header += part
                if len(self._header) == HEADER.size:
                    number, self._left = HEADER.unpack(self._header)
                    self._stream, self._header = STREAMS.get(number, "stderr"), b""


@dataclass
class _Followed:
    """A container's stream. A terminal's (``frames`` is None) is a single one, without frames."""

    stream: socket.socket
    output: Output
    on_end: Callable[[], None]
    frames: Demultiplexer | None = field(default_factory=Demultiplexer)


class OutputReader:
    """Reads the streams of all containers until they end."""

    def __init__(self) -> None:
        self._new: queue.SimpleQueue[_Followed] = queue.SimpleQueue()
        self._wake_up, self._woken = socket.socketpair()
        threading.Thread(target=self._read, name="fargate-output", daemon=True).start()

    def follow(self, stream: socket.socket, terminal: bool, output: Output, on_end: Callable[[], None]) -> None:
        """Write what comes to ``output``, and call ``on_end``, which must not block, when nothing more will come."""
        self._new.put(_Followed(stream, output, on_end, None if terminal else Demultiplexer()))
        self._wake_up.send(b"\0")

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        self._woken.recv(1)
                        followed = self._new.get()
                        selector.register(followed.stream, selectors.EVENT_READ, followed)
                    elif not _pass_on(key.data):
                        selector.unregister(key.fileobj)
                        key.data.stream.close()
                        key.data.on_end()


def _pass_on(followed: _Followed) -> bool:
    """Read once; returns whether more may come."""
    try:
        data = followed.stream.recv(READ_BYTES)
    except OSError:
        return False
    try:
        for name, part in followed.frames.feed(data) if followed.frames else [("stdout", data)]:
            followed.output.write(name, part)
    except Exception:
        LOG.exception("Output of a container was lost")
    return bool(data)
