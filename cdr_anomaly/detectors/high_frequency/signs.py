"""The signs that a busy line deserves attention, and those against it, with how each is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.detectors.phrases import percent
from cdr_anomaly.features.peer_measures import FIXED_CLASSES, MIN_ANSWERED, NEW_DAYS
from cdr_anomaly.wording import Sentence, first_sentence, join_sentences, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.detectors.high_frequency.settings import HighFrequencySettings
    from cdr_anomaly.features.tables import Tables

# Figures of the line's day that go with a finding.
EVIDENCE = (
    "number_class",
    "score",
    "n_out",
    "n_in",
    "n_distinct",
    "n_answered",
    "n_short",
    "n_called_back",
    "n_mutual",
    "n_familiar",
    "n_cells",
    "n_handsets",
    "talk_s",
    "peak_10min",
    "peak_60min",
    "peak_24h",
    "past_days",
)


class Sign(NamedTuple):
    """When a sign holds of MEASURES, and how it is said."""

    holds: pl.Expr
    sentence: Sentence


def call_back_share() -> pl.Expr:
    """Return the share of the called numbers that called back."""
    return pl.col("n_called_back") / pl.col("n_distinct")


def concerns(limits: HighFrequencySettings, tables: Tables) -> dict[str, Sign]:
    """Return the signs for attention, by name."""
    attempts, two_way = tables.feed.attempts, tables.two_way
    n_out, distinct, answered = pl.col("n_out"), pl.col("n_distinct"), pl.col("n_answered")
    unwanted = (n_out - answered) / n_out >= limits.unanswered
    short = (answered >= MIN_ANSWERED) & (pl.col("n_short") / answered >= limits.short)
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    out_share = n_out / (n_out + pl.col("n_in"))
    return {
        "call_backs": Sign((call_back_share() < limits.few_call_backs) & two_way, _called_back()),
        "strangers": Sign(
            (distinct / n_out >= limits.strict_distinct)
            & (out_share >= limits.strict_out_share)
            & two_way,
            sentence("high_frequency.strangers", "nearly all outgoing and to different numbers"),
        ),
        "unanswered": Sign(
            unwanted & attempts,
            sentence(
                "high_frequency.unanswered",
                "{n} % unanswered",
                n=percent(n_out - answered, n_out),
            ),
        ),
        "short": Sign(
            short & ~(unwanted & attempts),
            sentence(
                "high_frequency.short",
                "{n} % of the answered under 10 s",
                n=percent(pl.col("n_short"), answered),
            ),
        ),
        "past": Sign(
            pl.col("past_z") >= limits.far_z,
            sentence(
                "high_frequency.above_usual",
                "far above its usual (distance {n})",
                n=pl.col("past_z").round(1),
            ),
        ),
        "new": Sign(
            age.is_between(0, NEW_DAYS),
            sentence("high_frequency.new_line", "a line new since {since}", since="born"),
        ),
        "cells": Sign(
            # A fixed line or a service number has nowhere to go.
            pl.col("n_cells").is_between(1, limits.few_cells)
            & ~pl.col("number_class").is_in(FIXED_CLASSES),
            first_sentence(
                [
                    (
                        pl.col("n_cells") == 1,
                        sentence("high_frequency.one_cell_all_day", "1 cell all day"),
                    )
                ],
                sentence("high_frequency.cells_all_day", "{n} cells all day", n="n_cells"),
            ),
        ),
    }


def reliefs(limits: HighFrequencySettings, tables: Tables) -> dict[str, Sign]:
    """Return the signs against, by name."""
    attempts = tables.feed.attempts
    n_out, distinct, answered = pl.col("n_out"), pl.col("n_distinct"), pl.col("n_answered")
    somebody = call_back_share() >= limits.few_call_backs
    wanted = (answered / n_out >= limits.mostly_answered) & attempts
    talk = pl.col("talk_s") / answered
    talks = (talk >= limits.talk_s) & (answered / n_out >= limits.talk_answered) & attempts
    return {
        "call_backs": Sign(call_back_share() >= limits.many_call_backs, _called_back()),
        "cells": Sign(
            (pl.col("n_cells") >= limits.many_cells) & somebody,
            sentence("high_frequency.cells", "{n} cells", n="n_cells"),
        ),
        "answered": Sign(
            wanted,
            sentence("high_frequency.answered", "{n} % answered", n=percent(answered, n_out)),
        ),
        "talk": Sign(
            talks & ~wanted,
            sentence(
                "high_frequency.answered_with_talk",
                "{n} % answered, with {talk_s} s of talk on average",
                n=percent(answered, n_out),
                talk_s=talk.round().cast(pl.Int64, strict=False),
            ),
        ),
        "past": Sign(
            (pl.col("past_z") < limits.near_z) & somebody,
            sentence("high_frequency.within_usual", "within its usual"),
        ),
        "familiar": Sign(
            pl.col("n_familiar") / distinct >= limits.familiar,
            sentence(
                "high_frequency.familiar",
                "{n} % called on busy days before",
                n=percent(pl.col("n_familiar"), distinct),
            ),
        ),
    }


def count(signs: Mapping[str, Sign]) -> pl.Expr:
    """Count the signs that hold."""
    return pl.sum_horizontal(
        sign.holds.fill_null(value=False).cast(pl.Int64) for sign in signs.values()
    )


def joined(signs: Mapping[str, Sign]) -> Sentence:
    """Say the signs that hold, or that there are none."""
    cases = [(sign.holds.fill_null(value=False), sign.sentence) for sign in signs.values()]
    return first_sentence(
        [(count(signs) == 0, sentence("high_frequency.none", "none"))],
        join_sentences("list", cases),
    )


def _called_back() -> Sentence:
    share = percent(pl.col("n_called_back"), pl.col("n_distinct"))
    return sentence("high_frequency.called_back", "{n} % called back", n=share)
