"""Which trunks calls from home come in on, and which calls from abroad: by settings, or by TRAFFIC.

A trunk is domestic on a day when nearly all of its calls are presented as from home, those of the
numbers that are judged left aside; it is international when many are presented as from abroad.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import significance

if TYPE_CHECKING:
    from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings

# A domestic trunk has at least so great a share of the calls that come in on all trunks.
MIN_TRUNK_SHARE = 0.02


def international(limits: OverseasPresentationSettings, traffic: pl.LazyFrame) -> pl.LazyFrame:
    """Return the international trunks of each day (day, trunk_in)."""
    many = (pl.col("calls") >= limits.trunk_calls) & (
        pl.col("abroad") >= limits.international_share * pl.col("calls")
    )
    name = pl.col("name")
    is_one = name.is_in(limits.international_trunks) | (many & ~name.is_in(limits.domestic_trunks))
    return traffic.filter(pl.col("what") == "trunk", is_one).select("day", trunk_in="name")


def on_domestic(
    limits: OverseasPresentationSettings, calls: pl.DataFrame, traffic: pl.DataFrame
) -> pl.DataFrame:
    """Keep the rows of ``calls`` (day, trunk_in, n_calls, ...) whose trunk is domestic that day.

    ``calls`` are those of numbers presented as foreign that are judged, a row for each number and
    trunk. Adds ``told``, whether a setting says so, n_other and n_abroad, the other numbers' calls
    on the trunk and those of them that are presented as from abroad, and ``p_value``: the
    probability that a trunk with that share of them has as many of its calls from abroad as with
    the number's; null where it is told.
    """
    own = pl.col("n_calls").sum().over("day", "trunk_in")
    trunks = traffic.filter(pl.col("what") == "trunk").select(
        "day", "calls", "abroad", trunk_in="name"
    )
    trunks = trunks.with_columns(calls_all=pl.col("calls").sum().over("day"))
    rows = calls.join(trunks, on=["day", "trunk_in"], how="left").with_columns(
        n_other=(pl.col("calls") - own).clip(lower_bound=0),
        n_abroad=(pl.col("abroad") - own).clip(lower_bound=0),
        told=pl.col("trunk_in").is_in(limits.domestic_trunks),
    )
    # What few calls come in on says little; most of them may be those of one caller.
    much = pl.col("calls") >= MIN_TRUNK_SHARE * pl.col("calls_all")
    mostly_home = (
        much
        & (pl.col("n_other") >= limits.trunk_calls)
        & (pl.col("n_other") - pl.col("n_abroad") >= limits.domestic_share * pl.col("n_other"))
    )
    known = rows.filter(
        pl.col("told") | (mostly_home & ~pl.col("trunk_in").is_in(limits.international_trunks))
    )
    count = (known["n_abroad"] + known["n_calls"]).cast(pl.Float64).to_numpy()
    tries = (known["n_other"] + known["n_calls"]).cast(pl.Float64).to_numpy()
    share = known.select((pl.col("n_abroad") + 1) / (pl.col("n_other") + 2)).to_series()
    tail = pl.Series(significance.binomial_tail(count, tries, share.to_numpy()), dtype=pl.Float64)
    p_value = pl.when(~pl.col("told")).then("p_value")
    weighed = known.with_columns(p_value=tail).with_columns(p_value=p_value)
    return weighed.drop("calls", "abroad")


def seen_at_home(
    legs: pl.LazyFrame, abroad: pl.LazyFrame, hours: int, *, cells: bool
) -> pl.LazyFrame:
    """Keep the placed legs that came in from ``abroad`` while their line was seen at home.

    That is on a trunk of ``abroad`` (day, trunk_in) and without a cell of the line's own, within so
    many hours of the same day of a leg of the line with one; in a feed that names no ``cells``, of
    a call that it placed on no trunk.
    """
    on_trunk = (
        legs.filter("outgoing", pl.col("cell_id").is_null())
        .join(abroad, on=["day", "trunk_in"], how="semi")
        .sort("line", "start", "counterpart", "duration_s")
    )
    no_trunk = pl.col("outgoing") & pl.col("trunk_in").is_null()
    at_home = legs.filter(pl.col("cell_id").is_not_null() if cells else no_trunk)
    seen = at_home.join(on_trunk, on=["line", "day"], how="semi")
    return (
        on_trunk.sort("start", maintain_order=True)
        .join_asof(
            seen.select("line", "day", "start", seen="start").sort("start"),
            on="start",
            by=["line", "day"],
            strategy="nearest",
            tolerance=timedelta(hours=hours),
            check_sortedness=False,
        )
        .drop_nulls("seen")
    )
