"""A store on this machine that enforces conditional writes, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 60
CREDENTIALS = {
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "secret-of-somebody",
}


@contextmanager
def object_store() -> Iterator[str]:
    """Start moto on a free port, and yield its endpoint."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    try:
        yield _answering(server, f"http://127.0.0.1:{port}")
    finally:
        server.kill()
        server.wait()


def create_bucket(endpoint: str, name: str) -> None:
    with urlopen(Request(f"{endpoint}/{name}", method="PUT")):
        pass


def _answering(server: subprocess.Popen[bytes], endpoint: str) -> str:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(endpoint):
                return endpoint
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.skip("moto cannot start here")
