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

ALERT_KEY = ["day", "subject_kind", "subject"]


class NightLists(NamedTuple):
    """What the nights of a city listed: ALERTS and VICTIMS, with the ``night``."""

    alerts: pl.DataFrame
    victims: pl.DataFrame


class AlertAgreement(NamedTuple):
    """How many alerts real nights listed, how many one scan's lists have, and how many both."""

    nights: int
    scan: int
    both: int


def run_nights(folder: Path, settings: Settings, days: Sequence[date]) -> NightLists:
    """Run the nights of a city one after the other, as `backfill` does, with an empty state."""
    state, entities = folder / "state", folder / "entities.csv"
    shutil.rmtree(state, ignore_errors=True)
    run = nights_run.Run(state, settings, nights_run.Lists(entities=entities))
    alerts, victims = [empty(ALERTS)], [empty(VICTIMS)]
    marked = [frames[0].with_columns(night=pl.lit(None, pl.Date)) for frames in (alerts, victims)]
    for outcome in nights_run.backfill([folder / "calls"], days[0], days[-1], run):
        if isinstance(outcome, str):
            continue
        nights = (outcome.result.alerts, outcome.result.victims)
        marked = [
            pl.concat([before, frame.with_columns(night=pl.lit(outcome.day))])
            for before, frame in zip(marked, nights, strict=True)
        ]
    shutil.rmtree(state)
    return NightLists(*marked)


def lists_of_victims(nights: NightLists, folder: Path, days: Sequence[date]) -> VictimLists:
    """Return the lists of these days, beside those who were held."""
    names = pl.DataFrame({"list_day": days}, {"list_day": pl.Date}).select(
        list=pl.col("list_day").cast(pl.String), list_day="list_day"
    )
    rows = nights.victims.select(*victim_scores.LIST_COLUMNS, list_day="night").join(
        names, on="list_day", maintain_order="left"
    )
    held = victim_scores.read_victims(folder / victim_scores.VICTIMS_NAME)
    return VictimLists(names, rows.select(*victim_scores.LIST_COLUMNS, "list", "list_day"), held)


def compare_alerts(nights: NightLists, scan_alerts: pl.DataFrame) -> AlertAgreement:
    """Compare the alerts of real nights with those of the lists that one scan gives."""
    ranked = pl.col("rank").is_not_null()
    real, ours = (frame.filter(ranked).select(ALERT_KEY) for frame in (nights.alerts, scan_alerts))
    return AlertAgreement(
        real.height, ours.height, real.join(ours, on=ALERT_KEY, how="semi").height
    )


def concat_victim_lists(lists: Sequence[VictimLists]) -> VictimLists:
    """Return the lists of several cities as one."""
    return VictimLists(*(pl.concat(parts) for parts in zip(*lists, strict=True)))
