"""What is remembered between nights: a folder of Delta tables, of which a run changes all or none.

A Delta table by itself is changed whole or not at all, but a night changes eight. So the ledger is
written last, and its event names the version of every table that belongs to it. Those versions are
what is read; a run that was killed half way leaves newer ones, which the next run takes back.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import StateError
from cdr_anomaly.schema import (
    ALERTS,
    FEEDBACK,
    FINDINGS,
    FORWARDED,
    LATE,
    LEDGER,
    LEGS,
    PROFILE,
    SEEN,
    VOLUME,
    empty,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from deltalake import DeltaTable

VERSION = 1
# What brings a state of that version to the next one; each can be run again after it was killed.
UPGRADES: dict[int, Callable[[Path], None]] = {}
TABLES = {
    "profile": PROFILE, "hops": FORWARDED, "legs": LEGS, "late": LATE, "lines": SEEN,
    "volume": VOLUME, "findings": FINDINGS, "alerts": ALERTS, "feedback": FEEDBACK,
}  # fmt: skip
WHOLE = ("lines",)  # the one table that is not divided by day
HEADER, LEDGER_NAME = "state.json", "ledger"
# The log of a table would name the least and the greatest number of every file, and take long to
# read after many nights.
CONFIGURATION = {"delta.dataSkippingNumIndexedCols": "0", "delta.checkpointInterval": "10"}
# Files that nothing refers to any more stay so long, for those who are reading them.
LINGER_HOURS = 24
NO_FILES = pl.DataFrame(schema={"table": pl.String, "file": pl.String, "day": pl.Date})


@dataclass(frozen=True)
class Header:
    """What holds for a state as a whole: its version, and how days and numbers are to be read."""

    version: int
    zone: str
    home: str


@dataclass(frozen=True)
class State:
    """An opened state; what it shows are the tables as the last finished run left them."""

    place: Path
    header: Header
    ledger: pl.DataFrame
    _open: dict[str, DeltaTable] = field(default_factory=dict, repr=False)

    @property
    def versions(self) -> dict[str, int]:
        """The version of each table that is the good one."""
        told = self.ledger["tables"].drop_nulls()
        return dict(json.loads(told[-1])) if len(told) else {}

    @property
    def as_text(self) -> bool:
        """Whether lines are remembered as text, because some night had opaque tokens."""
        return bool(self.read("profile").collect_schema()["line"] == pl.String)

    def read(self, name: str) -> pl.LazyFrame:
        """Return a table; one that nothing was written to yet has no rows."""
        table, versions = TABLES[name], self.versions
        if name not in versions:
            return empty(table, pl.Int64()).lazy()
        known = self._open.get(name)
        if known is not None and known.version() == versions[name]:
            return pl.scan_delta(known).select(list(table))
        rows = pl.scan_delta(str(self.place / name), version=versions[name])
        return rows.select(list(table))

    def damaged(self) -> pl.DataFrame:
        """List the files that are gone, or not as long as they were written (table, file, day).

        It takes a repaired state.
        """
        files = [NO_FILES, *(self._damaged(name) for name in self.versions)]
        return pl.concat(files).sort("day", "table", "file", nulls_last=True)

    def repair(self) -> None:
        """Take back what runs that did not come to their end have left."""
        versions = self.versions
        with _writing(self.place):
            for name in TABLES:
                if name not in versions:
                    shutil.rmtree(self.place / name, ignore_errors=True)
                elif (table := self._table(name)).version() != versions[name]:
                    table.restore(versions[name], ignore_missing_files=True)

    def commit(
        self, event: str, frames: Mapping[str, pl.DataFrame], *, day: date, **told: Any
    ) -> State:
        """Put ``frames`` in the place of what tables have of ``day``, and note it in the ledger.

        Until the note is written nobody sees any of it.
        """
        with _writing(self.place):
            for name, frame in frames.items():
                self._replace(name, frame, day)
            if hasattr(os, "sync"):
                os.sync()  # else the note might outlive a power cut that the tables do not
            versions = self.versions | {name: self._table(name).version() for name in frames}
        return self.note(event, day=day, tables=versions, **told)

    def forget(self, before: Mapping[str, date]) -> State:
        """Delete the rows that each table has of days before the one given, for good."""
        versions = self.versions
        with _writing(self.place):
            for name, first in before.items():
                if name in versions:
                    table = self._table(name)
                    table.delete(f"{'last_seen' if name in WHOLE else 'day'} < DATE '{first}'")
                    versions[name] = table.version()
        facts = {name: str(first) for name, first in before.items()}
        return self.note("retention", tables=versions, facts=facts)

    def sweep(self, *, hours: int = LINGER_HOURS) -> None:
        """Delete the files that no table refers to any more."""
        with _writing(self.place):
            for name in self.versions:
                self._table(name).vacuum(
                    hours, dry_run=False, enforce_retention_duration=False, full=True
                )

    def note(
        self, event: str, *, day: date | None = None, seconds: float | None = None, **told: Any
    ) -> State:
        """Write an event into the ledger; the ``tables`` that it names are read from then on."""
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
        with _writing(self.place):
            self._write(LEDGER_NAME, line, mode="append")
        return replace(self, ledger=pl.concat([self.ledger, line]))

    def _replace(self, name: str, frame: pl.DataFrame, day: date) -> None:
        table = TABLES[name]
        divided = {} if name in WHOLE else {"partition_by": ["day"]}
        frame = frame.select(list(table))
        lines = [column for column, (dtype, _) in table.items() if dtype is None]
        known = self.read(name)
        if lines and frame.schema[lines[0]] != known.collect_schema()[lines[0]]:
            if name not in WHOLE:
                others = known.filter(pl.col("day") != day)
                told = others.with_columns(numbering.spelled(pl.col(c)) for c in lines)
                frame = pl.concat([told.collect(), frame])
            self._write(name, frame, mode="overwrite", schema_mode="overwrite", **divided)
        elif name in WHOLE or name not in self.versions:
            self._write(name, frame, mode="overwrite", **divided)
        else:
            where = f"day = DATE '{day}'"
            self._write(name, frame, mode="overwrite", predicate=where, **divided)

    def _write(self, name: str, frame: pl.DataFrame, **told: Any) -> None:
        from deltalake import WriterProperties, write_deltalake

        codec = WriterProperties(compression="ZSTD", compression_level=3)
        made = (self.place / name / "_delta_log").is_dir()
        where = self._table(name) if made else self.place / name
        write_deltalake(where, frame, configuration=CONFIGURATION, writer_properties=codec, **told)

    def _damaged(self, name: str) -> pl.DataFrame:
        actions = pl.DataFrame(self._table(name).get_add_actions(flatten=True))
        sizes = [_size(self.place / name / file) for file in actions["path"]]
        wrong = actions.filter(pl.col("size_bytes") != pl.Series(sizes, dtype=pl.Int64))
        day = pl.lit(None, pl.Date) if name in WHOLE else pl.col("partition.day")
        return wrong.select(table=pl.lit(name), file=pl.col("path"), day=day)

    def _table(self, name: str) -> DeltaTable:
        from deltalake import DeltaTable

        if name not in self._open:
            self._open[name] = DeltaTable(self.place / name)
        return self._open[name]


def header(place: Path) -> Header | None:
    """Read what holds for a state as a whole, and bring an old one up to date; None if new."""
    if not place.exists():
        return None
    if not place.is_dir():
        msg = f"'{place}' is a file; a state is a folder."
        raise StateError(msg)
    try:
        told = Header(**json.loads((place / HEADER).read_text(encoding="utf-8")))
    except FileNotFoundError:
        others = [file.name for file in place.iterdir() if not file.name.startswith(".")]
        if others:
            msg = f"'{place}' is no state: it holds '{min(others)}' and no {HEADER}; name another."
            raise StateError(msg) from None
        return None
    except (OSError, ValueError, TypeError) as error:
        msg = f"'{place / HEADER}' cannot be read; put it back from a backup."
        raise StateError(msg) from error
    if told.version > VERSION:
        msg = (
            f"The state in '{place}' is of version {told.version}, this program knows {VERSION}: "
            "a newer cdr-anomaly wrote it; update this one."
        )
        raise StateError(msg)
    return told


def opened(place: Path, zone: str, home: str) -> State:
    """Open a state to change it; make it where there is none. Its writer must hold the lock."""
    told = header(place)
    if told is None:
        told = Header(VERSION, zone, home)
        _write_header(place, told)
    for version in range(told.version, VERSION):
        UPGRADES[version](place)
        told = Header(version + 1, told.zone, told.home)
        _write_header(place, told)
    state = State(place, told, _ledger(place))
    state.repair()
    return state


def shown(place: Path) -> State:
    """Open a state to read it."""
    told = header(place)
    if told is None:
        msg = f"There is no state in '{place}'; the first night makes it."
        raise StateError(msg)
    if told.version < VERSION:
        msg = f"The state in '{place}' is of an old version; the next night brings it up to date."
        raise StateError(msg)
    return State(place, told, _ledger(place))


def read_through(place: Path) -> None:
    """Decode every file that the state is made of, and fail on the first that is damaged."""
    if not (place / HEADER).exists():
        return
    known = shown(place)
    for name, version in known.versions.items():
        for file in _files(place / name, version):
            try:
                pl.scan_parquet(file).select(pl.all().count()).collect()
            except (pl.exceptions.PolarsError, OSError) as error:
                msg = f"'{file}' is damaged; run the night of that day again, it makes it anew."
                raise StateError(msg) from error


def _files(place: Path, version: int) -> list[str]:
    from deltalake import DeltaTable

    return sorted(DeltaTable(place, version=version).file_uris())


def _ledger(place: Path) -> pl.DataFrame:
    types = {name: column.dtype for name, column in LEDGER.items()}
    if not (place / LEDGER_NAME / "_delta_log").is_dir():
        return pl.DataFrame(schema=types)
    return pl.scan_delta(str(place / LEDGER_NAME)).select(list(types)).sort("number").collect()


def _write_header(place: Path, told: Header) -> None:
    with _writing(place):
        place.mkdir(parents=True, exist_ok=True)
        aside = place / f".{HEADER}"
        aside.write_text(json.dumps(told.__dict__) + "\n", encoding="utf-8")
        aside.replace(place / HEADER)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Write what only its owner may read, and say in one sentence why it cannot be written."""
    from deltalake.exceptions import DeltaError

    umask = os.umask(0o077)
    try:
        yield
    except (OSError, DeltaError) as error:
        told = str(error)
        if "os error 28" in told or getattr(error, "errno", None) == 28:
            told = f"its disk is full ({shutil.disk_usage(place).free:,} bytes free); make room"
        msg = f"The state in '{place}' cannot be written: {told}. It is as it was; run this again."
        raise StateError(msg) from error
    finally:
        os.umask(umask)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
