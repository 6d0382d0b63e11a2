"""Lines that pass calls on: chains, hubs, loops, changing targets, lines that only forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, no_findings
from cdr_anomaly.detectors.forwarding_chain import bridges, chains, hubs, roles, targets
from cdr_anomaly.detectors.forwarding_chain.settings import ForwardingChainSettings
from cdr_anomaly.detectors.grading import Grading
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.peer_measures import Measure
from cdr_anomaly.numbering import classes_with
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables

PLATFORM_CLASSES = classes_with(is_platform=True)


@dataclass(frozen=True, config=STRICT)
class ForwardingChain(ForwardingChainSettings):
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
    gradings: ClassVar[tuple[Grading, ...]] = (
        *chains.GRADINGS,
        *hubs.GRADINGS,
        *targets.GRADINGS,
    )

    def needs(self) -> Needs:
        # Own calls of one day are among those of its week: a bridge has no other kind of day.
        return Needs(
            forwards=self.bridge_forwards, own_calls=self.own_calls, hop_link_s=self.link_seconds
        )

    def not_applicable(self, feed: Feed) -> Text | None:
        if feed.forwards:
            return None
        return say(
            "forwarding_chain.no_forwards",
            "the feed has neither forwarding legs nor a redirecting_number",
        )

    def tests(self, tables: Tables) -> pl.LazyFrame:
        return self.compared(roles.compared(self._bridges(tables), tables.hops))

    def find(self, tables: Tables) -> pl.LazyFrame:
        forwards = self._without_known_platforms(tables).collect()
        if forwards.is_empty():
            return no_findings()
        every = forwards.lazy()
        bridging = self._bridges(tables).collect().lazy()
        platforms = roles.platforms(tables.hops, bridging, self).collect().lazy()
        hops = every.join(platforms, on=["target", "day"], how="anti").collect().lazy()
        recent = hops.filter(pl.col("day") >= tables.since)
        targets_of_bridges = roles.hubs(every, bridging, platforms, tables.lines)
        return pl.concat(
            [
                chains.find(self, tables, hops, bridging),
                hubs.find(self, tables, targets_of_bridges),
                bridges.find(self, tables, recent, bridging),
                targets.find_changing(self, tables, recent, bridging),
                targets.find_itself(self, tables, recent),
            ]
        )

    def _bridges(self, tables: Tables) -> pl.LazyFrame:
        calls = (tables.hops, tables.profile, tables.lines)
        return roles.bridges(*calls, self, since=tables.since)

    def _without_known_platforms(self, tables: Tables) -> pl.LazyFrame:
        """Leave out hops to platforms that are listed or have the number of one."""
        numbers = tables.lines.select(target="line", to="number", to_class="number_class")
        listed = pl.col("to").is_in(self.platforms) | pl.col("to_class").is_in(PLATFORM_CLASSES)
        return tables.hops.join(numbers, on="target", how="left").filter(
            ~listed.fill_null(value=False)
        )
