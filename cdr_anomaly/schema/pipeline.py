"""What passes between steps, from calls to what detectors read."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.schema.table import COUNT, DAY, FLAG, INSTANT, LINE, SHARE, TEXT, Column, Table

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

# What `pseudonymise` puts beside the tokens that stand in CALLS for numbers and identities.
BESIDE: Table = {
    **{
        f"{who}_block": Column(TEXT, "as much as is shown of that number: +861344002xxxx")
        for who in ("calling", "called", "redirecting")
    },
    **{
        f"{who}_class": Column(TEXT, "its class: mobile, fixed, short_95, international, ...")
        for who in ("calling", "called", "redirecting")
    },
    **{
        f"{who}_place": Column(
            TEXT,
            "its place in its block, shifted by a secret number of "
            "places that all of the block share; not with --no-neighbours",
        )
        for who in ("calling", "called", "redirecting")
    },
    "imei_model": Column(TEXT, "the first 8 digits of the IMEI, which its model shares"),
    "imsi_country": Column(TEXT, "the mobile country code of the IMSI"),
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

# One row per call and line that took part in it, of the few lines that are read again.
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

# One row per call of the people that cold callers talked to, on the local days of that talk.
REACHED: Table = {
    name: LEGS[name]
    for name in ("line", "day", "outgoing", "counterpart", "start", "duration_s", "answered")
}

# One row per line and local day, of the lines that are read again: what does not add up.
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

# One row per line and local day on which it called strangers one way (features/cold_callers.py).
COLD_CALLERS: Table = {
    "line": Column(LINE, "the line"),
    "day": Column(DAY, "the local day"),
    "n_out": Column(COUNT, "calls placed"),
    "n_answered": Column(COUNT, "placed calls that were answered"),
    "n_distinct": Column(COUNT, "different numbers called"),
    "cells": Column(pl.List(TEXT), "cells at which 4 in 10 of these calls or more began"),
    "handsets": Column(pl.List(TEXT), "handsets (14 digits) with 10 of these calls or more"),
    "steady": Column(FLAG, "whether most of its busy days of the last 14 are such days"),
}

# One row per line-day of COLD_CALLERS and number that it called.
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

# One row per line and local day with many calls and an hour of talk (features/shifts.py).
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

# What an operator may list of its lines beside the calls; any column but the first may be missing.
SUBSCRIBERS: Table = {
    "line": Column(LINE, "the line, in any form that calls may write it"),
    "activation": Column(DAY, "the local day from which it is new"),
    "holder_token": Column(TEXT, "who holds it: a token, the same for all lines of a holder"),
    "holder_region": Column(TEXT, "the region in which the holder is registered"),
    "dealer": Column(TEXT, "who sold it"),
    "line_kind": Column(TEXT, "what it is used for, in the operator's words: fixed, business, ..."),
}

# One row per line of the feed or of the subscriber list.
LINE_AGES: Table = {
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
    "line_kind": Column(TEXT, "as in SUBSCRIBERS, or empty"),
    "first_seen": Column(DAY, "as in LINE_AGES"),
    "activation": Column(DAY, "as in LINE_AGES"),
    "born": Column(DAY, "as in LINE_AGES"),
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
