"""A line to a server that is cut after so many bytes have gone to it."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cable:
    """Carries connections to a server until ``most`` bytes have gone there, and then none.

    ``gone`` counts them; once it is cut nobody answers at ``endpoint``.
    """

    def __init__(self, server: str, most: float) -> None:
        told = urlsplit(server)
        self.server, self.most, self.gone = (told.hostname, told.port), most, 0
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
                Thread(target=self._carry, args=(near, far, 1), daemon=True).start()
                Thread(target=self._carry, args=(far, near, 0), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket, counts: int) -> None:
        with suppress(OSError):
            while some := here.recv(65536):
                self.gone += counts * len(some)
                if self.gone > self.most:
                    self.cut()
                there.sendall(some)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(server: str, most: float = float("inf")) -> Iterator[Cable]:
    made = Cable(server, most)
    try:
        yield made
    finally:
        made.cut()
