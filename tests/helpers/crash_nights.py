"""Nights of four days in processes of their own, that are killed, or come to their end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import date
from typing import TYPE_CHECKING, Any

from tests.helpers.builders import feed, line, many, past
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

DAYS = [date(2026, 5, day) for day in range(1, 5)]
Tables = dict[str, list[dict[str, Any]]]


def calls() -> pl.DataFrame:
    days = past(str(DAYS[0]), len(DAYS))
    return feed(
        line("+8613800000001").dials(1200, on=days, gap_s=20, at="00:30"),
        line("+8613800000002").dials(60, on=days, gap_s=30),
        line("+8613800000003").dials(40, on=days, gap_s=30, at="23:35"),
        *many(30, "+8613900000000", lambda one: one.dials(3, on=days).receives(2, on=days)),
        *many(6, "+8613400000000", lambda one: one.forwards(6, on=days, to="+8613111111111")),
    )


def last(files: Path) -> Path:
    return files / f"{DAYS[3]}.parquet"


def child(place: object, file: Path, **more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.helpers.night_process",
        str(place),
        str(DAYS[3]),
        str(file),
    ]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | more,
    )


def begin(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.stdin.write("go\n")
    running.stdin.flush()


def ended(running: subprocess.Popen[str]) -> str:
    said, _ = running.communicate(timeout=120)
    return said


def whole(running: subprocess.Popen[str]) -> float:
    """Let a night come to its end, and say how many seconds it took."""
    begin(running)
    began = time.monotonic()
    assert ended(running) == "done\n"
    return time.monotonic() - began


def killed(running: subprocess.Popen[str], after_s: float) -> bool:
    """Kill a night that has begun, and tell whether it had not come to its end yet."""
    begin(running)
    time.sleep(after_s)
    running.kill()
    return not ended(running)
