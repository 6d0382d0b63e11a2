"""What a night costs, and how that grows with what is remembered; synthetic calls.

Runs night after night over days of ``--calls`` calls. The nights that are looked at are processes
of their own, each run three times over (to run a night again replaces it); the others go before
them in this process. Prints a table for docs/nightly.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from time import monotonic

import polars as pl

from benchmarks import records
from cdr_anomaly import settings
from cdr_anomaly.nights import run, state

ZONE = "Asia/Shanghai"
FIRST = date(2026, 5, 4)  # the day of records.DAY_START
TIMES = 3


def day_file(folder: Path, night: int, calls: int) -> Path:
    """Write the calls of a night: a day of its own, of the same lines."""
    file = folder / "calls.parquet"
    frame = records.chunk(night, calls, calls // 5, (0.0, 1.0))
    frame.with_columns(pl.col("start_time") + pl.duration(days=night - 1)).write_parquet(file)
    return file


def timed(file: Path, day: date, place: Path) -> float:
    """Run the night of a day as a process, and give the median of its seconds."""
    command = [
        sys.executable,
        "-m",
        "cdr_anomaly",
        "nightly",
        str(file),
        "--date",
        str(day),
        "--state",
        str(place),
        "--tz",
        ZONE,
        "--replace-files",
    ]
    seconds = []
    for _ in range(TIMES):
        began = monotonic()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(monotonic() - began)
    return median(seconds)


def remembered(place: Path) -> tuple[int, int, int]:
    """Count the lines and line-days that are remembered, and the bytes of the folder."""
    known = state.shown(place)
    sizes = [file.stat().st_size for file in place.rglob("*") if file.is_file()]
    lines, days = (
        known.read(n).select(pl.len()).collect().item() for n in ("line_sightings", "profile")
    )
    return lines, days, sum(sizes)


def main() -> None:
    """Read the words, run the nights, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--nights", type=int, nargs="+", default=[1, 36, 400])
    parser.add_argument("--folder", type=Path, required=True)
    words = parser.parse_args()
    shutil.rmtree(words.folder, ignore_errors=True)
    words.folder.mkdir(parents=True)
    place = words.folder / "state"
    told = run.Run(place, settings.load_settings(tz=ZONE))
    print(f"Nights over {words.calls:,} synthetic calls a day, medians of {TIMES} processes.\n")
    print("| night | seconds | times the first | lines | line-days | state, MiB |")
    print("|---|---|---|---|---|---|")
    first = 0.0
    for night in range(1, max(words.nights) + 1):
        day = FIRST + timedelta(days=night - 1)
        file = day_file(words.folder, night, words.calls)
        if night not in words.nights:
            run.nightly([file], day, told)
            continue
        seconds = timed(file, day, place)
        first = first or seconds
        lines, days, size = remembered(place)
        print(
            f"| {night} | {seconds:.2f} | {seconds / first:.2f} | {lines:,} | {days:,} | "
            f"{size / 2**20:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
