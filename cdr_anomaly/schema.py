"""Every table that passes between steps, column by column, with its unit and meaning.

A line is carried as a 64-bit integer where every number of the feed can be (see numbering.py),
else as text; columns of type LINE are either. The tables that leave the house hold text only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping


class Column(NamedTuple):
    """The type of a column and what it means; a type of None is LINE: an integer or text."""

    dtype: pl.DataType | None
    meaning: str


Table = dict[str, Column]

TEXT, COUNT, FLAG, DAY = pl.String(), pl.Int64(), pl.Boolean(), pl.Date()
INSTANT, SHARE = pl.Datetime("us", "UTC"), pl.Float64()
LINE = None

# What a feed may hold, one row per call or leg. The first four are required.
CALLS: Table = {
    "calling_number": Column(TEXT, "who placed the call; empty when withheld"),
    "called_number": Column(TEXT, "who was called; on a forwarding leg the target"),
    "start_time": Column(INSTANT, "when the attempt began"),
    "duration_s": Column(COUNT, "seconds of talk, 0 when unanswered"),
    "record_type": Column(
        TEXT,
        "call: one row per call, counts for both parties (the default); moc: the caller's side; "
        "mtc: the called side; fwd: a forwarding leg; others are counted and left out",
    ),
    "redirecting_number": Column(TEXT, "the line that forwarded the call"),
    "redirect_reason": Column(TEXT, "cfu, cfb, cfnry, cfnrc, ..."),
    "call_id": Column(TEXT, "shared by the legs of one call"),
    "answered": Column(FLAG, "whether it was answered; without it, talk of more than 0 s"),
    "cell_id": Column(TEXT, "the cell of the line whose record it is"),
    "imei": Column(TEXT, "the handset of the line whose record it is"),
    "imsi": Column(TEXT, "the subscriber identity"),
    "trunk_in": Column(TEXT, "the trunk on which the call came in"),
    "region": Column(TEXT, "the region of the call"),
    "release_cause": Column(TEXT, "why the call ended"),
}
REQUIRED = ("calling_number", "called_number", "start_time", "duration_s")

# One row per line and local day; every column adds up.
PROFILE: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "n_out": Column(COUNT, "calls that the line placed, answered or not"),
    "n_in": Column(COUNT, "calls that reached the line"),
    "n_forwarded": Column(COUNT, "calls that the line forwarded"),
}

# One row per local day and cell or trunk, of all lines' calls, where a detector asks for it.
TRAFFIC: Table = {
    "day": Column(DAY, "the local day"),
    "what": Column(TEXT, "cell or trunk"),
    "name": Column(TEXT, "the cell that calls were placed at, or the trunk that they came in on"),
    "calls": Column(COUNT, "such calls, as records of type call, moc and (trunks) mtc tell"),
    "abroad": Column(COUNT, "of these, on trunks: from a number that is presented as foreign"),
}

# One row per call and line that took part in it, for the few lines that are looked at twice.
LEGS: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day of the start"),
    "outgoing": Column(FLAG, "whether the line placed the call, else it received it"),
    "counterpart": Column(LINE, "the other party; empty when withheld"),
    "start": Column(INSTANT, "when the attempt began"),
    "duration_s": Column(COUNT, "seconds of talk"),
    "answered": Column(FLAG, "whether the call was answered"),
    "cell_id": Column(TEXT, "the line's cell, on its own records"),
    "imei": Column(TEXT, "the line's handset, on its own records"),
    "imsi": Column(TEXT, "the line's subscriber identity, on its own records"),
    "trunk_in": Column(TEXT, "the trunk on which the call came in, whoever's record tells it"),
}

# One row per call of the people that lines of OUTBOUND talked to, on the local days of that talk.
REACHED: Table = {name: LEGS[name] for name in LEGS if name not in {"cell_id", "imei"}}

# One row per line and local day for the lines that are looked at twice: what does not add up.
MEASURES: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "n_out": Column(COUNT, "calls placed"),
    "n_in": Column(COUNT, "calls received"),
    "n_answered": Column(COUNT, "placed calls that were answered"),
    "n_short": Column(COUNT, "answered placed calls of less than 10 s"),
    "talk_s": Column(COUNT, "seconds of talk on placed calls"),
    "n_distinct": Column(COUNT, "different numbers called"),
    "n_mutual": Column(COUNT, "of these, numbers that also called the line that day"),
    "n_called_back": Column(COUNT, "of these, numbers that called after they had been called"),
    "n_familiar": Column(COUNT, "of these, numbers called on a busy day of the last 28 days"),
    "n_cells": Column(COUNT, "different cells of placed calls; 0 when the feed names none"),
    "n_handsets": Column(COUNT, "different handsets of placed calls; 0 when the feed names none"),
    "peak_10min": Column(COUNT, "most placed calls in any 10 minutes up to a call of the day"),
    "peak_10min_end": Column(INSTANT, "when that window ended"),
    "peak_60min": Column(COUNT, "most placed calls in any 60 minutes up to a call of the day"),
    "peak_60min_end": Column(INSTANT, "when that window ended"),
    "peak_24h": Column(COUNT, "most placed calls in 24 hours of busy days, up to one of the day"),
    "peak_24h_end": Column(INSTANT, "when that window ended"),
    "peak_under_way": Column(COUNT, "most placed calls under way at once"),
    "first_out": Column(INSTANT, "start of the first placed call"),
    "last_out": Column(INSTANT, "start of the last placed call"),
    "usual": Column(SHARE, "median calls placed on the line's active days 8 to 35 days before"),
    "past_days": Column(COUNT, "active days in that past"),
    "past_z": Column(SHARE, "robust distance of the day from that past; empty under 7 days"),
    "past_mean": Column(SHARE, "mean of that past; empty under 7 days"),
    "past_variance": Column(SHARE, "its variance"),
}

# One row per line and local day on which it called strangers one way (outbound.py).
OUTBOUND: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "n_out": Column(COUNT, "calls placed"),
    "n_answered": Column(COUNT, "placed calls that were answered"),
    "n_distinct": Column(COUNT, "different numbers called"),
    "cells": Column(pl.List(TEXT), "cells at which 4 in 10 of these calls or more began"),
    "handsets": Column(pl.List(TEXT), "handsets (14 digits) with 10 of these calls or more"),
    "steady": Column(FLAG, "whether most of its busy days of the last 14 are such days"),
}

# One row per line-day of OUTBOUND and number that it called.
LISTS: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "counterpart": Column(LINE, "the number called"),
    "answered": Column(FLAG, "whether any of these calls was answered"),
}

# One row per day and pair of lines whose lists of 7 days have more in common than chance explains.
LINKS: Table = {
    "day": Column(DAY, "the last of the 7 days"),
    "one": Column(LINE, "one line"),
    "other": Column(LINE, "the other line"),
    "by": Column(TEXT, "list: the same numbers; range: numbers that differ by 5 at most"),
    "n_shared": Column(COUNT, "how many they have in common"),
    "expected": Column(SHARE, "how many they would have by chance"),
    "p_value": Column(SHARE, "probability of as many by chance"),
    "q_value": Column(SHARE, "false-discovery rate over all pairs of lines that called strangers"),
    "n_lines": Column(COUNT, "how many lines called strangers in these days"),
}

# One row per line that began to call strangers and line that had stopped, in the same place.
SUCCESSIONS: Table = {
    "day": Column(DAY, "the day that was judged, on which the line was at work"),
    "line": Column(TEXT, "the line that began"),
    "earlier": Column(TEXT, "the line that had stopped before"),
    "by": Column(TEXT, "what they have in common: handset, list, cell or number block"),
}

# One row per line and local day with many calls and an hour of talk (shifts.py).
SHIFTS: Table = {
    **{c: MEASURES[c] for c in ("line", "day", "n_out", "n_distinct", "first_out", "last_out")},
    "talk_s": Column(COUNT, "seconds within the day that the line talked in calls it placed"),
    "hours_s": Column(pl.List(COUNT), "of these, how many in each of the 24 local hours"),
}

# One row per forwarding of one call.
HOPS: Table = {
    "forwarder": Column(LINE, "the line that forwarded"),
    "target": Column(LINE, "where it forwarded to"),
    "caller": Column(LINE, "the original caller; empty when withheld"),
    "start": Column(INSTANT, "when the leg began"),
    "day": Column(DAY, "the local day of the start"),
    "reason": Column(TEXT, "cfu, cfb, cfnry, cfnrc, ... or empty"),
    "answered": Column(FLAG, "whether the target answered"),
    "chain": Column(COUNT, "number of the chain that the hop is part of"),
    "depth": Column(COUNT, "place in the chain, from 1"),
    "hops": Column(COUNT, "length of the chain"),
    "by_id": Column(FLAG, "whether the whole chain is held together by call ids, else by time"),
}

# One row per line of the feed or of the subscriber list.
BIRTHS: Table = {
    "line": Column(LINE, "the line"),
    "first_seen": Column(DAY, "first local day with any leg, or empty"),
    "activation": Column(DAY, "day of activation from --subscribers, or empty"),
    "born": Column(DAY, "the day it counts as new from: activation, else first_seen after warm-up"),
}

# One row per line that is watched, new, or part of a forwarding.
LINES: Table = {
    "line": Column(LINE, "the line"),
    "number": Column(TEXT, "as it is written: E.164 with +, or the token that came in"),
    "number_class": Column(TEXT, "mobile, fixed, virtual_operator, short_95, international, ..."),
    "first_seen": Column(DAY, "as in BIRTHS"),
    "activation": Column(DAY, "as in BIRTHS"),
    "born": Column(DAY, "as in BIRTHS"),
}

FINDINGS: Table = {
    "detector": Column(TEXT, "which detector found it"),
    "subject_kind": Column(TEXT, "line, block, pool, hub or chain"),
    "subject": Column(TEXT, "the line, block or target that the finding is about"),
    "members": Column(pl.List(pl.String()), "every line that takes part"),
    "day": Column(DAY, "the local day that was judged"),
    "window_start": Column(INSTANT, "start of what was looked at, exclusive"),
    "window_end": Column(INSTANT, "end of what was looked at, inclusive"),
    "severity": Column(TEXT, "low, medium, high or critical"),
    "observed": Column(SHARE, "the value that was seen"),
    "limit": Column(SHARE, "the limit that it reached"),
    "usual": Column(SHARE, "what is usual for this subject, or empty"),
    "p_value": Column(SHARE, "probability of as much by chance, where a null model exists"),
    "reason": Column(TEXT, "one sentence with the numbers in it"),
    "evidence": Column(TEXT, "further figures as a JSON object"),
    "unless": Column(TEXT, "what would have kept it from being found, or as grave"),
    "policy": Column(FLAG, "found by a fixed limit, however usual that is among its peers"),
}

# One row per line, local day and measure: what is compared with other lines' days.
TESTS: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "peers": Column(TEXT, "the kind of line that it is compared with"),
    "family": Column(TEXT, "the family of related measures"),
    "measure": Column(TEXT, "what is measured"),
    "value": Column(SHARE, "its value"),
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
    "most": Column(SHARE, "-log10 p of the family that says most"),
    "sum": Column(SHARE, "what all families say: their -log10 p less 1, at most 5 each"),
    "p_value": Column(SHARE, "calibrated probability that an active line's day is as odd"),
    "q_value": Column(SHARE, "false-discovery rate, if this and all smaller p are taken"),
    "tested": Column(
        COUNT, "lines of the day that placed or forwarded a call: all that could be tested"
    ),
    "calibrated_by": Column(TEXT, "the nights before, or the same day where these are too few"),
    "odd": Column(
        FLAG, "found high or critical by a rule, or by a q of 0.01: nobody is compared with it"
    ),
}

ALERTS: Table = {
    "rank": Column(
        COUNT,
        "place in the list, from 1; empty when on watch (low), declared, ongoing, or beyond "
        "max_alerts",
    ),
    "subject_kind": Column(TEXT, "line, block, pool, hub or chain"),
    "subject": Column(TEXT, "the line, block or target that the alert is about"),
    "members": Column(pl.List(pl.String()), "every line that takes part"),
    "lines": Column(pl.List(pl.String()), "the lines that findings are about, gravest first"),
    "severities": Column(pl.List(pl.String()), "how grave each of these lines is by itself"),
    "day": Column(DAY, "the day of its gravest finding, the latest of these"),
    "severity": Column(TEXT, "that of the gravest finding, a grade less if mitigated"),
    "score": Column(SHARE, "the greatest excess over a limit: observed / limit"),
    "p_value": Column(
        SHARE,
        "calibrated probability that so odd a day is chance; of several lines the least times "
        "their number; empty where nothing was tested",
    ),
    "q_value": Column(SHARE, "false-discovery rate over all active lines, the least of its lines"),
    "detectors": Column(pl.List(pl.String()), "which detectors found it"),
    "reasons": Column(pl.List(pl.String()), "the strongest reasons, up to three"),
    "unless": Column(TEXT, "what would have kept it from being found, or as grave"),
    "mitigated_by": Column(TEXT, "what speaks for it and lowered it by a grade, or empty"),
    "suppressed_by": Column(TEXT, "the declared purpose that takes it off the list, or empty"),
    "ongoing_since": Column(DAY, "when it was last listed, where it comes too soon again"),
    "feedback": Column(TEXT, "what was said of the subject after an earlier alert, or empty"),
    "continues": Column(
        TEXT, "the earlier alert, on other lines, that this one goes on with, or empty"
    ),
}

# One row per person to be warned; nobody is accused here (victims.py).
VICTIMS: Table = {
    "place": Column(COUNT, "place in the list, from 1"),
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
    "handed_over": Column(COUNT, "calls of one line just after the talk with another one"),
    "found_busy": Column(
        COUNT, "others that called in vain on the day while such a call was under way, or empty"
    ),
    "placed": Column(COUNT, "calls that the person placed that day to anybody else, or empty"),
    "usual": Column(SHARE, "median calls placed on active days 8 to 35 days before, or empty"),
    "silence": Column(SHARE, "share of its usual calls that were not placed, or empty"),
    "held": Column(FLAG, "most of the talk was with a line that no detector found (held.py)"),
    "last_contact": Column(INSTANT, "end of the last talk"),
    "hours_since": Column(SHARE, "hours from there to the end of the day"),
    "why": Column(TEXT, "one sentence with the numbers in it"),
}

# One row per call with half an hour of talk or more, by who placed it.
LONG: Table = {
    "caller": Column(LINE, "who placed it"),
    "called": Column(LINE, "who was called"),
    "day": Column(DAY, "the local day of the start"),
    "start": Column(INSTANT, "when it began"),
    "duration_s": Column(COUNT, "seconds of talk"),
}

# What a night hands to the nights after it, beside PROFILE and LEGS (see docs/nightly.md).
FORWARDED: Table = {
    name: column for name, column in HOPS.items() if name not in {"chain", "depth", "hops", "by_id"}
} | {"call_id": Column(TEXT, "shared by the legs of one call, or empty")}

LATE: Table = {
    "day": Column(DAY, "the night at the end of which the call was found"),
    "calling_number": Column(LINE, "as in CALLS"),
    "called_number": Column(LINE, "as in CALLS"),
    "redirecting_number": Column(LINE, "as in CALLS"),
    **{
        name: CALLS[name]
        for name in (
            "start_time", "duration_s", "record_type", "redirect_reason", "call_id", "answered",
            "cell_id", "imei", "imsi", "trunk_in",
        )
    },
}  # fmt: skip

SEEN: Table = {
    "line": Column(LINE, "the line"),
    "first_seen": Column(DAY, "first local day with any leg"),
    "last_seen": Column(DAY, "last local day with any leg"),
}

VOLUME: Table = {
    "day": Column(DAY, "the local day"),
    "hour": Column(COUNT, "the local hour, 0 to 23"),
    "source": Column(TEXT, "the name of the files, with * for dates and counters in it"),
    "rows": Column(COUNT, "rows, of any type"),
}

FEEDBACK: Table = {
    "day": Column(DAY, "the night whose alert it is about"),
    "line": Column(TEXT, "the subject of the alert"),
    "verdict": Column(TEXT, "confirmed or cleared"),
    "detectors": Column(pl.List(pl.String()), "the detectors of the alert"),
    "note": Column(TEXT, "what was found out, or empty"),
    "at": Column(INSTANT, "when it was said"),
}

LEDGER: Table = {
    "number": Column(COUNT, "place in the order of events, from 1"),
    "event": Column(TEXT, "begun, done, feedback or retention"),
    "at": Column(INSTANT, "when it happened"),
    "day": Column(DAY, "the night that it is about, or empty"),
    "seconds": Column(SHARE, "how long the night took"),
    "inputs": Column(TEXT, "JSON: the files, each with path, bytes, rows and sha256"),
    "settings": Column(TEXT, "JSON: every setting that was given"),
    "versions": Column(TEXT, "JSON: the versions of the program and of its libraries"),
    "counts": Column(TEXT, "JSON: what became of the rows, findings by detector, alerts"),
    "facts": Column(TEXT, "JSON: what later nights need to know of this one"),
    "tables": Column(TEXT, "JSON: the version of each table that belongs to this event"),
}

SEVERITIES = ("low", "medium", "high", "critical")
# Subjects of these kinds are prefixes of numbers, no lines.
OF_PREFIXES = ("block", "pool")


def require(frame: pl.LazyFrame, table: Table, name: str) -> pl.LazyFrame:
    """Return the columns of ``table`` in its order, or fail when one is missing or of other type.

    A mismatch is our bug, never the user's: it names the table and the column.
    """
    found = frame.collect_schema()
    for column, (dtype, _) in table.items():
        if column not in found:
            msg = f"{name} lacks the column '{column}'"
            raise AssertionError(msg)
        if dtype is not None and found[column] != dtype:
            msg = f"{name}.{column} is {found[column]}, not {dtype}"
            raise AssertionError(msg)
    return frame.select(list(table))


def empty(table: Table, line: pl.DataType | None = None) -> pl.DataFrame:
    """Return ``table`` without rows; LINE columns are text unless told otherwise."""
    return pl.DataFrame(schema={n: c.dtype or line or pl.String() for n, c in table.items()})


def lines(table: Table) -> list[str]:
    """Name the columns of a table that hold lines."""
    return [name for name, column in table.items() if column.dtype is None]


def columns(table: Table) -> Mapping[str, str]:
    """Map each column of a table to its meaning, for the documentation."""
    return {name: column.meaning for name, column in table.items()}
