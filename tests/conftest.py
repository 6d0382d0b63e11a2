from __future__ import annotations

import sys
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import typer

from cdr_anomaly import cli, pipeline
from cdr_anomaly.settings import load_settings
from cdr_anomaly.storage import paths
from tests.helpers.adversarial import WORDS, adversarial
from tests.helpers.builders import SHANGHAI, scanned
from tests.helpers.object_store import CREDENTIALS, create_bucket, object_store
from tests.helpers.paths import SAMPLE, SAMPLE_LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdr_anomaly.result import Result
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


@pytest.fixture(scope="session")
def sample() -> Result:
    """Scan the sample with its list of entities, and with the story of a line."""
    return pipeline.scan(
        [SAMPLE / "calls"],
        load_settings(tz=SHANGHAI),
        entities=SAMPLE / "entities.csv",
        extra_line=SAMPLE_LINE,
    )


@pytest.fixture(scope="session")
def scan_adversarial(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Result]:
    """Return the scan of the adversarial feed of a seed, each of which is scanned once."""

    @cache
    def scan(seed: int) -> Result:
        folder = tmp_path_factory.mktemp("adversarial")
        return scanned(folder, adversarial(seed, SHANGHAI), *WORDS)

    return scan


@pytest.fixture(params=["UTC", "Asia/Shanghai"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the machine be of a zone."""
    with monkeypatch.context() as moved:
        moved.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()
