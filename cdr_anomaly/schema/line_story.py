"""The tables of the story of one line (reports/line_story.py); numbers are text here."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.schema.outputs import ALERTS, EVIDENCE, FINDINGS, VICTIMS
from cdr_anomaly.schema.pipeline import LINE_AGES, LINES, MEASURES, PROFILE
from cdr_anomaly.schema.table import COUNT, DAY, SHARE, TEXT, Column, Table, pick

NUMBER = Column(TEXT, "the other number, as findings write numbers")
CLASS = Column(TEXT, "its class, as in LINES")
FIRST = Column(TEXT, "local date and time of the first one")
LAST = Column(TEXT, "local date and time of the last one")

WHO: Table = {
    "number": Column(TEXT, "the line, as findings write numbers"),
    "number_class": LINES["number_class"],
    "block": Column(TEXT, "its calling code and first 7 digits, or empty"),
    "first_seen": LINE_AGES["first_seen"],
    "activation": LINE_AGES["activation"],
    "new_since": LINE_AGES["born"],
}

DAYS: Table = {
    "day": Column(DAY, "a local day on which the line had part in a call"),
    "n_out": PROFILE["n_out"],
    **pick(
        MEASURES,
        "n_answered n_distinct n_called_back n_familiar n_cells n_handsets talk_s "
        "peak_10min peak_60min peak_24h peak_under_way",
    ),
    "n_in": PROFILE["n_in"],
    "n_forwarded": PROFILE["n_forwarded"],
    "usual": MEASURES["usual"],
}

# The limits that charts show: a day that reaches one may be found, if all else holds.
LIMITS: Table = {
    "count": Column(TEXT, "the column of ``days`` or of ``shifts`` that is held against it"),
    "limit": Column(SHARE, "from how many on"),
    "detector": Column(TEXT, "whose limit it is"),
    "setting": Column(TEXT, "the name of its setting"),
}

# Every hour of each day with a call.
GRID: Table = {
    "day": Column(DAY, "the local day"),
    "hour": Column(COUNT, "the local hour, 0 to 23"),
    "placed": Column(COUNT, "calls that the line placed"),
    "received": Column(COUNT, "calls that it received"),
}

WORKED: Table = {
    "day": Column(DAY, "a local day with many calls and an hour of talk"),
    "talk_h": Column(SHARE, "hours of talk in placed calls, rounded down to a tenth"),
    "n_out": MEASURES["n_out"],
    "n_distinct": MEASURES["n_distinct"],
    "first_out": Column(TEXT, "local time of the first placed call"),
    "last_out": Column(TEXT, "local time of the last placed call"),
    "hours_s": Column(pl.List(COUNT), "seconds of talk in each of the 24 local hours"),
}

CONTACTS: Table = {
    "number": NUMBER,
    "number_class": CLASS,
    "placed": Column(COUNT, "calls that the line placed to it"),
    "received": Column(COUNT, "calls that the line received from it"),
    "answered": Column(COUNT, "placed calls that were answered"),
    "talk_s": Column(COUNT, "seconds of talk, both ways"),
    "days": Column(COUNT, "local days with a call"),
    "call_backs": Column(COUNT, "received calls up to 6 hours after the line had called it"),
    "back_share": Column(SHARE, "their share of the received calls, or empty"),
    "first": FIRST,
    "last": LAST,
}

USED: Table = {
    "name": Column(TEXT, "the handset, or the cell"),
    "calls": Column(COUNT, "calls of the line there, placed and received"),
    "days": Column(COUNT, "local days with such a call"),
    "first": FIRST,
    "last": LAST,
}

USED_DAYS: Table = {
    "day": Column(DAY, "the local day"),
    "name": USED["name"],
    "calls": Column(COUNT, "calls of the line there on the day"),
}

FORWARDS: Table = {
    "number": NUMBER,
    "calls": Column(COUNT, "calls that were forwarded"),
    "answered": Column(COUNT, "of these, calls that the target answered"),
    "callers": Column(COUNT, "different numbers that these calls came from"),
    "days": Column(COUNT, "local days with such a call"),
    "reasons": Column(TEXT, "cfu, cfb, cfnry, cfnrc, ... with commas between"),
    "first": FIRST,
    "last": LAST,
}

FORWARD_DAYS: Table = {
    "day": Column(DAY, "the local day"),
    "direction": Column(TEXT, "out: the line forwarded; in: calls were forwarded to it"),
    "number": NUMBER,
    "calls": Column(COUNT, "calls that were forwarded that day"),
}

UNLIKE: Table = pick(EVIDENCE, "day peers p_value q_value calibrated_by families measures")

FOUND: Table = {
    **pick(
        FINDINGS,
        "day detector subject_kind subject severity observed threshold baseline p_value",
    ),
    "excess": Column(SHARE, "observed / threshold"),
    **pick(FINDINGS, "reason reason_values would_clear_if would_clear_if_values"),
}

ALERTED: Table = pick(
    ALERTS,
    "day rank severity subject_kind subject score p_value detectors reasons "
    "reasons_values would_clear_if would_clear_if_values lowered_because "
    "lowered_because_values suppressed_by suppressed_by_values ongoing_since "
    "replaces_case replaces_case_values",
)

RELATED: Table = {
    "how": Column(TEXT, "what the two have in common (reports/related_numbers.py)"),
    "number": NUMBER,
    "number_class": CLASS,
    "count": Column(COUNT, "how many they have in common; of blocks, how far apart they are"),
    "of": Column(COUNT, "of how many of the other number's, or empty"),
    "expected": Column(SHARE, "how many there would be by chance, where that is known"),
    "first": Column(DAY, "the first local day of these"),
    "last": Column(DAY, "the last local day of these"),
}

# The tables of a story by name, in the order in which they are read.
STORY: dict[str, Table] = {
    "who": WHO,
    "days": DAYS,
    "limits": LIMITS,
    "grid": GRID,
    "shifts": WORKED,
    "contacts": CONTACTS,
    "handsets": USED,
    "handset_days": USED_DAYS,
    "cells": USED,
    "cell_days": USED_DAYS,
    "forwards_out": FORWARDS,
    "forwards_in": FORWARDS,
    "forward_days": FORWARD_DAYS,
    "unlike": UNLIKE,
    "findings": FOUND,
    "alerts": ALERTED,
    "warned": VICTIMS,
    "to_warn": VICTIMS,
    "related": RELATED,
}
