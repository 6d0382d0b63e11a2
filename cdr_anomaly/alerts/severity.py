"""The subjects of findings: all that was found of each, how likely it is, what speaks for it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from cdr_anomaly.alerts.peer_scoring import BY_NIGHTS, COMMON, MAX_OTHER_P, least_other_p
from cdr_anomaly.schema import FEEDBACK, SEVERITIES, empty
from cdr_anomaly.wording import (
    NULL,
    Sentence,
    first_sentence,
    join_sentences,
    sentence,
    sentence_columns,
    word,
)

GRADES = {word: place for place, word in enumerate(SEVERITIES)}
WATCH = GRADES["low"]
# With a greater q so odd a day is nothing rare: more than one in ten as odd are chance.
RARE = 0.1
# What else lowers a subject by a grade, and is shown (algorithms, section 3.5).
MANY_CALL_BACKS = 0.3
AS_USUAL = 1.3
CLEARED_FOR, UNLIKE_ITSELF = timedelta(days=90), 4.0
OWN_PAST, CALLED_BACK = "own_past", "called_back"
WEIGHT = {
    "subject": pl.String, "day": pl.Date, "p_value": pl.Float64, "q_value": pl.Float64,
    "apart": pl.Float64, "peers": pl.String, "calibrated_by": pl.String, "unlike": pl.String,
    "unlike_values": pl.String,
    CALLED_BACK: pl.Float64, OWN_PAST: pl.Float64,
}  # fmt: skip


class Context(NamedTuple):
    """What is known of the subjects, apart from their findings.

    ``evidence`` is EVIDENCE with lines as text and the sentence ``unlike``; ``earlier`` are ALERTS
    of the days before, ``feedback`` is FEEDBACK, ``handsets`` are those used (subject, day, imei),
    ``line_replacements`` (line, earlier, by) tell which lines take the place of others. What was
    listed before ``since`` is listed anew.
    """

    evidence: pl.DataFrame | None = None
    earlier: pl.DataFrame | None = None
    feedback: pl.DataFrame | None = None
    handsets: pl.DataFrame | None = None
    line_replacements: pl.DataFrame | None = None
    since: date = date.min


def weigh_subjects(findings: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Merge the findings of each subject, and weigh it by its evidence and by what was said of it.

    ``findings`` are FINDINGS with ``suppressed_by``. One that no fixed limit found is
    lowered by a grade where so odd a day is nothing rare, and so is a subject for which something
    else speaks.
    """
    of_days = findings.rename({"p_value": "own_p"}).join(
        _weights(context.evidence), on=["subject", "day"], how="left", maintain_order="left"
    )
    subjects = _by_subject(_with_grades(of_days))
    whole = subjects.join(_cleared(context.feedback), on="subject", how="left")
    reliefs = [(holds.fill_null(value=False), text) for holds, text in _reliefs()]
    lower = pl.any_horizontal(holds for holds, _ in reliefs) & (pl.col("grade") > WATCH)
    by_chance = Sentence(pl.col("lowered"), pl.col("lowered_values"))
    whys = [(by_chance.text.is_not_null(), by_chance), *reliefs]
    because = first_sentence(
        [(pl.any_horizontal(holds for holds, _ in whys), join_sentences("statements", whys))], NULL
    )
    return whole.with_columns(
        grade=pl.col("grade") - lower.cast(pl.Int64), **sentence_columns(lowered_because=because)
    )


def grade() -> pl.Expr:
    """Give the place of a severity among all."""
    return pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64)


def is_grave(severity: str) -> pl.Expr:
    """Tell what is of that severity or graver."""
    return grade() >= GRADES[severity]


def last_feedback(feedback: pl.DataFrame | None) -> pl.DataFrame:
    """Put the last word on each line in one text (subject, feedback)."""
    verdict = word(pl.col("verdict"))
    with_note = sentence(
        "feedback.with_note",
        "{verdict} on {day}: {note}",
        verdict=verdict,
        day="day",
        note="note",
    )
    text = first_sentence(
        [(pl.col("note").is_not_null(), with_note)],
        sentence("feedback.verdict", "{verdict} on {day}", verdict=verdict, day="day"),
    )
    return _last_verdicts(feedback).select(subject="line", **sentence_columns(feedback=text))


def by_chance(findings: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Add the ``grade`` that each finding has in the light of its evidence.

    ``findings`` are (subject, day, severity, fixed_limit), ``evidence`` is EVIDENCE with lines as
    text.
    """
    weights = evidence.select(
        "day", "peers", "calibrated_by", "q_value", subject="line", apart=least_other_p()
    )
    return _with_grades(findings.join(weights, on=["subject", "day"], how="left"))


def _with_grades(findings: pl.DataFrame) -> pl.DataFrame:
    why = _nothing_rare()
    lower = (grade() - why.text.is_not_null().cast(pl.Int64)).clip(lower_bound=WATCH)
    return findings.with_columns(grade=lower, **sentence_columns(lowered=why))


def _nothing_rare() -> Sentence:
    """Say why a finding is lowered by a grade: what its line did that day is nothing rare.

    Of kinds with few lines too little is known: there one call centre makes nothing rare.
    """
    known = (pl.col("calibrated_by") == BY_NIGHTS) & pl.col("peers").is_in(COMMON)
    judged = ~pl.col("fixed_limit") & known
    common = sentence(
        "lowered.common",
        "so odd a day is nothing rare: q {n}",
        n=pl.col("q_value").round(2),
    )
    volume_only = sentence("lowered.volume_only", "but for its volume nothing is rare")
    return first_sentence(
        [
            (judged & (pl.col("q_value") > RARE), common),
            (judged & (pl.col("apart") > MAX_OTHER_P), volume_only),
        ],
        NULL,
    )


def _by_subject(findings: pl.DataFrame) -> pl.DataFrame:
    """Merge the findings of each subject, the gravest and latest first, and fixed limits."""
    # What is declared for one detector leaves what others found.
    free = pl.col("suppressed_by").is_null()
    different = ~free & pl.col("suppressed_by").is_first_distinct()
    purpose, purpose_values = (
        pl.col(f"suppressed_by{end}").filter(different) for end in ("", "_values")
    )
    purposes = Sentence(purpose.sort(), purpose_values.sort_by(purpose))
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
                "subject_kind",
                "day",
                "grade",
                "lowered",
                "lowered_values",
                "would_clear_if",
                "would_clear_if_values",
                "persistent",
            ).first(),
            pl.col(CALLED_BACK, OWN_PAST).first(),
            pl.col("unlike", "unlike_values").sort_by("p_value", nulls_last=True).first(),
            score=pl.col("excess").max(),
            # Blocks bring a p of their own.
            p_value=pl.min_horizontal(pl.col("p_value", "own_p").min()),
            q_value=pl.col("q_value").min(),
            days=pl.col("day").unique(),
            detectors=pl.col("detector").unique().sort(),
            why=pl.struct("detector", "reason", "reason_values"),
            **sentence_columns(suppressed_by=purposes.joined("statements")),
        )
        .with_columns(
            pl.when(pl.col("suppressed_by") != "").then(f"suppressed_by{end}").name.keep()
            for end in ("_values", "")
        )
    )


def _reliefs() -> list[tuple[pl.Expr, Sentence]]:
    """Say what speaks for a line: when it holds, and how it is said."""
    back = (100 * pl.col(CALLED_BACK)).round().cast(pl.Int64)
    cleared = pl.col("day") - pl.col("cleared")
    return [
        (
            pl.col(CALLED_BACK) >= MANY_CALL_BACKS,
            sentence("lowered.called_back", "{n} % of the numbers called back", n=back),
        ),
        (
            (pl.col(OWN_PAST) < AS_USUAL) & ~pl.col("persistent").fill_null(value=False),
            sentence("lowered.usual", "no more than is usual for it"),
        ),
        (
            (cleared <= CLEARED_FOR) & ~(pl.col(OWN_PAST) >= UNLIKE_ITSELF).fill_null(value=False),
            sentence("lowered.cleared", "cleared on {day}", day="cleared"),
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
        for name in (CALLED_BACK, OWN_PAST)
    }
    rows = evidence.rename({"line": "subject"}).with_columns(**measured, apart=least_other_p())
    return rows.select(list(WEIGHT))


def _last_verdicts(feedback: pl.DataFrame | None) -> pl.DataFrame:
    known = empty(FEEDBACK) if feedback is None else feedback
    return known.sort("day", "at").group_by("line", maintain_order=True).last()


def _cleared(feedback: pl.DataFrame | None) -> pl.DataFrame:
    last = _last_verdicts(feedback).filter(pl.col("verdict") == "cleared")
    return last.select(subject="line", cleared="day")
