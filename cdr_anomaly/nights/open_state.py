"""A state made ready for a night: checked, and read as the night's calls carry lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import StateError
from cdr_anomaly.ingest import source as ingest_source
from cdr_anomaly.nights import history, ledger, state, state_header
from cdr_anomaly.schema import STATE_TABLES, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from cdr_anomaly.ingest import Source
    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


def read_nights(place: Location) -> dict[date, Night]:
    """Read the nights that are done, of a state that is brought up to date, if there is one."""
    return (
        ledger.finished_nights(state.open_readonly(place).ledger)
        if state.bring_up_to_date(place)
        else {}
    )


def adopt_settings(settings: Settings, place: Location) -> Settings:
    """Take from the state what holds for it as a whole, where no setting was given."""
    known = state_header.read(place)
    if known is None:
        return settings
    same = {"tz": known.zone, "home": known.home}
    return settings.model_copy(
        update={
            name: value for name, value in same.items() if name not in settings.model_fields_set
        }
    )


def open_for_night(place: Location, settings: Settings) -> State:
    """Open the state to change it, if its days and numbers are those of the night."""
    zone = ingest_source.local_zone(settings)
    numbering.home_plan(settings.home)  # a region that is none must not get into the state
    known = state.open_writable(place, zone, settings.home)
    pairs = {"tz": (known.header.zone, zone), "home": (known.header.home, settings.home)}
    for name, (was, now) in pairs.items():
        if was != now:
            msg = (
                f"The state in '{place}' is of {name} {was}, and this night of {now}; "
                f"give --{name} {was}, or another --state."
            )
            raise StateError(msg)
    return known


def damaged_tables(known: State, day: date, *, again: bool) -> set[str]:
    """Name the tables of which this night renews what is damaged; fail on other damage.

    Files of the right length may be damaged, too; a night that is run ``again`` looks for that.
    """
    damaged = known.damaged()
    for table, file, when in damaged.iter_rows():
        place = known.place / table / file
        if table == "feedback":
            msg = f"'{place}' is damaged; put it back from a backup, nothing else holds it."
            raise StateError(msg)
        if when is not None and when < day:
            msg = (
                f"'{place}' is damaged; run the night of {when} again with that day's files "
                f"(nightly --date {when}), it makes it anew."
            )
            raise StateError(msg)
    of_day = (pl.col("day") == day) | pl.col("day").is_null()
    found = set(damaged.filter(of_day)["table"])
    if again:
        own = {"profile": pl.col("day") == day, "line_sightings": pl.lit(value=True)}
        found |= {name for name, rows in own.items() if not _is_readable(known, name, rows)}
    return found


def _is_readable(known: State, name: str, rows: pl.Expr) -> bool:
    try:
        known.read(name).filter(rows).collect()
    except state.UNREADABLE:
        return False
    return True


def table_reader(
    known: State, source: Source, lost: Collection[str]
) -> Callable[[str], pl.LazyFrame]:
    """Return what reads a table of the state with lines as the source carries them.

    When lines were seen is made again from PROFILE where that table is ``lost``.
    """

    def read(name: str) -> pl.LazyFrame:
        if name == "line_sightings" and name in lost:
            return history.sightings(read("profile"))
        rows = known.read(name)
        if not source.as_text:
            return rows
        return numbering.format_lines(rows, lines(STATE_TABLES[name]))

    return read


def update_sightings(
    read: Callable[[str], pl.LazyFrame], today: pl.DataFrame, day: date, lost: Collection[str]
) -> pl.DataFrame:
    """Bring up to date when lines were seen; ``today`` is PROFILE of the day."""
    others = read("profile").filter(pl.col("day") != day)
    was = read("profile").filter(pl.col("day") == day)
    if "profile" in lost:
        was = today.lazy()  # what it was is gone
    before = history.sightings(others) if "line_sightings" in lost else read("line_sightings")
    return history.update_sightings(before, was, today, others, day)
