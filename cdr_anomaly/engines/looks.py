"""The second and the third look, which are the same wherever the rows are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import ingest, legs, profile
from cdr_anomaly.engines.base import SecondLook
from cdr_anomaly.ingest import dated, repairs
from cdr_anomaly.schema import REACHED, empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdr_anomaly.engines.base import Progress
    from cdr_anomaly.engines.tally import Kind
    from cdr_anomaly.ingest import Source

# Columns that the first look counts by; legs need these too, and what else they can have.
COUNTED = (
    "calling_number",
    "called_number",
    "start_time",
    "duration_s",
    "record_type",
    "redirecting_number",
    "call_id",
)
ON_FORWARDS = ("redirect_reason", "answered")
ON_LEGS = ("answered", "cell_id", "imei", "imsi", "trunk_in")


class Looks(ABC):
    """An engine but for how it reads and counts."""

    @abstractmethod
    def calls(
        self,
        source: Source,
        wanted: Sequence[str],
        asked: pl.Expr,
        lines: pl.Series | None,
        *,
        done: Progress,
    ) -> pl.DataFrame:
        """Take columns of the calls that are ``asked`` for; all are of ``lines``, if any."""

    @staticmethod
    @abstractmethod
    def key(source: Source) -> pl.Expr:
        """Make one integer of what makes two rows of a feed one call."""

    def second_look(
        self,
        source: Source,
        lines: pl.DataFrame,
        worth: pl.Expr,
        *,
        alike: pl.Series,
        late: pl.Expr | None,
        done: Progress,
    ) -> SecondLook:
        """Count what the lines (line) placed and received, and take the LEGS of the worthy."""
        more = () if late is None else ON_FORWARDS
        wanted = [c for c in dict.fromkeys((*COUNTED, *ON_LEGS, *more)) if c in source.columns]
        asked = ingest.of_lines(lines["line"])
        if late is not None:
            # Of a late call that was delivered in parts all parts are needed.
            parts = self.key(source).is_in(alike.implode()) if len(alike) else False
            asked = asked | late | parts
        only = lines["line"] if late is None else None
        calls = self._mended(source, wanted, asked, only, alike=alike, done=done)
        calls = dated(calls, source.tz)
        days = profile.by_day(calls, lines)
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        aged = days.join(lines, on="line").with_columns(age_d=age)
        worthy = aged.filter(worth).select("line").unique()
        whose = pl.lit(value=False) if late is None else late
        return SecondLook(days, legs.of_lines(calls, worthy), calls.filter(whose))

    def third_look(
        self, source: Source, line_days: pl.DataFrame, *, alike: pl.Series
    ) -> pl.DataFrame:
        """Take the calls of some lines on some days (line, day), in the columns of REACHED."""
        if line_days.is_empty():
            return empty(REACHED, source.line_type)
        lines = line_days.select("line").unique()
        wanted = [c for c in (*COUNTED, "answered") if c in source.columns]
        asked = ingest.of_lines(lines["line"])
        calls = self._mended(source, wanted, asked, lines["line"], alike=alike, done=lambda _: None)
        found = legs.of_lines(dated(calls, source.tz), lines).select(list(REACHED))
        return found.join(line_days, on=["line", "day"], how="semi").sort(pl.all())

    def _mended(
        self,
        source: Source,
        wanted: list[str],
        asked: pl.Expr,
        lines: pl.Series | None,
        *,
        alike: pl.Series,
        done: Progress,
    ) -> pl.DataFrame:
        calls = self.calls(source, wanted, asked, lines, done=done)
        if len(alike):
            repeat = self.key(source).is_in(alike.implode())
            calls = repairs.settled(calls, source.columns, repeat)
        return calls


def counted_by(kind: Kind) -> list[str]:
    """Name the columns of a kind of feed that the first look counts by."""
    on_forwards = ON_FORWARDS if "redirecting_number" in kind.columns else ()
    wanted = dict.fromkeys((*COUNTED, *on_forwards, *kind.traffic().columns))
    return [column for column in wanted if column in kind.columns]
