"""Numbers that look foreign and are not, or that call many at home; home numbers from abroad."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT
from cdr_anomaly.detectors.grading import Grading
from cdr_anomaly.detectors.overseas_presentation import (
    contacts,
    identities,
    impossible,
    number_pools,
    trunk_calls,
    trunks,
)
from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.numbering import caller_id, pseudonyms
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables


@dataclass(frozen=True, config=STRICT)
class OverseasPresentation(OverseasPresentationSettings):
    """Numbers presented as foreign (with + or 00) that call home subscribers, and their like.

    Found of a local day are: (1) a number that called ``contacts`` different home subscribers:
    low by itself, an airline or a bank abroad does as much; medium from three times as many that
    it hardly called in 28 days before, that do not call back and hardly answer. (2)
    ``mismatch_calls`` calls of a number whose own records carry a home subscriber identity (IMSI);
    guests who roam here carry a foreign one. Without an imsi a home cell and handset stand for it,
    which guests have, too: low, or medium with ``contacts`` called. (3) As many calls on a domestic
    trunk, told or by the day's traffic: nearly all other calls on it are presented as from home,
    and so many from abroad have p below 0.001. (4) As many calls of a home number on an
    international trunk within ``seen_hours`` of calls of that line with a home cell (of a feed
    without cells: on no trunk). Those who roam abroad have none. Where both sides of calls are
    delivered (moc, mtc), a line's own records hide the calls that others place in its name. (5) As
    many of a number that nobody has: its country code, or its length. (6) A pool:
    ``pool_numbers`` numbers, equal but for the last ``pool_digits``, that together called
    ``pool_contacts`` home subscribers, some by several of them or nearly all on one trunk within
    12 hours. Of a mobile range many call, too: a number is expected to have as many neighbours as
    other numbers of its country have, and false discovery is controlled over all prefixes.

    The agents of one case sat at home behind numbers that looked foreign. Hubs of carriers and of
    virtual operators, satellites, the group of numbers of a firm abroad may be found: declare them
    with --entities, a pool by its prefix.

    Sample: presented as foreign, placed 31 calls on 2026-06-03 (limit 5) from 2 home subscriber
    identities (IMSI of 460), to 29 different numbers, at 1 home cell
    """

    name: ClassVar[str] = "overseas_presentation"
    title: ClassVar[str] = "overseas presentation"
    family: ClassVar[str] = "overseas"
    persistent: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = (
        "contacts",
        "mismatch_calls",
        "pool_numbers",
        "pool_contacts",
    )
    gradings: ClassVar[tuple[Grading, ...]] = (
        *contacts.GRADINGS,
        *trunk_calls.GRADINGS,
        *number_pools.GRADINGS,
    )

    def not_applicable(self, feed: Feed) -> Text | None:
        if not feed.numbers and feed.last_day is not None:
            return say(
                "overseas_presentation.opaque",
                "numbers are opaque tokens: which are presented as foreign is not known",
            )
        if feed.pseudonyms and self.pool_digits < pseudonyms.POOL_DIGITS:
            return say(
                "overseas_presentation.pseudonyms",
                "pseudonyms hide the last {n} digits: pool_digits must be as many",
                n=pseudonyms.POOL_DIGITS,
            )
        return None

    def needs(self) -> Needs:
        return Needs(
            foreign=True,
            traffic=frozenset({"trunk"}),
            trunks=partial(trunks.international, self),
        )

    def find(self, tables: Tables) -> pl.LazyFrame:
        placed = tables.legs.filter("outgoing")
        foreign = tables.lines.filter(number_class="international").select("line", "number")
        calls = placed.join(foreign, on="line").collect()
        # Home numbers are among these, too.
        of_all = [trunk_calls.find_at_home(self, tables), impossible.find(self, tables, placed)]
        if calls.is_empty():
            return pl.concat(of_all)
        home = caller_id.is_home_number(
            pl.col("counterpart"), tables.plan, as_text=tables.feed.opaque
        ).fill_null(value=False)
        today = calls.lazy().filter(pl.col("day") >= tables.since)
        return pl.concat(
            [
                contacts.find(self, tables, calls.lazy().filter(home)),
                identities.find(self, tables, today),
                trunk_calls.find_domestic(self, tables, today),
                *of_all,
                number_pools.find(self, tables, today.filter(home)),
            ]
        )
