"""The CPU seconds of each step of a scan, as multiples of the floor; `python benchmarks/steps.py`.

The steps are those that a scan reports to its progress bar, in one process that has its libraries
loaded. CPU seconds count all threads of the process, so a part that is decoded while the one before
is counted is in the step of both. The floor is floor.py, in the same process.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import records
from benchmarks.floor import read_columns
from benchmarks.run import folder_of, write_section
from cdr_anomaly import Settings, scan

if TYPE_CHECKING:
    from pathlib import Path


class StepClock:
    """Adds up the CPU seconds of each step that a scan reports."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._step, self._since = "", time.process_time()

    def __call__(self, step: str, total: int | None = None) -> None:
        del total
        now = time.process_time()
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0) + now - self._since
        self._step, self._since = step, now

    def done(self, rows: int) -> None:
        """Ignore how far a step is."""


def measure(folder: Path, times: int = 3) -> dict[str, float]:
    """Return the least CPU seconds of each step of a scan, and of the floor."""
    least: dict[str, float] = {}
    for _ in range(times):
        clock = StepClock()
        scan(
            [folder / "calls"],
            Settings(tz="Asia/Shanghai"),
            subscribers=folder / "subscribers.parquet",
            progress=clock,
        )
        clock("floor")
        read_columns(f"{folder}/calls")
        clock("")
        for step, seconds in clock.seconds.items():
            least[step] = min(seconds, least.get(step, seconds))
    return least


def section(calls: int, times: int) -> str:
    """Return the section of the page: a column for each feed."""
    feeds = {feed: measure(folder_of(calls, feed), times) for feed in records.FEEDS}
    steps = dict.fromkeys(step for seconds in feeds.values() for step in seconds)
    rows = ["| step | " + " | ".join(f"{feed} feed" for feed in feeds) + " |"]
    rows.append("|---" * (len(feeds) + 1) + "|")
    for step in steps:
        cells = [_format_cell(seconds, step) for seconds in feeds.values()]
        rows.append(f"| {step} | " + " | ".join(cells) + " |")
    totals = (sum(seconds.values()) - seconds["floor"] for seconds in feeds.values())
    floors = (seconds["floor"] for seconds in feeds.values())
    sums = (f"{total / floor:.2f}" for total, floor in zip(totals, floors, strict=True))
    rows.append("| all steps | " + " | ".join(sums) + " |")
    return "\n".join([f"### Steps of a scan of {calls:,} calls (synthetic)", "", *rows])


def _format_cell(seconds: dict[str, float], step: str) -> str:
    if step == "floor":
        return f"{seconds[step]:.2f} s"
    return f"{seconds.get(step, 0) / seconds['floor']:.2f}"


def main() -> None:
    """Measure and print; the section replaces an older one of that size in the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    text = section(arguments.calls, arguments.times)
    sys.stdout.write(text + "\n")
    write_section(text)


if __name__ == "__main__":
    main()
