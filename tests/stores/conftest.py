"""A store on this machine that enforces conditional writes, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdr_anomaly.storage.paths import Address

NUMBERS = count()
PATIENCE_S = 60
TOLD = {
    "AWS_ENDPOINT_URL": "",
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "secret-of-somebody",
}


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Start moto on a free port."""
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


def _answering(server: subprocess.Popen[bytes], endpoint: str) -> str:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urlopen(endpoint):
                return endpoint
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.skip("moto cannot start here")


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Address:
    """Make an empty bucket, of which the environment has the credentials."""
    name = f"bucket-{next(NUMBERS)}"
    for key, value in TOLD.items():
        monkeypatch.setenv(key, value or endpoint)
    with urlopen(Request(f"{endpoint}/{name}", method="PUT")):
        made = paths.parse_location(f"s3://{name}")
    assert not isinstance(made, Path)
    return made
