"""What is said of a day of talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.agent_shift import work_days
from cdr_anomaly.detectors.phrases import percent, short_number
from cdr_anomaly.wording import Sentence, first_sentence, join_sentences, sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.agent_shift.settings import AgentShiftSettings
    from cdr_anomaly.features.tables import Tables


def talk_sentence(limits: AgentShiftSettings, tables: Tables) -> Sentence:
    """Say how long the line talked, in how many calls, and what of its other days."""
    first, last = (tables.local(pl.col(c)).str.slice(11) for c in ("first_out", "last_out"))
    talk_h = pl.max_horizontal(work_days.hours(pl.col("talk_s")), "limit")
    always = pl.lit(value=True)
    called_back = percent(pl.col("n_called_back"), pl.col("n_distinct"))
    familiar = percent(pl.col("n_familiar"), pl.col("n_distinct"))
    parts = [
        (always, _long_days_sentence(limits)),
        (
            pl.lit(tables.two_way),
            sentence("agent_shift.called_back", "{n} % called back", n=called_back),
        ),
        (
            limits.is_familiar(),
            sentence("agent_shift.familiar", "{n} % called on busy days before", n=familiar),
        ),
        (
            limits.is_new(),
            sentence("agent_shift.new_line", "a line new since {since}", since="born"),
        ),
        (always, _usual_sentence(limits)),
    ]
    return sentence(
        "agent_shift.talk",
        "talked {hours} hours on {day} (limit {limit}) in {calls} calls to {numbers} different "
        "numbers, {outgoing} % of its calls outgoing, from {begin} to {end}; {talk}",
        hours=short_number(talk_h),
        day="day",
        limit=short_number(pl.col("limit")),
        calls="n_out",
        numbers="n_distinct",
        outgoing=percent(pl.col("n_out"), pl.col("n_out") + pl.col("n_in")),
        begin=first,
        end=last,
        talk=join_sentences("statements", parts),
    )


def _long_days_sentence(limits: AgentShiftSettings) -> Sentence:
    begun = sentence(
        "agent_shift.begun",
        ", begun at {clock}, give or take {minutes} minutes",
        clock=work_days.clock(pl.col("begun_min")),
        minutes=pl.col("within_min").round().cast(pl.Int64),
    )
    return sentence(
        "agent_shift.long_days",
        "{hours} hours or more on {long_days} of {days} days{begun}",
        hours=limits.talk_h_often,
        long_days="n_often",
        days=limits.within_days,
        begun=first_sentence([(limits.is_regular(), begun)]),
    )


def _usual_sentence(limits: AgentShiftSettings) -> Sentence:
    both_ways = sentence(
        "agent_shift.both_ways",
        " and talk both ways ({n} % outgoing)",
        n=percent(pl.col("past_out"), pl.col("past_out") + pl.col("past_in")),
    )
    ordinary = first_sentence([(limits.is_ordinary().fill_null(value=False), both_ways)])
    unknown = sentence(
        "agent_shift.usual_unknown", "its usual is not known{both_ways}", both_ways=ordinary
    )
    return first_sentence(
        [(pl.col("usual").is_null(), unknown)],
        sentence(
            "agent_shift.usual",
            "usual for this line {n} calls a day{both_ways}",
            n=short_number(pl.col("usual").round(1)),
            both_ways=ordinary,
        ),
    )
