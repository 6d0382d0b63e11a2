"""The interface of engines: they move the rows of a feed and count them, but judge nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.engines import legs, profile
from cdr_anomaly.ingest import add_local_day, deduplicate, has_party_in
from cdr_anomaly.schema import REACHED, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from cdr_anomaly.engines.first_pass import FeedSpec, FirstLook
    from cdr_anomaly.engines.profile import NeededLines
    from cdr_anomaly.ingest import FileGroup, Source
    from cdr_anomaly.ingest.source import Query

    RowsDone = Callable[[int], None]  # receives a number of rows after each part

# The columns that the first look counts by, and those of forwarded calls and of legs.
COUNTED_COLUMNS = (
    "calling_number",
    "called_number",
    "start_time",
    "duration_s",
    "record_type",
    "redirecting_number",
    "call_id",
)
FORWARD_COLUMNS = ("redirect_reason", "answered")
LEG_COLUMNS = ("answered", "cell_id", "imei", "imsi", "trunk_in")


class SecondLook(NamedTuple):
    """The calls of some lines by day (line, day, n_out, n_in), LEGS, and CALLS to carry over."""

    days: pl.DataFrame
    legs: pl.DataFrame
    carry_over: pl.DataFrame


class Engine(ABC):
    """Reads a feed twice: all calls once, and those of the watched lines again."""

    @abstractmethod
    def reader(
        self, group: FileGroup, query: Query, lines: pl.Series | None = None
    ) -> pl.LazyFrame:
        """Return the result of a query over a group of files (ingest.Reader)."""

    @abstractmethod
    def first_look(
        self,
        source: Source,
        needed: NeededLines | None,
        rows_done: RowsDone,
        traffic_kinds: Collection[str] = (),
    ) -> FirstLook:
        """Count the rows by verdict, PROFILE and TRAFFIC, and collect the forwarded legs.

        With ``needed`` PROFILE may lack other lines, and ``n_in`` is not counted.
        """

    @abstractmethod
    def callers(self, source: Source, condition: pl.Expr) -> pl.Series:
        """Return the lines that placed a call of which ``condition`` (trunk_in, day) holds.

        It is called between the two looks. Repeats are not merged, so a few more lines may come.
        """

    @abstractmethod
    def read_calls(
        self,
        source: Source,
        columns: Sequence[str],
        condition: pl.Expr,
        lines: pl.Series | None,
        *,
        rows_done: RowsDone,
    ) -> pl.DataFrame:
        """Return columns of the calls of which ``condition`` holds.

        With ``lines`` all these calls are from or to one of them.
        """

    @staticmethod
    @abstractmethod
    def repeat_key(source: Source) -> pl.Expr:
        """Return one integer that rows of one call have in common."""

    def second_look(
        self,
        source: Source,
        lines: pl.DataFrame,
        needs_legs: pl.Expr,
        *,
        repeat_keys: pl.Series,
        carry_over: pl.Expr | None,
        rows_done: RowsDone,
    ) -> SecondLook:
        """Count the calls of ``lines`` (line, born) by day, and return the LEGS of some of them.

        These are the lines of which ``needs_legs`` (line, day, n_out, n_in, age_d) holds on any
        day. ``carry_over`` says which CALLS of any line to return, too.
        """
        more = () if carry_over is None else FORWARD_COLUMNS
        names = dict.fromkeys((*COUNTED_COLUMNS, *LEG_COLUMNS, *more))
        condition = has_party_in(lines["line"])
        if carry_over is not None:
            # Of a call that is carried over all partial records are needed.
            partial = self._is_repeat(source, repeat_keys) if len(repeat_keys) else False
            condition = condition | carry_over | partial
        columns = [name for name in names if name in source.columns]
        only = lines["line"] if carry_over is None else None
        calls = self.read_calls(source, columns, condition, only, rows_done=rows_done)
        calls = self._merge(source, calls, repeat_keys)
        days = profile.count_line_days(calls, lines)
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        aged = days.join(lines, on="line").with_columns(age_d=age)
        with_legs = aged.filter(needs_legs).select("line").unique()
        carried = calls.filter(pl.lit(value=False) if carry_over is None else carry_over)
        return SecondLook(days, legs.legs_of(calls, with_legs), carried)

    def third_look(
        self, source: Source, line_days: pl.DataFrame, *, repeat_keys: pl.Series
    ) -> pl.DataFrame:
        """Return the calls of some lines on some days (line, day), in the columns of REACHED.

        Returns an empty frame, reading no file, if ``line_days`` is empty.
        """
        if line_days.is_empty():
            return empty(REACHED, source.line_type)
        lines = line_days.select("line").unique()
        columns = [c for c in (*COUNTED_COLUMNS, "answered") if c in source.columns]
        condition = has_party_in(lines["line"])
        calls = self.read_calls(source, columns, condition, lines["line"], rows_done=lambda _: None)
        calls = self._merge(source, calls, repeat_keys)
        reached = legs.legs_of(calls, lines).select(list(REACHED))
        return reached.join(line_days, on=["line", "day"], how="semi").sort(pl.all())

    def _is_repeat(self, source: Source, repeat_keys: pl.Series) -> pl.Expr:
        return self.repeat_key(source).is_in(repeat_keys.implode())

    def _merge(self, source: Source, calls: pl.DataFrame, repeat_keys: pl.Series) -> pl.DataFrame:
        """Return the calls with their ``day``, partial records merged."""
        if len(repeat_keys):
            repeats = self._is_repeat(source, repeat_keys)
            calls = deduplicate.merge_repeats(calls, source.columns, repeats)
        return add_local_day(calls, source.tz)


def kept_columns(columns: Collection[str]) -> list[str]:
    """Return the columns of a feed that any look takes."""
    names = dict.fromkeys((*COUNTED_COLUMNS, *FORWARD_COLUMNS, *LEG_COLUMNS))
    return [name for name in names if name in columns]


def counted_columns(spec: FeedSpec) -> list[str]:
    """Return the columns of a feed that the first look counts by."""
    forwards = FORWARD_COLUMNS if "redirecting_number" in spec.columns else ()
    names = dict.fromkeys((*COUNTED_COLUMNS, *forwards, *spec.traffic().columns))
    return [name for name in names if name in spec.columns]
