"""Lines that call strangers in bursts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.high_frequency import reasons, signs
from cdr_anomaly.detectors.high_frequency.settings import HighFrequencySettings
from cdr_anomaly.detectors.phrases import baseline_sentence, percent
from cdr_anomaly.features import peer_measures
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.peer_measures import Measure
from cdr_anomaly.wording import sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables

RELIEF_WEIGHT = Grading(2, "signs for attention that one against makes up for")
MEDIUM_SIGNS = Grading(2, "signs, less those against, that make it medium")
HIGH_SIGNS = Grading(4, "signs, less those against, that make it high")
ADVERSE_TIMES = Grading(2, "times a limit, which support more than low by themselves")
GRADINGS = (RELIEF_WEIGHT, MEDIUM_SIGNS, HIGH_SIGNS, ADVERSE_TIMES)


@dataclass(frozen=True, config=STRICT)
class HighFrequency(HighFrequencySettings):
    """A line that places many calls in little time, mostly to different numbers, and gets few.

    On a day with ``calls_day`` or more placed calls: ``calls_10min`` in 10 minutes, or
    ``calls_60min`` in 60, or ``calls_day_alone`` in the day; windows reach back over midnight.
    A day on which 60 minutes with ``calls_day`` calls end is such a day, too: calls about midnight
    are found on the second day, as they would be an hour earlier on the first. Of these calls a
    share of ``distinct_ratio`` must go to different numbers, and ``out_share`` of all its calls
    must be outgoing.

    Volume alone accuses nobody: couriers, riders, estate agents and schools have it too. So signs
    are counted. For attention: hardly anyone calls back; nearly all outgoing and to different
    numbers; half unanswered, or many answered for less than 10 s; far above the line's own past,
    or a new line; a mobile that hardly moves between cells. Against it, each counting twice:
    people call back (some of them: once); most answer; most answer and talk for a minute;
    numbers that it called on busy days before; and, where somebody does call back, many cells, or
    no more than its own past. The difference makes it low, medium from 2, high from 4; medium also
    takes that calls are not wanted, or that the line is new or far above its past, or twice a
    limit. A sign whose column is missing, or whose past is not known, does not count. The past is
    28 days that end 8 days before: it takes two weeks of feed.

    Sample: placed 44 calls in 60 minutes to 2026-05-03 10:12 (limit 30), 96 on the day, 97 % to
    different numbers, 100 % of its calls outgoing; usual for this line 3 a day; for attention:
    0 % called back, 62 % unanswered; against: none
    """

    name: ClassVar[str] = "high_frequency"
    title: ClassVar[str] = "high-frequency callers"
    family: ClassVar[str] = "volume"
    fixed_limit: ClassVar[bool] = False
    measures: ClassVar[Mapping[str, tuple[Measure, ...]]] = peer_measures.MEASURES
    limits: ClassVar[tuple[str, ...]] = ("calls_10min", "calls_60min", "calls_day_alone")
    story_limits: ClassVar[Mapping[str, str]] = {
        "calls_10min": "peak_10min",
        "calls_60min": "peak_60min",
        "calls_day_alone": "n_out",
    }
    gradings: ClassVar[tuple[Grading, ...]] = GRADINGS

    def needs(self) -> Needs:
        return Needs(
            calls_day=self.calls_day,
            out_share=self.out_share,
            burst_calls=self.calls_day,
            busy_calls=self.calls_day,
        )

    def find(self, tables: Tables) -> pl.LazyFrame:
        limits = self._limits().items()
        shares = {f"share_{name}": pl.col(name) / limit for name, limit in limits}
        most = pl.max_horizontal(*shares.values())
        # Columns, not expressions: Polars divides a frame of one row otherwise than one of several,
        # and the last bit of a share that is worked out again may be another one.
        busy = self._busy(tables, most >= 1).with_columns(**shares)
        busy = busy.with_columns(most=pl.max_horizontal(*shares))
        # Which limit was exceeded most: the reason, the window and the numbers are of that one.
        top = {name: pl.col("most") == pl.col(f"share_{name}") for name, _ in limits}
        concerns, reliefs = signs.concerns(self, tables), signs.reliefs(self, tables)
        share = signs.call_back_share()
        some = share.is_between(self.few_call_backs, self.many_call_backs, "left")
        weight = int(RELIEF_WEIGHT) * signs.count(reliefs) + some.cast(pl.Int64)
        unlike = [concerns[name].holds for name in ("unanswered", "short", "past", "new")]
        adverse = pl.any_horizontal(pl.col("most") >= ADVERSE_TIMES, *unlike)
        adverse = adverse.fill_null(value=False)
        ends = {name: pl.col(f"{name}_end") for name in ("peak_10min", "peak_60min")}
        starts = {
            "peak_10min": ends["peak_10min"] - timedelta(minutes=10),
            "peak_60min": ends["peak_60min"] - timedelta(minutes=60),
            "n_out": tables.opens(pl.col("day")),
        }
        numbers = {name: pl.lit(limit) for name, limit in self._limits().items()}
        return self.finding(
            tables,
            busy.with_columns(score=signs.count(concerns) - weight),
            window_start=_pick(top, starts),
            window_end=_pick(top, ends | {"n_out": pl.col("last_out")}),
            severity=ladder(
                {
                    "high": adverse & (pl.col("score") >= HIGH_SIGNS),
                    "medium": adverse & (pl.col("score") >= MEDIUM_SIGNS),
                },
                "low",
            ),
            observed=_pick(top, {name: pl.col(name) for name in numbers}),
            threshold=_pick(top, numbers),
            baseline=pl.col("usual"),
            reason=sentence(
                "high_frequency.calls",
                "placed {peak}, {distinct} % to different numbers, {outgoing} % of its calls "
                "outgoing; {usual}; for attention: {concerns}; against: {reliefs}",
                peak=reasons.peak_sentence(self, tables, top),
                distinct=percent(pl.col("n_distinct"), pl.col("n_out")),
                outgoing=percent(pl.col("n_out"), pl.col("n_out") + pl.col("n_in")),
                usual=baseline_sentence(),
                concerns=signs.joined(concerns),
                reliefs=signs.joined(reliefs),
            ),
            would_clear_if=reasons.clear_sentence(self, tables, top),
            evidence=pl.struct(*signs.EVIDENCE, pl.col("past_z").round(2)),
        )

    def tests(self, tables: Tables) -> pl.LazyFrame:
        return self.compared(
            peer_measures.add_measures(
                self._busy(tables), two_way=tables.two_way, attempts=tables.feed.attempts
            )
        )

    def _limits(self) -> dict[str, int]:
        return {
            "peak_10min": self.calls_10min,
            "peak_60min": self.calls_60min,
            "n_out": self.calls_day_alone,
        }

    def _busy(self, tables: Tables, *more: pl.Expr) -> pl.LazyFrame:
        """Return MEASURES of the busy days, with the class of each line and its birth."""
        days = tables.measures.filter(
            pl.max_horizontal("n_out", "peak_60min") >= self.calls_day,
            pl.col("n_distinct") / pl.col("n_out") >= self.distinct_ratio,
            self._mostly_outgoing(),
            *more,
        )
        return days.join(tables.lines.select("line", "number_class", "born"), on="line", how="left")

    def _mostly_outgoing(self) -> pl.Expr:
        return pl.col("n_out") / (pl.col("n_out") + pl.col("n_in")) >= self.out_share


def _pick(top: Mapping[str, pl.Expr], values: Mapping[str, pl.Expr]) -> pl.Expr:
    """Return the value of the first measure that exceeds its limit most."""
    return pl.coalesce(pl.when(holds).then(values[name]) for name, holds in top.items())
