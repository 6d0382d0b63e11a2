"""CALLS to TRAFFIC: the calls of each day that began at each cell and came in on each trunk.

Detectors compare some lines at a cell or on a trunk with all traffic there, without a second look
at all lines. The counts of parts of a feed add up, and repeats can be subtracted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines.profile import filter_calls, has_type
from cdr_anomaly.schema import TRAFFIC, empty

if TYPE_CHECKING:
    from collections.abc import Collection

# A call begins at the cell of its caller: the cell of a called party's record (mtc) is where it was
# received, and a forwarding leg has none. A call came in on the trunks of both parties' records.
RECORD_COLUMNS = {
    "cell": ("cell_id", ("call", "moc")),
    "trunk": ("trunk_in", ("call", "moc", "mtc")),
}
MAX_FRAMES = 64  # of counts, before they are summed


class Traffic:
    """The counts of TRAFFIC, summed over the parts of a feed.

    ``kinds`` are those to count, as far as the feed has their ``columns``; ``abroad`` (line) says
    which lines are presented as foreign.
    """

    def __init__(self, kinds: Collection[str], columns: Collection[str], abroad: pl.Expr) -> None:
        self.kinds = {
            kind: record
            for kind, record in RECORD_COLUMNS.items()
            if kind in kinds and record[0] in columns
        }
        self.abroad = abroad.fill_null(value=False)
        self._parts: list[pl.DataFrame] = []

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns of CALLS that are needed."""
        return tuple(column for column, _ in self.kinds.values())

    def add(self, calls: pl.DataFrame, *, sign: int = 1) -> None:
        """Add merged CALLS with their ``day``; a sign of -1 subtracts them."""
        for what, (column, types) in self.kinds.items():
            rows = calls.select("day", name=column, line="calling_number")
            rows = filter_calls(rows, has_type(calls, types) & rows["name"].is_not_null())
            # A name may be a code, which is counted in a third of the time of a text.
            foreign = self.abroad.sum() if what == "trunk" else pl.lit(0)
            counts = {"calls": pl.len(), "abroad": foreign}
            several_days = rows["day"].n_unique() > 1
            by_name = (
                rows.lazy()
                .group_by(["day", "name"] if several_days else ["name"])  # one key is quicker
                .agg(**{name: sign * n.cast(pl.Int64) for name, n in counts.items()})
            )
            day = pl.col("day") if several_days else pl.lit(rows["day"].first())
            table = by_name.with_columns(
                day.cast(pl.Date).alias("day"), pl.col("name").cast(pl.String), what=pl.lit(what)
            )
            self._parts.append(table.select(list(TRAFFIC)).collect())
        if len(self._parts) >= MAX_FRAMES:
            self._parts = [self.counts()]

    def add_counts(self, counts: pl.DataFrame) -> None:
        """Add the counts() of other calls."""
        self._parts.append(counts)

    def table(self) -> pl.DataFrame:
        """Return TRAFFIC."""
        return self.counts().filter(pl.col("calls") > 0).sort("day", "what", "name")

    def counts(self) -> pl.DataFrame:
        """Return the sums so far, as TRAFFIC without order; a sum may be below zero."""
        parts = pl.concat([empty(TRAFFIC), *self._parts])
        return parts.group_by("day", "what", "name").agg(pl.col("calls", "abroad").sum())
