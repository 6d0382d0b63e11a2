from __future__ import annotations

import sys
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import typer

from cdr_anomaly import cli
from cdr_anomaly.storage import paths
from tests.helpers.object_store import CREDENTIALS, create_bucket, object_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdr_anomaly.storage.paths import Address

BUCKET_NUMBERS = count()

# A process builds its commands once; one that runs many command lines need not do so each time.
build_command = cache(typer.main.get_command)


class Ran(NamedTuple):
    """What a run of the command line gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command line as its console script does, in this process."""

    monkeypatch.setattr(typer.main, "get_command", build_command)

    def ran(*words: Any) -> Ran:
        monkeypatch.setattr(sys, "argv", ["cdr-anomaly", *map(str, words)])
        capfd.readouterr()
        try:
            cli.main()
        except SystemExit as left:
            code = int(left.code or 0)
        else:
            code = 0
        return Ran(code, *capfd.readouterr())

    return ran


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Start a store."""
    with object_store() as started:
        yield started


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Address:
    """Make an empty bucket, of which the environment has the credentials."""
    name = f"bucket-{next(BUCKET_NUMBERS)}"
    for key, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}).items():
        monkeypatch.setenv(key, value)
    create_bucket(endpoint, name)
    address = paths.parse_location(f"s3://{name}")
    assert not isinstance(address, Path)
    return address
