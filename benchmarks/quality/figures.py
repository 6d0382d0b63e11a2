"""Figures that the page has beside those of the command `evaluate`."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.alerts.severity import is_grave
from cdr_anomaly.evaluation import alert_scores, ground_truth
from cdr_anomaly.evaluation.alert_scores import (
    ALL,
    DETECTION_BUDGET,
    EVASION_PREFIX,
    HONEST,
    MAIN,
    UNCOUNTED,
    Bootstrap,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.evaluation.ground_truth import Lists

# An honest line is heavy from so many placed calls in a day on; measures are log(1 + calls).
HEAVY_CALLS = 30
AT_BUDGET = f"at_{DETECTION_BUDGET}"
MISSED_AT = {
    "nothing found": "no detector has a finding that names one of its lines on its days",
    "low only": "what is found of it is of severity low: on watch, not listed",
    "lowered": "what is found of it is medium or graver, and lowered to watch: so odd a day is "
    "nothing rare, or something speaks for the line",
    "set aside": "it is set aside as a declared line",
    "listed, not true": "an alert names it, among more honest lines than planted ones",
    "too low a place": f"it is listed after place {DETECTION_BUDGET}",
}


class KeyFigures(NamedTuple):
    """The figures by which two ways to make lists are compared."""

    mean: float | None
    pooled: float | None
    mean_17: float | None
    recall: float | None
    evaded: float
    honest: float | None
    alerts: float
    patterns: dict[str, float]


def key_figures(lists: Lists, truth: pl.DataFrame) -> KeyFigures:
    """Return the figures at the budget of 50."""
    tables = alert_scores.evaluate(lists, truth, Bootstrap(0))
    figures = tables[MAIN]

    def at(figure: str, name: str = AT_BUDGET) -> float | None:
        value: float | None = figures.filter(figure=figure)[name].first()
        return value

    actors = figures.filter(figure="actors found")
    evasions = actors.filter(pl.col("pattern").str.starts_with(EVASION_PREFIX))
    found = (evasions[AT_BUDGET] * evasions["number"]).sum() / max(evasions["number"].sum(), 1)
    ranked = lists.alerts.filter(pl.col("rank").is_not_null())
    return KeyFigures(
        mean=at("precision"),
        pooled=at("precision of all alerts"),
        mean_17=at("precision", "at_17"),
        recall=actors.filter(pattern=ALL)[AT_BUDGET].item(),
        evaded=float(found),
        honest=named_honest_share(tables),
        alerts=ranked.height / lists.names.height,
        patterns=dict(
            actors.filter(pl.col("pattern") != ALL).select("pattern", AT_BUDGET).iter_rows()
        ),
    )


def named_honest_share(tables: Mapping[str, pl.DataFrame]) -> float | None:
    """Return the share of the honest lines in the truth that some alert names."""
    share: float | None = tables["false_alerts"].filter(kind=HONEST)["share_named"].item()
    return share


def named_heavy_share(lists: Lists, truth: pl.DataFrame, measured: pl.DataFrame) -> float | None:
    """Return the same share of those honest lines that placed so many calls on some day."""
    heavy = measured.filter(pl.col("n_out") >= log(1 + HEAVY_CALLS))["line"].unique().implode()
    known = truth.filter(~pl.col("honest") | pl.col("line").is_in(heavy))
    return named_honest_share(
        {"false_alerts": alert_scores.false_alerts(ground_truth.match_alerts(lists, truth), known)}
    )


def count_honest_groups(lists: Lists, truth: pl.DataFrame) -> pl.DataFrame:
    """Count honest actors of two lines or more, and those named by an alert, by kind; HONEST last.

    ``named`` are those of which any alert of medium or graver names a line that is not planted that
    day, ``together`` those of which one alert names two, ``by_false`` those named by one that is
    not true.
    """
    matched = ground_truth.match_alerts(lists, truth)
    actors = (
        truth.filter("honest")
        .group_by("actor")
        .agg(kind=pl.col("kind").unique().sort().str.join(" and "), line=pl.col("line").unique())
        .filter(pl.col("line").list.len() > 1)
        .explode("line")
    )
    grave = matched.alerts.filter(is_grave("medium"))
    accused = (
        matched.named.join(grave, on=ground_truth.ALERT_KEY)
        .join(matched.hits, on=[*ground_truth.ALERT_KEY, "line"], how="anti")
        .join(actors, on="line")
        .group_by(*ground_truth.ALERT_KEY, "actor")
        .agg(n=pl.col("line").n_unique(), true=pl.col("true").first())
        .group_by("actor")
        .agg(most=pl.col("n").max(), false=(~pl.col("true")).any())
    )
    each = actors.group_by("kind", "actor").agg(lines=pl.col("line").n_unique())
    known = each.join(accused, on="actor", how="left")
    both = pl.concat([known, known.with_columns(kind=pl.lit(HONEST))])
    return (
        both.group_by("kind")
        .agg(
            groups=pl.len(),
            lines=pl.col("lines").sum(),
            named=pl.col("most").count(),
            together=(pl.col("most") > 1).sum(),
            by_false=pl.col("false").sum(),
        )
        .sort(pl.col("kind") == HONEST, "kind")
    )


def count_by_detector(lists: Lists, truth: pl.DataFrame) -> pl.DataFrame:
    """Count of each detector its alerts, the true ones, and actors that it finds, it alone too."""
    matched = ground_truth.match_alerts(lists, truth)
    names = lists.alerts.filter(pl.col("rank").is_not_null()).select(
        "list", "detectors", position=pl.col("rank").rank("ordinal").over("list").cast(pl.Int64)
    )
    near = matched.alerts.filter(pl.col("position") <= DETECTION_BUDGET).join(
        names, on=ground_truth.ALERT_KEY
    )
    listed = (
        near.explode("detectors")
        .group_by(detector="detectors")
        .agg(alerts=pl.len(), true=pl.col("true").sum())
    )
    hits = matched.hits.filter("true").join(
        near.select(*ground_truth.ALERT_KEY, "detectors"), on=ground_truth.ALERT_KEY
    )
    actors = hits.explode("detectors").group_by("actor").agg(pl.col("detectors").unique())
    alone = pl.col("detectors").list.len() == 1
    found = (
        actors.with_columns(alone=alone)
        .explode("detectors")
        .group_by(detector="detectors")
        .agg(actors=pl.len(), alone=pl.col("alone").sum())
    )
    whole = listed.join(found, on="detector", how="left").fill_null(0)
    return whole.with_columns(share=pl.col("true") / pl.col("alerts")).sort("detector")


def count_missed(lists: Lists, findings: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Count the actors of each pattern that are not found, by how far they came (MISSED_AT).

    Captors are no matter of alerts. ``findings`` (line, day, severity) name planted lines.
    ``least_q`` is the median over these actors of the least q of any of their line-days.
    """
    matched = ground_truth.match_alerts(lists, truth)
    near = matched.hits.filter("true", pl.col("position") <= DETECTION_BUDGET)
    bad = ground_truth.planted_lines(truth).filter(~pl.col("pattern").is_in(UNCOUNTED))
    missed = bad.join(near, on=["actor", "pattern"], how="anti")
    came = _progress_of_missed(lists, findings, matched, missed)
    evidence = (
        lists.evidence
        if lists.evidence is not None
        else pl.DataFrame(schema=ground_truth.EVIDENCE_TYPES)
    )
    odd = _on_actor_days(evidence, missed).group_by("actor").agg(q=pl.col("q_value").min())
    ends = pl.coalesce(
        *(pl.when(end).then(pl.lit(end)) for end in reversed(MISSED_AT) if end in came.columns),
        pl.lit("nothing found"),
    )
    actors = missed.select("pattern", "actor").unique().join(came, on="actor", how="left")
    actors = actors.join(odd, on="actor", how="left").with_columns(end=ends)
    counts = actors.group_by("pattern").agg(
        *((pl.col("end") == end).sum().alias(end) for end in MISSED_AT),
        not_found=pl.len(),
        least_q=pl.col("q").median(),
    )
    sizes = bad.group_by("pattern").agg(actors=pl.col("actor").n_unique())
    order = pl.col("pattern").str.starts_with(EVASION_PREFIX)
    return sizes.join(counts, on="pattern").sort(order, "pattern")


def _progress_of_missed(
    lists: Lists, findings: pl.DataFrame, matched: ground_truth.MatchedAlerts, missed: pl.DataFrame
) -> pl.DataFrame:
    """Return how far each missed actor came, in a column for each of MISSED_AT."""
    of_findings = (
        _on_actor_days(findings, missed)
        .group_by("actor")
        .agg(
            (pl.col("severity") == "low").any().alias("low only"),
            (pl.col("severity") != "low").any().alias("lowered"),
        )
    )
    named = lists.alerts.with_columns(
        line=pl.concat_list(pl.col("members").fill_null([]), "subject").list.unique()
    ).explode("line")
    aside = _on_actor_days(named.filter(pl.col("suppressed_by").is_not_null()), missed)
    on_lists = _on_actor_days(matched.named.join(matched.alerts, on=ground_truth.ALERT_KEY), missed)
    listed = on_lists.group_by("actor").agg(
        (~pl.col("true")).any().alias("listed, not true"),
        pl.col("true").any().alias("too low a place"),
    )
    apart = aside.select("actor", pl.lit(value=True).alias("set aside")).unique()
    actors = missed.select("actor").unique()
    for part in (of_findings, apart, listed):
        actors = actors.join(part, on="actor", how="left")
    return actors.with_columns(pl.exclude("actor").fill_null(value=False))


def _on_actor_days(rows: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """Return the rows (line, day) of planted lines on their days."""
    return rows.join(bad.drop("kind", "honest"), on="line").filter(ground_truth.is_on_actor_day())
