"""People who are handed over from one line to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, no_findings
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.hand_off import chance
from cdr_anomaly.detectors.hand_off.settings import HandOffSettings
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.wording import Sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables

TIMELINE_ROWS = 20
CLOSER, OPENER = "closer", "opener"
CRITICAL_TIMES = Grading(3, "times `people` that make it critical")


@dataclass(frozen=True, config=STRICT)
class HandOff(HandOffSettings):
    """A line that calls people just after others had talked to them, more often than by chance.

    Whoever works a list opens, and hands those who stay over to somebody who closes: a first
    caller, then a "bank clerk". An opener is a line that calls strangers one way that day (as in
    campaign), and that talked to a person for ``talk_s`` seconds or more. A hand-off is an answered
    call of any other line to that person that begins up to ``within_s`` seconds after the end of
    that talk, or ``overlap_s`` before it. What is counted is people, once for each closer and day;
    it is found from ``people`` on, at a false-discovery rate of ``fdr`` over all lines whose call
    such a person answered that day: high, critical from three times as many. Openers are found,
    too, that had ``opened`` people or more handed over to a line that is found; a closer and its
    openers name each other, and become one alert.

    By chance a call of the closer falls into the window behind a talk as often as the hours of both
    say: the shares by hour of all such talks of its openers, and of all its answered calls to
    people that openers reached, multiplied and summed, times the length of the window; never less
    than if it called all day long. Who was called several times has as many chances.

    Hand-offs over midnight, on one handset, or days later are not seen. A hospital, or a clinic
    with its pharmacy, calls its own patients, who answer and call back: these are no openers. A
    licensed centre that hands on to its second level, and the warning centre that calls people
    after such a talk, do what this finds: declare them with --entities.

    Sample: called 7 people (limit 3) within 15 minutes after other lines had talked to them for 60
    seconds or more, of 8 that answered both on 2026-05-03; 0.3 expected by chance
    """

    name: ClassVar[str] = "hand_off"
    title: ClassVar[str] = "hand-offs"
    family: ClassVar[str] = "network"
    persistent: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = ("people",)
    gradings: ClassVar[tuple[Grading, ...]] = (CRITICAL_TIMES,)

    def needs(self) -> Needs:
        return Needs(talk_s=self.talk_s)

    def find(self, tables: Tables) -> pl.LazyFrame:
        calls = (
            tables.reached.filter(~pl.col("outgoing"), "answered")
            .select("day", "start", "duration_s", person="line", line="counterpart")
            .drop_nulls("line")
        )
        talks = (
            calls.filter(pl.col("duration_s") >= self.talk_s)
            .join(tables.cold_callers.select("line", "day"), on=["line", "day"], how="semi")
            .rename({"line": "opener", "start": "begun", "duration_s": "talk_s"})
            .with_columns(ended=pl.col("begun") + pl.duration(seconds="talk_s"))
        )
        pairs = chance.talk_call_pairs(self, calls, talks).collect()
        if pairs.is_empty():
            return no_findings()
        found = chance.unlikely_closers(self, pairs, calls, talks, tables.tz).lazy()
        handed = (
            pairs.lazy()
            .filter("handed")
            .join(found, on=["closer", "day"])
            .sort("at", "ended", "opener", "person")
        )
        return pl.concat([self._closers(tables, handed), self._openers(tables, handed)])

    def _closers(self, tables: Tables, handed: pl.LazyFrame) -> pl.LazyFrame:
        people = handed.unique(["closer", "day", "person"], keep="first", maintain_order=True)
        closers = people.group_by("day", line="closer", maintain_order=True).agg(
            pl.col("n_people", "n_both", "expected", "p_value", "q_value", "n_tested").first(),
            others=pl.col("opener").unique().sort(),
            timeline=_timeline(tables),
        )
        many = pl.col("n_people") >= CRITICAL_TIMES * self.people
        return self.finding(
            tables,
            closers,
            members=_members(tables),
            severity=ladder({"critical": many}, "high"),
            observed=pl.col("n_people"),
            threshold=self.people,
            p_value=pl.col("p_value"),
            reason=sentence(
                "hand_off.closer",
                "called {people} people (limit {limit}) within {span} after other lines had talked "
                "to them for {talk_s} seconds or more, of {both} that answered both on {day}; "
                "{expected} expected by chance",
                people="n_people",
                limit=self.people,
                span=_span(self.within_s),
                talk_s=self.talk_s,
                both="n_both",
                day="day",
                expected=pl.col("expected").round(1),
            ),
            would_clear_if=sentence(
                "hand_off.clear_closer",
                "fewer than {people} people handed over, or as many by chance",
                people=self.people,
            ),
            evidence=pl.struct(
                pl.lit(CLOSER).alias("role"),
                "n_both",
                "expected",
                "q_value",
                "n_tested",
                "timeline",
            ),
        )

    def _openers(self, tables: Tables, handed: pl.LazyFrame) -> pl.LazyFrame:
        people = handed.unique(["opener", "day", "person"], keep="first", maintain_order=True)
        openers = people.group_by("day", line="opener", maintain_order=True).agg(
            n_opened=pl.len().cast(pl.Int64),
            others=pl.col("closer").unique().sort(),
            timeline=_timeline(tables),
        )
        return self.finding(
            tables,
            openers.filter(pl.col("n_opened") >= self.opened),
            members=_members(tables),
            severity="high",
            observed=pl.col("n_opened"),
            threshold=self.opened,
            reason=sentence(
                "hand_off.opener",
                "talked to {people} people (limit {limit}) for {talk_s} seconds or more on {day} "
                "whom another line called within {span} after it, as it called others: {names}",
                people="n_opened",
                limit=self.opened,
                talk_s=self.talk_s,
                day="day",
                span=_span(self.within_s),
                names=pl.col("others").list.eval(tables.written(pl.element())).list.join(", "),
            ),
            would_clear_if=sentence(
                "hand_off.clear_opener",
                "fewer than {people} people handed over to a line that is found",
                people=self.opened,
            ),
            evidence=pl.struct(pl.lit(OPENER).alias("role"), "timeline"),
        )


def _members(tables: Tables) -> pl.Expr:
    """Return a line with the others of its hand-offs."""
    lines = pl.concat_list("line", "others").list.unique().list.sort()
    return lines.list.eval(tables.written(pl.element()))


def _timeline(tables: Tables) -> pl.Expr:
    """List the first hand-offs, with the numbers as they are written and local times."""
    row = pl.struct(
        person=tables.written(pl.col("person")),
        opener=tables.written(pl.col("opener")),
        closer=tables.written(pl.col("closer")),
        began=tables.local(pl.col("begun")),
        talk_s=pl.col("talk_s"),
        ended=tables.local(pl.col("ended")),
        called=tables.local(pl.col("at")),
    )
    return row.head(TIMELINE_ROWS)


def _span(seconds: int) -> Sentence:
    if seconds % 60 == 0:
        return sentence("hand_off.minutes", "{n} minutes", n=seconds // 60)
    return sentence("hand_off.seconds", "{n} seconds", n=seconds)
