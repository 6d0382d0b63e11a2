"""Lines that call strangers in bursts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import wording
from cdr_anomaly.detectors.base import STRICT, Detector, ladder, percent, setting, usual_sentence
from cdr_anomaly.engines.profile import NeededLines
from cdr_anomaly.features import peer_measures
from cdr_anomaly.features.peer_measures import FIXED_CLASSES, MIN_ANSWERED, NEW_DAYS, Measure

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables


@dataclass(frozen=True, config=STRICT)
class HighFrequency(Detector):
    """A line that places many calls in little time, mostly to different numbers, and gets few.

    On a day with ``calls_day`` or more placed calls: ``calls_10min`` in 10 minutes, or
    ``calls_60min`` in 60, or ``calls_day_alone`` in the day; windows reach back over midnight.
    Of these calls a share of ``distinct_ratio`` must go to different numbers, and ``out_share``
    of all its calls must be outgoing.

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
    drawn: ClassVar[Mapping[str, str]] = {
        "calls_10min": "peak_10min",
        "calls_60min": "peak_60min",
        "calls_day_alone": "n_out",
    }

    calls_day: int = setting(30, "placed calls that a day must have to be judged", ge=1)
    calls_10min: int = setting(12, "calls in any 10 minutes that make a finding", ge=1)
    calls_60min: int = setting(30, "calls in any 60 minutes that make a finding", ge=1)
    calls_day_alone: int = setting(200, "calls in a day that need no peak", ge=1)
    distinct_ratio: float = setting(0.5, "least share of different numbers", ge=0, le=1)
    out_share: float = setting(0.7, "least share of outgoing among all its calls", ge=0, le=1)
    strict_distinct: float = setting(0.8, "share of different numbers that is a sign", ge=0, le=1)
    strict_out_share: float = setting(0.9, "share of outgoing calls that goes with it", ge=0, le=1)
    few_call_backs: float = setting(
        0.05, "share that calls back, below which is a sign", ge=0, le=1
    )
    many_call_backs: float = setting(0.15, "share from which it speaks against", ge=0, le=1)
    unanswered: float = setting(0.5, "share unanswered that is a sign", ge=0, le=1)
    short: float = setting(0.3, "share of the answered under 10 s that is a sign", ge=0, le=1)
    mostly_answered: float = setting(0.7, "share answered that speaks against", ge=0, le=1)
    talk_s: int = setting(60, "mean seconds of talk that speak against, if most answer", ge=1)
    talk_answered: float = setting(0.6, "share answered that goes with it", ge=0, le=1)
    far_z: float = setting(6.0, "robust distance from the own past that is a sign", ge=0)
    near_z: float = setting(3.0, "distance within which the past speaks against", ge=0)
    few_cells: int = setting(2, "cells, up to which staying put is a sign", ge=1)
    many_cells: int = setting(5, "cells from which moving about speaks against", ge=2)
    familiar: float = setting(0.3, "share called on earlier busy days, speaks against", ge=0, le=1)

    def remembers(self) -> int:
        return self.calls_day

    def least(self) -> NeededLines:
        return NeededLines(n_out=self.calls_day)

    def watch(self) -> pl.Expr:
        return pl.col("n_out") >= self.calls_day

    def worth(self) -> pl.Expr:
        return self.watch() & self._mostly_outgoing()

    def find(self, tables: Tables) -> pl.LazyFrame:
        limits = {
            "peak_10min": self.calls_10min,
            "peak_60min": self.calls_60min,
            "n_out": self.calls_day_alone,
        }
        excess = {name: pl.col(name) / limit for name, limit in limits.items()}
        most = pl.max_horizontal(*excess.values())
        judged = (
            tables.measures.filter(
                pl.col("n_out") >= self.calls_day,
                most >= 1,
                pl.col("n_distinct") / pl.col("n_out") >= self.distinct_ratio,
                self._mostly_outgoing(),
            )
            .join(tables.lines.select("line", "number_class", "born"), on="line", how="left")
            .with_columns(most=most)
        )
        # Which limit was exceeded most: the reason, the window and the numbers are of that one.
        top = {name: pl.col("most") == share for name, share in excess.items()}
        concerns, reliefs = self._concerns(tables), self._reliefs(tables)
        some = self._called_back().is_between(self.few_call_backs, self.many_call_backs, "left")
        score = _counted(concerns) - 2 * _counted(reliefs) - some.cast(pl.Int64)
        unlike = [concerns[sign][0] for sign in ("unanswered", "short", "past", "new")]
        adverse = pl.any_horizontal(pl.col("most") >= 2, *unlike).fill_null(value=False)
        return self.finding(
            judged.with_columns(score=score),
            subject=tables.written(pl.col("line")),
            day=pl.col("day"),
            window_start=_pick(
                top,
                {
                    "peak_10min": pl.col("peak_10min_end") - timedelta(minutes=10),
                    "peak_60min": pl.col("peak_60min_end") - timedelta(minutes=60),
                    "n_out": tables.opens(pl.col("day")),
                },
            ),
            window_end=_pick(
                top,
                {
                    "peak_10min": pl.col("peak_10min_end"),
                    "peak_60min": pl.col("peak_60min_end"),
                    "n_out": pl.col("last_out"),
                },
            ),
            severity=ladder(
                {
                    "high": adverse & (pl.col("score") >= 4),
                    "medium": adverse & (pl.col("score") >= 2),
                },
                "low",
            ),
            observed=_pick(top, {name: pl.col(name) for name in limits}),
            threshold=_pick(top, {name: pl.lit(limit) for name, limit in limits.items()}),
            baseline=pl.col("usual"),
            reason=self._reason(tables, top, limits, concerns, reliefs),
            would_clear_if=self._unless(tables, top, limits),
            evidence=pl.struct(
                "number_class",
                "score",
                "n_out",
                "n_in",
                "n_distinct",
                "n_answered",
                "n_short",
                "n_called_back",
                "n_mutual",
                "n_familiar",
                "n_cells",
                "n_handsets",
                "talk_s",
                "peak_10min",
                "peak_60min",
                "peak_24h",
                "past_days",
                pl.col("past_z").round(2),
            ),
        )

    def tests(self, tables: Tables) -> pl.LazyFrame:
        judged = tables.measures.filter(
            pl.col("n_out") >= self.calls_day,
            pl.col("n_distinct") / pl.col("n_out") >= self.distinct_ratio,
            self._mostly_outgoing(),
        )
        whole = judged.join(
            tables.lines.select("line", "number_class", "born"), on="line", how="left"
        )
        return self.compared(
            peer_measures.add_measures(whole, two_way=tables.two_way, attempts=tables.feed.attempts)
        )

    def _unless(
        self, tables: Tables, top: Mapping[str, pl.Expr], limits: Mapping[str, int]
    ) -> pl.Expr:
        fewer = {
            "peak_10min": f"fewer than {limits['peak_10min']} calls in 10 minutes",
            "peak_60min": f"fewer than {limits['peak_60min']} calls in 60 minutes",
            "n_out": f"fewer than {limits['n_out']} calls on the day",
        }
        back = f", or {self.many_call_backs:.0%} of the numbers calling back".replace("%", " %")
        texts = {
            name: pl.lit(text + (back if tables.two_way else "")) for name, text in fewer.items()
        }
        return _pick(top, texts)

    def _mostly_outgoing(self) -> pl.Expr:
        return pl.col("n_out") / (pl.col("n_out") + pl.col("n_in")) >= self.out_share

    @staticmethod
    def _called_back() -> pl.Expr:
        return pl.col("n_called_back") / pl.col("n_distinct")

    def _concerns(self, tables: Tables) -> dict[str, tuple[pl.Expr, pl.Expr]]:
        """Name the signs for attention: when each holds, and how it is said."""
        attempts, two_way = tables.feed.attempts, tables.two_way
        n_out, distinct = pl.col("n_out"), pl.col("n_distinct")
        back, answered = pl.col("n_called_back"), pl.col("n_answered")
        unwanted = (n_out - answered) / n_out >= self.unanswered
        short = (answered >= MIN_ANSWERED) & (pl.col("n_short") / answered >= self.short)
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        out = n_out / (n_out + pl.col("n_in"))
        return {
            "call_backs": (
                (back / distinct < self.few_call_backs) & two_way,
                wording.format_text("{} % called back", percent(back, distinct)),
            ),
            "strangers": (
                (distinct / n_out >= self.strict_distinct)
                & (out >= self.strict_out_share)
                & two_way,
                pl.lit("nearly all outgoing and to different numbers"),
            ),
            "unanswered": (
                unwanted & attempts,
                wording.format_text("{} % unanswered", percent(n_out - answered, n_out)),
            ),
            "short": (
                short & ~(unwanted & attempts),
                wording.format_text(
                    "{} % of the answered under 10 s", percent(pl.col("n_short"), answered)
                ),
            ),
            "past": (
                pl.col("past_z") >= self.far_z,
                wording.format_text("far above its usual (distance {})", pl.col("past_z").round(1)),
            ),
            "new": (
                age.is_between(0, NEW_DAYS),
                wording.format_text("a line new since {}", pl.col("born")),
            ),
            "cells": (
                # A fixed line or a service number has nowhere to go.
                pl.col("n_cells").is_between(1, self.few_cells)
                & ~pl.col("number_class").is_in(FIXED_CLASSES),
                wording.format_text("{} all day", _cells()),
            ),
        }

    def _reliefs(self, tables: Tables) -> dict[str, tuple[pl.Expr, pl.Expr]]:
        """Name the signs against: when each holds, and how it is said."""
        attempts = tables.feed.attempts
        n_out, distinct = pl.col("n_out"), pl.col("n_distinct")
        back, answered = pl.col("n_called_back"), pl.col("n_answered")
        somebody = back / distinct >= self.few_call_backs
        wanted = (answered / n_out >= self.mostly_answered) & attempts
        talk = pl.col("talk_s") / answered
        talks = (talk >= self.talk_s) & (answered / n_out >= self.talk_answered) & attempts
        return {
            "call_backs": (
                back / distinct >= self.many_call_backs,
                wording.format_text("{} % called back", percent(back, distinct)),
            ),
            "cells": (
                (pl.col("n_cells") >= self.many_cells) & somebody,
                _cells(),
            ),
            "answered": (
                wanted,
                wording.format_text("{} % answered", percent(answered, n_out)),
            ),
            "talk": (
                talks & ~wanted,
                wording.format_text(
                    "{} % answered, with {} s of talk on average",
                    percent(answered, n_out),
                    talk.round().cast(pl.Int64, strict=False),
                ),
            ),
            "past": (
                (pl.col("past_z") < self.near_z) & somebody,
                pl.lit("within its usual"),
            ),
            "familiar": (
                pl.col("n_familiar") / distinct >= self.familiar,
                wording.format_text(
                    "{} % called on busy days before", percent(pl.col("n_familiar"), distinct)
                ),
            ),
        }

    def _reason(
        self,
        tables: Tables,
        top: Mapping[str, pl.Expr],
        limits: Mapping[str, int],
        concerns: Mapping[str, tuple[pl.Expr, pl.Expr]],
        reliefs: Mapping[str, tuple[pl.Expr, pl.Expr]],
    ) -> pl.Expr:
        n_out, n_in = pl.col("n_out"), pl.col("n_in")
        peak = _pick(
            top,
            {
                "peak_10min": wording.format_text(
                    "{} calls in 10 minutes to {} (limit {}), {} on the day",
                    "peak_10min",
                    tables.local(pl.col("peak_10min_end")),
                    pl.lit(limits["peak_10min"]),
                    "n_out",
                ),
                "peak_60min": wording.format_text(
                    "{} calls in 60 minutes to {} (limit {}), {} on the day",
                    "peak_60min",
                    tables.local(pl.col("peak_60min_end")),
                    pl.lit(limits["peak_60min"]),
                    "n_out",
                ),
                "n_out": wording.format_text(
                    "{} calls on {} (limit {})", "n_out", "day", pl.lit(limits["n_out"])
                ),
            },
        )
        return wording.format_text(
            "placed {}, {} % to different numbers, {} % of its calls outgoing; {}; "
            "for attention: {}; against: {}",
            peak,
            percent(pl.col("n_distinct"), n_out),
            percent(n_out, n_out + n_in),
            usual_sentence(),
            _said(concerns),
            _said(reliefs),
        )


def _cells() -> pl.Expr:
    one = pl.col("n_cells") == 1
    return (
        pl.when(one)
        .then(pl.lit("1 cell"))
        .otherwise(wording.format_text("{} cells", pl.col("n_cells")))
    )


def _pick(top: Mapping[str, pl.Expr], values: Mapping[str, pl.Expr]) -> pl.Expr:
    """Take the value of the first measure that exceeds its limit most."""
    return pl.coalesce(pl.when(holds).then(values[name]) for name, holds in top.items())


def _counted(signs: Mapping[str, tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    return pl.sum_horizontal(
        holds.fill_null(value=False).cast(pl.Int64) for holds, _ in signs.values()
    )


def _said(signs: Mapping[str, tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    texts = [pl.when(holds.fill_null(value=False)).then(text) for holds, text in signs.values()]
    said = pl.concat_str(texts, separator=", ", ignore_nulls=True)
    return pl.when(said == "").then(pl.lit("none")).otherwise(said)
