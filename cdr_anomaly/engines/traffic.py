"""CALLS to TRAFFIC: how many calls of each day began at each cell and came in on each trunk.

Whoever's calls they are: what some lines do at a cell or on a trunk is seen against all that is
done there, without a second look at everybody. Counts add up, so that parts of a feed sum to the
whole, and what turns out to be a repeat is taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines.profile import filtered, of_types
from cdr_anomaly.schema import TRAFFIC, empty

if TYPE_CHECKING:
    from collections.abc import Collection

# A call begins at the cell of who placed it: the cell of a called party's record (mtc) is where it
# was received, and of a forwarding leg nobody's. A trunk is that of the record that names it; where
# both sides' records name theirs, the call came in on both.
PLACES = {"cell": ("cell_id", ("call", "moc")), "trunk": ("trunk_in", ("call", "moc", "mtc"))}
# So many frames are held before they are merged.
FRAMES = 64


class Traffic:
    """TRAFFIC in the making, of one part of a feed after another; of ``what`` the feed can tell."""

    def __init__(self, what: Collection[str], columns: Collection[str], abroad: pl.Expr) -> None:
        """``abroad`` tells which lines are presented as foreign, where these are ``line``."""
        self.places = {
            each: place for each, place in PLACES.items() if each in what and place[0] in columns
        }
        self.abroad = abroad.fill_null(value=False)
        self._parts: list[pl.DataFrame] = []

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of CALLS that are counted by."""
        return tuple(column for column, _ in self.places.values())

    def add(self, calls: pl.DataFrame, *, sign: int = 1) -> None:
        """Count calls, which are mended CALLS with their ``day``; a sign of -1 takes them back."""
        for what, (column, types) in self.places.items():
            rows = calls.select("day", name=column, line="calling_number")
            rows = filtered(rows, of_types(calls, types) & rows["name"].is_not_null())
            foreign = self.abroad.sum() if what == "trunk" else pl.lit(0)
            counts = {"calls": pl.len(), "abroad": foreign}
            found = (
                rows.lazy()
                .group_by(*_keys(rows))
                .agg(**{name: sign * n.cast(pl.Int64) for name, n in counts.items()})
            )
            day = pl.col("day") if rows["day"].n_unique() > 1 else pl.lit(rows["day"].first())
            made = found.with_columns(day.cast(pl.Date).alias("day"), what=pl.lit(what))
            self._parts.append(made.select(list(TRAFFIC)).collect())
        if len(self._parts) >= FRAMES:
            self._parts = [self.counts()]

    def take(self, counts: pl.DataFrame) -> None:
        """Add what another count has made of other calls."""
        self._parts.append(counts)

    def table(self) -> pl.DataFrame:
        """Return TRAFFIC."""
        return self.counts().filter(pl.col("calls") > 0).sort("day", "what", "name")

    def counts(self) -> pl.DataFrame:
        """Return what is counted so far, for another count to take; counts may be below zero."""
        whole = pl.concat([empty(TRAFFIC), *self._parts])
        return whole.group_by("day", "what", "name").agg(pl.col("calls", "abroad").sum())


def _keys(rows: pl.DataFrame) -> list[str]:
    # One key is quicker than two.
    return ["day", "name"] if rows["day"].n_unique() > 1 else ["name"]
