from __future__ import annotations

import sys
from typing import Any, NamedTuple

import pytest

from cdr_anomaly import cli


class Ran(NamedTuple):
    """What a run of the command line gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command line as its console script does, in this process."""

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
