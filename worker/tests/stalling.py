"""A way to S3 on which a test lets requests get stuck: bytes go in and none come back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Way:
    """A TCP proxy in front of a server.

    Attributes:
        url: Where it listens.
        stuck: What a request has to hold so that nothing of its answer, or of later ones, gets through; None for none.
        noticed: Set when there was such a request.
    """

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        assert parts.hostname is not None
        assert parts.port is not None
        self._server = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.stuck: bytes | None = None
        self.noticed = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._open += (client, server)
                passes = threading.Event()
                passes.set()
                for pump in (
                    threading.Thread(target=self._ask, args=(client, server, passes)),
                    threading.Thread(target=self._answer, args=(server, client, passes)),
                ):
                    self._threads.append(pump)
                    pump.start()

    def _ask(self, client: socket.socket, server: socket.socket, passes: threading.Event) -> None:
        with suppress(OSError):
            while piece := client.recv(CHUNK_BYTES):
                if self.stuck is not None and self.stuck in piece:
                    passes.clear()
                    self.noticed.set()
                server.sendall(piece)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, server: socket.socket, client: socket.socket, passes: threading.Event) -> None:
        with suppress(OSError):
            while piece := server.recv(CHUNK_BYTES):
                if passes.is_set():
                    client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def way_to(server: str) -> Iterator[Way]:
    way = Way(server)
    try:
        yield way
    finally:
        way.close()
