"""EVIDENCE in words: what a line is most unlike its peers in, and who is found for that alone."""

from __future__ import annotations

from datetime import date, timedelta
from math import log10
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.alerts.peer_scoring import (
    BY_ITSELF,
    BY_NIGHTS,
    COMMON,
    MAX_OTHER_P,
    MIN_PEERS,
    NIGHTS,
    OF_KIND,
    kind,
    least_other_p,
)
from cdr_anomaly.schema import FINDINGS
from cdr_anomaly.wording import (
    Sentence,
    as_written,
    first_sentence,
    probability,
    sentence,
    sentence_columns,
    sentence_id,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.features.peer_measures import Measure

NAME = "unlike_peers"
# What a tenth of its peers do says nothing of a line; three things are told.
MAX_SHARE, MAX_MEASURES = 0.1, 3


def unlike_sentences(
    evidence: pl.DataFrame, selected: pl.DataFrame, measures: Mapping[str, Measure]
) -> pl.DataFrame:
    """Say in one sentence what ``selected`` line-days (line, day) are most unlike their peers in.

    ``evidence`` is EVIDENCE, that of the nights before included. Returns (line, day, unlike,
    unlike_values).
    """
    rows = evidence.join(selected.unique(), on=["line", "day"], how="semi")
    unusual = (
        rows.select("line", "day", "measures", "p_value", "calibrated_by")
        .explode("measures")
        .unnest("measures")
        .filter(pl.col("share") <= MAX_SHARE)
    )
    if unusual.is_empty():
        nothing = pl.lit(None, pl.String)
        return unusual.select("line", "day", unlike=nothing, unlike_values=nothing)
    known = pl.DataFrame(
        [(name, m.low_is_odd, m.is_share) for name, m in measures.items()],
        schema=["measure", "little", "is_share"],
        orient="row",
    )
    asked = unusual.select("day", "peers", "measure")
    usual = _usual(evidence, asked, rows["calibrated_by"].unique())
    measured = _measure_sentence(measures)
    most_unusual = Sentence(*(pl.col(name).head(MAX_MEASURES) for name in ("text", "values")))
    joined = most_unusual.joined("measures")
    use = pl.col("among").str.splitn(OF_KIND, 2).struct[1]
    of_kind = sentence("unlike_peers.of_kind", " of kind {kind}", kind=use)
    unlike = sentence(
        "unlike_peers.day",
        "unlike other {peers}{used}: {measures}; such a day by chance: p {p} (by {nights})",
        peers=word(kind(pl.col("among")), "peers"),
        used=first_sentence([(use.is_not_null(), of_kind)]),
        measures=Sentence(pl.col("text"), pl.col("values")),
        p=probability(pl.col("p_value")),
        nights=word(pl.col("calibrated_by")),
    )
    return (
        unusual.join(known, on="measure")
        .join(usual, on=["day", "peers", "measure"])
        .with_columns(far=pl.when("little").then("low").otherwise("high"))
        .with_columns(text=measured.text, values=measured.values)
        .sort("line", "day", "share", "measure")
        .group_by("line", "day", maintain_order=True)
        .agg(
            pl.col("among").sort_by("width", descending=True, maintain_order=True).first(),
            pl.col("p_value", "calibrated_by").first(),
            text=joined.text,
            values=joined.values,
        )
        .select("line", "day", **sentence_columns(unlike=unlike))
    )


def find_unlike(
    evidence: pl.DataFrame, fdr: float, measures: Mapping[str, Measure], *, since: date = date.min
) -> pl.DataFrame:
    """Return FINDINGS of the lines that are unlike their peers with a q of ``fdr`` or less.

    ``evidence`` is EVIDENCE with lines as text, that of the nights before included; found are lines
    from the day ``since`` on. Days that are calibrated by themselves, and kinds with few lines, are
    left out: too little is known of what is usual. So are lines whose volume alone is rare.
    """
    known = (pl.col("calibrated_by") == BY_NIGHTS) & pl.col("peers").is_in(COMMON)
    rare = (pl.col("q_value") <= fdr) & (least_other_p() <= MAX_OTHER_P)
    odd = evidence.filter(pl.col("day") >= since, known, rare)
    told = unlike_sentences(evidence, odd.select("line", "day"), measures)
    rows = odd.join(told, on=["line", "day"])
    surprise = (-pl.col("p_value").log10()).round(2)
    given = {
        "detector": pl.lit(NAME),
        "subject_kind": pl.lit("line"),
        "subject": pl.col("line"),
        "members": pl.concat_list("line"),
        "severity": pl.lit("medium"),
        "observed": surprise,
        # The limit depends on what else is found that night: it is that of the q.
        "threshold": (surprise + pl.col("q_value").log10() - log10(fdr)).round(2).clip(0.01),
        "reason": pl.col("unlike"),
        "reason_id": sentence_id(pl.col("unlike_values")),
        "reason_values": pl.col("unlike_values"),
        "evidence": pl.struct("families").struct.json_encode(),
        **sentence_columns(
            would_clear_if=sentence(
                "unlike_peers.clear",
                "a q over {limit}; this one has {p}",
                limit=fdr,
                p=probability(pl.col("q_value")),
            )
        ),
        "fixed_limit": pl.lit(value=False),
        "persistent": pl.lit(value=False),
    }
    return rows.select(
        given.get(name, pl.col(name) if name in rows.columns else pl.lit(None))
        .cast(column.dtype or pl.String)
        .alias(name)
        for name, column in FINDINGS.items()
    )


def _usual(evidence: pl.DataFrame, selected: pl.DataFrame, by: pl.Series) -> pl.DataFrame:
    """Give median, least and most in a hundred of each measure ``selected`` (day, peers, measure).

    These are of the peers of that day; where there are few, of their kind, then of all lines. Who
    they are ``among`` is the wider the greater ``width``.
    """
    offsets = {BY_NIGHTS: range(1, NIGHTS + 1), BY_ITSELF: (0,)}
    values = evidence.filter(~pl.col("excluded_from_peers")).select(
        "day", "measures", "calibrated_by"
    )
    near = [
        values.with_columns(pl.col("day") + timedelta(days=n), calibrated_by=pl.lit(how)).filter(
            pl.col("day").is_in(selected["day"].unique().implode())
        )
        for how in by
        for n in offsets[how]
    ]
    how_judged = evidence.select("day", "calibrated_by").unique()
    rows = pl.concat([values.clear(), *near]).join(how_judged, on=["day", "calibrated_by"])
    of_kind = {"kind": kind(pl.col("peers"))}
    measured = rows.explode("measures").unnest("measures").with_columns(**of_kind)
    value = pl.col("value")
    told = {"median": value.median(), "low": value.quantile(0.01), "high": value.quantile(0.99)}
    left = (
        selected.unique()
        .with_columns(**of_kind)
        .join(measured, on=["day", "measure", "kind"], how="semi")
    )
    found = []
    # As when they were compared (peer_scoring.py).
    for width, (by_what, least) in enumerate(
        {"peers": MIN_PEERS, "kind": MIN_PEERS, "lines": 0}.items()
    ):
        keys = ["day", "measure", *([by_what] if least else [])]
        usual = measured.group_by(keys).agg(days=pl.len(), **told).filter(pl.col("days") >= least)
        among = pl.col(by_what) if least else pl.lit(by_what)
        found.append(left.join(usual, on=keys).with_columns(among=among, width=pl.lit(width)))
        left = left.join(usual, on=keys, how="anti")
    return pl.concat(found)


def _measure_sentence(measures: Mapping[str, Measure]) -> Sentence:
    """Say a measure of a line-day with the median of its peers, and how far one in 100 goes."""
    value = _value_sentence("value")
    names = [
        (pl.col("measure") == name, sentence(f"measure.{name}", measure.phrase, value=value))
        for name, measure in measures.items()
    ]
    bound = first_sentence(
        [(pl.col("little"), sentence("unlike_peers.at_most", "at most"))],
        sentence("unlike_peers.at_least", "at least"),
    )
    return sentence(
        "unlike_peers.measure",
        "{measure} (median {median}, 1 in 100 {bound} {far})",
        measure=first_sentence(names),
        median=_value_sentence("median"),
        bound=bound,
        far=_value_sentence("far"),
    )


def _value_sentence(column: str) -> Sentence:
    value = pl.col(column)
    scaled = pl.when("is_share").then(100 * value).otherwise(value).round(1).cast(pl.String)
    number = scaled.str.strip_suffix(".0")
    percent = sentence("unlike_peers.percent", "{n} %", n=number)
    return first_sentence([(pl.col("is_share"), percent)], as_written(number))
