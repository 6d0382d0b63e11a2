"""Nights over frames of calls, as an operator would run them over files."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import settings
from cdr_anomaly.nights import run as nights_run
from cdr_anomaly.nights import state
from cdr_anomaly.schema import STATE_TABLES
from tests.helpers.builders import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdr_anomaly.nights.run import Outcome
    from cdr_anomaly.storage.paths import Location


def local_days(calls: pl.DataFrame, tz: str = SHANGHAI) -> list[date]:
    days = calls.select(_day(tz)).to_series().unique().sort()
    return [days[0] + timedelta(days=n) for n in range((days[-1] - days[0]).days + 1)]


def of_day(calls: pl.DataFrame, day: date, tz: str = SHANGHAI) -> pl.DataFrame:
    return calls.filter(_day(tz) == day)


def by_day(folder: Path, calls: pl.DataFrame, tz: str = SHANGHAI) -> Path:
    """Write a file for each local day; a day without calls has a file without rows."""
    folder.mkdir(parents=True)
    for day in local_days(calls, tz):
        of_day(calls, day, tz).write_parquet(folder / f"{day}.parquet")
    return folder


def run(place: Location, *words: str, tz: str = SHANGHAI, **lists: Path) -> nights_run.Run:
    return nights_run.Run(
        place, settings.load_settings(tz=tz, assignments=words), nights_run.Lists(**lists)
    )


def every(folder: Path, told: nights_run.Run) -> list[Outcome]:
    """Run a night for each file of a day, in order."""
    return [
        nights_run.nightly([file], date.fromisoformat(file.stem), told)
        for file in sorted(folder.glob("*.parquet"))
    ]


def remembered(place: Location) -> dict[str, list[dict[str, Any]]]:
    """Read every table of a state, with its rows in one order."""
    known = state.open_readonly(place)
    tables = {name: known.read(name).collect() for name in STATE_TABLES}
    return {name: sorted(table.to_dicts(), key=repr) for name, table in tables.items()}


def findings(place: Location) -> pl.DataFrame:
    return in_order(state.open_readonly(place).read("findings").collect())


def evidence(nights: Iterable[Outcome | str]) -> pl.DataFrame:
    """Put what nights weighed below each other, as a scan of all their days has it."""
    done = [night.result.evidence for night in nights if not isinstance(night, str)]
    return pl.concat(done).sort("day", maintain_order=True)


def in_order(findings: pl.DataFrame) -> pl.DataFrame:
    return findings.sort("day", "detector", "subject_kind", "subject", "window_start", "reason")


def _day(tz: str) -> pl.Expr:
    return pl.col("start_time").dt.convert_time_zone(tz).dt.date()
