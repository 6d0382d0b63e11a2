from __future__ import annotations

import sys
from functools import cache
from typing import Any, NamedTuple

import pytest
import typer

from cdr_anomaly import cli

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
