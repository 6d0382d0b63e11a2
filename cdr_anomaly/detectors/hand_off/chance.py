"""How many people a line was handed over, and how many chance would have given it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import significance

if TYPE_CHECKING:
    from cdr_anomaly.detectors.hand_off.settings import HandOffSettings


def talk_call_pairs(
    limits: HandOffSettings, calls: pl.LazyFrame, talks: pl.LazyFrame
) -> pl.LazyFrame:
    """Pair each talk with every answered call of another line to the same person that day."""
    called = calls.select("person", "day", closer="line", at="start")
    after = (pl.col("at") - pl.col("ended")).dt.total_seconds(fractional=True)
    inside = (after > -limits.overlap_s) & (after <= limits.within_s)
    return (
        talks.join(called, on=["person", "day"])
        .filter(pl.col("closer") != pl.col("opener"))
        .with_columns(handed=inside & (pl.col("at") > pl.col("begun")))
    )


def unlikely_closers(
    limits: HandOffSettings, pairs: pl.DataFrame, calls: pl.LazyFrame, talks: pl.LazyFrame, tz: str
) -> pl.DataFrame:
    """Return the closers of each day: how many people they were handed, of how many, with p, q.

    Those that were handed fewer than ``people`` count as tested, with a p of 1.
    """
    by = ["closer", "day"]
    people = pairs.group_by(*by, "person").agg(pl.col("handed").any(), n_pairs=pl.len())
    counts = people.group_by(by).agg(
        n_people=pl.col("handed").sum().cast(pl.Int64), n_both=pl.len().cast(pl.Int64)
    )
    tested = counts.group_by("day").agg(n_tested=pl.len().cast(pl.Int64))
    enough = counts.filter(pl.col("n_people") >= limits.people).join(tested, on="day")
    enough_pairs = pairs.join(enough, on=by, how="semi").lazy()
    chance = _chance(limits, people, _hours_in_common(enough_pairs, calls, talks, tz).collect())
    judged = enough.join(chance, on=by).sort("day", "closer")
    columns = (judged[name].to_numpy() for name in ("n_people", "n_both", "chance"))
    with_p = judged.with_columns(
        p_value=significance.binomial_tail(*columns),
        expected=pl.col("n_both") * pl.col("chance"),
    )
    with_q = significance.by_day(with_p, pl.first("n_tested"))
    return with_q.filter(pl.col("q_value") <= limits.fdr)


def _chance(limits: HandOffSettings, people: pl.DataFrame, meeting: pl.DataFrame) -> pl.DataFrame:
    """Return the chance that one person is handed to a closer, the mean of all its people.

    It is rounded, as a sum's last digit depends on the order of rows.
    """
    width = limits.within_s + limits.overlap_s
    one = pl.max_horizontal(width / 3600 * pl.col("meeting"), width / 86_400)
    chance = 1 - (1 - one.clip(upper_bound=1.0)) ** pl.col("n_pairs")
    whole = people.join(meeting, on=["closer", "day"])
    return whole.group_by("closer", "day").agg(chance=chance.mean().round(12))


def _hours_in_common(
    pairs: pl.LazyFrame, calls: pl.LazyFrame, talks: pl.LazyFrame, tz: str
) -> pl.LazyFrame:
    """Return how far the hours of a closer's calls and of its openers' talks agree.

    It is the sum of the products of both shares by hour.
    """
    by = ["closer", "day"]
    openers = pairs.select(*by, "opener").unique()
    ends = openers.join(talks.select("opener", "day", at="ended"), on=["opener", "day"])
    own = calls.select("day", closer="line", at="start")
    hour = pl.col("at").dt.convert_time_zone(tz).dt.hour()
    one, other = (
        rows.group_by(*by, hour=hour)
        .agg(n=pl.len())
        .with_columns(share=pl.col("n") / pl.col("n").sum().over(by))
        for rows in (ends, own.join(openers, on=by, how="semi"))
    )
    both = one.join(other, on=[*by, "hour"], how="left")
    product = pl.col("share") * pl.col("share_right").fill_null(0.0)
    return both.group_by(by).agg(meeting=product.sum().round(12))
