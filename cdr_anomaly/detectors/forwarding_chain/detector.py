"""Lines that pass calls on: chains, hubs, loops, changing targets, lines that only forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import wording
from cdr_anomaly.detectors.base import STRICT, Detector, days_back, ladder, no_findings, setting
from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.engines.profile import NeededLines
from cdr_anomaly.features import forwarding_hops, rolling
from cdr_anomaly.features.peer_measures import Measure
from cdr_anomaly.numbering import classes_with
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables

PLATFORM_CLASSES = classes_with(is_platform=True)


@dataclass(frozen=True, config=STRICT)
class ForwardingChain(Detector):
    """Calls that are passed on by lines which do nothing else.

    A line is a bridge on a day when over the last 7 days it forwarded ``bridge_forwards`` calls
    or more, ``forward_share`` of all that it received, and placed no more than ``own_calls``.
    Found are: a chain of ``min_hops`` or more hops that begins with a bridge, or that is longer
    than two; a hub, to which ``hub_forwarders`` bridges forward in 7 days; a bridge whose callers
    are strangers, or that is new, or forwards abroad; a line whose target changes from call to
    call; calls of a line to itself that are forwarded; loops.

    Most forwarding is honest and low or none of these: to voicemail (its users place calls), to
    one's second phone (few callers, who call again), from desks to a reception of their own number
    group, from a rota to doctors who take turns (the same targets again). A platform that hides its
    customers' numbers looks like a relay: declare it with --entities. Not a hop at all is one to a
    platform: listed in ``platforms``, a short service number, or a target to which
    ``platform_lines`` lines forward that are mostly in use themselves.

    Sample: forwarded to by 14 lines in the 7 days to 2026-06-03 (limit 5 lines) that forward 90 %
    or more of what they receive and placed no more than 1 each; 14 of them new within 30 days;
    61 calls from 58 callers
    """

    name: ClassVar[str] = "forwarding_chain"
    title: ClassVar[str] = "forwarding chains"
    family: ClassVar[str] = "forwarding"
    measures: ClassVar[Mapping[str, tuple[Measure, ...]]] = roles.MEASURES
    limits: ClassVar[tuple[str, ...]] = (
        "hub_forwarders",
        "bridge_forwards",
        "targets_day",
        "self_calls",
    )

    min_hops: int = setting(2, "hops from which forwarded calls are a chain", ge=2)
    hub_forwarders: int = setting(5, "bridges to one target in 7 days that make a hub", ge=2)
    link_seconds: int = setting(35, "seconds within which the next hop of a call follows", ge=1)
    bridge_forwards: int = setting(5, "calls forwarded in 7 days that a bridge has", ge=1)
    forward_share: float = setting(0.9, "share of received calls that it forwards", ge=0, le=1)
    own_calls: int = setting(1, "calls of its own that it places in 7 days at the most", ge=0)
    new_days: int = setting(30, "days for which a line counts as new", ge=1)
    stranger_share: float = setting(
        0.8, "different callers per forwarded call that make them strangers", ge=0, le=1
    )
    targets_day: int = setting(3, "targets in a day that are a changing target", ge=2)
    calls_per_target: float = setting(2.0, "forwarded calls per target below which they are", gt=0)
    self_calls: int = setting(3, "calls of a line to itself, forwarded in a day", ge=1)
    platforms: tuple[str, ...] = setting(
        (), 'voicemail and relay platforms, as in ["+8613800000000"]', strict=False
    )
    platform_lines: int = setting(
        10,
        "lines forwarding to a target in 7 days that make it a platform, if most are no bridge",
        ge=2,
    )

    def link(self) -> int:
        return self.link_seconds

    def not_applicable(self, feed: Feed) -> Text | None:
        if feed.forwards:
            return None
        return say(
            "forwarding_chain.no_forwards",
            "the feed has neither forwarding legs nor a redirecting_number",
        )

    def least(self) -> NeededLines:
        return NeededLines(n_forwarded=self.bridge_forwards)

    def watch(self) -> pl.Expr:
        # Own calls of one day are among those of its week: a bridge has no other kind of day.
        quiet = (pl.col("n_forwarded") > 0) & (pl.col("n_out") <= self.own_calls)
        return quiet & (pl.col("n_forwarded_all") >= self.bridge_forwards)

    def tests(self, tables: Tables) -> pl.LazyFrame:
        return self.compared(roles.compared(self._bridges(tables), tables.hops))

    def _rule(self) -> roles.Rule:
        return roles.Rule(
            self.bridge_forwards,
            self.forward_share,
            self.own_calls,
            self.new_days,
            self.stranger_share,
            self.platform_lines,
        )

    def _bridges(self, tables: Tables) -> pl.LazyFrame:
        calls = (tables.hops, tables.profile, tables.lines)
        return roles.bridges(*calls, self._rule(), since=tables.since)

    def find(self, tables: Tables) -> pl.LazyFrame:
        forwards = self._told_apart(tables).collect()
        if forwards.is_empty():
            return no_findings()
        every = forwards.lazy()
        known = self._bridges(tables).collect().lazy()
        platforms = roles.platforms(tables.hops, known, self._rule()).collect().lazy()
        hops = every.join(platforms, on=["target", "day"], how="anti").collect().lazy()
        recent = hops.filter(pl.col("day") >= tables.since)
        return pl.concat(
            [
                self._chains(tables, hops, known),
                self._hubs(tables, roles.hubs(every, known, platforms, tables.lines)),
                self._alone(tables, recent, known),
                self._changing(tables, recent, known),
                self._to_itself(tables, recent),
            ]
        )

    def _told_apart(self, tables: Tables) -> pl.LazyFrame:
        """Leave out hops to platforms that are told or have the number of one."""
        targets = tables.lines.select(target="line", to="number", to_class="number_class")
        told = pl.col("to").is_in(self.platforms) | pl.col("to_class").is_in(PLATFORM_CLASSES)
        return tables.hops.join(targets, on="target", how="left").filter(
            ~told.fill_null(value=False)
        )

    def _chains(self, tables: Tables, hops: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
        """Find the paths of ``min_hops`` and more, and the loops, by day.

        A chain that ends at a platform is a hop shorter.
        """
        abroad = pl.col("to_class") == "international"
        whole = hops.with_columns(abroad=abroad, hops=pl.len().over("chain").cast(pl.Int64))
        long_enough = whole.filter(pl.col("hops") >= self.min_hops)
        bridge = known.select("line", "day", "new", "strangers", bridge=pl.lit(value=True))
        second = known.select("day", second="line", second_bridge=pl.lit(value=True))
        flags = ("bridge", "new", "strangers", "second_bridge")
        days = (
            forwarding_hops.paths(long_enough)
            .with_columns(second=pl.col("path").list.get(1))
            .join(bridge, on=["line", "day"], how="left")
            .join(second, on=["second", "day"], how="left")
            .with_columns(pl.col(flags).fill_null(value=False))
        )
        # Two hops from a line or over a line that is also used are a person with a rota, or with
        # one phone that is forwarded to another.
        long, is_bridge = pl.col("hops") > 2, pl.col("bridge")
        severity = ladder(
            {
                "critical": is_bridge & pl.col("new") & pl.col("abroad"),
                "high": is_bridge & pl.col("strangers") & (pl.col("new") | pl.col("abroad") | long),
                # The same few callers again are somebody's own circle.
                "medium": (is_bridge & pl.col("strangers") & pl.col("second_bridge"))
                | (long & ~pl.col("loop") & (pl.col("n_callers") > 1)),
            },
            default="low",
        )
        alone = f"; the first line forwards {self._share()} or more of what it receives and "
        alone += f"placed no more than {self.own_calls} in 7 days"
        written = pl.col("path").list.eval(tables.written(pl.element()))
        reason = wording.format_text(
            "passed {} call(s) from {} caller(s) on over {} hops (limit {}) on {}: {}{}{}; "
            "linked by {}",
            "n_calls",
            "n_callers",
            "hops",
            pl.lit(self.min_hops),
            "day",
            written.list.join(" -> "),
            pl.when("loop")
            .then(pl.lit("; the path comes back to a line on it"))
            .otherwise(pl.lit("")),
            pl.when("bridge").then(pl.lit(alone)).otherwise(pl.lit("")),
            pl.when(pl.col("n_by_id") == pl.col("n_calls"))
            .then(pl.lit("call id"))
            .otherwise(pl.lit("time, which is less certain than a call id")),
        )
        return self.finding(
            days,
            subject_kind="chain",
            subject=tables.written(pl.col("line")),
            members=written,
            day=pl.col("day"),
            window_start=rolling.just_before(pl.col("start")),
            window_end=pl.col("end"),
            severity=severity,
            observed=pl.col("hops"),
            threshold=self.min_hops,
            reason=reason,
            evidence=pl.struct(
                "n_calls", "n_callers", "loop", "abroad", "bridge", "new", "n_by_id"
            ),
            would_clear_if=f"fewer than {self.min_hops} hops, or calls of its own by the first "
            "line",
        )

    def _share(self) -> str:
        return f"{self.forward_share:.0%}".replace("%", " %")

    def _hubs(self, tables: Tables, counted: pl.LazyFrame) -> pl.LazyFrame:
        """Find the targets of many bridges in 7 days."""
        hubs = counted.filter(pl.col("n_bridges") >= self.hub_forwarders)
        most_new = pl.col("n_new") * 2 >= pl.col("n_bridges")
        strangers = pl.col("n_callers") >= self.stranger_share * pl.col("n_calls")
        # Desks beside their reception, elders and the relative who answers for them.
        own = ~most_new & ((pl.col("n_beside") * 2 >= pl.col("n_bridges")) | ~strangers)
        many = pl.col("n_bridges") >= 2 * self.hub_forwarders
        severity = ladder(
            {"low": own, "critical": most_new & many, "high": most_new | many}, default="medium"
        )
        members = pl.concat_list("forwarder", "target").list.eval(tables.written(pl.element()))
        reason = wording.format_text(
            "forwarded to by {} lines in the 7 days to {} (limit {} lines) that forward {} or more "
            "of what they receive and placed no more than {} each; {} of them new within {} days; "
            "{} calls from {} callers",
            "n_bridges",
            "day",
            pl.lit(self.hub_forwarders),
            pl.lit(self._share()),
            pl.lit(self.own_calls),
            "n_new",
            pl.lit(self.new_days),
            "n_calls",
            "n_callers",
        )
        return self.finding(
            hubs,
            subject_kind="hub",
            subject=tables.written(pl.col("target")),
            members=members,
            day=pl.col("day"),
            window_start=_week_start(tables),
            window_end=tables.closes(pl.col("day")),
            severity=severity,
            observed=pl.col("n_bridges"),
            threshold=self.hub_forwarders,
            reason=reason,
            evidence=pl.struct("n_bridges", "n_new", "n_beside", "n_calls", "n_callers"),
            would_clear_if=f"fewer than {self.hub_forwarders} such lines, or calls of their own "
            "by them",
        )

    def _alone(self, tables: Tables, hops: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
        """Find the bridges that are more than somebody's second phone."""
        abroad = (pl.col("to_class") == "international").sum().cast(pl.Int64)
        targets = hops.group_by("day", line="forwarder").agg(
            pl.col("target").unique().sort(), n_abroad=abroad
        )
        lone = known.join(targets, on=["line", "day"]).filter(
            pl.col("strangers") | pl.col("new") | (pl.col("n_abroad") > 0)
        )
        severity = ladder(
            {
                "high": pl.col("new") & (pl.col("n_abroad") > 0),
                "medium": pl.col("strangers") & (pl.col("new") | (pl.col("n_abroad") > 0)),
            },
            default="low",
        )
        reason = wording.format_text(
            "forwarded {} of the {} calls that it received in the 7 days to {} (limit {}), from {} "
            "different callers, and placed {} of its own (limit {}){}{}",
            "n_forwarded",
            pl.max_horizontal("n_in", "n_forwarded"),
            "day",
            pl.lit(self.bridge_forwards),
            "n_callers",
            "n_out",
            pl.lit(self.own_calls),
            pl.when("new")
            .then(wording.format_text("; a line new since {}", "born"))
            .otherwise(pl.lit("")),
            pl.when(pl.col("n_abroad") > 0)
            .then(wording.format_text("; {} of them abroad that day", "n_abroad"))
            .otherwise(pl.lit("")),
        )
        members = _with_few("target").list.eval(tables.written(pl.element()))
        return self.finding(
            lone,
            subject=tables.written(pl.col("line")),
            members=members,
            day=pl.col("day"),
            window_start=_week_start(tables),
            window_end=tables.closes(pl.col("day")),
            severity=severity,
            observed=pl.col("n_forwarded"),
            threshold=self.bridge_forwards,
            reason=reason,
            evidence=pl.struct(
                "n_forwarded", "n_in", "n_out", "n_callers", "n_abroad", "new", "strangers"
            ),
            would_clear_if=f"fewer than {self.bridge_forwards} calls forwarded, or more calls of "
            "its own",
        )

    def _changing(self, tables: Tables, hops: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
        """Find the lines whose target changes nearly from call to call."""
        targets, calls = pl.col("n_targets"), pl.col("n_calls")
        days = (
            roles.targets(hops, tables.hops)
            .filter(targets >= self.targets_day, calls < self.calls_per_target * targets)
            .filter(pl.col("n_reused") * 2 < targets)
            .join(
                known.select("line", "day", "new", bridge=pl.lit(value=True)),
                on=["line", "day"],
                how="left",
            )
            .with_columns(pl.col("bridge", "new").fill_null(value=False))
        )
        many, bridge = pl.col("n_targets") >= 5, pl.col("bridge")
        # Many callers that are handed to many targets may be a hunt group, or a rota on its first
        # day; one caller whose every call goes to somebody else is not. Where nearly each of many
        # calls goes elsewhere it is a relay, though perhaps one that hides customers' numbers.
        odd = pl.col("new") | (pl.col("n_callers") * 3 <= pl.col("n_calls"))
        each = (pl.col("n_targets") >= 8) & (pl.col("n_calls") < 1.25 * pl.col("n_targets"))
        severity = ladder(
            {"high": many & bridge & odd, "medium": ((many | bridge) & odd) | (bridge & each)},
            "low",
        )
        reason = wording.format_text(
            "forwarded {} calls from {} caller(s) to {} different targets on {} (limit {}), {} of "
            "them used before",
            "n_calls",
            "n_callers",
            "n_targets",
            "day",
            pl.lit(self.targets_day),
            "n_reused",
        )
        # Whom a relay reaches are those that it calls, not those that take part.
        reached = pl.col("target").list.eval(tables.written(pl.element()))
        return self.finding(
            days,
            subject=tables.written(pl.col("line")),
            day=pl.col("day"),
            window_start=rolling.just_before(pl.col("start")),
            window_end=pl.col("end"),
            severity=severity,
            observed=pl.col("n_targets"),
            threshold=self.targets_day,
            reason=reason,
            evidence=pl.struct(
                "n_calls", "n_callers", "n_targets", "n_reused", "bridge", "new", targets=reached
            ),
            would_clear_if=f"fewer than {self.targets_day} targets in a day, or the same ones "
            "again",
        )

    def _to_itself(self, tables: Tables, hops: pl.LazyFrame) -> pl.LazyFrame:
        """Find the lines that call themselves and are forwarded: the origin is hidden so."""
        own = hops.filter(pl.col("caller") == pl.col("forwarder"))
        days = roles.targets(own, own).filter(pl.col("n_calls") >= self.self_calls)
        members = _with_few("target").list.eval(tables.written(pl.element()))
        reason = wording.format_text(
            "{} calls on {} from this number to itself were forwarded (limit {}) to {} target(s)",
            "n_calls",
            "day",
            pl.lit(self.self_calls),
            "n_targets",
        )
        return self.finding(
            days,
            subject=tables.written(pl.col("line")),
            members=members,
            day=pl.col("day"),
            window_start=rolling.just_before(pl.col("start")),
            window_end=pl.col("end"),
            severity="high",
            observed=pl.col("n_calls"),
            threshold=self.self_calls,
            reason=reason,
            evidence=pl.struct("n_calls"),
            would_clear_if=f"fewer than {self.self_calls} such calls in a day",
        )


def _with_few(column: str) -> pl.Expr:
    """List a line with its targets, where these are so few that they take part."""
    few = pl.col(column).list.len() <= 2
    return pl.when(few).then(pl.concat_list("line", column)).otherwise(pl.concat_list("line"))


def _week_start(tables: Tables) -> pl.Expr:
    return tables.opens(days_back(pl.col("day"), roles.WEEK - 1))
