"""What is found, written and remembered is the same whatever the machine calls local time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from cdr_anomaly.nights import lock
from tests.helpers import night_runs
from tests.helpers.adversarial import WORDS, adversarial
from tests.helpers.builders import SHANGHAI
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ZONES = ("UTC", "Asia/Shanghai")
LINE = "+8613800000001"


def command(machine_zone: str, *words: object) -> str:
    """Run a command in a process of its own on a machine of that zone, and return its output."""
    told = [sys.executable, "-m", "cdr_anomaly", *map(str, words)]
    env = os.environ | {"TZ": machine_zone, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(told, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("form", ["parquet", "times without a zone"])
def test_a_scan_writes_the_same_bytes(tmp_path: Path, form: str) -> None:
    calls = adversarial(1, SHANGHAI)
    if form == "parquet":
        calls.write_parquet(tmp_path / "calls.parquet")
    else:
        local = calls.with_columns(
            calls["start_time"].dt.convert_time_zone(SHANGHAI).dt.replace_time_zone(None)
        )
        local.write_parquet(tmp_path / "calls.parquet")
    lowered = [part for word in WORDS for part in ("--set", word)]
    words = (tmp_path / "calls.parquet", "--tz", SHANGHAI, *lowered)
    told = []
    for zone in ZONES:
        out = tmp_path / zone.replace("/", "-")
        printed = command(zone, "scan", *words, "--out", out)
        story = command(zone, "explain", LINE, *words)
        told.append((printed, story, files(out)))
    assert len(told[0][2]) > 8
    assert told[0] == told[1]


def test_nights_remember_the_same(tmp_path: Path) -> None:
    days = night_runs.by_day(tmp_path / "days", adversarial(2, SHANGHAI))
    words = [part for word in WORDS for part in ("--set", word)]
    states = []
    for zone in ZONES:
        state = tmp_path / zone.replace("/", "-")
        for day in sorted(days.iterdir())[-3:]:
            night = ("nightly", day, "--date", day.stem, "--state", state, "--tz", SHANGHAI)
            printed = command(zone, *night, *words)
        remembered = night_runs.remembered(state)
        states.append(
            (printed, {name: remembered[name] for name in remembered if name != "ledger"})
        )
    assert states[0] == states[1]


def test_who_holds_a_state_says_since_when_in_the_time_of_the_machine(
    machine_zone: str,
) -> None:
    since = datetime.fromisoformat(str(lock._me()["since"]))
    here = datetime.now().astimezone()
    assert since.utcoffset() == here.utcoffset()
    assert abs((here - since).total_seconds()) < 60
    assert (machine_zone == "UTC") == (str(here.utcoffset()) == "0:00:00")
