"""Births of lines, counted by group and day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.features.line_ages import SURGE_PAST, WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Floats = NDArray[np.float64]

# Stands before every day, for births that are not known.
UNKNOWN = -(2**40)


def by_birth(lines: pl.DataFrame, days: Sequence[date], known_from: date) -> pl.DataFrame:
    """Count lines by ``group`` and day of birth (born, group, n), which is less to go through.

    Births that are old on each of the ``days`` are as good as unknown.
    """
    first = min(days, default=known_from)
    old = pl.col("born") < min(max(known_from, first - SURGE_PAST), first - WEEK)
    known = lines.lazy().drop_nulls("group")
    told = known.with_columns(born=pl.when(~old).then("born"))
    return told.group_by("born", "group").agg(n=pl.len().cast(pl.Int64)).collect()


class Births(NamedTuple):
    """Births counted by day and group, in the order of days; those that are not known come first.

    ``group`` is a place in the ``names`` of groups.
    """

    names: pl.Series
    born: Codes
    group: Codes
    n: Codes

    @classmethod
    def of(cls, counts: pl.DataFrame) -> Births:
        """Sort counts (born, group, n) by day."""
        rows = counts.sort("born", nulls_last=False)
        names = rows["group"].unique().sort()
        born = rows["born"].to_physical().cast(pl.Int64).fill_null(UNKNOWN)
        group = names.search_sorted(rows["group"]).cast(pl.Int64)
        return cls(names, born.to_numpy(), group.to_numpy(), rows["n"].to_numpy())

    def full_days(self, days: Codes, lines: int) -> Codes:
        """Keep the days in the week up to which so many lines of one group were born, at least one.

        From each birth on they are reached with a certain other one, and count for what is left
        of the week.
        """
        known = np.flatnonzero(self.born > UNKNOWN)
        known = known[np.lexsort((self.born[known], self.group[known]))]
        born, group, until = self.born[known], self.group[known], np.cumsum(self.n[known])
        reached = np.searchsorted(until, until - self.n[known] + max(lines, 1))
        last = born + (WEEK.days - 1)
        within = np.flatnonzero(reached < len(known))
        at = reached[within]
        within = within[(group[at] == group[within]) & (born[at] <= last[within])]
        days = np.sort(days)
        steps = np.zeros(len(days) + 1)
        np.add.at(steps, np.searchsorted(days, born[reached[within]]), 1)
        np.add.at(steps, np.searchsorted(days, last[within], side="right"), -1)
        full: Codes = days[np.cumsum(steps[:-1]) > 0]
        return full

    def between(self, after: int, until: int) -> Floats:
        """Count the births of each group after a day, up to another one."""
        rows = slice(*np.searchsorted(self.born, (after, until), side="right"))
        return np.bincount(self.group[rows], self.n[rows], minlength=len(self.names)).astype(float)


def ordinals(days: Sequence[date]) -> Codes:
    """Count days from 1970 on."""
    return pl.Series(days, dtype=pl.Date).to_physical().cast(pl.Int64).to_numpy()
