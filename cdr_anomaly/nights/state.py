"""The state, kept between nights: a folder of Delta tables, of which a run changes all or none.

One Delta table is changed completely or not at all, but a night changes fourteen. So the ledger is
written last, and its event names the version of every table that belongs to it. These versions are
read; a run that was killed leaves newer ones, which the next run takes back.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import state_header, upgrade
from cdr_anomaly.nights.lock import private_writes
from cdr_anomaly.nights.state_header import Header
from cdr_anomaly.nights.upgrade import LEDGER_NAME, VERSION
from cdr_anomaly.result import versions as program_versions
from cdr_anomaly.schema import LEDGER, STATE_TABLES, empty, lines, with_all_columns
from cdr_anomaly.storage import delta, paths, store_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deltalake import DeltaTable

    from cdr_anomaly.storage.paths import Location

UNDIVIDED = ("line_sightings",)  # the one table that is not divided by day
# Files that nothing refers to any more stay so long, for those who are reading them.
LINGER_HOURS = 24
MANY_EVENTS = 60
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
NO_FILES = pl.DataFrame(schema={"table": pl.String, "file": pl.String, "day": pl.Date})


@dataclass(frozen=True)
class State:
    """An opened state, with its tables as the last finished run left them.

    ``layout`` is the version of its tables; those of an earlier one are read through its steps.
    """

    location: Location
    header: Header
    ledger: pl.DataFrame
    layout: int = VERSION
    _open: dict[str, DeltaTable] = field(default_factory=dict, repr=False)
    _before: dict[str, DeltaTable | None] = field(default_factory=dict, repr=False)

    @property
    def versions(self) -> dict[str, int]:
        """The version of each table that belongs to the last finished run."""
        versions = self.ledger["tables"].drop_nulls()
        return dict(json.loads(versions[-1])) if len(versions) else {}

    @property
    def as_text(self) -> bool:
        """Whether lines are kept as text, as those of pseudonyms are."""
        return bool(self.read("profile").collect_schema()["line"] == pl.String)

    @property
    def names(self) -> numbering.LineNames:
        """The names of opaque lines, where lines are kept as codes."""
        return numbering.LineNames(self.read("line_names").collect())

    def read(self, name: str) -> pl.LazyFrame:
        """Return a table; without rows if nothing was written to it yet."""
        table, versions = STATE_TABLES[name], self.versions
        if self.layout < VERSION:
            rows = self.upgraded_tables.get(name)
            return (
                empty(table, pl.Int64()).lazy() if rows is None else with_all_columns(rows, table)
            )
        if name not in versions:
            return empty(table, pl.Int64()).lazy()
        for known in (self._before.get(name), self._open.get(name)):
            if known is not None and known.version() == versions[name]:
                return with_all_columns(self._scan(known), table)
        return with_all_columns(delta.scan_table(self.location / name, versions[name]), table)

    def _scan(self, table: DeltaTable) -> pl.LazyFrame:
        return pl.scan_delta(table, **paths.polars_options(self.location))

    @cached_property
    def written_tables(self) -> Mapping[str, pl.LazyFrame]:
        """The tables as they were written, by the names of their layout."""
        return {n: delta.scan_table(self.location / n, v) for n, v in self.versions.items()}

    @cached_property
    def upgraded_tables(self) -> Mapping[str, pl.LazyFrame]:
        """The tables of an earlier layout as those of today."""
        return upgrade.through_steps(self.written_tables, self.layout)

    def damaged(self) -> pl.DataFrame:
        """Return the files that are missing or have another length (table, file, day).

        The state must be repaired.
        """
        files = [NO_FILES, *(self._damaged(name) for name in self.versions)]
        return pl.concat(files).sort("day", "table", "file", nulls_last=True)

    def repair(self) -> None:
        """Take back what unfinished runs have written."""
        versions = self.versions
        with private_writes(self.location):
            for name in STATE_TABLES:
                if name not in versions:
                    if (self.location / name).exists():
                        paths.remove(self.location / name)
                elif (table := self._table(name)).version() != versions[name]:
                    table.restore(
                        versions[name],
                        ignore_missing_files=True,
                        commit_properties=delta.no_retries(),
                    )

    def stage(self, name: str, rows: pl.DataFrame, day: date) -> None:
        """Write rows of ``day`` to a table ahead of commit(); the first replace those of before.

        Nobody sees them until then, this state neither: it reads by another handle.
        """
        with private_writes(self.location):
            if name in self._before:
                self._write(name, rows.select(list(STATE_TABLES[name])), mode="append")
            else:
                self._before[name] = self._open.pop(name, None)
                self._replace(name, rows, day)

    def staged(self, name: str) -> pl.LazyFrame:
        """Return a table with what has been staged."""
        return self._scan(self._table(name))

    def commit(
        self, event: str, frames: Mapping[str, pl.DataFrame], *, day: date, **told: Any
    ) -> State:
        """Replace the rows of ``day`` in tables by ``frames``, and note it in the ledger.

        What was staged is noted, too. Until the note is written nobody sees any of it.
        """
        with private_writes(self.location):
            for name, frame in frames.items():
                self._replace(name, frame, day)
            if isinstance(self.location, Path) and hasattr(os, "sync"):
                os.sync()  # else the note might outlive a power cut that the tables do not
            names = (*frames, *self._before)
            versions = self.versions | {name: self._table(name).version() for name in names}
        return self.note(event, day=day, tables=versions, **told)

    def forget(self, before: Mapping[str, date]) -> State:
        """Delete from each table the rows of days before the day in ``before``."""
        versions = self.versions
        old = [
            name for name, first in before.items() if name in versions and self._has(name, first)
        ]
        if not old:
            return self
        with private_writes(self.location):
            for name in old:
                table = self._table(name)
                table.delete(
                    f"{_day_column(name)} < DATE '{before[name]}'",
                    commit_properties=delta.no_retries(),
                )
                versions[name] = table.version()
        facts = {name: str(first) for name, first in before.items()}
        return self.note("retention", tables=versions, facts=facts)

    def sweep(self, *, hours: int = LINGER_HOURS) -> None:
        """Delete the files to which no table refers any more."""
        with private_writes(self.location):
            events = self._table(LEDGER_NAME)
            if len(events.file_uris()) > MANY_EVENTS:  # each is a file of its own
                events.optimize.compact()
            for name in (*self.versions, LEDGER_NAME):
                self._table(name).vacuum(
                    hours, dry_run=False, enforce_retention_duration=False, full=True
                )

    def write_by_day(self, name: str, rows: pl.LazyFrame) -> int:
        """Write a table anew, a day at a time; return its version."""
        if name in UNDIVIDED:
            self._write(name, rows.collect(), mode="overwrite", schema_mode="overwrite")
            return int(self._table(name).version())
        days = rows.select(pl.col("day").unique().sort()).collect()["day"]
        parts = (rows.filter(pl.col("day") == day) for day in days)
        for n, part in enumerate([rows.clear()] if days.is_empty() else parts):
            modes = {"mode": "append"} if n else {"mode": "overwrite", "schema_mode": "overwrite"}
            self._write(name, part.collect(), partition_by=["day"], **modes)
        return int(self._table(name).version())

    def note(
        self,
        event: str,
        *,
        day: date | None = None,
        seconds: float | None = None,
        anew: bool = False,
        **told: Any,
    ) -> State:
        """Write an event into the ledger; the ``tables`` that it names are read from then on.

        ``anew`` writes the events before it again, in the same commit.
        """
        row = {
            "number": 1 + self.ledger.height,
            "event": event,
            "at": datetime.now(UTC),
            "day": day,
            "seconds": seconds,
        } | {
            name: json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
            for name, value in told.items()
        }
        types = {name: column.dtype for name, column in LEDGER.items()}
        line = pl.DataFrame([row], schema=types)
        # A ledger that somebody has made since this one found none is somebody else's.
        mode = "append" if LEDGER_NAME in self._open else "error"
        events = pl.concat([self.ledger, line])
        with private_writes(self.location):
            if anew:
                self._write(LEDGER_NAME, events, mode="overwrite")
            else:
                self._write(LEDGER_NAME, line, mode=mode)
        return replace(self, ledger=events)

    def _replace(self, name: str, frame: pl.DataFrame, day: date) -> None:
        table = STATE_TABLES[name]
        divided = {} if name in UNDIVIDED else {"partition_by": ["day"]}
        frame = frame.select(list(table))
        known, of_lines = self.read(name), lines(table)
        if of_lines and frame.schema[of_lines[0]] != known.collect_schema()[of_lines[0]]:
            if name not in UNDIVIDED:
                others = known.filter(pl.col("day") != day)
                others = numbering.format_lines(others, of_lines, self.names)
                frame = pl.concat([others.collect(), frame])
            self._write(name, frame, mode="overwrite", schema_mode="overwrite", **divided)
        elif name in UNDIVIDED or name not in self.versions:
            self._write(name, frame, mode="overwrite", **divided)
        else:
            where = f"day = DATE '{day}'"
            # An older state may lack a column.
            self._write(
                name, frame, mode="overwrite", predicate=where, schema_mode="merge", **divided
            )

    def _write(self, name: str, frame: pl.DataFrame, **told: Any) -> None:
        location = self.location / name
        if name in self._open or (location / "_delta_log").is_dir():
            delta.write(self._table(name), frame, **told)
        else:
            delta.write(location, frame, **told)
            self._open[name] = delta.open_table(location, version=0)

    def _has(self, name: str, before: date) -> bool:
        """Return whether a table has rows of an earlier day; for lines PROFILE is asked."""
        actions = self._table("profile" if name in UNDIVIDED else name).get_add_actions(
            flatten=True
        )
        oldest = pl.DataFrame(actions)["partition.day"].min()
        return isinstance(oldest, date) and oldest < before

    def _damaged(self, name: str) -> pl.DataFrame:
        wrong = delta.damaged_files(self._table(name), self.location / name)
        day = pl.lit(None, pl.Date) if name in UNDIVIDED else pl.col("partition.day")
        return wrong.select(table=pl.lit(name), file=pl.col("path"), day=day)

    def _table(self, name: str) -> DeltaTable:
        if name not in self._open:
            self._open[name] = delta.open_table(self.location / name)
        return self._open[name]


def _day_column(name: str) -> str:
    return "last_seen" if name in UNDIVIDED else "day"


def open_writable(location: Location, zone: str, home: str) -> State:
    """Open a state to change it, or make it. The caller must hold the lock.

    Zone and home region are settled by the first night that is done.
    """
    told, (events, tables) = bring_up_to_date(location), _ledger(location)
    if told is None or events["tables"].drop_nulls().is_empty():
        told = Header(VERSION, zone, home)
        state_header.write(location, told)
    state = State(location, told, events, _open=tables)
    state.repair()
    return state


def open_readonly(location: Location) -> State:
    """Open a state to read it."""
    told = state_header.read(location)
    if told is None:
        msg = f"There is no state in '{location}'; the first night makes it."
        raise StateError(msg)
    events, _ = _ledger(location)
    layout = upgrade.layout_version(told.version, events)
    return State(location, told, _upgraded_ledger(events, layout), layout)


def bring_up_to_date(location: Location) -> Header | None:
    """Upgrade a state that an earlier version wrote, if there is one; return its header.

    Its writer must hold the lock. First the tables are written, as new versions or under new names
    that nobody reads; then, at once, the ledger, which names them; then tables of former names go,
    and the header is written. Cut off anywhere, it leaves the old state or the new one, and the
    next opening goes on.
    """
    header = state_header.read(location)
    if header is None or header.version == VERSION:
        return header
    events, tables = _ledger(location)
    layout = upgrade.layout_version(header.version, events)
    if layout < VERSION and not events["tables"].drop_nulls().is_empty():
        ledger = _upgraded_ledger(events, layout)
        _rewrite(State(location, header, ledger, layout, tables))
    with private_writes(location):
        for name in upgrade.FORMER_TABLES - STATE_TABLES.keys():
            paths.remove(location / name)
    header = replace(header, version=VERSION)
    state_header.write(location, header)
    return header


def _rewrite(former: State) -> None:
    """Write the tables of a state of an earlier layout as those of today, and its ledger."""
    versions = former.versions
    with private_writes(former.location):
        for name, rows in former.upgraded_tables.items():
            if rows is former.written_tables.get(name):
                continue
            try:
                versions[name] = former.write_by_day(
                    name, with_all_columns(rows, STATE_TABLES[name])
                )
            except UNREADABLE as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # it could not be written
                msg = (
                    f"The state in '{former.location}' is of version {former.layout}, and cannot "
                    f"be brought up to date: '{name}' is damaged. Put it back from a backup."
                )
                raise StateError(msg) from error
        if isinstance(former.location, Path) and hasattr(os, "sync"):
            os.sync()  # else the ledger might outlive a power cut that the tables do not
    kept = {name: version for name, version in versions.items() if name in STATE_TABLES}
    facts = {"version": VERSION}
    former.note(upgrade.EVENT, anew=True, tables=kept, facts=facts, versions=program_versions())


def _upgraded_ledger(events: pl.DataFrame, layout: int) -> pl.DataFrame:
    return upgrade.through_steps({LEDGER_NAME: events.lazy()}, layout)[LEDGER_NAME].collect()


def check_files(location: Location) -> None:
    """Decode every file of a state, and raise an error that names the first damaged one."""
    if not (location / state_header.FILE_NAME).exists():
        return
    known = open_readonly(location)
    for name, version in known.versions.items():
        for file in sorted(delta.open_table(location / name, version).file_uris()):
            try:
                pl.scan_parquet(file, **paths.polars_options(location)).collect()
            except UNREADABLE as error:
                msg = f"'{file}' is damaged; run the night of that day again, it makes it anew."
                raise StateError(msg) from error


def _ledger(location: Location) -> tuple[pl.DataFrame, dict[str, DeltaTable]]:
    """Return the events, and the opened table at the version that they are of."""
    types = {name: column.dtype for name, column in LEDGER.items()}
    if not (location / LEDGER_NAME / "_delta_log").is_dir():
        return pl.DataFrame(schema=types), {}
    from deltalake.exceptions import DeltaError

    try:
        table = delta.open_table(location / LEDGER_NAME)
        if delta.damaged_files(table, location / LEDGER_NAME).is_empty():
            events = pl.scan_delta(table, **paths.polars_options(location))
            return events.select(list(types)).sort("number").collect(), {LEDGER_NAME: table}
    except (*UNREADABLE, DeltaError) as error:
        if store_errors.is_store_error(error):
            raise
        # It makes no difference how.
    msg = f"The ledger in '{location / LEDGER_NAME}' is damaged; put it back from a backup."
    raise StateError(msg)
