"""Time a whole scan against merely reading the same columns; `make bench N=10_000_000`.

Both run as processes of their own, in turn, several times; the medians and their ratio go to
docs/performance.md. The records are synthetic (records.py) and stay in benchmarks/data/.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import records

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"

# The floor reads every column that a scan needs and computes sums, as a stream.
FLOOR = """
import sys, polars as pl
text = ("calling_number", "called_number", "record_type", "redirecting_number")
pl.scan_parquet(sys.argv[1] + "/*.parquet").select(
    pl.col(text).str.len_bytes().cast(pl.Int64).sum(), pl.col("duration_s").sum(),
    pl.col("start_time").max(),
).collect(engine="streaming")
"""


class Cost(NamedTuple):
    """What one run of a process took."""

    wall_s: float
    cpu_s: float
    peak_gib: float


def run(command: list[str]) -> Cost:
    """Run a command in a child of a fresh process, so that its peak memory is its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (command,))


def _measured(command: list[str]) -> Cost:
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)


def middle(costs: list[Cost]) -> Cost:
    """Take the median of each figure."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


def compared(calls: int, times: int) -> str:
    """Time floor and scan in turn, and write the rows of a table."""
    folder = HERE / "data" / str(calls)
    records.write(calls, folder)
    floor = [sys.executable, "-c", FLOOR, str(folder / "calls")]
    scan = [
        sys.executable, "-m", "cdr_anomaly", "scan", str(folder / "calls"), "--tz",
        "Asia/Shanghai", "--subscribers", str(folder / "subscribers.parquet"), "--format", "csv",
    ]  # fmt: skip
    costs: dict[str, list[Cost]] = {"floor": [], "scan": []}
    for _ in range(times):
        for name, command in (("floor", floor), ("scan", scan)):
            costs[name].append(run(command))
    low, whole = middle(costs["floor"]), middle(costs["scan"])
    cells = [
        f"{calls:,}", f"{low.wall_s:.2f}", f"{whole.wall_s:.2f}",
        f"{whole.wall_s / low.wall_s:.1f}", f"{low.cpu_s:.1f}", f"{whole.cpu_s:.1f}",
        f"{low.peak_gib:.2f}", f"{whole.peak_gib:.2f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Time, print, and put the row into the page in place of an older one of that size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=3)
    words = parser.parse_args()
    row = compared(words.calls, words.times)
    sys.stdout.write(row + "\n")
    begins = row.split("|")[1]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"|{begins}|")]
    head = next(place for place, line in enumerate(kept) if line.startswith("|---"))
    later = [place for place, line in enumerate(kept) if place > head and line.startswith("|")]
    kept.insert((later[-1] if later else head) + 1, row)
    text = "\n".join(kept)
    machine = (
        f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}"
    )
    text = "\n".join(
        f"Machine of the last run: {machine}." if line.startswith("Machine of") else line
        for line in text.splitlines()
    )
    PAGE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
