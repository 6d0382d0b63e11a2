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
# The greatest number of buckets, each of which needs a reading of the feed.
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
        self._parts: dict[date, dict[str, list[pl.DataFrame]]] = {}
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

    def add_by_line(self, day: date, count: str, by_line: pl.DataFrame) -> None:
        """Add the calls of a day (line, n), counted by line already."""
        self._append(day, count, self._of_bucket(by_line.lazy()), 1)
        self._limit_memory()

    def forwarding_lines(self) -> pl.Series:
        """Return the lines that forwarded a call, some of them more than once."""
        counts = [by_count.get(name, []) for by_count in self._parts.values() for name in FORWARDED]
        none = pl.Series("line", dtype=self.line_type)
        return pl.concat([none, *(part["line"] for parts in counts for part in parts)])

    def counts(self) -> pl.DataFrame:
        """Return the counts so far (line, day, count, n)."""
        parts = [
            _merged(parts).with_columns(day=pl.lit(day, pl.Date), count=pl.lit(count))
            for day, counts in self._parts.items()
            for count, parts in counts.items()
        ]
        schema = {"line": self.line_type, "n": pl.Int32(), "day": pl.Date(), "count": pl.String()}
        return pl.concat([pl.DataFrame(schema=schema), *parts])

    def add_counts(self, counts: pl.DataFrame) -> None:
        """Add the counts() of other calls."""
        parts = counts.partition_by("day", "count", as_dict=True, include_key=False)
        for (day, count), part in parts.items():
            self._parts.setdefault(day, {}).setdefault(count, []).append(part)
        self._n_held += counts.height

    def profile(self) -> pl.DataFrame:
        """Return the PROFILE of the lines, with Int32 counts, and drop the counts."""
        days = [self._pop_day(day) for day in sorted(self._parts)]
        schema = {"line": self.line_type, "day": pl.Date(), **dict.fromkeys(COUNTS, pl.Int32())}
        return pl.concat([pl.DataFrame(schema=schema), *days])

    def _count(self, who: pl.DataFrame, count: str, sign: int) -> None:
        days = who["day"].unique()
        if len(days) == 1:  # one key is quicker than two
            by_line = self._of_bucket(who.lazy()).group_by("line").agg(n=pl.len())
            self._append(days.item(), count, by_line, sign)
            return
        by_day = self._of_bucket(who.lazy()).group_by("line", "day").agg(n=pl.len()).collect()
        for (day,), part in by_day.partition_by("day", as_dict=True, include_key=False).items():
            self._append(day, count, part.lazy(), sign)

    def _append(self, day: date, count: str, part: pl.LazyFrame, sign: int) -> None:
        counts = part.select("line", n=sign * pl.col("n").cast(pl.Int32)).collect()
        self._parts.setdefault(day, {}).setdefault(count, []).append(counts)
        self._n_held += counts.height

    def _of_bucket(self, who: pl.LazyFrame) -> pl.LazyFrame:
        return who.filter(self.lines.contains(pl.col("line")))

    def _limit_memory(self) -> None:
        """Beyond max_counts merge the counts, and halve the bucket until at most half remain."""
        if self._n_held <= self.max_counts:
            return
        for counts in self._parts.values():
            for count, parts in counts.items():
                counts[count] = [_merged(parts)]
        self._n_held = self._height()
        enough, lines = max(self.max_counts // 2, MIN_HELD_COUNTS), self.lines
        while isinstance(lines, Bucket) and self._n_held > enough and lines.n_buckets < MAX_BUCKETS:
            lines, other = lines.halves()
            self.lines = lines
            self.postponed.append(other)
            for counts in self._parts.values():
                for count, (merged,) in counts.items():
                    counts[count] = [merged.filter(self.lines.contains(pl.col("line")))]
            self._n_held = self._height()

    def _height(self) -> int:
        days = self._parts.values()
        return sum(part.height for counts in days for parts in counts.values() for part in parts)

    def _pop_day(self, day: date) -> pl.DataFrame:
        """Return PROFILE of one day: own records count before those of the other party."""
        counts = self._parts.pop(day)
        table = pl.DataFrame(schema={"line": self.line_type}).lazy()
        for count in sorted(counts, key=lambda name: -sum(part.height for part in counts[name])):
            part = _merged(counts.pop(count)).rename({"n": count}).lazy()
            first = len(table.collect_schema()) == 1
            table = part if first else table.join(part, on="line", how="full", coalesce=True)
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
        rows = table.select("line", **{c: pl.coalesce(*n, zero) for c, n in positive.items()})
        # A line-day whose records all repeat those of another day has no call left.
        rows = rows.filter(pl.any_horizontal(pl.col(COUNTS) > 0))
        result = rows.select("line", pl.lit(day, pl.Date).alias("day"), *COUNTS).collect()
        self.n_callers.setdefault(day, int(result.select(is_calling()).sum().item()))
        return result


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


def _merged(parts: list[pl.DataFrame]) -> pl.DataFrame:
    merged = parts[0] if len(parts) == 1 else pl.concat(parts)
    if len(parts) > 1:
        merged = merged.lazy().group_by("line").agg(pl.col("n").sum()).collect(engine="streaming")
    parts.clear()
    return merged
