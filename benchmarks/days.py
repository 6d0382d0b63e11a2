"""The CPU seconds of a scan of as many calls on one day and on many; `make bench-days`.

The calls are those of records.py (synthetic). In the other feed every line has all calls that it
places on a day of its own, so both feeds have as many busy line-days. Both are scanned in this
process in turn, after each was scanned once; the least of several is printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks import records
from cdr_anomaly import pipeline
from cdr_anomaly.settings import Settings

ZONE = "Asia/Shanghai"


def spread_calls(calls: pl.DataFrame, days: int) -> pl.DataFrame:
    """Move the calls of each caller to one of so many days, by its number."""
    day = (pl.col("calling_number").hash(3) % days).cast(pl.Int64)
    return calls.with_columns(pl.col("start_time") + pl.duration(days=day)).sort("start_time")


def scan_cpu_s(file: Path) -> float:
    """Scan a file, and return the CPU seconds."""
    began = time.process_time()
    pipeline.scan([str(file)], Settings(tz=ZONE))
    return time.process_time() - began


def compare_days(calls: int, days: int, times: int) -> tuple[float, float]:
    """Return the least CPU seconds of a scan of so many calls on one day, and on so many days."""
    whole = records.build_chunk(1, calls, calls // 5, (0.0, 1.0))
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("one.parquet", "many.parquet")]
        for file, feed in zip(files, (whole, spread_calls(whole, days)), strict=True):
            feed.write_parquet(file)
            scan_cpu_s(file)
        costs = [[scan_cpu_s(file) for file in files] for _ in range(times)]
    one, many = (min(column) for column in zip(*costs, strict=True))
    return one, many


def main() -> None:
    """Compare the two feeds, and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=366)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    one, many = compare_days(arguments.calls, arguments.days, arguments.times)
    print(
        f"{arguments.calls:,} calls (synthetic): {one:.2f} CPU s on one day, {many:.2f} on "
        f"{arguments.days} days: {many / one:.1f} times"
    )


if __name__ == "__main__":
    main()
