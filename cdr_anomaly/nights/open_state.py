"""A state prepared for a night: checked, and read with lines as its calls carry them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import StateError
from cdr_anomaly.ingest.source import local_zone
from cdr_anomaly.nights import history, ledger, state_header
from cdr_anomaly.nights.state import UNREADABLE, bring_up_to_date, open_readonly, open_writable
from cdr_anomaly.schema import STATE_TABLES, empty, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import date

    from cdr_anomaly.ingest import Source
    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location

# The memory of a row of LINE_SIGHTINGS while it is merged; one line in so many tells their ranges.
SIGHTING_BYTES, SAMPLED_LINES = 100, 1000


def read_nights(location: Location) -> dict[date, Night]:
    """Return the finished nights of a state, which is brought up to date, if there is one."""
    return (
        ledger.finished_nights(open_readonly(location).ledger) if bring_up_to_date(location) else {}
    )


def adopt_settings(settings: Settings, location: Location) -> Settings:
    """Return the settings, with zone and home region of the state where none was given."""
    header = state_header.read(location)
    if header is None:
        return settings
    same = {"tz": header.zone, "home": header.home}
    return settings.model_copy(
        update={
            name: value for name, value in same.items() if name not in settings.model_fields_set
        }
    )


def open_for_night(location: Location, settings: Settings) -> State:
    """Open the state to change it. Raise an error if its zone or home region is another one."""
    zone = local_zone(settings)
    numbering.home_plan(settings.home)  # a region that is none must not get into the state
    state = open_writable(location, zone, settings.home)
    pairs = {"tz": (state.header.zone, zone), "home": (state.header.home, settings.home)}
    for name, (was, now) in pairs.items():
        if was != now:
            msg = (
                f"The state in '{location}' is of {name} {was}, and this night of {now}; "
                f"give --{name} {was}, or another --state."
            )
            raise StateError(msg)
    return state


def damaged_tables(state: State, day: date, *, rerun: bool) -> set[str]:
    """Return the tables whose damaged files this night renews. Raise an error on other damage.

    Files of the right length may be damaged, too; a ``rerun`` of a night looks for that.
    """
    damaged = state.damaged()
    for table, file, when in damaged.iter_rows():
        location = state.location / table / file
        if table == "feedback":
            msg = f"'{location}' is damaged; put it back from a backup, nothing else holds it."
            raise StateError(msg)
        if when is not None and when < day:
            msg = (
                f"'{location}' is damaged; run the night of {when} again with that day's files "
                f"(nightly --date {when}), it makes it anew."
            )
            raise StateError(msg)
    of_day = (pl.col("day") == day) | pl.col("day").is_null()
    found = set(damaged.filter(of_day)["table"])
    if rerun:
        day_rows = {"profile": pl.col("day") == day, "line_sightings": pl.lit(value=True)}
        found |= {name for name, rows in day_rows.items() if not _is_readable(state, name, rows)}
    return found


def _is_readable(state: State, name: str, rows: pl.Expr) -> bool:
    try:
        state.read(name).filter(rows).collect()
    except UNREADABLE:
        return False
    return True


def table_reader(
    state: State, source: Source, damaged: Collection[str]
) -> Callable[[str], pl.LazyFrame]:
    """Return a function that reads a table with lines as the source carries them.

    Where LINE_SIGHTINGS is ``damaged``, it is made again from PROFILE.
    """

    def read(name: str) -> pl.LazyFrame:
        if name == "line_sightings" and name in damaged:
            return history.sightings(read("profile"))
        rows = state.read(name)
        if not source.as_text:
            return rows
        return numbering.format_lines(rows, lines(STATE_TABLES[name]), source.names)

    return read


def names_of_day(
    state: State, frames: Mapping[str, pl.DataFrame], names: numbering.LineNames, day: date
) -> pl.DataFrame:
    """Return LINE_NAMES of the opaque lines in the tables of a night, written and staged."""
    if names.table.is_empty():
        return empty(STATE_TABLES["line_names"])
    profile = state.staged("profile").filter(pl.col("day") == day).select("line")
    columns = [profile] + [
        frame.lazy().select(line=c)
        for name, frame in frames.items()
        for c in lines(STATE_TABLES[name])
    ]
    coded = [rows for rows in columns if rows.collect_schema()["line"] == pl.Int64]
    named = [rows.filter(numbering.is_named(pl.col("line"))).unique() for rows in coded]
    used = pl.concat([pl.DataFrame(schema={"line": pl.Int64}), *pl.collect_all(named)])
    rows = names.table.join(used, on="line", how="semi")
    return rows.select(pl.lit(day, pl.Date).alias("day"), "line", "name")


def update_sightings(
    state: State,
    read: Callable[[str], pl.LazyFrame],
    day: date,
    damaged: Collection[str],
    memory: int,
) -> None:
    """Stage LINE_SIGHTINGS brought up to date by the PROFILE of the day, which has been staged.

    ``read`` returns tables as they were. One range of lines is merged at a time, so that it fits a
    share of ``memory`` (bytes); the rows of the table are in the order of their lines.
    """
    today = state.staged("profile").filter(pl.col("day") == day)
    # What it was is gone where it is damaged.
    damaged_today, damaged_all = "profile" in damaged, "line_sightings" in damaged
    for in_range in _line_ranges([today, read("line_sightings")], memory):
        profile = read("profile").filter(in_range)
        others, was = profile.filter(pl.col("day") != day), profile.filter(pl.col("day") == day)
        before = history.sightings(others) if damaged_all else read("line_sightings")
        rows = history.update_sightings(
            before.filter(in_range),
            today.filter(in_range) if damaged_today else was,
            today.filter(in_range),
            read("profile").filter(pl.col("day") != day),
            day,
        )
        state.stage("line_sightings", rows, day)


def _line_ranges(tables: Iterable[pl.LazyFrame], memory: int) -> list[pl.Expr]:
    """Return ranges of lines (line), each with so many lines of ``tables`` as fit the memory."""
    lines = [table.select("line") for table in tables]
    n_lines = sum(frame.select(pl.len()).collect().item() for frame in lines)
    n_ranges = -(-n_lines * SIGHTING_BYTES // (memory // 4)) or 1
    if n_ranges == 1:
        return [pl.lit(value=True)]
    every_nth = [frame.select(pl.col("line").gather_every(SAMPLED_LINES)) for frame in lines]
    sample = pl.concat(pl.collect_all(every_nth))["line"].unique().sort()
    bounds = sample.gather([n * len(sample) // n_ranges for n in range(1, n_ranges)])
    edges, line = [pl.lit(bound) for bound in bounds.unique().sort()], pl.col("line")
    between = (line.is_between(*pair, closed="left") for pair in pairwise(edges))
    return [line < edges[0], *between, line >= edges[-1]]
