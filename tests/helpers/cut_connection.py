"""A line to a server that is cut after so many bytes."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cable:
    """Carries connections to a server until so many bytes have gone there, or come from there.

    ``gone`` and ``come`` count them; once it is cut nobody answers at ``endpoint``.
    """

    def __init__(self, server: str, most_gone: float, most_come: float) -> None:
        told = urlsplit(server)
        self.server, self.gone, self.come = (told.hostname, told.port), 0, 0
        self.most_gone, self.most_come = most_gone, most_come
        self.ends: list[socket.socket] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        Thread(target=self._let_in, daemon=True).start()

    def cut(self) -> None:
        for end in (self.door, *self.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _let_in(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.door.accept()
                far = socket.create_connection(self.server)
                self.ends += [near, far]
                Thread(target=self._carry, args=(near, far, "gone"), daemon=True).start()
                Thread(target=self._carry, args=(far, near, "come"), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket, way: str) -> None:
        with suppress(OSError):
            while some := here.recv(65536):
                self.gone += len(some) if way == "gone" else 0
                self.come += len(some) if way == "come" else 0
                if self.gone > self.most_gone or self.come > self.most_come:
                    self.cut()
                there.sendall(some)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(
    server: str, *, most_gone: float = float("inf"), most_come: float = float("inf")
) -> Iterator[Cable]:
    made = Cable(server, most_gone, most_come)
    try:
        yield made
    finally:
        made.cut()
