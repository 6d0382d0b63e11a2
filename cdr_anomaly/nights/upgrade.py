"""How a state that an earlier version wrote is read, and brought up to date: numbered steps.

``STEPS[n - 1]`` makes the tables of a state of version n + 1 of those of version n. Whoever changes
the tables of a state adds a step at the end, and changes no other one. A state is read through the
steps that it lacks, so nothing needs to be written for ``status``; the next run that changes the
state writes what it reads so (state.bring_up_to_date).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import polars as pl

Step = Callable[[Mapping[str, pl.LazyFrame]], dict[str, pl.LazyFrame]]

LEDGER_NAME, EVENT = "ledger", "upgraded"
# Version 2: tables and columns are named by what they hold.
TABLES_2 = {
    "late": "carry_over",
    "long": "long_calls",
    "lines": "line_sightings",
    "hops": "forward_legs",
    "outbound": "cold_callers",
    "successions": "line_replacements",
}
COLUMNS_2 = {
    "findings": {
        "policy": "fixed_limit",
        "lasting": "persistent",
        "limit": "threshold",
        "unless": "would_clear_if",
        "usual": "baseline",
    },
    "alerts": {
        "unless": "would_clear_if",
        "mitigated_by": "lowered_because",
        "continues": "replaces_case",
    },
    "evidence": {"most": "max_family_score", "sum": "total_score", "odd": "excluded_from_peers"},
    "victims": {
        "place": "rank",
        "held": "captive",
        "found_busy": "busy_callers",
        "handed_over": "hand_offs",
    },
}
# The rule of cold callers left the settings of campaign; it was this where nothing was set.
COLD_CALLERS_2 = {
    "calls_day": 30,
    "distinct_ratio": 0.5,
    "out_share": 0.7,
    "call_backs": 0.1,
    "familiar": 0.3,
    "answered": 0.7,
    "cells": 4,
}
FORMER_TABLES = frozenset(TABLES_2)


def name_by_content(tables: Mapping[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """Rename tables and columns, and move the settings of cold callers to their own section."""
    renamed = {
        TABLES_2.get(name, name): rows.rename(COLUMNS_2[name], strict=False)
        if name in COLUMNS_2
        else rows
        for name, rows in tables.items()
    }
    if LEDGER_NAME in tables:
        settings = pl.col("settings").map_batches(_move_cold_callers, return_dtype=pl.String)
        renamed[LEDGER_NAME] = tables[LEDGER_NAME].with_columns(settings)
    return renamed


STEPS: tuple[Step, ...] = (name_by_content,)
VERSION = 1 + len(STEPS)


def through_steps(tables: Mapping[str, pl.LazyFrame], version: int) -> Mapping[str, pl.LazyFrame]:
    """Return the tables of today, of those of a state of that version."""
    return reduce(lambda rows, step: step(rows), STEPS[version - 1 :], tables)


def layout_version(header_version: int, ledger: pl.DataFrame) -> int:
    """Return the version of a state's tables: an upgrade that was cut off left an old header."""
    upgrades = ledger.filter(pl.col("event") == EVENT)["facts"]
    return max([header_version, *(int(json.loads(facts)["version"]) for facts in upgrades)])


def _move_cold_callers(settings: pl.Series) -> pl.Series:
    rows = [None if row is None else _moved(json.loads(row)) for row in settings]
    return pl.Series(rows, dtype=pl.String)


def _moved(settings: dict[str, Any]) -> str:
    detectors = {name: dict(section) for name, section in settings["detectors"].items()}
    campaign = detectors.get("campaign", {})
    moved = {name: campaign.pop(name) for name in COLD_CALLERS_2 if name in campaign}
    if not campaign:
        detectors.pop("campaign", None)
    whole = settings | {"detectors": detectors, "cold_callers": COLD_CALLERS_2 | moved}
    return json.dumps(whole, sort_keys=True, ensure_ascii=False)
