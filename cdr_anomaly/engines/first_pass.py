"""The counts of the first look, summed over the parts of a feed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.engines import legs, profile
from cdr_anomaly.engines.traffic import Traffic
from cdr_anomaly.ingest import CODED, add_local_day, deduplicate, validate, volume
from cdr_anomaly.ingest.mapping import PARTIES
from cdr_anomaly.schema import LONG_CALLS, empty

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    from cdr_anomaly.ingest import Source

NO_DAYS = pl.DataFrame(schema={"day": pl.Date, "calls": pl.UInt32})
MARKS = ("valid",)
FRAMES = ("days", "forwarded", "long", "repeats")
TOTALS = (
    "has_unanswered",
    "has_talk",
    "has_names",
    "has_numbers",
    "duplicates",
    "partial",
)


class FirstLook(NamedTuple):
    """The result of one reading of all calls.

    ``verdicts`` are the rows of each verdict, ``days`` the calls of each local day (day, calls).
    ``profiles`` yields PROFILE in parts, each with all days of its lines; it can be read once, and
    a later part may need another visit of all calls. ``n_callers`` are the lines that placed or
    forwarded a call on each day, complete after the profiles. ``long`` are LONG_CALLS. The flags
    say whether any call was unanswered, any had talk, any caller is an E.164 number, and whether
    any party is an opaque line, a name. ``repeat_keys`` are the keys of rows that may repeat
    others; ``duplicates`` and ``partial`` the rows that merging removed.
    """

    verdicts: Mapping[int, int]
    days: pl.DataFrame
    profiles: Iterator[pl.DataFrame]
    n_callers: Mapping[date, int]
    forwarded: pl.DataFrame
    traffic: pl.DataFrame
    long: pl.DataFrame
    has_unanswered: bool
    has_talk: bool
    has_numbers: bool
    has_names: bool
    repeat_keys: pl.Series
    duplicates: int
    partial: int
    rows_by_hour: pl.DataFrame | None


class FeedSpec(NamedTuple):
    """The properties of a feed that its counts depend on.

    ``traffic_kinds`` are the kinds of TRAFFIC to count, ``abroad`` (line) says which lines are
    presented as foreign.
    """

    columns: frozenset[str]
    tz: str
    line_type: pl.DataType
    max_duration_s: int
    traffic_kinds: frozenset[str]
    abroad: pl.Expr

    @classmethod
    def of_source(cls, source: Source, traffic_kinds: Collection[str]) -> FeedSpec:
        """Return the properties of a source."""
        abroad = numbering.is_abroad(pl.col("line"), source.plan, as_text=source.as_text)
        return cls(
            frozenset(source.columns),
            source.tz,
            source.line_type,
            source.settings.max_duration_s,
            frozenset(traffic_kinds),
            abroad,
        )

    @property
    def as_text(self) -> bool:
        """Return whether lines are text."""
        return self.line_type == pl.String

    def traffic(self) -> Traffic:
        """Return empty counts of TRAFFIC."""
        return Traffic(self.traffic_kinds, self.columns, self.abroad)


class Tally:
    """The counts of a feed, part by part; repeats are subtracted and counted merged, once.

    ``counts`` are those of PROFILE. Somebody else adds the calls that lines placed (n_out) from
    the keys of rows if ``has_keys``.
    """

    def __init__(
        self,
        spec: FeedSpec,
        sums: profile.ProfileSums,
        counts: Collection[str],
        *,
        has_keys: bool = False,
    ) -> None:
        self.spec = spec
        self.sums = sums
        self.counts = counts
        self.has_keys = has_keys
        self.traffic = spec.traffic()
        self.verdicts: Counter[int] = Counter()
        self.days: list[pl.DataFrame] = []
        self.forwarded: list[pl.DataFrame] = []
        self.long: list[pl.DataFrame] = []
        self.repeats: list[pl.DataFrame] = []
        self.quarters: list[pl.DataFrame] = []
        self.repeat_keys = pl.Series(dtype=pl.Int64)
        self.no_rows = pl.DataFrame()
        self.has_unanswered = self.has_talk = False
        self.has_names = self.has_numbers = False
        self.duplicates = self.partial = 0

    def add_rows(self, rows: pl.DataFrame, *, is_carry_over: bool) -> pl.DataFrame:
        """Count each row as a call; return the valid rows with their ``day``.

        Rows that are carried over from the night before are counted as rows already.
        """
        calls = rows.drop(MARKS) if is_carry_over else self._count_verdicts(rows)
        calls = add_local_day(calls, self.spec.tz)
        columns = [c for c in calls.columns if c not in CODED]
        self.no_rows = calls.select(columns).clear()
        days = calls["day"].value_counts(name="calls")
        self.days.append(days.clear() if is_carry_over else days)
        counts = [count for count in self.counts if not (self.has_keys and count == "n_out")]
        self.sums.add(calls, counts=counts)
        self.traffic.add(calls)
        if "redirecting_number" in self.spec.columns:
            is_forwarded = pl.col("redirecting_number").is_not_null()
            self.forwarded.append(calls.select(columns).filter(is_forwarded))
        self.long.append(calls.select(columns).filter(pl.col("duration_s") >= legs.LONG_S))
        return calls

    def merge_repeats(self, rows: pl.DataFrame) -> None:
        """Replace the counts of rows by those of merged calls; they have their ``day``.

        They are all rows that have one of ``repeat_keys``, and were counted.
        """
        unique = deduplicate.drop_duplicates(rows.lazy(), self.spec.columns).collect()
        merged = self._merge(unique)
        self.traffic.add(rows, sign=-1)
        self.traffic.add(merged)
        self._replace(self.sums, rows, merged)
        self.duplicates += rows.height - unique.height
        self.partial += unique.height - merged.height
        self.repeats.append(rows)

    def correct(self, sums: profile.ProfileSums) -> None:
        """Replace the repeats in other sums of the same rows."""
        for rows in self.repeats:
            self._replace(sums, rows, self._merge(rows))

    def _replace(self, sums: profile.ProfileSums, rows: pl.DataFrame, merged: pl.DataFrame) -> None:
        sums.add(rows, sign=-1, counts=self.counts)
        sums.add(merged, counts=self.counts)

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return all counts but the sums of PROFILE, by name, for add_table() of another tally."""
        totals = {name: [getattr(self, name)] for name in TOTALS}
        verdicts = {"verdict": list(self.verdicts), "rows": list(self.verdicts.values())}
        frames = {name: pl.concat(getattr(self, name)) for name in FRAMES if getattr(self, name)}
        return {
            **frames,
            "traffic": self.traffic.counts(),
            "verdicts": pl.DataFrame(verdicts, schema={"verdict": pl.Int64, "rows": pl.Int64}),
            "totals": pl.DataFrame(totals),
        }

    def add_table(self, name: str, frame: pl.DataFrame) -> None:
        """Add one of the tables() of another tally."""
        if name in FRAMES:
            getattr(self, name).append(frame)
        elif name == "traffic":
            self.traffic.add_counts(frame)
        elif name == "verdicts":
            self.verdicts.update(dict(frame.iter_rows()))
        else:
            (totals,) = frame.iter_rows(named=True)
            for total, other in totals.items():
                own = getattr(self, total)
                setattr(self, total, own or other if isinstance(own, bool) else own + other)

    def first_look(
        self, profiles: Iterator[pl.DataFrame], n_callers: Mapping[date, int]
    ) -> FirstLook:
        """Return the counts as FirstLook, with these ``profiles`` and ``n_callers``."""
        days = pl.concat([NO_DAYS, *self.days])
        quarters = pl.concat(self.quarters) if self.quarters else None
        return FirstLook(
            verdicts=self.verdicts,
            days=days.group_by("day").agg(pl.col("calls").sum()).sort("day"),
            profiles=profiles,
            n_callers=n_callers,
            forwarded=self._forwarded(),
            traffic=self.traffic.table(),
            long=self._long(),
            repeat_keys=self.repeat_keys,
            rows_by_hour=None if quarters is None else volume.sum_by_hour(quarters, self.spec.tz),
            **{name: getattr(self, name) for name in TOTALS},
        )

    def _count_verdicts(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Count the rows by verdict, and return the valid ones."""
        calls = rows if rows["valid"].all() else rows.filter("valid")
        invalid = rows.clear() if calls.height == rows.height else rows.filter(~pl.col("valid"))
        self.verdicts[0] += calls.height
        verdicts = validate.verdicts(invalid, self.spec.max_duration_s)
        self.verdicts.update(dict(verdicts.value_counts().iter_rows()))
        self.has_unanswered = self.has_unanswered or bool((calls["duration_s"] == 0).any())
        self.has_talk = self.has_talk or bool((calls["duration_s"] > 0).any())
        caller, parties = pl.col("calling_number"), pl.col(PARTIES)
        if self.spec.as_text:
            is_number, is_name = caller.str.starts_with("+"), pl.lit(value=False)
        else:
            is_number, is_name = caller > 0, pl.any_horizontal(numbering.is_named(parties))
        self.has_numbers = self.has_numbers or calls.select(is_number.any()).item()
        self.has_names = self.has_names or calls.select(is_name.any()).item()
        return calls.drop(MARKS)

    def _merge(self, calls: pl.DataFrame) -> pl.DataFrame:
        merged = deduplicate.merge_calls(calls.drop("day").lazy(), self.spec.columns).collect()
        return add_local_day(merged, self.spec.tz)

    def _long(self) -> pl.DataFrame:
        # Partial records of a call that may be long.
        calls = self._without_repeats(self.long, pl.col("duration_s") >= legs.PART_S)
        return legs.long_calls(calls) if calls.height else empty(LONG_CALLS, self.spec.line_type)

    def _forwarded(self) -> pl.DataFrame:
        if "redirecting_number" not in self.spec.columns:
            none = self.no_rows.with_columns(redirecting_number=pl.col("calling_number"))
            return legs.forwarded_legs(none)
        forwarded = pl.col("redirecting_number").is_not_null()
        return legs.forwarded_legs(self._without_repeats(self.forwarded, forwarded))

    def _without_repeats(self, frames: list[pl.DataFrame], condition: pl.Expr) -> pl.DataFrame:
        """Return the rows of frames, with merged calls for those that repeat others.

        These are made of the repeats of which ``condition`` holds.
        """
        calls = pl.concat([self.no_rows, *frames], how="diagonal_relaxed")
        if not self.repeats:
            return calls
        rest = calls.filter(~pl.col("key").is_in(self.repeat_keys.implode()))
        merged = self._merge(pl.concat(self.repeats).filter(condition))
        return pl.concat([rest, merged], how="diagonal_relaxed")
