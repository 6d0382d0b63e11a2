"""CALLS to PROFILE, one row for each line and day: placed, received and forwarded calls.

A call counts once for each party. The caller is counted from the caller's record (moc) and the
called line from its own (mtc), if the feed has both; if not, as for a caller from abroad, from the
other party's record. So the sums of own records and of the other party's records are separate, and
at the end each line-day takes its own, if it has any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

FORWARDED = ("n_forwarded", "n_forwarded_other")
COUNTS = ("n_out", "n_in", "n_forwarded")
MIN_HELD_COUNTS = 1000  # fewer are never postponed
# The greatest number of buckets, each of which needs another visit of all calls.
MAX_BUCKETS = 1024
NO_LIMIT = 2**62
# More calls than any line has; counts are Int32.
UNREACHABLE = 2**31 - 1


class Side(NamedTuple):
    """One role in a call: its columns, and the record types of the line and of the other party."""

    line: str
    counterpart: str
    own_types: tuple[str, ...]
    other_types: tuple[str, ...]


SIDES = {
    "n_out": Side("calling_number", "called_number", ("call", "moc"), ("mtc",)),
    "n_in": Side("called_number", "calling_number", ("call", "mtc"), ("moc",)),
    # The record of the resulting call often names the same forwarding again.
    "n_forwarded": Side("redirecting_number", "called_number", ("fwd",), ("call", "moc", "mtc")),
}


class Bucket(NamedTuple):
    """The lines whose hash modulo ``n_buckets`` is ``number``; (0, 1) are all lines."""

    number: int
    n_buckets: int

    def contains(self, line: pl.Expr) -> pl.Expr:
        """Return whether a line is in the bucket."""
        if self.n_buckets == 1:
            return line.is_not_null()
        return line.is_not_null() & (line.hash() // 2**32 % self.n_buckets == self.number)

    def halves(self) -> tuple[Bucket, Bucket]:
        """Return two buckets that share the lines of this one."""
        n = self.n_buckets
        return Bucket(self.number, 2 * n), Bucket(self.number + n, 2 * n)


ALL_LINES = Bucket(0, 1)


class LineList(NamedTuple):
    """The lines of a list."""

    lines: pl.Series

    def contains(self, line: pl.Expr) -> pl.Expr:
        """Return whether a line is in the list."""
        return line.is_in(self.lines.implode())


class NeededLines(NamedTuple):
    """The lines that detectors need in PROFILE; by default none.

    They placed ``n_out`` calls on a day or forwarded ``n_forwarded`` calls in all, or are among
    ``lines``, or ``abroad`` (line) holds of them. A detector sets ``abroad`` to True if it needs
    the lines that are presented as foreign. Received calls are not counted then.
    """

    n_out: int = UNREACHABLE
    n_forwarded: int = UNREACHABLE
    lines: pl.Series = pl.Series(dtype=pl.Int64)
    abroad: pl.Expr | bool = False


class ProfileSums:
    """The counts of ``lines`` by day for PROFILE, summed over the parts of a feed.

    At most ``max_counts`` counts stay in memory: a bucket with more is halved, as often as
    necessary, and the other halves are ``postponed`` to another visit of all calls. ``n_callers``
    are the lines of the bucket that placed or forwarded calls on each day, complete after
    profile().
    """

    def __init__(
        self,
        line_type: pl.DataType,
        lines: Bucket | LineList,
        *,
        max_counts: int = NO_LIMIT,
    ) -> None:
        self.line_type = line_type
        self.lines = lines
        self.postponed: list[Bucket] = []
        self.n_callers: dict[date, int] = {}
        self.max_counts = max_counts
        self._parts: dict[str, list[pl.DataFrame]] = {}
        self._days: set[date] = set()
        self._n_held = 0

    def add(self, calls: pl.DataFrame, *, sign: int = 1, counts: Collection[str] = COUNTS) -> None:
        """Add merged CALLS with their ``day`` to ``counts``; a sign of -1 subtracts them."""
        for count, side in SIDES.items():
            if side.line not in calls.columns or count not in counts:
                continue
            rows = calls if count != "n_forwarded" else forwarded_calls(calls)
            who, own = rows.select("day", line=side.line), has_type(rows, side.own_types)
            self._count(filter_calls(who, own), count, sign)
            if not own.all():
                other = has_type(rows, side.other_types)
                self._count(filter_calls(who, other), f"{count}_other", sign)
        self._limit_memory()

    def add_by_line(self, count: str, by_line: pl.DataFrame) -> None:
        """Add calls that are counted by line and day already (line, day, n)."""
        self._append(count, by_line["day"].unique(), self._of_bucket(by_line.lazy()), 1)
        self._limit_memory()

    def forwarding_lines(self) -> pl.Series:
        """Return the lines that forwarded a call, some of them more than once."""
        none = pl.Series("line", dtype=self.line_type)
        parts = (part["line"] for name in FORWARDED for part in self._parts.get(name, ()))
        return pl.concat([none, *parts])

    def counts(self) -> pl.DataFrame:
        """Return the counts so far (line, day, n, count)."""
        parts = [
            self._merged(parts).with_columns(count=pl.lit(count))
            for count, parts in self._parts.items()
        ]
        schema = {"line": self.line_type, "day": pl.Date(), "n": pl.Int32(), "count": pl.String()}
        return pl.concat([pl.DataFrame(schema=schema), *parts])

    def add_counts(self, counts: pl.DataFrame) -> None:
        """Add the counts() of other calls."""
        for count, part in counts.group_by("count"):
            self._parts.setdefault(str(count[0]), []).append(part.select("line", "day", "n"))
        self._days.update(counts["day"].unique())
        self._n_held += counts.height

    def profile(self) -> pl.DataFrame:
        """Return the PROFILE of the lines, with Int32 counts, and drop the counts.

        Own records count before those of the other party.
        """
        schema = {"line": self.line_type, "day": pl.Date(), **dict.fromkeys(COUNTS, pl.Int32())}
        by_height = {name: -sum(part.height for part in self._parts[name]) for name in self._parts}
        # One key is quicker than two.
        (day, *more), keys = self._days or [None], ["line", "day"]
        keys = keys if more else keys[:1]
        table = pl.DataFrame(schema=schema).select(keys).lazy()
        for count in sorted(by_height, key=by_height.__getitem__):
            part = (
                self._merged(self._parts.pop(count)).lazy().select(*keys, pl.col("n").alias(count))
            )
            first = len(table.collect_schema()) == len(keys)
            table = part if first else table.join(part, on=keys, how="full", coalesce=True)
        columns = table.collect_schema().names()
        zero = pl.lit(0, pl.Int32)
        positive = {
            count: [
                pl.when(pl.col(name) > 0).then(name)
                for name in (count, f"{count}_other")
                if name in columns
            ]
            for count in COUNTS
        }
        rows = table.select(*keys, **{c: pl.coalesce(*n, zero) for c, n in positive.items()})
        # A line-day whose records all repeat those of another day has no call left.
        rows = rows.filter(pl.any_horizontal(pl.col(COUNTS) > 0))
        if not more:
            rows = rows.with_columns(day=pl.lit(day, pl.Date))
        profile = rows.select(list(schema)).collect()
        calling = profile.group_by("day").agg(is_calling().sum())
        self.n_callers |= dict.fromkeys(self._days, 0) | dict(calling.iter_rows())
        return profile.sort("day", maintain_order=True)

    def _count(self, who: pl.DataFrame, count: str, sign: int) -> None:
        days = who["day"].unique()
        keys = ["line"] if len(days) == 1 else ["line", "day"]
        by_line = self._of_bucket(who.lazy()).group_by(keys).agg(n=pl.len())
        if len(days) == 1:
            by_line = by_line.with_columns(day=pl.lit(days[0], pl.Date))
        self._append(count, days, by_line, sign)

    def _append(self, count: str, days: pl.Series, part: pl.LazyFrame, sign: int) -> None:
        counts = part.select("line", "day", n=sign * pl.col("n").cast(pl.Int32)).collect()
        self._parts.setdefault(count, []).append(counts)
        self._days.update(days)
        self._n_held += counts.height

    def _of_bucket(self, who: pl.LazyFrame) -> pl.LazyFrame:
        return who.filter(self.lines.contains(pl.col("line")))

    def _limit_memory(self) -> None:
        """Beyond max_counts merge the counts, and halve the bucket until at most half remain."""
        if self._n_held <= self.max_counts:
            return
        for parts in self._parts.values():
            parts[:] = [self._merged(parts)]
        self._n_held = self._height()
        enough, lines = max(self.max_counts // 2, MIN_HELD_COUNTS), self.lines
        while isinstance(lines, Bucket) and self._n_held > enough and lines.n_buckets < MAX_BUCKETS:
            lines, other = lines.halves()
            self.lines = lines
            self.postponed.append(other)
            for parts in self._parts.values():
                parts[:] = [parts.pop().filter(self.lines.contains(pl.col("line")))]
            self._n_held = self._height()

    def _height(self) -> int:
        return sum(part.height for parts in self._parts.values() for part in parts)

    def _merged(self, parts: list[pl.DataFrame]) -> pl.DataFrame:
        """Return the sum of parts, which are dropped."""
        if len(parts) == 1:
            return parts.pop()
        whole = pl.concat(parts).lazy()
        parts.clear()
        (day, *more) = self._days or [None]
        merged = whole.group_by("line", "day") if more else whole.group_by("line")
        counts = merged.agg(pl.col("n").sum())
        if not more:
            counts = counts.select("line", pl.lit(day, pl.Date).alias("day"), "n")
        return counts.collect(engine="streaming")


def counts_for(needed: NeededLines | None) -> list[str]:
    """Return the counts to take of all calls; received calls only if all lines are needed."""
    return [count for count in COUNTS if needed is None or count != "n_in"]


def filter_needed(profile: pl.DataFrame, needed: NeededLines) -> pl.DataFrame:
    """Return the needed lines of PROFILE."""
    calls = (pl.col("n_out") >= needed.n_out).any().over("line")
    forwards = pl.col("n_forwarded").sum().over("line") >= needed.n_forwarded
    listed = LineList(needed.lines).contains(pl.col("line"))
    return profile.filter(calls | forwards | listed | needed.abroad)


def is_calling() -> pl.Expr:
    """Return whether a line-day of PROFILE placed or forwarded a call."""
    return pl.any_horizontal(pl.col("n_out", "n_forwarded") > 0)


def count_line_days(calls: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the calls of ``lines`` (line) by day (line, day, n_out, n_in).

    ``calls`` has all their calls, merged, and needs no others.
    """
    sums = ProfileSums(lines.schema["line"], LineList(lines["line"]))
    sums.add(calls)
    return sums.profile().select("line", "day", pl.col("n_out", "n_in").cast(pl.Int64))


def forwarded_calls(calls: pl.DataFrame) -> pl.DataFrame:
    """Return the forwarded calls, without those to the line that forwarded them."""
    to_another = pl.col("redirecting_number") != pl.col("called_number")
    is_forwarded = pl.col("redirecting_number").is_not_null()
    return calls.filter(is_forwarded, to_another.fill_null(value=True))


def has_type(calls: pl.DataFrame, types: tuple[str, ...]) -> pl.Series:
    """Return whether each call has one of these record types; 'call' without a column."""
    if "record_type" in calls.columns:
        return calls["record_type"].is_in(types)
    return pl.repeat("call" in types, calls.height, dtype=pl.Boolean, eager=True)


def filter_calls(calls: pl.DataFrame, mask: pl.Series) -> pl.DataFrame:
    """Return the calls of a mask, without a copy if it holds of all."""
    return calls if mask.all() else calls.filter(mask)
