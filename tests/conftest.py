from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cdr_anomaly import cli

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]


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


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """Load what makes the sample."""
    spec = spec_from_file_location("make", ROOT / "sample_data" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
