"""The subjects of findings: all that was found of each, how likely it is, what speaks for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts.peer_scoring import APART, BY_NIGHTS, COMMON, apart
from cdr_anomaly.schema import FEEDBACK, SEVERITIES, empty

GRADES = {word: place for place, word in enumerate(SEVERITIES)}
WATCH = GRADES["low"]
# With a greater q so odd a day is nothing rare: more than one in ten as odd are chance.
RARE = 0.1
# What else lowers a subject by a grade, and is shown (algorithms, section 3.5).
MANY_CALL_BACKS = 0.3
AS_USUAL = 1.3
CLEARED_FOR, UNLIKE_ITSELF = timedelta(days=90), 4.0
OWN_PAST, BACK = "own_past", "called_back"
WEIGHT = {
    "subject": pl.String, "day": pl.Date, "p_value": pl.Float64, "q_value": pl.Float64,
    "apart": pl.Float64, "peers": pl.String, "calibrated_by": pl.String, "unlike": pl.String,
    BACK: pl.Float64, OWN_PAST: pl.Float64,
}  # fmt: skip


class Beside(NamedTuple):
    """What is known of the subjects beside their findings.

    ``evidence`` is EVIDENCE with lines as text and the sentence ``unlike``; ``earlier`` are ALERTS
    of the days before, ``told`` is FEEDBACK, ``handsets`` are those used (subject, day, imei),
    ``line_replacements`` (line, earlier, by) tell which lines take the place of others. What was
    listed before ``since`` is listed anew.
    """

    evidence: pl.DataFrame | None = None
    earlier: pl.DataFrame | None = None
    told: pl.DataFrame | None = None
    handsets: pl.DataFrame | None = None
    line_replacements: pl.DataFrame | None = None
    since: date = date.min


def weighed(findings: pl.DataFrame, beside: Beside) -> pl.DataFrame:
    """Merge the findings of each subject, and weigh it by its evidence and by what was said of it.

    ``findings`` are FINDINGS with ``suppressed_by``. One that no fixed limit found is
    lowered by a grade where so odd a day is nothing rare, and so is a subject for which something
    else speaks.
    """
    of_days = findings.rename({"p_value": "own_p"}).join(
        _weights(beside.evidence), on=["subject", "day"], how="left", maintain_order="left"
    )
    whole = _by_subject(_graded(of_days)).join(_cleared(beside.told), on="subject", how="left")
    known = pl.concat_str(
        [pl.when(holds.fill_null(value=False)).then(text) for holds, text in _reliefs()],
        separator="; ",
        ignore_nulls=True,
    )
    lower = (known != "") & (pl.col("grade") > WATCH)
    said = [pl.col("lowered"), pl.when(known != "").then(known)]
    return whole.with_columns(
        lowered_because=pl.concat_str(said, separator="; ", ignore_nulls=True).replace("", None),
        grade=pl.col("grade") - lower.cast(pl.Int64),
    )


def grade() -> pl.Expr:
    """Give the place of a severity among all."""
    return pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64)


def is_grave(severity: str) -> pl.Expr:
    """Tell what is of that severity or graver."""
    return grade() >= GRADES[severity]


def said(told: pl.DataFrame | None) -> pl.DataFrame:
    """Put the last word on each line in one text (subject, feedback)."""
    note = (
        pl.when(pl.col("note").is_not_null())
        .then(wording.format_text(": {}", "note"))
        .otherwise(pl.lit(""))
    )
    text = wording.format_text("{} on {}{}", "verdict", "day", note)
    return _last(told).select(subject="line", feedback=text)


def by_chance(findings: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Add the ``grade`` that each finding has in the light of its evidence.

    ``findings`` are (subject, day, severity, fixed_limit), ``evidence`` is EVIDENCE with lines as
    text.
    """
    weights = evidence.select(
        "day", "peers", "calibrated_by", "q_value", subject="line", apart=apart()
    )
    return _graded(findings.join(weights, on=["subject", "day"], how="left"))


def _graded(findings: pl.DataFrame) -> pl.DataFrame:
    why = _nothing_rare()
    lower = (grade() - why.is_not_null().cast(pl.Int64)).clip(lower_bound=WATCH)
    return findings.with_columns(lowered=why, grade=lower)


def _nothing_rare() -> pl.Expr:
    """Say why a finding is lowered by a grade: what its line did that day is nothing rare.

    Of kinds with few lines too little is known: there one call centre makes nothing rare.
    """
    known = (pl.col("calibrated_by") == BY_NIGHTS) & pl.col("peers").is_in(COMMON)
    judged = ~pl.col("fixed_limit") & known
    often = wording.format_text("so odd a day is nothing rare: q {}", pl.col("q_value").round(2))
    return (
        pl.when(judged & (pl.col("q_value") > RARE))
        .then(often)
        .when(judged & (pl.col("apart") > APART))
        .then(pl.lit("but for its volume nothing is rare"))
    )


def _by_subject(findings: pl.DataFrame) -> pl.DataFrame:
    """Merge the findings of each subject, the gravest and latest first, and fixed limits."""
    # What is declared for one detector leaves what others found.
    free = pl.col("suppressed_by").is_null()
    return (
        findings.filter(free | ~free.any().over("subject"))
        .with_columns(excess=(pl.col("observed") / pl.col("threshold")).round(3))
        .sort(
            "grade",
            "day",
            "fixed_limit",
            "observed",
            "detector",
            "reason",
            descending=[True, True, True, True, False, False],
        )
        .group_by("subject", maintain_order=True)
        .agg(
            pl.col("members").list.explode(keep_nulls=False, empty_as_null=False).unique().sort(),
            pl.col(
                "subject_kind", "day", "grade", "lowered", "would_clear_if", "persistent"
            ).first(),
            pl.col(BACK, OWN_PAST).first(),
            score=pl.col("excess").max(),
            # Blocks bring a p of their own.
            p_value=pl.min_horizontal(pl.col("p_value", "own_p").min()),
            q_value=pl.col("q_value").min(),
            unlike=pl.col("unlike").sort_by("p_value", nulls_last=True).first(),
            days=pl.col("day").unique(),
            detectors=pl.col("detector").unique().sort(),
            why=pl.struct("detector", "reason"),
            suppressed_by=pl.col("suppressed_by").unique().sort().str.join("; ").replace("", None),
        )
    )


def _reliefs() -> list[tuple[pl.Expr, pl.Expr]]:
    """Say what speaks for a line: when it holds, and how it is said."""
    back = (100 * pl.col(BACK)).round().cast(pl.Int64)
    cleared = pl.col("day") - pl.col("cleared")
    return [
        (
            pl.col(BACK) >= MANY_CALL_BACKS,
            wording.format_text("{} % of the numbers called back", back),
        ),
        (
            (pl.col(OWN_PAST) < AS_USUAL) & ~pl.col("persistent").fill_null(value=False),
            pl.lit("no more than is usual for it"),
        ),
        (
            (cleared <= CLEARED_FOR) & ~(pl.col(OWN_PAST) >= UNLIKE_ITSELF).fill_null(value=False),
            wording.format_text("cleared on {}", "cleared"),
        ),
    ]


def _weights(evidence: pl.DataFrame | None) -> pl.DataFrame:
    """Take what alerts need of EVIDENCE (WEIGHT)."""
    if evidence is None:
        return pl.DataFrame(schema=WEIGHT)
    element = pl.element().struct
    measured = {
        name: pl.col("measures")
        .list.eval(element.field("value").filter(element.field("measure") == name))
        .list.first()
        for name in (BACK, OWN_PAST)
    }
    rows = evidence.rename({"line": "subject"}).with_columns(**measured, apart=apart())
    return rows.select(list(WEIGHT))


def _last(told: pl.DataFrame | None) -> pl.DataFrame:
    known = empty(FEEDBACK) if told is None else told
    return known.sort("day", "at").group_by("line", maintain_order=True).last()


def _cleared(told: pl.DataFrame | None) -> pl.DataFrame:
    last = _last(told).filter(pl.col("verdict") == "cleared")
    return last.select(subject="line", cleared="day")
