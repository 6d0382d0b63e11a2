"""The CPU seconds of a night, and how they grow with the state; synthetic calls.

Runs night after night over days of ``--calls`` calls. The nights of ``--nights`` are
processes of their own, each run three times over (to run a night again replaces it); the nights
between them run in this process. Prints a table for docs/nightly.md: CPU seconds are user and
system time of the process, the least of its runs, which another load disturbs least.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks import process_cost, records
from cdr_anomaly import settings
from cdr_anomaly.nights import run, state

ZONE = "Asia/Shanghai"
FIRST_DAY = date(2026, 5, 4)  # the day of records.DAY_START
RUNS_PER_NIGHT = 3
LIMIT_S = 1800


def write_day(folder: Path, night: int, calls: int) -> Path:
    """Write the calls of one night; all nights have the same lines."""
    file = folder / "calls.parquet"
    frame = records.build_chunk(night, calls, calls // 5, (0.0, 1.0))
    frame.with_columns(pl.col("start_time") + pl.duration(days=night - 1)).write_parquet(file)
    return file


def measure_night_cpu_s(file: Path, day: date, state_folder: Path) -> float:
    """Run the night of a day as a process, and return the least of its CPU seconds."""
    command = [
        sys.executable,
        "-m",
        "cdr_anomaly",
        "nightly",
        str(file),
        "--date",
        str(day),
        "--state",
        str(state_folder),
        "--tz",
        ZONE,
        "--replace-files",
    ]
    printed = file.with_name("printed")
    costs = [process_cost.measure(command, printed, LIMIT_S) for _ in range(RUNS_PER_NIGHT)]
    if not all(cost.ended for cost in costs):
        msg = f"The night of {day} did not end without an error."
        raise RuntimeError(msg)
    return min(cost.cpu_s for cost in costs)


def measure_state(state_folder: Path) -> tuple[int, int, int]:
    """Return the number of lines and of line-days in a state, and the bytes of its folder."""
    opened = state.open_readonly(state_folder)
    sizes = [file.stat().st_size for file in state_folder.rglob("*") if file.is_file()]
    tables = ("line_sightings", "profile")
    lines, days = (opened.read(n).select(pl.len()).collect().item() for n in tables)
    return lines, days, sum(sizes)


def main() -> None:
    """Run the nights, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--nights", type=int, nargs="+", default=[1, 36])
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    state_folder = arguments.folder / "state"
    night_run = run.Run(state_folder, settings.load_settings(tz=ZONE))
    least = f"the least of {RUNS_PER_NIGHT} processes"
    print(f"Nights over {arguments.calls:,} synthetic calls a day, {least}.\n")
    print("| night | CPU s | times the first | lines | line-days | state, MiB |")
    print("|---|---|---|---|---|---|")
    first = 0.0
    for night in range(1, max(arguments.nights) + 1):
        day = FIRST_DAY + timedelta(days=night - 1)
        file = write_day(arguments.folder, night, arguments.calls)
        if night not in arguments.nights:
            run.nightly([file], day, night_run)
            continue
        cpu_s = measure_night_cpu_s(file, day, state_folder)
        first = first or cpu_s
        lines, days, size = measure_state(state_folder)
        print(
            f"| {night} | {cpu_s:.2f} | {cpu_s / first:.2f} | {lines:,} | {days:,} | "
            f"{size / 2**20:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
