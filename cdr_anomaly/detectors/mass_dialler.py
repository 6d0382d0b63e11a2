"""Lines that dial a thousand times a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.phrases import baseline_sentence, percent
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.numbering import classes_with
from cdr_anomaly.wording import first_sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables

DAY = timedelta(days=1)
WATCHED_CLASSES = classes_with(is_watched=True)
CRITICAL_TIMES = Grading(5, "times `calls` that make it critical")
TWO_WAY_SHARE = Grading(0.5, "calls received per call placed that make it medium")
USUAL_TIMES = Grading(2, "times its usual, up to which such a line stays low")


@dataclass(frozen=True, config=STRICT)
class MassDialler(Detector):
    """A line that places 1000 or more calls in a local day, or in any 24 hours.

    Attempts count whether answered or not; the 24 hours end at one of the day's calls, so a run
    through the night is found on the day on which it ends. Days with fewer than 30 calls (a tenth
    of the least limit, or what another detector calls busy) are left out of the 24 hours. The calls
    must go to 50 or more different numbers: a redial loop or an alarm panel calls few. A person at
    half a minute a call for eight hours reaches 960. From the case in which one fixed line dialled
    more than 1000 times a day.

    Below the limit there is a watch tier of severity low, that begins earlier for fixed and
    international numbers. Several calls under way at once are the mark of a gateway and make it
    critical. A line that receives half as many calls as it places is medium, and low where that is
    its usual. Licensed call centres, hospitals and broadcasts do the same: declare these lines.

    Sample: placed 1204 calls on 2026-05-03 (limit 1000) to 1180 different numbers; usual for this
    line 3 a day; 41 % answered, up to 4 under way at once
    """

    name: ClassVar[str] = "mass_dialler"
    title: ClassVar[str] = "mass diallers"
    family: ClassVar[str] = "volume"
    limits: ClassVar[tuple[str, ...]] = ("calls", "watch_calls", "watch_calls_fixed")
    story_limits: ClassVar[Mapping[str, str]] = {"calls": "n_out"}
    gradings: ClassVar[tuple[Grading, ...]] = (CRITICAL_TIMES, TWO_WAY_SHARE, USUAL_TIMES)

    calls: int = setting(1000, "calls in a local day or any 24 hours that make a finding", ge=1)
    distinct: int = setting(50, "different numbers that these calls must go to", ge=1)
    watch_calls: int = setting(500, "calls from which a line is on watch, severity low", ge=1)
    watch_calls_fixed: int = setting(300, "the same of fixed and international numbers", ge=1)
    under_way: int = setting(3, "calls under way at once that make a finding critical", ge=2)

    def needs(self) -> Needs:
        # Any 24 hours touch at most three local days (three when one of them has 23 hours).
        least = self._least()
        return Needs(calls_day=least, span_days=3, busy_calls=max(least // 10, 1))

    def find(self, tables: Tables) -> pl.LazyFrame:
        # A switchboard that is called as much as it calls, and as much as ever, has trunks, too.
        two_way = pl.col("n_in") >= TWO_WAY_SHARE * pl.col("n_out")
        as_ever = (pl.col("calls_seen") <= USUAL_TIMES * pl.col("usual")).fill_null(value=False)
        many = pl.col("calls_seen") >= CRITICAL_TIMES * self.calls
        severity = ladder(
            {
                "low": (pl.col("calls_seen") < self.calls) | (two_way & as_ever),
                "medium": two_way,
                "critical": many | (pl.col("peak_under_way") >= self.under_way),
            },
            default="high",
        )
        when = first_sentence(
            [(pl.col("by_day"), sentence("mass_dialler.on_day", "on {day}", day="day"))],
            sentence(
                "mass_dialler.in_24_hours",
                "in the 24 hours to {time}",
                time=tables.local(pl.col("window_end")),
            ),
        )
        return self.finding(
            tables,
            self._reached(tables),
            window_start=pl.col("window_start"),
            window_end=pl.col("window_end"),
            severity=severity,
            observed=pl.col("calls_seen"),
            threshold=pl.col("limit"),
            baseline=pl.col("usual"),
            reason=sentence(
                "mass_dialler.calls",
                "placed {calls} calls {when} (limit {limit}) to {numbers} different numbers; "
                "{usual}; {answered} % answered, up to {under_way} under way at once",
                calls="calls_seen",
                when=when,
                limit="limit",
                numbers="n_called",
                usual=baseline_sentence(),
                answered=percent(pl.col("n_answered"), pl.col("calls_seen")),
                under_way="peak_under_way",
            ),
            would_clear_if=sentence(
                "mass_dialler.clear",
                "fewer than {limit} calls in a day and in any 24 hours",
                limit="limit",
            ),
            evidence=pl.struct(
                "number_class",
                "n_called",
                "n_answered",
                "n_out",
                "n_in",
                "peak_10min",
                "peak_60min",
                "peak_24h",
                "peak_under_way",
                "past_days",
                first_out=tables.local(pl.col("first_out")),
                last_out=tables.local(pl.col("last_out")),
            ),
        )

    def _least(self) -> int:
        return min(self.calls, self.watch_calls, self.watch_calls_fixed)

    def _reached(self, tables: Tables) -> pl.LazyFrame:
        """Find the line-days at or over their limit, with what their window holds."""
        watched = pl.col("number_class").is_in(WATCHED_CLASSES)
        tier = pl.when(watched).then(self.watch_calls_fixed).otherwise(self.watch_calls)
        # The day itself goes before 24 hours that reach into the day before; and where that day
        # reached the limit by itself, what is left of its 24 hours is no news.
        cases = [
            (holds, count, limit)
            for limit in (pl.lit(self.calls), pl.min_horizontal(tier, pl.lit(self.calls)))
            for count, holds in {
                "n_out": pl.col("n_out") >= limit,
                "peak_24h": (pl.col("peak_24h") >= limit) & (pl.col("n_out_before") < limit),
            }.items()
        ]
        day, end = pl.col("day"), pl.col("peak_24h_end")
        before = tables.profile.select("line", day=day + DAY, n_out_before="n_out")
        days = (
            tables.measures.filter(pl.max_horizontal("n_out", "peak_24h") >= self._least())
            .join(tables.lines.select("line", "number_class"), on="line", how="left")
            .join(before, on=["line", "day"], how="left")
            .with_columns(pl.col("n_out_before").fill_null(0))
            .with_columns(
                calls_seen=pl.coalesce(pl.when(case).then(count) for case, count, _ in cases),
                limit=pl.coalesce(pl.when(case).then(limit) for case, _, limit in cases),
                by_day=pl.coalesce(
                    pl.when(case).then(pl.lit(count == "n_out")) for case, count, _ in cases
                ),
            )
            .filter(pl.col("limit").is_not_null())
            .with_columns(
                window_start=pl.when("by_day").then(tables.opens(day)).otherwise(end - DAY),
                window_end=pl.when("by_day").then(tables.closes(day)).otherwise(end),
            )
        )
        window = self._in_window(tables, days)
        return (
            days.drop("n_answered")
            .join(window, on=["line", "day"])
            .filter(pl.col("n_called") >= self.distinct)
        )

    @staticmethod
    def _in_window(tables: Tables, days: pl.LazyFrame) -> pl.LazyFrame:
        windows = days.select("line", "window_start", "window_end", judged="day")
        inside = pl.col("start").is_between("window_start", "window_end", closed="right")
        busy_days = tables.profile.filter(pl.col("n_out") >= tables.busy)
        return (
            tables.legs.filter("outgoing")
            .join(busy_days, on=["line", "day"], how="semi")
            .join(windows, on="line")
            .filter(inside, pl.col("day") >= pl.col("judged") - 2 * DAY)
            .group_by("line", day="judged")
            .agg(
                n_called=pl.col("counterpart").drop_nulls().n_unique(),
                n_answered=pl.col("answered").sum(),
            )
            .with_columns(pl.col("n_called", "n_answered").cast(pl.Int64))
        )
