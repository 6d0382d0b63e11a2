"""A run that is interrupted, or killed, leaves nothing half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.helpers.command_feeds import LOWERED, dialled, written

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPT = """
import os, signal, sys, polars as pl
from cdr_anomaly import cli, ingest
from cdr_anomaly.reports import files

def interrupting(function):
    def interrupted(*words, **named):
        found = function(*words, **named)
        os.kill(os.getpid(), signal.SIGINT)
        return found
    return interrupted

{where} = interrupting({where})
sys.argv = ["cdr-anomaly", *sys.argv[1:]]
cli.main()
"""


def test_what_a_killed_run_left_is_removed_after_a_while(tmp_path: Path, run: Any) -> None:
    out, now = tmp_path / "out", time.time()
    for name, age_s in (("old", 4000), ("new", 60)):
        left = out / f".unfinished-{name}"
        left.mkdir(parents=True)
        (left / "alerts.csv").write_text("x", encoding="utf-8")
        os.utime(left, (now - age_s, now - age_s))
    assert run("scan", written(tmp_path), *LOWERED, "--out", out).code == 0
    assert [path.name for path in out.glob(".unfinished-*")] == [".unfinished-new"]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize(
    "where",
    ["pl.LazyFrame.collect", "pl.DataFrame.write_parquet", "files.json.dumps"],
)
def test_an_interrupt_leaves_no_half_written_output(tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "alerts.csv").write_text("old")
    words = ["scan", str(written(tmp_path)), "--out", str(out)]
    program = [sys.executable, "-c", INTERRUPT.format(where=where), *words]
    ran = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 130
    assert "Traceback" not in ran.stderr
    assert [file.name for file in out.iterdir()] == ["alerts.csv"]
    assert (out / "alerts.csv").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupt_stops_a_scan_that_is_under_way(tmp_path: Path) -> None:
    much = pl.concat([dialled(20_000)] * 10)
    fifty = [written(tmp_path, much, f"{n:02d}.parquet") for n in range(50)]
    words = [sys.executable, "-m", "cdr_anomaly", "scan", *fifty, "--out", tmp_path / "out"]
    scan = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    scan.send_signal(signal.SIGINT)
    out, err = scan.communicate(timeout=60)
    assert (scan.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
