"""New lines: single ones that dial or forward at once, and blocks with a surge of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import wording
from cdr_anomaly.detectors.base import STRICT, Detector, ladder, percent, setting
from cdr_anomaly.detectors.new_sim_burst import holders
from cdr_anomaly.detectors.new_sim_burst import surges as new_sim_burst_surges
from cdr_anomaly.features import rolling
from cdr_anomaly.features.peer_measures import Measure
from cdr_anomaly.schema import kinds_with
from cdr_anomaly.wording import Text, say, scientific

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables

# How the new lines of each kind of group are said.
WHOSE = {"block": "of the block", "dealer": "sold by", "region": "of holders in"}
# What a column of the list says of them, and the figures that it is said by.
HELD = {
    "holder_region": (
        holders.said_elsewhere,
        ("home", "n_placed", "n_elsewhere", "n_regions", "usual_elsewhere"),
    ),
    "holder_token": (holders.said_several, ("n_holders", "n_theirs")),
}


@dataclass(frozen=True, config=STRICT)
class NewSimBurst(Detector):
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
        "newness": (Measure("since_birth", "{} calls placed since it is new"),)
    }
    limits: ClassVar[tuple[str, ...]] = (
        "line_calls",
        "line_calls_60min",
        "line_forwards",
        "block_lines",
    )

    line_calls: int = setting(100, "calls in the first hours of a line that make a finding", ge=1)
    line_calls_60min: int = setting(30, "the same within any 60 minutes of these", ge=1)
    line_hours: int = setting(72, "how long a line's first hours last, from its first leg", ge=1)
    line_distinct: float = setting(0.5, "least share of different numbers", ge=0, le=1)
    line_forwards: int = setting(5, "forwarded calls, from birth, that make a finding", ge=1)
    block_lines: int = setting(10, "new lines of a block that make a finding", ge=2)
    block_ratio: float = setting(3.0, "times the expected number that they must be", ge=1)
    fdr: float = setting(0.01, "false-discovery rate over all blocks of a day", gt=0, lt=1)
    warm_up_days: int = setting(28, "days of feed before a first leg means a new line", ge=1)
    many_call_backs: float = setting(0.15, "share that calls back, keeps a line low", ge=0, le=1)
    many_cells: int = setting(5, "cells in a day that keep a line low", ge=2)

    def warm_up(self) -> int:
        return self.warm_up_days

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

    def watch(self) -> pl.Expr:
        return self.worth() | (self._young() & (pl.col("n_forwarded") > 0))

    def reaches(self) -> int:
        return self._first_days()

    def keeps(self) -> pl.Expr:
        return self._young()

    def worth(self) -> pl.Expr:
        # The first hours touch so many local days that one of these has that share of the calls;
        # 60 minutes touch two days at the most.
        return self._young() & (
            (pl.col("n_out") >= self.line_calls / self._first_days())
            | (pl.col("n_out") >= self.line_calls_60min / 2)
        )

    def _young(self) -> pl.Expr:
        return pl.col("age_d").is_between(0, self._first_days())

    def _first_days(self) -> int:
        return self.line_hours // 23 + 2

    def tests(self, tables: Tables) -> pl.LazyFrame:
        since_birth = pl.col("n_out").cum_sum().over("line", order_by="day")
        young = self._first(tables).with_columns(peers=pl.lit("new lines"), since_birth=since_birth)
        return self.compared(young.filter(pl.col("n_out") > 0, pl.col("day") >= tables.since))

    def find(self, tables: Tables) -> pl.LazyFrame:
        return pl.concat([self._dialling(tables), self._forwarding(tables), self._groups(tables)])

    def _dialling(self, tables: Tables) -> pl.LazyFrame:
        """Find the lines that dialled in their first hours, on each day on which these last."""
        young = tables.lines.filter(pl.col("born").is_not_null()).select("line", "born")
        legs = tables.legs.join(young, on="line").filter(pl.col("day") >= pl.col("born"))
        # A line that was activated and then left alone for long is not new any more.
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        first = pl.col("start").min().over("line")
        early = (
            legs.with_columns(first=first)
            .filter(
                pl.col("outgoing"),
                age <= self._first_days(),
                pl.col("start") < pl.col("first") + timedelta(hours=self.line_hours),
            )
            .sort("line", "start")
            .with_columns(in_60min=rolling.count_in_window("line", "start", 3600))
        )
        days = early.group_by("line", "day").agg(peak_60min=pl.col("in_60min").max())
        upto = (
            days.join(early.rename({"day": "past_day"}), on="line")
            .filter(pl.col("past_day") <= pl.col("day"))
            .group_by("line", "day", "peak_60min")
            .agg(
                pl.col("first", "born").first(),
                last=pl.col("start").max(),
                n_early=pl.len().cast(pl.Int64),
                n_called=pl.col("counterpart").drop_nulls().n_unique().cast(pl.Int64),
            )
        )
        measured = ("n_called_back", "n_distinct", "n_cells", "n_out", "n_in")
        found = upto.join(tables.measures.select("line", "day", *measured), on=["line", "day"])
        by_count = (
            pl.col("n_early") / self.line_calls >= pl.col("peak_60min") / self.line_calls_60min
        )
        observed = pl.when(by_count).then("n_early").otherwise("peak_60min")
        limit = pl.when(by_count).then(self.line_calls).otherwise(self.line_calls_60min)
        found = found.with_columns(observed=observed, limit=limit, by_count=by_count).filter(
            pl.col("observed") >= pl.col("limit"),
            pl.col("n_called") >= self.line_distinct * pl.col("n_early"),
        )
        back = pl.col("n_called_back") / pl.col("n_distinct")
        wanted = (back >= self.many_call_backs) | (pl.col("n_cells") >= self.many_cells)
        strict = (
            pl.lit(tables.two_way)
            & (back < self.many_call_backs / 3)
            & (pl.col("n_called") >= 0.8 * pl.col("n_early"))
        )
        reason = wording.format_text(
            "new since {}, placed {} calls {} (limit {}), {} in its first {} hours up to {}, to {} "
            "different numbers; {} % of the day's called back, {} cells named",
            "born",
            "observed",
            pl.when("by_count")
            .then(pl.lit("since its first leg"))
            .otherwise(pl.lit("in 60 minutes")),
            "limit",
            "n_early",
            pl.lit(self.line_hours),
            "day",
            "n_called",
            percent(pl.col("n_called_back"), pl.col("n_distinct")),
            "n_cells",
        )
        return self.finding(
            found,
            subject=tables.written(pl.col("line")),
            day=pl.col("day"),
            window_start=rolling.just_before(pl.col("first")),
            window_end=pl.col("last"),
            severity=ladder({"low": wanted, "high": strict}, "medium"),
            observed=pl.col("observed"),
            threshold=pl.col("limit"),
            reason=reason,
            evidence=pl.struct(
                "n_early", "n_called", "peak_60min", "n_out", "n_in", "n_called_back", "n_cells"
            ),
            would_clear_if=f"fewer than {self.line_calls} calls in the first {self.line_hours} "
            "hours and "
            f"than {self.line_calls_60min} in 60 minutes",
        )

    def _forwarding(self, tables: Tables) -> pl.LazyFrame:
        """Find the lines that forwarded from birth, on the days of their first hours."""
        young = self._first(tables).sort("line", "day")
        sums = ("n_out", "n_in", "n_forwarded")
        upto = young.with_columns(
            *(pl.col(c).cum_sum().over("line", order_by="day") for c in sums),
            forwards_today="n_forwarded",
        )
        callers = (
            tables.hops.rename({"forwarder": "line", "day": "past_day"})
            .join(upto.select("line", "day"), on="line")
            .filter(pl.col("past_day") <= pl.col("day"))
            .group_by("line", "day")
            .agg(n_callers=pl.col("caller").drop_nulls().n_unique().cast(pl.Int64))
        )
        received = pl.max_horizontal("n_in", "n_forwarded")
        found = upto.join(callers, on=["line", "day"]).filter(
            pl.col("forwards_today") > 0,
            pl.col("n_forwarded") >= self.line_forwards,
            pl.col("n_forwarded") >= 0.9 * received,
            pl.col("n_out") <= 1,
        )
        reason = wording.format_text(
            "new since {}, forwarded {} of the {} calls that it received up to {} (limit {}), from "
            "{} callers, and placed {}",
            "born",
            "n_forwarded",
            received,
            "day",
            pl.lit(self.line_forwards),
            "n_callers",
            "n_out",
        )
        strangers = pl.col("n_callers") >= 0.8 * pl.col("n_forwarded")
        return self.finding(
            found,
            subject=tables.written(pl.col("line")),
            day=pl.col("day"),
            window_start=tables.opens(pl.col("born")),
            window_end=tables.closes(pl.col("day")),
            severity=ladder({"medium": strangers}, "low"),
            observed=pl.col("n_forwarded"),
            threshold=self.line_forwards,
            reason=reason,
            evidence=pl.struct("n_forwarded", "n_in", "n_out", "n_callers"),
            would_clear_if=f"fewer than {self.line_forwards} calls forwarded in its first days, "
            "or calls "
            "of its own",
        )

    def _first(self, tables: Tables) -> pl.LazyFrame:
        """Give PROFILE of the first days of new lines."""
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        young = tables.profile.join(tables.lines.select("line", "born"), on="line")
        return young.filter(age.is_between(0, -(-self.line_hours // 24) - 1))

    def _groups(self, tables: Tables) -> pl.LazyFrame:
        """Find the groups with a surge of new lines, by what these lines do."""
        told = tables.feed.listed_columns
        found = self._surges(tables)
        odd, n_new = pl.col("passes_on") + pl.col("dials"), pl.col("n_new")
        # An activated line that the feed has never named may lie in a shop.
        # Where the feed tells of forwarding, lines that only receive are watches and alarms.
        unused = (pl.col("silent") >= 0.8 * n_new) & (
            not (tables.feed.activations or tables.feed.forwards)
        )
        severity = ladder(
            {
                "high": (odd >= 3) & (odd >= 0.5 * n_new),
                "medium": ((odd >= 3) & (odd >= 0.2 * n_new)) | unused,
            },
            default="low",
        )
        # A dealer who opens a shop, or a region whose students come, is nobody to look at.
        wanted = pl.col("kind").is_in(kinds_with(is_prefix=True)) | (pl.col("severity") != "low")
        whose = pl.col("kind").replace_strict(WHOSE, return_dtype=pl.String)
        reason = pl.concat_str(
            wording.format_text(
                "{} lines {} {} were new in the {} day(s) to {} (limit {}, and {} times the "
                "expected {}); {} of them forward 80 % or more of what they receive and placed no "
                "more than 1, {} place {} or more calls on a day, {} have placed none; p {}",
                "n_new",
                whose,
                "group",
                "window_days",
                "day",
                pl.lit(self.block_lines),
                pl.lit(f"{self.block_ratio:g}"),
                pl.col("expected").round(2),
                "passes_on",
                "dials",
                pl.lit(self._busy()),
                "silent",
                scientific(pl.col("p_value")),
            ),
            *(said() for column, (said, _) in HELD.items() if column in told),
        )
        first = pl.col("day") - pl.duration(days=pl.col("window_days") - 1)
        held = [name for column, (_, names) in HELD.items() if column in told for name in names]
        return self.finding(
            found.with_columns(severity=severity).filter(wanted),
            subject_kind=pl.col("kind"),
            subject=pl.col("group"),
            members=pl.col("line").list.eval(tables.written(pl.element())),
            day=pl.col("day"),
            window_start=tables.opens(first),
            window_end=tables.closes(pl.col("day")),
            severity=pl.col("severity"),
            observed=n_new,
            threshold=self.block_lines,
            baseline=pl.col("expected").round(3),
            p_value=pl.col("p_value"),
            reason=reason,
            evidence=pl.struct(
                "level", "window_days", "q_value", "passes_on", "dials", "silent", *held
            ),
            would_clear_if=wording.format_text(
                "fewer than {} new lines, or {} times what is expected of the {}",
                pl.lit(self.block_lines),
                pl.lit(f"{self.block_ratio:g}"),
                "kind",
            ),
        )

    def _surges(self, tables: Tables) -> pl.LazyFrame:
        """Find the surging groups, with the lines that were born then, what they do, and whose."""
        lines = tables.groups(new_sim_burst_surges.LEVELS).collect()
        known = [day for day in tables.judged if day >= tables.births_from]
        surges = new_sim_burst_surges.surges(
            lines,
            known,
            known_from=tables.births_from,
            rule=new_sim_burst_surges.Rule(self.block_lines, self.block_ratio, self.fdr),
        )
        members = new_sim_burst_surges.members(lines, surges)
        used = new_sim_burst_surges.used(
            members, tables.profile, busy=self._busy(), begun=tables.feed.first_day
        )
        found = (
            surges.lazy()
            .with_columns(
                kind=pl.col("by").str.replace(r"_\d$", ""),
                level=pl.col("by").str.extract(r"_(\d)$").cast(pl.Int64),
            )
            .join(used, on=new_sim_burst_surges.SURGE, how="left")
            .with_columns(pl.col("passes_on", "dials", "silent").fill_null(0))
            .join(
                members.sort("line").group_by(new_sim_burst_surges.SURGE).agg("line"),
                on=new_sim_burst_surges.SURGE,
            )
        )
        if "holder_region" in tables.feed.listed_columns:
            placed = holders.elsewhere(lines, surges, members)
            found = found.join(placed, on=new_sim_burst_surges.SURGE, how="left")
        if "holder_token" in tables.feed.listed_columns:
            tokens = tables.subscribers.select("line", "holder_token").drop_nulls()
            found = found.join(
                holders.several(members, tokens), on=new_sim_burst_surges.SURGE, how="left"
            )
        return found

    def _busy(self) -> int:
        return -(-self.line_calls // 3)
