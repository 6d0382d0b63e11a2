"""Time the search for lines that share a list; `make bench-lists LINES=50_000`.

The records are synthetic: so many lines that each call 120 strangers in a week, out of 20 million
numbers in use; one in fifty works a list with nine others. Prints the time, and the peak memory of
the process beyond what it had before.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date

import numpy as np
import polars as pl

from cdr_anomaly.features import shared_targets

DAY = date(2026, 5, 4)
CALLED_PER_LINE, LIST_SIZE, TEAM_SIZE, N_BLOCKS = 120, 600, 10, 4000
FIRST_NUMBER = 13_000_000_000


def build_called_lists(lines: int, random: np.random.Generator) -> pl.DataFrame:
    """Return the numbers called on one day: strangers by chance, and teams with a list each."""
    last_number = FIRST_NUMBER + N_BLOCKS * shared_targets.BLOCK_SIZE
    size = (lines, CALLED_PER_LINE)
    numbers = random.integers(FIRST_NUMBER, last_number, size) // 2 * 2  # half are in use
    teams = lines // 50 // TEAM_SIZE
    team_lists = random.integers(FIRST_NUMBER, last_number, (teams, LIST_SIZE))
    members = np.arange(teams * TEAM_SIZE) // TEAM_SIZE
    picks = random.integers(0, LIST_SIZE, (len(members), CALLED_PER_LINE))
    numbers[: len(members)] = team_lists[members[:, None], picks]
    return pl.DataFrame(
        {
            "line": np.repeat(np.arange(lines) + 86_15_000_000_000, CALLED_PER_LINE),
            "day": DAY,
            "counterpart": 86 * 10**11 + numbers.ravel(),
            "answered": True,
        },
        schema_overrides={"day": pl.Date},
    ).unique()


def peak_gib() -> float:
    """Return the greatest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Time the search for shared targets, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=50_000)
    lines = parser.parse_args().lines
    called = build_called_lists(lines, np.random.default_rng(1))
    others = called.head(0)
    before, began = peak_gib(), time.monotonic()
    links = shared_targets.links(called, others, [DAY])
    took = time.monotonic() - began
    sure = links.filter(shared_targets.is_sure())
    print(
        f"{lines:,} lines, {called.height:,} numbers called (synthetic): {took:.1f} s, "
        f"{peak_gib() - before:.1f} GiB beyond {before:.1f}; {sure.height:,} links that are sure"
    )


if __name__ == "__main__":
    main()
