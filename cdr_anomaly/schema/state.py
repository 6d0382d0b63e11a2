"""What a night hands to the nights after it, beside tables of steps (docs/nightly.md)."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.schema.pipeline import CALLS, HOPS
from cdr_anomaly.schema.table import COUNT, DAY, INSTANT, LINE, SHARE, TEXT, Column, Table, pick

# One row per line that began to call strangers and line that had stopped, in the same place.
LINE_REPLACEMENTS: Table = {
    "day": Column(DAY, "the day that was judged, on which the line was at work"),
    "line": Column(TEXT, "the line that began"),
    "earlier": Column(TEXT, "the line that had stopped before"),
    "by": Column(TEXT, "what they have in common: handset, list, cell or number block"),
}

# One row per call with half an hour of talk or more, by who placed it.
LONG_CALLS: Table = {
    "caller": Column(LINE, "who placed it"),
    "called": Column(LINE, "who was called"),
    "day": Column(DAY, "the local day of the start"),
    "start": Column(INSTANT, "when it began"),
    "duration_s": Column(COUNT, "seconds of talk"),
}

# What a night hands to the nights after it, beside PROFILE and LEGS (see docs/nightly.md).
FORWARD_LEGS: Table = {
    name: column for name, column in HOPS.items() if name not in {"chain", "depth", "hops", "by_id"}
} | {"call_id": Column(TEXT, "shared by the legs of one call, or empty")}

CARRY_OVER: Table = {
    "day": Column(DAY, "the night at the end of which the call was found"),
    "calling_number": Column(LINE, "as in CALLS"),
    "called_number": Column(LINE, "as in CALLS"),
    "redirecting_number": Column(LINE, "as in CALLS"),
    **pick(
        CALLS,
        "start_time duration_s record_type redirect_reason call_id answered cell_id "
        "imei imsi trunk_in",
    ),
}

LINE_NAMES: Table = {
    "day": Column(DAY, "the night"),
    "line": Column(COUNT, "an opaque line, as other tables of the state hold it"),
    "name": Column(TEXT, "the token that came in"),
}

LINE_SIGHTINGS: Table = {
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
    "event": Column(TEXT, "begun, done, feedback, retention or upgraded"),
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
