"""MEASURES and LEGS to OUTBOUND and LISTS: who calls strangers one way, and whom they called."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.features import rolling, shared_targets
from cdr_anomaly.schema import LINKS, LISTS, OUTBOUND, empty, require

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

# A cell or handset with so great a share of the day's calls, or so many of them, is the line's.
AT_CELL, ON_HANDSET = 0.4, 10
STEADY_DAYS = 14


class Rule(NamedTuple):
    """When a line-day is one of calling strangers one way; what the feed cannot tell is let pass.

    ``calls`` placed on the day at least, a share of ``distinct`` of them to different numbers and
    of ``out_share`` of all calls outgoing; less than a share of ``call_backs`` of the numbers
    calling back, and of ``familiar`` ones among them; no more than a share of ``answered``, and
    calls from no more than so many ``cells``.
    """

    calls: int
    distinct: float
    out_share: float
    call_backs: float
    familiar: float
    answered: float
    cells: int

    def busy(self) -> pl.Expr:
        """Tell which line-days have calls enough, and mostly outgoing ones."""
        n_out = pl.col("n_out")
        return (n_out >= self.calls) & (n_out >= self.out_share * (n_out + pl.col("n_in")))


class Lines(NamedTuple):
    """PROFILE, MEASURES and LEGS of the lines that are looked at twice."""

    profile: pl.LazyFrame
    measures: pl.LazyFrame
    legs: pl.LazyFrame


class Before(NamedTuple):
    """OUTBOUND of the days before, and LISTS of the last 6 of these."""

    outbound: pl.LazyFrame
    lists: pl.LazyFrame

    @classmethod
    def nothing(cls, line: pl.DataType) -> Before:
        """Know of no day before."""
        return cls(empty(OUTBOUND, line).lazy(), empty(LISTS, line).lazy())


class Company(NamedTuple):
    """OUTBOUND of the days judged and of those before; LISTS and LINKS of the days judged."""

    outbound: pl.LazyFrame
    lists: pl.LazyFrame
    links: pl.LazyFrame

    def checked(self) -> dict[str, pl.LazyFrame]:
        """Return the tables by name, as detectors read them: steady days alone count."""
        tables = {"outbound": OUTBOUND, "lists": LISTS, "links": LINKS}
        rows = self._asdict() | {"outbound": self.outbound.filter("steady")}
        return {name: require(rows[name], table, name) for name, table in tables.items()}


class Told(NamedTuple):
    """What a feed tells: calls both ways, and calls not answered."""

    two_way: bool
    attempts: bool


def company(
    lines: Lines, rule: Rule, told: Told, days: Collection[date], before: Before
) -> Company:
    """Find who calls strangers one way, and whose lists have more in common than by chance."""
    found = line_days(lines, rule, told)
    today = _steady(found, before.outbound, lines.profile.filter(rule.busy())).collect()
    called = pl.concat([before.lists, lists(lines.legs, today.lazy())]).collect()
    others = _others(lines, rule).join(today.lazy(), on=["line", "day"], how="anti")
    linked = shared_targets.links(called, others.collect(), days)
    whole = pl.concat([before.outbound, today.lazy()])
    return Company(whole, called.lazy(), linked.lazy())


def line_days(lines: Lines, rule: Rule, told: Told) -> pl.LazyFrame:
    """Find the line-days of MEASURES that keep to the rule, with their cells and handsets."""
    n_out, distinct = pl.col("n_out"), pl.col("n_distinct")
    days = lines.measures.filter(
        rule.busy(),
        distinct >= rule.distinct * n_out,
        (pl.col("n_called_back") < rule.call_backs * distinct) | (not told.two_way),
        pl.col("n_familiar") < rule.familiar * distinct,
        (pl.col("n_answered") <= rule.answered * n_out) | (not told.attempts),
        pl.col("n_cells") <= rule.cells,
    ).select("line", "day", "n_out", "n_answered", "n_distinct")
    placed = lines.legs.filter("outgoing").join(days, on=["line", "day"], how="semi")
    handset = numbering.handset_id(pl.col("imei"))
    cells = _often(placed, pl.col("cell_id"), "cells", of=AT_CELL * n_out, days=days)
    handsets = _often(placed, handset, "handsets", of=pl.lit(ON_HANDSET), days=days)
    whole = days.join(cells, on=["line", "day"], how="left")
    return whole.join(handsets, on=["line", "day"], how="left").select(
        *days.collect_schema(), pl.col("cells", "handsets").fill_null([])
    )


def lists(legs: pl.LazyFrame, outbound: pl.LazyFrame) -> pl.LazyFrame:
    """List whom each line called on its steady days of OUTBOUND, and who of them answered."""
    placed = legs.filter("outgoing", pl.col("counterpart").is_not_null())
    return (
        placed.join(outbound.filter("steady"), on=["line", "day"], how="semi")
        .group_by("line", "day", "counterpart")
        .agg(pl.col("answered").any())
    )


def talked_to(legs: pl.LazyFrame, outbound: pl.LazyFrame, talk_s: int) -> pl.LazyFrame:
    """List the people whom a line of OUTBOUND called and talked to so long, and when (line, day).

    Their calls of these days are REACHED.
    """
    talks = legs.filter("outgoing", "answered", pl.col("duration_s") >= talk_s)
    by_them = talks.join(outbound.filter("steady"), on=["line", "day"], how="semi")
    return by_them.select("day", line="counterpart").drop_nulls().unique().select("line", "day")


def _steady(days: pl.LazyFrame, before: pl.LazyFrame, busy: pl.LazyFrame) -> pl.LazyFrame:
    """Add whether most of the busy days of the last 14, up to each day, were of its kind.

    Who sells has a day without a call-back now and then; who works a list has no others.
    """

    def counted(others: pl.LazyFrame, name: str) -> pl.LazyFrame:
        pairs = days.select("line", "day").join(others.select("line", past="day"), on="line")
        near = pairs.filter(rolling.lately("past", STEADY_DAYS))
        return near.group_by("line", "day").agg(pl.len().alias(name))

    alike = pl.concat([before.select("line", "day"), days.select("line", "day")])
    whole = days.join(counted(alike, "n_alike"), on=["line", "day"], how="left")
    whole = whole.join(counted(busy, "n_busy"), on=["line", "day"], how="left")
    steady = pl.col("n_alike") * 2 > pl.col("n_busy")
    return whole.with_columns(steady=steady).select(list(OUTBOUND))


def _others(lines: Lines, rule: Rule) -> pl.LazyFrame:
    """List whom the busy lines called, strangers or not (line, day, counterpart)."""
    busy = lines.measures.filter(rule.busy()).select("line", "day")
    placed = lines.legs.filter("outgoing", pl.col("counterpart").is_not_null())
    rows = placed.join(busy, on=["line", "day"], how="semi")
    return rows.select("line", "day", "counterpart").unique()


def _often(
    placed: pl.LazyFrame, value: pl.Expr, name: str, *, of: pl.Expr, days: pl.LazyFrame
) -> pl.LazyFrame:
    """List the values that a line-day has often, which is ``of`` of its calls or more."""
    counts = placed.group_by("line", "day", value.alias(name)).agg(times=pl.len()).drop_nulls()
    often = counts.join(days.select("line", "day", "n_out"), on=["line", "day"])
    return often.filter(pl.col("times") >= of).group_by("line", "day").agg(pl.col(name).sort())
