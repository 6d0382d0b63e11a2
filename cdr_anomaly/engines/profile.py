"""CALLS to PROFILE, one row a line and day: placed, received and forwarded calls.

One rule: a call counts once for each party. Where both sides of a call are delivered, its caller
is counted from the caller's record (moc) and the called line from its own (mtc); where a side is
not delivered, as for a caller from abroad, it is read off the other side's record. So sums keep
apart what a line's own records say and what the other side's say; it is settled at the end, day by
day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.engines import count_sketch

if TYPE_CHECKING:
    from datetime import date

PLACED, FORWARDED = ("n_out", "n_out_other"), ("n_forwarded", "n_forwarded_other")
COUNTS = ("n_out", "n_in", "n_forwarded")
# Of so few counts none is ever let go, and so many are sieved before they are merged.
FEW, MANY = 1000, 10_000_000
# A line whose days are this many is likely to pass on one of them.
SIEVED_DAYS = 4
# More readings than these would never end.
BUCKETS = 1024
UNBOUNDED = 2**62
# More calls than any line has; the counts are Int32.
NEVER = 2**31 - 1


class Side(NamedTuple):
    """One way of taking part in a call, and the record types that tell of it."""

    line: str
    counterpart: str
    own: tuple[str, ...]
    other: tuple[str, ...]


SIDES = {
    "n_out": Side("calling_number", "called_number", ("call", "moc"), ("mtc",)),
    "n_in": Side("called_number", "calling_number", ("call", "mtc"), ("moc",)),
    # The same forwarding is often named again on the record of the call that came of it.
    "n_forwarded": Side("redirecting_number", "called_number", ("fwd",), ("call", "moc", "mtc")),
}


class Bucket(NamedTuple):
    """The lines of which ``place`` is left when they are divided by ``of``; (0, 1) are all."""

    place: int
    of: int

    def holds(self, line: pl.Expr) -> pl.Expr:
        """Tell which lines are in the bucket."""
        named = line.is_not_null()
        return named if self.of == 1 else named & (line.hash() // 2**32 % self.of == self.place)

    def halves(self) -> tuple[Bucket, Bucket]:
        """Divide the lines in two."""
        return Bucket(self.place, 2 * self.of), Bucket(self.place + self.of, 2 * self.of)


ALL = Bucket(0, 1)


class Only(NamedTuple):
    """The lines of a list."""

    lines: pl.Series

    def holds(self, line: pl.Expr) -> pl.Expr:
        """Tell which lines are in the list."""
        return line.is_in(self.lines.implode())


class Least(NamedTuple):
    """What a line must have to be needed in PROFILE; by default none is.

    That is ``n_out`` placed calls on a day, or ``n_forwarded`` forwarded ones in all, or to be one
    of ``lines``, or that ``abroad`` holds of the ``line``. What lines received is not counted then.
    A detector says by True that it needs the lines that are presented as foreign.
    """

    n_out: int = NEVER
    n_forwarded: int = NEVER
    lines: pl.Series = pl.Series(dtype=pl.Int64)
    abroad: pl.Expr | bool = False


class Sums:
    """PROFILE in the making: counts of ``lines`` by day, of one part of a feed after another.

    With ``least`` any line that has less may be missing. No more than ``most`` counts are held:
    where a bucket of lines has more, half of them are let go, as often as it takes, and put
    ``off`` for another reading of the feed. ``callers`` says of how many lines of the bucket each
    day has placed or forwarded calls, once the profile was had.
    """

    def __init__(
        self,
        line: pl.DataType,
        lines: Bucket | Only,
        *,
        most: int = UNBOUNDED,
        least: Least | None = None,
    ) -> None:
        self.line = line
        self.lines = lines
        self.least = least
        self.off: list[Bucket] = []
        self.callers: dict[date, int] = {}
        self.most = most
        self._parts: dict[date, dict[str, list[pl.DataFrame]]] = {}
        self._held = 0

    def add(
        self, calls: pl.DataFrame, *, sign: int = 1, placed: pl.DataFrame | None = None
    ) -> None:
        """Count calls, which are mended CALLS with their ``day``; a sign of -1 takes them back.

        ``placed`` (line, n) are the calls by calling line, of whatever type, where these are
        counted already and all of one day.
        """
        for count, side in SIDES.items():
            if side.line not in calls.columns or (count == "n_in" and self.least is not None):
                continue
            rows = calls if count != "n_forwarded" else diverted(calls)
            who, own = rows.select("day", line=side.line), of_types(rows, side.own)
            if count == "n_out" and placed is not None and calls.height:
                self._keep(calls["day"][0], count, self._wanted(placed.lazy()), 1)
                self._count(filtered(who, ~own), count, -1)
            else:
                self._count(filtered(who, own), count, sign)
            if not own.all():
                other = of_types(rows, side.other)
                self._count(filtered(who, other), f"{count}_other", sign)
        if self._held > self.most:
            self._make_room()

    def counts(self) -> pl.DataFrame:
        """Return what is counted so far (line, day, count, n), for other sums to take."""
        parts = [
            _merged(parts).with_columns(day=pl.lit(day, pl.Date), count=pl.lit(count))
            for day, counts in self._parts.items()
            for count, parts in counts.items()
        ]
        none = {"line": self.line, "n": pl.Int32(), "day": pl.Date(), "count": pl.String()}
        return pl.concat([pl.DataFrame(schema=none), *parts])

    def take(self, counts: pl.DataFrame) -> None:
        """Add what other sums have counted of other calls."""
        parts = counts.partition_by("day", "count", as_dict=True, include_key=False)
        for (day, count), part in parts.items():
            self._parts.setdefault(day, {}).setdefault(count, []).append(part)
        self._held += counts.height

    def profile(self) -> pl.DataFrame:
        """Return the PROFILE of the lines; counts are Int32, and nothing of them is kept here."""
        if self.least is not None:
            self._sieve(self.least)
        days = [self._settled(day) for day in sorted(self._parts)]
        return pl.concat([pl.DataFrame(schema=_schema(self.line)), *days])

    def _sieve(self, least: Least) -> None:
        """Let go of the lines that are not needed; merging the counts of very many takes long."""
        days = self._parts.values()
        if self._held < MANY or len(days) > SIEVED_DAYS:
            return
        passing = count_sketch.Sieve()
        for day, counts in self._parts.items():
            # Forwarded calls let a few more through; they count for who called at all.
            parts = [part for name in (*PLACED, *FORWARDED) for part in counts.get(name, ())]
            pairs = ((part["line"], part["n"]) for part in parts)
            self.callers[day] = passing.let_reaching(least.n_out, pairs)
        passing.let(least.lines)
        forwarded = [part for counts in days for name in FORWARDED for part in counts.get(name, ())]
        if forwarded:
            # Own records and other sides' together: no fewer than either says.
            sums = pl.concat(forwarded).group_by("line").agg(pl.col("n").sum())
            passing.let(sums.filter(pl.col("n") >= least.n_forwarded)["line"])
        abroad = least.abroad if isinstance(least.abroad, pl.Expr) else pl.lit(least.abroad)
        for counts in days:
            for name, each in counts.items():
                counts[name] = [
                    part.filter(passing.passes(part["line"]) | part.select(abroad).to_series())
                    for part in each
                ]

    def _count(self, who: pl.DataFrame, count: str, sign: int) -> None:
        days = who["day"].unique()
        if len(days) == 1:  # one key is quicker than two
            by_line = self._wanted(who.lazy()).group_by("line").agg(n=pl.len())
            self._keep(days.item(), count, by_line, sign)
            return
        by_day = self._wanted(who.lazy()).group_by("line", "day").agg(n=pl.len()).collect()
        for (day,), part in by_day.partition_by("day", as_dict=True, include_key=False).items():
            self._keep(day, count, part.lazy(), sign)

    def _keep(self, day: date, count: str, part: pl.LazyFrame, sign: int) -> None:
        kept = part.select("line", n=sign * pl.col("n").cast(pl.Int32)).collect()
        self._parts.setdefault(day, {}).setdefault(count, []).append(kept)
        self._held += kept.height

    def _wanted(self, who: pl.LazyFrame) -> pl.LazyFrame:
        return who.filter(self.lines.holds(pl.col("line")))

    def _make_room(self) -> None:
        """Merge what is held; halve the bucket while that leaves more than half of what may be."""
        for counts in self._parts.values():
            for count, parts in counts.items():
                counts[count] = [_merged(parts)]
        self._held = self._height()
        enough = max(self.most // 2, FEW)
        while self._held > enough and isinstance(self.lines, Bucket) and self.lines.of < BUCKETS:
            self.lines, other = self.lines.halves()
            self.off.append(other)
            for counts in self._parts.values():
                for count, (whole,) in counts.items():
                    counts[count] = [whole.filter(self.lines.holds(pl.col("line")))]
            self._held = self._height()

    def _height(self) -> int:
        days = self._parts.values()
        return sum(part.height for each in days for parts in each.values() for part in parts)

    def _settled(self, day: date) -> pl.DataFrame:
        """Put the counts of a day together: a line's own records before the other side's."""
        counts = self._parts.pop(day)
        whole = pl.DataFrame(schema={"line": self.line}).lazy()
        for count in sorted(counts, key=lambda name: -sum(part.height for part in counts[name])):
            part = _merged(counts.pop(count)).rename({"n": count}).lazy()
            seen = len(whole.collect_schema()) > 1
            whole = whole.join(part, on="line", how="full", coalesce=True) if seen else part
        found = whole.collect_schema().names()
        zero = pl.lit(0, pl.Int32)
        either = {
            count: [
                pl.when(pl.col(name) > 0).then(name)
                for name in (count, f"{count}_other")
                if name in found
            ]
            for count in COUNTS
        }
        settled = whole.select("line", **{c: pl.coalesce(*e, zero) for c, e in either.items()})
        # A line-day whose every record turned out to be a repeat of another day's has none left.
        some = settled.filter(pl.any_horizontal(pl.col(COUNTS) > 0))
        made = some.select("line", pl.lit(day, pl.Date).alias("day"), *COUNTS).collect()
        self.callers.setdefault(day, int(made.select(calling()).sum().item()))
        return made


def needed(profile: pl.DataFrame, least: Least) -> pl.DataFrame:
    """Keep the lines of PROFILE that have at least so much."""
    enough = (pl.col("n_out") >= least.n_out).any().over("line")
    forwards = pl.col("n_forwarded").sum().over("line") >= least.n_forwarded
    told = Only(least.lines).holds(pl.col("line"))
    return profile.filter(enough | forwards | told | least.abroad)


def calling() -> pl.Expr:
    """Tell which line-days of PROFILE placed or forwarded a call."""
    return pl.any_horizontal(pl.col("n_out", "n_forwarded") > 0)


def by_day(calls: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Count what ``lines`` (line) placed and received (line, day, n_out, n_in).

    ``calls`` hold all their calls, mended, and need no other.
    """
    sums = Sums(lines.schema["line"], Only(lines["line"]))
    sums.add(calls)
    return sums.profile().select("line", "day", pl.col("n_out", "n_in").cast(pl.Int64))


def diverted(calls: pl.DataFrame) -> pl.DataFrame:
    """Keep the calls that were forwarded, and not to the line that forwarded them."""
    goes_on = pl.col("redirecting_number") != pl.col("called_number")
    return calls.filter(pl.col("redirecting_number").is_not_null(), goes_on.fill_null(value=True))


def of_types(calls: pl.DataFrame, types: tuple[str, ...]) -> pl.Series:
    """Tell which calls are of these types; without a type they are whole calls."""
    if "record_type" in calls.columns:
        return calls["record_type"].is_in(types)
    return pl.repeat("call" in types, calls.height, dtype=pl.Boolean, eager=True)


def filtered(calls: pl.DataFrame, wanted: pl.Series) -> pl.DataFrame:
    """Keep the wanted calls; where all are, nothing is copied."""
    return calls if wanted.all() else calls.filter(wanted)


def _merged(parts: list[pl.DataFrame]) -> pl.DataFrame:
    whole = parts[0] if len(parts) == 1 else pl.concat(parts)
    if len(parts) > 1:
        whole = whole.lazy().group_by("line").agg(pl.col("n").sum()).collect(engine="streaming")
    parts.clear()
    return whole


def _schema(line: pl.DataType) -> dict[str, pl.DataType]:
    return {"line": line, "day": pl.Date(), **dict.fromkeys(COUNTS, pl.Int32())}
