"""People who are handed over from one line to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import significance, wording
from cdr_anomaly.detectors.base import STRICT, Detector, ladder, no_findings, setting

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables

SHOWN = 20
CLOSER, OPENER = "closer", "opener"


@dataclass(frozen=True, config=STRICT)
class HandOff(Detector):
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

    people: int = setting(3, "people handed over to a line on a day that make a finding", ge=2)
    opened: int = setting(2, "people that an opener had handed over, from which it is found", ge=1)
    talk_s: int = setting(60, "seconds of talk with the opener, at least", ge=1)
    within_s: int = setting(900, "seconds after that talk in which the closer calls", ge=1, le=3600)
    overlap_s: int = setting(120, "seconds before its end in which it may call", ge=0, le=3600)
    fdr: float = setting(0.01, "false-discovery rate over all lines tested", gt=0, le=0.5)

    def reached_from(self) -> int:
        return self.talk_s

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
        pairs = self._pairs(calls, talks).collect()
        if pairs.is_empty():
            return no_findings()
        found = self._tested(pairs, calls, talks, tables.tz).lazy()
        handed = (
            pairs.lazy()
            .filter("handed")
            .join(found, on=["closer", "day"])
            .sort("at", "ended", "opener", "person")
        )
        return pl.concat([self._closers(tables, handed), self._openers(tables, handed)])

    def _pairs(self, calls: pl.LazyFrame, talks: pl.LazyFrame) -> pl.LazyFrame:
        """Put each talk beside every answered call of another line to the same person that day."""
        called = calls.select("person", "day", closer="line", at="start")
        after = (pl.col("at") - pl.col("ended")).dt.total_seconds(fractional=True)
        inside = (after > -self.overlap_s) & (after <= self.within_s)
        return (
            talks.join(called, on=["person", "day"])
            .filter(pl.col("closer") != pl.col("opener"))
            .with_columns(handed=inside & (pl.col("at") > pl.col("begun")))
        )

    def _tested(
        self, pairs: pl.DataFrame, calls: pl.LazyFrame, talks: pl.LazyFrame, tz: str
    ) -> pl.DataFrame:
        """Find the closers of each day: how many people they were handed, of how many, with p, q.

        Those that were handed fewer than ``people`` count as tested, with a p of 1.
        """
        by = ["closer", "day"]
        each = pairs.group_by(*by, "person").agg(pl.col("handed").any(), n_pairs=pl.len())
        counts = each.group_by(by).agg(
            n_people=pl.col("handed").sum().cast(pl.Int64), n_both=pl.len().cast(pl.Int64)
        )
        tested = counts.group_by("day").agg(n_tested=pl.len().cast(pl.Int64))
        enough = counts.filter(pl.col("n_people") >= self.people).join(tested, on="day")
        own = pairs.join(enough, on=by, how="semi").lazy()
        chance = self._chance(each, _meeting(own, calls, talks, tz).collect())
        judged = enough.join(chance, on=by).sort("day", "closer")
        columns = (judged[name].to_numpy() for name in ("n_people", "n_both", "chance"))
        with_p = judged.with_columns(
            p_value=significance.binomial_tail(*columns),
            expected=pl.col("n_both") * pl.col("chance"),
        )
        with_q = significance.by_day(with_p, pl.first("n_tested"))
        return with_q.filter(pl.col("q_value") <= self.fdr)

    def _chance(self, each: pl.DataFrame, meeting: pl.DataFrame) -> pl.DataFrame:
        """Give the chance that one person is handed to a closer, the mean of all its people.

        It is rounded, as a sum's last digit depends on the order of rows.
        """
        width = self.within_s + self.overlap_s
        one = pl.max_horizontal(width / 3600 * pl.col("meeting"), width / 86_400)
        chance = 1 - (1 - one.clip(upper_bound=1.0)) ** pl.col("n_pairs")
        whole = each.join(meeting, on=["closer", "day"])
        return whole.group_by("closer", "day").agg(chance=chance.mean().round(12))

    def _closers(self, tables: Tables, handed: pl.LazyFrame) -> pl.LazyFrame:
        people = handed.unique(["closer", "day", "person"], keep="first", maintain_order=True)
        found = people.group_by("closer", "day", maintain_order=True).agg(
            pl.col("n_people", "n_both", "expected", "p_value", "q_value", "n_tested").first(),
            others=pl.col("opener").unique().sort(),
            timeline=self._timeline(tables),
        )
        severity = ladder({"critical": pl.col("n_people") >= 3 * self.people}, default="high")
        reason = wording.format_text(
            "called {} people (limit {}) within {} after other lines had talked to them for {} "
            "seconds or more, of {} that answered both on {}; {} expected by chance",
            "n_people",
            pl.lit(self.people),
            pl.lit(_minutes(self.within_s)),
            pl.lit(self.talk_s),
            "n_both",
            "day",
            pl.col("expected").round(1),
        )
        figures = ("n_both", "expected", "q_value", "n_tested")
        return self._found(
            tables,
            found.with_columns(role=pl.lit(CLOSER)),
            "closer",
            figures,
            severity=severity,
            observed=pl.col("n_people"),
            threshold=self.people,
            p_value=pl.col("p_value"),
            reason=reason,
            would_clear_if=f"fewer than {self.people} people handed over, or as many by chance",
        )

    def _openers(self, tables: Tables, handed: pl.LazyFrame) -> pl.LazyFrame:
        pairs = handed.unique(["opener", "day", "person"], keep="first", maintain_order=True)
        found = pairs.group_by("opener", "day", maintain_order=True).agg(
            n_opened=pl.len().cast(pl.Int64),
            others=pl.col("closer").unique().sort(),
            timeline=self._timeline(tables),
        )
        found = found.filter(pl.col("n_opened") >= self.opened).with_columns(role=pl.lit(OPENER))
        reason = wording.format_text(
            "talked to {} people (limit {}) for {} seconds or more on {} whom another line called "
            "within {} after it, as it called others: {}",
            "n_opened",
            pl.lit(self.opened),
            pl.lit(self.talk_s),
            "day",
            pl.lit(_minutes(self.within_s)),
            pl.col("others").list.eval(tables.written(pl.element())).list.join(", "),
        )
        return self._found(
            tables,
            found,
            "opener",
            (),
            severity=pl.lit("high"),
            observed=pl.col("n_opened"),
            threshold=self.opened,
            reason=reason,
            would_clear_if=f"fewer than {self.opened} people handed over to a line that is found",
        )

    def _found(
        self,
        tables: Tables,
        found: pl.LazyFrame,
        line: str,
        figures: tuple[str, ...],
        **told: pl.Expr | str | float | None,
    ) -> pl.LazyFrame:
        """Shape what is found of closers or of openers; a line and its ``others`` are members."""
        members = pl.concat_list(pl.col(line), "others").list.unique().list.sort()
        return self.finding(
            found,
            subject=tables.written(pl.col(line)),
            day=pl.col("day"),
            members=members.list.eval(tables.written(pl.element())),
            window_start=tables.opens(pl.col("day")),
            window_end=tables.closes(pl.col("day")),
            evidence=pl.struct("role", *figures, "timeline"),
            **told,
        )

    @staticmethod
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
        return row.head(SHOWN)


def _meeting(
    pairs: pl.LazyFrame, calls: pl.LazyFrame, talks: pl.LazyFrame, tz: str
) -> pl.LazyFrame:
    """Multiply and sum the shares by hour of a closer's calls and of its openers' talks' ends."""
    by = ["closer", "day"]
    openers = pairs.select(*by, "opener").unique()
    ends = openers.join(talks.select("opener", "day", at="ended"), on=["opener", "day"])
    own = calls.select("day", closer="line", at="start")
    hour = pl.col("at").dt.convert_time_zone(tz).dt.hour()
    one, other = (
        rows.group_by(*by, hour=hour)
        .agg(n=pl.len())
        .with_columns(share=pl.col("n") / pl.col("n").sum().over(by))
        for rows in (ends, own.join(openers, on=by, how="semi"))
    )
    both = one.join(other, on=[*by, "hour"], how="left")
    product = pl.col("share") * pl.col("share_right").fill_null(0.0)
    return both.group_by(by).agg(meeting=product.sum().round(12))


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"
