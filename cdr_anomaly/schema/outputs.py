"""What comes out: findings, the evidence and alerts of them, and whom to warn."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.schema.subject_kinds import SUBJECT_KINDS
from cdr_anomaly.schema.table import COUNT, DAY, FLAG, INSTANT, LINE, SHARE, TEXT, Column, Table
from cdr_anomaly.vocabulary import SEVERITIES

KIND = Column(TEXT, f"one of {', '.join(SUBJECT_KINDS)}")


def sentence_values(name: str, dtype: pl.DataType = TEXT) -> dict[str, Column]:
    """Return the column that stands beside a column of sentences: ``NAME_values``, of its type.

    It holds the id and the values of each sentence as JSON (wording.py), so that any language can
    say it. It is empty where the text is, and in states that are older than it.
    """
    return {f"{name}_values": Column(dtype, f"id and values of `{name}`, as JSON")}


FINDINGS: Table = {
    "detector": Column(TEXT, "which detector found it"),
    "subject_kind": KIND,
    "subject": Column(TEXT, "the line, block, dealer or target that the finding is about"),
    "members": Column(pl.List(pl.String()), "every line that takes part"),
    "day": Column(DAY, "the local day that was judged"),
    "window_start": Column(INSTANT, "start of what was looked at, exclusive"),
    "window_end": Column(INSTANT, "end of what was looked at, inclusive"),
    "severity": Column(TEXT, f"one of {', '.join(SEVERITIES)}"),
    "observed": Column(SHARE, "the value that was seen"),
    "threshold": Column(SHARE, "the limit that it reached"),
    "baseline": Column(SHARE, "what is usual for this subject, or empty"),
    "p_value": Column(SHARE, "probability of as much by chance, where a null model exists"),
    "reason": Column(TEXT, "one sentence with the numbers in it"),
    "reason_id": Column(TEXT, "which sentence that is, as in mass_dialler.calls"),
    **sentence_values("reason"),
    "evidence": Column(TEXT, "further figures as a JSON object"),
    "would_clear_if": Column(TEXT, "what would have kept it from being found, or as grave"),
    **sentence_values("would_clear_if"),
    "fixed_limit": Column(FLAG, "found by a fixed limit, however usual that is among its peers"),
    "persistent": Column(
        FLAG, "of behaviour that lasts: it is not lowered for being usual for the line"
    ),
}

MEASURED = pl.List(pl.Struct({"peers": TEXT, "measure": TEXT, "value": SHARE, "share": SHARE}))

WEIGHED = pl.List(pl.Struct({"family": TEXT, "peers": TEXT, "score": SHARE, "p_value": SHARE}))

# One row per line and local day that was tested; all other active lines have p = 1.
EVIDENCE: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "peers": Column(TEXT, "the kind of line that it is compared with"),
    "measures": Column(MEASURED, "what was measured, and the share of its peers that are as odd"),
    "families": Column(WEIGHED, "for each family of measures its score and calibrated p"),
    "max_family_score": Column(SHARE, "-log10 p of the family that says most"),
    "total_score": Column(SHARE, "what all families say: their -log10 p less 1, at most 5 each"),
    "p_value": Column(SHARE, "calibrated probability that an active line's day is as odd"),
    "q_value": Column(SHARE, "false-discovery rate, if this and all smaller p are taken"),
    "tested": Column(
        COUNT, "lines of the day that placed or forwarded a call: all that could be tested"
    ),
    "calibrated_by": Column(TEXT, "the nights before, or the same day where these are too few"),
    "excluded_from_peers": Column(
        FLAG, "found high or critical by a rule, or by a q of 0.01: nobody is compared with it"
    ),
}

ALERTS: Table = {
    "rank": Column(
        COUNT,
        "place in the list, from 1; empty when on watch (low), declared, ongoing, or beyond "
        "max_alerts",
    ),
    "subject_kind": KIND,
    "subject": Column(TEXT, "the line, block, dealer or target that the alert is about"),
    "members": Column(pl.List(pl.String()), "every line that takes part"),
    "lines": Column(pl.List(pl.String()), "the lines that findings are about, gravest first"),
    "severities": Column(pl.List(pl.String()), "how grave each of these lines is by itself"),
    "day": Column(DAY, "the day of its gravest finding, the latest of these"),
    "severity": Column(TEXT, "that of the gravest finding, a grade less if lowered"),
    "score": Column(SHARE, "the greatest excess over a limit: observed / threshold"),
    "p_value": Column(
        SHARE,
        "calibrated probability that so odd a day is chance; of several lines the least times "
        "their number; empty where nothing was tested",
    ),
    "q_value": Column(SHARE, "false-discovery rate over all active lines, the least of its lines"),
    "detectors": Column(pl.List(pl.String()), "which detectors found it"),
    "reasons": Column(pl.List(pl.String()), "the strongest reasons, up to three"),
    **sentence_values("reasons", pl.List(pl.String())),
    "would_clear_if": Column(TEXT, "what would have kept it from being found, or as grave"),
    **sentence_values("would_clear_if"),
    "lowered_because": Column(TEXT, "what speaks for it and lowered it by a grade, or empty"),
    **sentence_values("lowered_because"),
    "suppressed_by": Column(TEXT, "the declared purpose that takes it off the list, or empty"),
    **sentence_values("suppressed_by"),
    "ongoing_since": Column(DAY, "when it was last listed, where it comes too soon again"),
    "feedback": Column(TEXT, "what was said of the subject after an earlier alert, or empty"),
    **sentence_values("feedback"),
    "replaces_case": Column(
        TEXT, "the earlier alert, on other lines, that this one goes on with, or empty"
    ),
    **sentence_values("replaces_case"),
}

# One row per person to be warned; this accuses nobody (alerts/victims/).
VICTIMS: Table = {
    "rank": Column(COUNT, "place in the list, from 1"),
    "number": Column(TEXT, "the person's line, as findings write numbers"),
    "day": Column(DAY, "the day judged: the last of the 7 that count"),
    "tier": Column(TEXT, "now, today or watch: how soon to warn"),
    "score": Column(SHARE, "points for the talk, its days and what came of it, fading with time"),
    "streak": Column(COUNT, "days of talk that follow each other, up to the last one"),
    "days": Column(COUNT, "days with talk of 20 s or more"),
    "minutes": Column(SHARE, "minutes of that talk"),
    "longest": Column(SHARE, "minutes of its longest call"),
    "calls": Column(COUNT, "how many calls that were"),
    "n_lines": Column(COUNT, "with how many lines"),
    "lines": Column(pl.List(TEXT), "these lines"),
    "found_by": Column(pl.List(TEXT), "the detectors that found them; held where none did"),
    "call_backs": Column(COUNT, "calls of the person to these lines, and to others found"),
    "hand_offs": Column(COUNT, "calls of one line just after the talk with another one"),
    "busy_callers": Column(
        COUNT, "others that called in vain on the day while such a call was under way, or empty"
    ),
    "placed": Column(COUNT, "calls that the person placed that day to anybody else, or empty"),
    "usual": Column(SHARE, "median calls placed on active days 8 to 35 days before, or empty"),
    "silence": Column(SHARE, "share of its usual calls that were not placed, or empty"),
    "captive": Column(FLAG, "most of the talk was with a line that no detector found"),
    "last_contact": Column(INSTANT, "end of the last talk"),
    "hours_since": Column(SHARE, "hours from there to the end of the day"),
    "why": Column(TEXT, "one sentence with the numbers in it"),
    **sentence_values("why"),
}
