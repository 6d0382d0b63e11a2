"""New lines: single ones that dial or forward at once, and blocks with a surge of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT
from cdr_anomaly.detectors.grading import Grading
from cdr_anomaly.detectors.new_sim_burst import dialling, forwarding, groups
from cdr_anomaly.detectors.new_sim_burst.settings import NewSimBurstSettings
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.peer_measures import Measure
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables


@dataclass(frozen=True, config=STRICT)
class NewSimBurst(NewSimBurstSettings):
    """New lines that dial or forward from the first hour, one by one, by block and by dealer.

    A line is new from its day of activation (--subscribers) or, without one, from the first day
    on which the feed has a leg of it; that means something only after ``warm_up_days`` of feed.

    One line: in its first ``line_hours`` it placed ``line_calls`` calls, or ``line_calls_60min``
    in some 60 minutes, mostly to different numbers; or from birth it forwarded nearly all it
    received. A courier with a new SIM is called back and moves about, and stays low.

    A block (the first 7 digits of the national number, or fewer where the surge is spread over
    neighbours): ``block_lines`` new lines or more in 1, 3 or 7 days, ``block_ratio`` times what
    its own past and its size let expect, by a negative binomial with false-discovery control over
    all blocks. A surge of lines that are used as lines are, as after a shop's promotion, is low;
    what its lines do makes it medium or high. The lines that one dealer sold (--subscribers with
    dealer), or whose holders are of one region (holder_region), are judged in the same way, but
    found only where they are medium or high: who sells much is nobody to look at.

    Sample: 14 lines of the block +861344002 were new in the 3 days to 2026-06-03 (limit 10, and
    3 times the expected 0.4); 13 of them forward 80 % or more of what they receive and placed no
    more than 1, 0 place 34 or more calls on a day, 13 have placed none; p 2.1e-9
    """

    name: ClassVar[str] = "new_sim_burst"
    title: ClassVar[str] = "new-SIM bursts"
    family: ClassVar[str] = "newness"
    measures: ClassVar[Mapping[str, tuple[Measure, ...]]] = {
        "newness": (Measure("since_birth", "{value} calls placed since it is new"),)
    }
    limits: ClassVar[tuple[str, ...]] = (
        "line_calls",
        "line_calls_60min",
        "line_forwards",
        "block_lines",
    )
    gradings: ClassVar[tuple[Grading, ...]] = (
        *dialling.GRADINGS,
        *forwarding.GRADINGS,
        *groups.GRADINGS,
    )

    def needs(self) -> Needs:
        # The first hours touch so many local days that one of these has that share of the calls;
        # 60 minutes touch two days at the most.
        calls = min(self.line_calls / self.first_days(), self.line_calls_60min / 2)
        return Needs(
            new_line_calls=ceil(calls),
            new_line_days=self.first_days(),
            warm_up_days=self.warm_up_days,
        )

    def not_applicable(self, feed: Feed) -> Text | None:
        if feed.activations:
            return None
        if feed.last_day is None or feed.first_day is None:
            return None
        days = (feed.last_day - feed.first_day).days
        if days >= self.warm_up_days:
            return None
        return say(
            "new_sim_burst.short_feed",
            "which lines are new is not known: the feed covers {days} day(s), more than {least} "
            "are needed, or --subscribers with activation dates",
            days=days + 1,
            least=self.warm_up_days,
        )

    def tests(self, tables: Tables) -> pl.LazyFrame:
        since_birth = pl.col("n_out").cum_sum().over("line", order_by="day")
        young = self.first_line_days(tables).with_columns(
            peers=pl.lit("new lines"), since_birth=since_birth
        )
        return self.compared(young.filter(pl.col("n_out") > 0, pl.col("day") >= tables.since))

    def find(self, tables: Tables) -> pl.LazyFrame:
        return pl.concat(
            [
                dialling.find(self, tables),
                forwarding.find(self, tables),
                groups.find(self, tables),
            ]
        )
