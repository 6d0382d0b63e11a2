"""Polars on this machine: a part of the feed at a time, so that memory holds one part's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import profile
from cdr_anomaly.engines.base import FirstLook
from cdr_anomaly.ingest import dated, repairs

if TYPE_CHECKING:
    from datetime import datetime

    from cdr_anomaly.engines.base import Progress
    from cdr_anomaly.ingest import Source

# Columns that the first look counts by; legs need these too, and what else they can have.
COUNTED = (
    "calling_number", "called_number", "start_time", "duration_s", "record_type",
    "redirecting_number", "call_id",
)  # fmt: skip
ON_FORWARDS = ("redirect_reason", "answered")
ON_LEGS = ("answered", "cell_id", "imei")
# Parts of PROFILE are added up when so many rows of them have come together.
MOST_ROWS = 8_000_000


class Local:
    """Reads with Polars' streaming engine, part by part."""

    def first_look(self, source: Source, *, with_incoming: bool, done: Progress) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs, in one pass."""
        columns = source.columns
        on_forwards = ON_FORWARDS if "redirecting_number" in columns else ()
        wanted = [c for c in (*COUNTED, *on_forwards) if c in columns]
        key = repairs.key(columns).alias("key")
        tally = _Tally(source, with_incoming=with_incoming)
        for part in source.parts():
            rows = part.mapped().select(*wanted, "verdict", "n_lost", "n_doubt", key).collect()
            tally.take(rows, until=part.next_start)
            done(part.rows)
        return tally.look()

    def legs(
        self, source: Source, lines: pl.DataFrame, *, mend: bool, done: Progress
    ) -> pl.DataFrame:
        """Take the LEGS of those lines (line), mended if need be."""
        columns = source.columns
        wanted = [c for c in dict.fromkeys((*COUNTED, *ON_LEGS)) if c in columns]
        watched = lines["line"].implode()
        either = pl.col("calling_number").is_in(watched) | pl.col("called_number").is_in(watched)
        found = []
        for part in source.parts():
            rows = part.mapped().filter(either, pl.col("verdict") == 0).select(wanted)
            found.append(rows.collect())
            done(part.rows)
        calls = pl.concat(found)
        if mend:
            calls = repairs.settled(calls, columns)
        return profile.legs(dated(calls, source.tz), lines)


class _Tally:
    """What has been counted so far, part by part."""

    def __init__(self, source: Source, *, with_incoming: bool) -> None:
        self.source = source
        self.columns = source.columns
        self.with_incoming = with_incoming
        self.facts: list[pl.DataFrame] = []
        self.parts: list[pl.DataFrame] = []
        self.forwarded: list[pl.DataFrame] = []
        self.open = pl.DataFrame()
        self.duplicates = self.partial = 0

    def take(self, rows: pl.DataFrame, *, until: datetime | None) -> None:
        """Count one part's rows; a repeat of a row from ``until`` on may yet come."""
        good = rows["verdict"] == 0
        used = rows if good.all() else rows.filter(good)
        used = dated(used.drop("verdict", "n_lost", "n_doubt"), self.source.tz)
        self.facts.append(_facts(rows))
        self._count(used)
        fresh = used.with_columns(again=pl.lit(value=False))
        still = self.open.with_columns(again=pl.lit(value=True)) if self.open.height else None
        seen = fresh if still is None else pl.concat([still, fresh], how="diagonal_relaxed")
        if seen["key"].n_unique() < seen.height:
            seen = self._mend(seen)
        if "redirecting_number" in self.columns:
            self.forwarded.append(used.filter(pl.col("redirecting_number").is_not_null()))
        self.open = repairs.still_open(seen, until).drop("again")

    def look(self) -> FirstLook:
        facts = pl.concat(self.facts).group_by("verdict").agg(
            pl.col("rows", "n_unanswered", "n_lost", "n_doubt").sum()
        )  # fmt: skip
        forwarded = self._forwarded()
        days = profile.added_up(self.parts, self.source.line_type)
        return FirstLook(facts, days, forwarded, self.duplicates, self.partial)

    def _count(self, calls: pl.DataFrame, *, sign: int = 1) -> None:
        parts = profile.counted(calls, with_incoming=self.with_incoming)
        if sign < 0:
            parts = [part.with_columns(-pl.col(part.columns[-1])) for part in parts]
        self.parts += parts
        if sum(part.height for part in self.parts) > MOST_ROWS:
            self.parts = [profile.summed(self.parts)]

    def _mend(self, seen: pl.DataFrame) -> pl.DataFrame:
        """Take the rows that repeat out of the count, count them mended, and keep each once.

        ``again`` marks the rows of earlier parts, which were counted as mended as they then could
        be: that count, too, is taken back.
        """
        repeated = repairs.repeated(seen["key"])
        rows = seen.filter(repeated)
        before, now = rows.filter("again"), rows.filter(~pl.col("again"))
        unique = repairs.without_duplicates(rows.lazy(), self.columns).collect()
        settled, taken_back = self._mended(unique), self._mended(before)
        self._count(now, sign=-1)
        self._count(taken_back, sign=-1)
        self._count(settled)
        self.duplicates += rows.height - unique.height
        merged_before = before.height - taken_back.height
        self.partial += unique.height - settled.height - merged_before
        return pl.concat([seen.filter(~repeated), unique.select(seen.columns)])

    def _mended(self, calls: pl.DataFrame) -> pl.DataFrame:
        whole = repairs.mended(calls.drop("day").lazy(), self.columns).collect()
        return dated(whole, self.source.tz)

    def _forwarded(self) -> pl.DataFrame:
        calls = pl.concat([self.open.clear(), *self.forwarded], how="diagonal_relaxed")
        if "redirecting_number" not in self.columns:
            calls = calls.with_columns(redirecting_number=pl.col("calling_number"))
        if self.duplicates or self.partial:
            calls = self._mended(calls)
        return profile.forwarded(calls)


def _facts(rows: pl.DataFrame) -> pl.DataFrame:
    counts = rows.lazy().group_by("verdict").agg(
        rows=pl.len().cast(pl.Int64),
        n_unanswered=(pl.col("duration_s") == 0).sum().cast(pl.Int64),
        n_lost=pl.col("n_lost").cast(pl.Int64).sum(),
        n_doubt=pl.col("n_doubt").cast(pl.Int64).sum(),
    )  # fmt: skip
    return counts.collect()
