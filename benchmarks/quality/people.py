"""Real nights of a city: the lists of people to warn, and whether their alerts are those listed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.evaluation import victim_scores
from cdr_anomaly.evaluation.victim_scores import VictimLists
from cdr_anomaly.nights import run as nights_run
from cdr_anomaly.schema import ALERTS, VICTIMS, empty

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.settings import Settings

ALERT = ["day", "subject_kind", "subject"]


class Nights(NamedTuple):
    """What the nights of a city listed: ALERTS and VICTIMS, with the ``night``."""

    alerts: pl.DataFrame
    victims: pl.DataFrame


class Agreed(NamedTuple):
    """How many alerts real nights listed, how many one scan's lists have, and how many both."""

    nights: int
    scan: int
    both: int


def nights(place: Path, told: Settings, days: Sequence[date]) -> Nights:
    """Run the nights of a city one after the other, as `backfill` does, with an empty state."""
    state, entities = place / "state", place / "entities.csv"
    shutil.rmtree(state, ignore_errors=True)
    run = nights_run.Run(state, told, nights_run.Lists(entities=entities))
    alerts, victims = [empty(ALERTS)], [empty(VICTIMS)]
    marked = [frames[0].with_columns(night=pl.lit(None, pl.Date)) for frames in (alerts, victims)]
    for outcome in nights_run.backfill([place / "calls"], days[0], days[-1], run):
        if isinstance(outcome, str):
            continue
        found = (outcome.result.alerts, outcome.result.victims)
        marked = [
            pl.concat([before, frame.with_columns(night=pl.lit(outcome.day))])
            for before, frame in zip(marked, found, strict=True)
        ]
    shutil.rmtree(state)
    return Nights(*marked)


def listed(found: Nights, place: Path, days: Sequence[date]) -> VictimLists:
    """Give the lists of these days, beside those who were held."""
    names = pl.DataFrame({"list_day": days}, {"list_day": pl.Date}).select(
        list=pl.col("list_day").cast(pl.String), list_day="list_day"
    )
    rows = found.victims.select(*victim_scores.LIST_COLUMNS, list_day="night").join(
        names, on="list_day", maintain_order="left"
    )
    held = victim_scores.read_victims(place / victim_scores.VICTIMS_NAME)
    return VictimLists(names, rows.select(*victim_scores.LIST_COLUMNS, "list", "list_day"), held)


def agreed(found: Nights, made: pl.DataFrame) -> Agreed:
    """Compare the alerts of real nights with those of the lists that one scan gives."""
    ranked = pl.col("rank").is_not_null()
    real, ours = (frame.filter(ranked).select(ALERT) for frame in (found.alerts, made))
    return Agreed(real.height, ours.height, real.join(ours, on=ALERT, how="semi").height)


def together(lists: Sequence[VictimLists]) -> VictimLists:
    """Put the lists of several cities together."""
    return VictimLists(*(pl.concat(parts) for parts in zip(*lists, strict=True)))
