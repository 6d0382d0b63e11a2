"""Numbers that come in on trunks which are not for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.overseas_presentation import trunks
from cdr_anomaly.detectors.overseas_presentation.calls import call_counts
from cdr_anomaly.detectors.phrases import percent
from cdr_anomaly.wording import first_sentence, probability, sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings
    from cdr_anomaly.features.tables import Tables

RARE_P = Grading(1e-3, "p up to which calls from abroad on a trunk are found that no setting names")
GRADINGS = (RARE_P,)


def find_domestic(
    limits: OverseasPresentationSettings, tables: Tables, calls: pl.LazyFrame
) -> pl.LazyFrame:
    """Return findings of numbers presented as foreign on trunks for calls from home."""
    by_trunk = calls.drop_nulls("trunk_in").group_by("line", "number", "day", "trunk_in")
    counts = by_trunk.agg(*call_counts()).filter(pl.col("n_calls") >= limits.mismatch_calls)
    days = trunks.on_domestic(limits, counts.collect(), tables.traffic.collect())
    home = percent(pl.col("n_other") - pl.col("n_abroad"), pl.col("n_other"))
    mostly_home = sentence(
        "overseas_presentation.mostly_home",
        "{share} % of the {other_calls} other calls on it presented as from home; p {p}",
        share=home,
        other_calls="n_other",
        p=probability(pl.col("p_value").fill_null(1.0)),
    )
    declared = sentence("overseas_presentation.declared_domestic", "it is told to be domestic")
    return limits.mismatch(
        tables,
        days.lazy().filter((pl.col("p_value") <= RARE_P) | pl.col("told")),
        severity=_severity(limits),
        p_value=pl.col("p_value"),
        reason=sentence(
            "overseas_presentation.domestic_trunk",
            "presented as foreign, placed {calls} calls on {day} (limit {limit}) that came in on "
            "the domestic trunk {trunk}, to {numbers} different numbers; {domestic}",
            calls="n_calls",
            day="day",
            limit=limits.mismatch_calls,
            trunk="trunk_in",
            numbers="n_called",
            domestic=first_sentence([(pl.col("told"), declared)], mostly_home),
        ),
        evidence=pl.struct("trunk_in", "n_calls", "n_called", "n_other", "n_abroad"),
    )


def find_at_home(limits: OverseasPresentationSettings, tables: Tables) -> pl.LazyFrame:
    """Return findings of home numbers that came in from abroad while their line was at home."""
    abroad = trunks.international(limits, tables.traffic)
    classes = tables.lines.filter(pl.col("number_class") != "international")
    legs = tables.legs.filter(pl.col("day") >= tables.since)
    cells = "cell_id" in tables.feed.columns
    near = trunks.seen_at_home(legs, abroad, limits.seen_hours, cells=cells)
    days = (
        near.join(classes.select("line", "number"), on="line")
        .group_by("line", "number", "day")
        .agg(*call_counts(), trunks=pl.col("trunk_in").unique().sort())
    )
    return limits.mismatch(
        tables,
        days,
        severity=_severity(limits),
        reason=sentence(
            "overseas_presentation.at_home",
            "a home number, placed {calls} calls on {day} (limit {limit}) that came in on "
            "international trunks ({trunks}) within {hours} h of calls of the line at home, to "
            "{numbers} different numbers",
            calls="n_calls",
            day="day",
            limit=limits.mismatch_calls,
            trunks=pl.col("trunks").list.join(", "),
            hours=limits.seen_hours,
            numbers="n_called",
        ),
        evidence=pl.struct("n_calls", "n_called", "trunks"),
    )


def _severity(limits: OverseasPresentationSettings) -> pl.Expr:
    return ladder({"high": pl.col("n_called") >= limits.mismatch_contacts}, "medium")
