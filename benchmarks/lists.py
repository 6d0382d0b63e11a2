"""Time who works one list with whom among many lines; `make bench-lists LINES=50_000`.

The records are synthetic: so many lines that each call 120 strangers in a week, out of 20 million
numbers in use; one in fifty works a list with nine others. Says the time, and the greatest memory
of the process beyond what it had before.
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
CALLED, LIST, TEAM, BLOCKS = 120, 600, 10, 4000
FIRST = 13_000_000_000


def lists(lines: int, random: np.random.Generator) -> pl.DataFrame:
    """Make LISTS of one day: strangers by chance, and teams with a list each."""
    universe = FIRST + BLOCKS * shared_targets.BLOCK_SIZE
    alone = random.integers(FIRST, universe, (lines, CALLED)) // 2 * 2  # half are in use
    teams = lines // 50 // TEAM
    own = random.integers(FIRST, universe, (teams, LIST))
    members = np.arange(teams * TEAM) // TEAM
    picks = random.integers(0, LIST, (len(members), CALLED))
    alone[: len(members)] = own[members[:, None], picks]
    return pl.DataFrame(
        {
            "line": np.repeat(np.arange(lines) + 86_15_000_000_000, CALLED),
            "day": DAY,
            "counterpart": 86 * 10**11 + alone.ravel(),
            "answered": True,
        },
        schema_overrides={"day": pl.Date},
    ).unique()


def peak_gib() -> float:
    """Return the greatest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=50_000)
    lines = parser.parse_args().lines
    called = lists(lines, np.random.default_rng(1))
    others = called.head(0)
    before, began = peak_gib(), time.monotonic()
    found = shared_targets.links(called, others, [DAY])
    took = time.monotonic() - began
    sure = found.filter(shared_targets.is_sure())
    print(
        f"{lines:,} lines, {called.height:,} numbers called (synthetic): {took:.1f} s, "
        f"{peak_gib() - before:.1f} GiB beyond {before:.1f}; {sure.height:,} links that are sure"
    )


if __name__ == "__main__":
    main()
