"""What has been counted of a feed so far, part by part."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.engines import legs, profile
from cdr_anomaly.engines.base import FirstLook
from cdr_anomaly.engines.traffic import Traffic
from cdr_anomaly.ingest import add_local_day, deduplicate, validate
from cdr_anomaly.schema import LONG_CALLS, empty

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date, datetime

    from cdr_anomaly.ingest import Source

NO_DAYS = pl.DataFrame(schema={"day": pl.Date, "calls": pl.UInt32})
MARKS = ("valid", "uncoded", "misread")
FRAMES = ("days", "forwarded", "long")
FACTS = ("unanswered", "talk", "uncoded", "misread", "numbers", "duplicates", "partial")


class Kind(NamedTuple):
    """What kind of feed is counted: its columns, its zone, how lines are carried, what is absurd.

    ``counts`` names what TRAFFIC is counted of, ``abroad`` tells which lines are presented as
    foreign.
    """

    columns: frozenset[str]
    tz: str
    line: pl.DataType
    max_duration_s: int
    counts: frozenset[str]
    abroad: pl.Expr

    @classmethod
    def of(cls, source: Source, counts: Collection[str]) -> Kind:
        """Say what kind of feed a source is."""
        abroad = numbering.is_abroad(pl.col("line"), source.plan, as_text=source.as_text)
        return cls(
            frozenset(source.columns),
            source.tz,
            source.line_type,
            source.settings.max_duration_s,
            frozenset(counts),
            abroad,
        )

    @property
    def as_text(self) -> bool:
        """Whether lines are carried as text."""
        return self.line == pl.String

    def traffic(self) -> Traffic:
        """Begin a count of TRAFFIC."""
        return Traffic(self.counts, self.columns, self.abroad)


class Tally:
    """Counts of the rows of a feed, part by part; repeats among them are mended."""

    def __init__(self, kind: Kind, sums: profile.Sums) -> None:
        self.kind = kind
        self.sums = sums
        self.traffic = kind.traffic()
        self.verdicts: Counter[int] = Counter()
        self.days: list[pl.DataFrame] = []
        self.forwarded: list[pl.DataFrame] = []
        self.long: list[pl.DataFrame] = []
        self.alike: list[pl.Series] = []
        self.open = pl.DataFrame()
        self.unanswered = self.talk = self.uncoded = self.misread = False
        self.numbers = not kind.as_text
        self.duplicates = self.partial = 0

    def take(self, rows: pl.DataFrame, *, until: datetime | None, counted: bool) -> None:
        """Add up one part's rows; a repeat of a row from ``until`` on may yet come.

        Rows that are ``counted`` as rows of the feed already are not counted as such again.
        """
        used = self.used(rows, counted=counted)
        ordered = used["key"].sort()
        one_day = used["day"].n_unique() == 1 and not self.kind.as_text
        self.count(used, placed=deduplicate.count_calls(ordered) if one_day else None)
        before = self.open if self.open.height else used.clear()
        alike = pl.concat(
            [deduplicate.repeated_keys(ordered), deduplicate.common_keys(before["key"], ordered)]
        )
        self.alike.append(alike)
        still_open = deduplicate.may_continue_after(until)
        waiting = pl.concat([before.filter(still_open), used.filter(still_open)])
        if len(alike):
            repeat = pl.col("key").is_in(alike.implode())
            once = self.mend(before.filter(repeat), used.filter(repeat))
            waiting = pl.concat([waiting.filter(~repeat), once.filter(still_open)])
        self.open = waiting

    def used(self, rows: pl.DataFrame, *, counted: bool) -> pl.DataFrame:
        """Keep the rows that are used, with their ``day``; count the rows by verdict and by day."""
        used = add_local_day(rows.drop(MARKS) if counted else self._sound(rows), self.kind.tz)
        days = used["day"].value_counts(name="calls")
        self.days.append(days.clear() if counted else days)
        return used

    def count(self, used: pl.DataFrame, *, placed: pl.DataFrame | None = None) -> None:
        """Count used rows as if each were a call of its own; ``placed`` is as in Sums.add."""
        self.sums.add(used, placed=placed)
        self.traffic.add(used)
        if "redirecting_number" in self.kind.columns:
            self.forwarded.append(used.filter(pl.col("redirecting_number").is_not_null()))
        self.long.append(used.filter(pl.col("duration_s") >= legs.LONG_S))

    def mend(self, before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
        """Take rows that may repeat out of the count, count them mended, and keep each once.

        The rows ``before`` are of earlier parts, and were counted as mended as they then could be:
        that count, too, is taken back.
        """
        # Parts of a call that may be long as a whole.
        parts = pl.col("duration_s") >= legs.PART_S
        self.long += [before.filter(parts), now.filter(parts)]
        columns = self.kind.columns
        unique = deduplicate.drop_duplicates(pl.concat([before, now]).lazy(), columns).collect()
        settled, taken_back = self._mended(unique), self._mended(before)
        for counted in (self.sums, self.traffic):
            counted.add(now, sign=-1)
            counted.add(taken_back, sign=-1)
            counted.add(settled)
        self.duplicates += before.height + now.height - unique.height
        merged_before = before.height - taken_back.height
        self.partial += unique.height - settled.height - merged_before
        return unique.select(now.columns)

    def told(self) -> dict[str, pl.DataFrame]:
        """Return all that was counted but for the sums, by name, for another tally to take."""
        facts = {fact: [getattr(self, fact)] for fact in FACTS}
        verdicts = {"verdict": list(self.verdicts), "rows": list(self.verdicts.values())}
        frames = {name: pl.concat(getattr(self, name)) for name in FRAMES if getattr(self, name)}
        return {
            **frames,
            "traffic": self.traffic.counts(),
            "verdicts": pl.DataFrame(verdicts, schema={"verdict": pl.Int64, "rows": pl.Int64}),
            "facts": pl.DataFrame(facts),
        }

    def take_told(self, name: str, frame: pl.DataFrame) -> None:
        """Take a part of what another tally has told."""
        if name in FRAMES:
            getattr(self, name).append(frame)
        elif name == "traffic":
            self.traffic.take(frame)
        elif name == "verdicts":
            self.verdicts.update(dict(frame.iter_rows()))
        else:
            (facts,) = frame.iter_rows(named=True)
            for fact in FACTS:  # a bool is a number, and what is told of any part is told of all
                mine, its = getattr(self, fact), facts[fact]
                setattr(self, fact, mine or its if isinstance(mine, bool) else mine + its)

    def look(self, profiles: Iterator[pl.DataFrame], callers: Mapping[date, int]) -> FirstLook:
        """Give what was counted; ``profiles`` and the ``callers`` in them are passed on."""
        forwarded, days = self._forwarded(), pl.concat([NO_DAYS, *self.days])
        return FirstLook(
            verdicts=self.verdicts,
            days=days.group_by("day").agg(pl.col("calls").sum()).sort("day"),
            profiles=profiles,
            callers=callers,
            forwarded=forwarded,
            traffic=self.traffic.table(),
            long=self._long(),
            unanswered=self.unanswered,
            talk=self.talk,
            numbers=self.numbers,
            uncoded=self.uncoded,
            misread=self.misread,
            alike=pl.concat([pl.Series(dtype=pl.Int64), *self.alike]).unique(),
            duplicates=self.duplicates,
            partial=self.partial,
        )

    def _sound(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Keep the rows that are used, and count them and the others by verdict."""
        used = rows if rows["valid"].all() else rows.filter("valid")
        bad = rows.clear() if used.height == rows.height else rows.filter(~pl.col("valid"))
        self.verdicts[0] += used.height
        why = validate.verdicts(bad, self.kind.max_duration_s)
        self.verdicts.update(dict(why.value_counts().iter_rows()))
        self.uncoded |= bool(rows["uncoded"].any())
        self.misread |= bool(rows["misread"].any())
        self.unanswered = self.unanswered or bool((used["duration_s"] == 0).any())
        self.talk = self.talk or bool((used["duration_s"] > 0).any())
        if not self.numbers:
            self.numbers = bool(used["calling_number"].str.starts_with("+").any())
        return used.drop(MARKS)

    def _mended(self, calls: pl.DataFrame) -> pl.DataFrame:
        whole = deduplicate.merge_calls(calls.drop("day").lazy(), self.kind.columns).collect()
        return add_local_day(whole, self.kind.tz)

    def _long(self) -> pl.DataFrame:
        calls = pl.concat([self.open.clear(), *self.long], how="diagonal_relaxed")
        if calls.is_empty():
            return empty(LONG_CALLS, self.kind.line)
        return legs.long(self._mended(calls) if any(map(len, self.alike)) else calls)

    def _forwarded(self) -> pl.DataFrame:
        calls = pl.concat([self.open.clear(), *self.forwarded], how="diagonal_relaxed")
        if "redirecting_number" not in self.kind.columns:
            calls = calls.with_columns(redirecting_number=pl.col("calling_number"))
        if self.duplicates or self.partial:
            calls = self._mended(calls)
        return legs.forwarded(calls)
