"""Which files a night is made of: those with rows of its day, each content once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import ingest
from cdr_anomaly.errors import InputError
from cdr_anomaly.nights.ledger import Input, has_input
from cdr_anomaly.nights.volume import count_volume
from cdr_anomaly.storage.paths import parse_location, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from cdr_anomaly.ingest import File, Reader, Source
    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


class NoRowsOfDayError(InputError):
    """Error raised when no file has a row of the day."""


class NightFiles(NamedTuple):
    """The files of a night, as one source, and as the ledger names them.

    ``volume`` is VOLUME of the day. ``other_days`` counts the rows of other days, by day and by
    content of a file. ``copies`` files are left out: another file has the same content.
    """

    source: Source
    files: Sequence[Input]
    volume: pl.DataFrame
    other_days: Mapping[str, Mapping[str, int]]
    copies: int


def choose_files(
    paths: Iterable[str | Location],
    settings: Settings,
    day: date,
    nights: Mapping[date, Night],
    *,
    reader: Reader,
    storage: Mapping[str, str] | None,
) -> NightFiles:
    """Return the files with rows of ``day``, and those that it was made of before.

    ``storage`` are the options of the stores in which the latter may be; with None these are left
    out.
    """
    source = ingest.open_source(paths, settings, reader)
    spans = {file.path: source.local_days(file) for file in source.files}
    near = [file for file in source.files if _may_hold(spans[file.path], day)]
    files: dict[str, File] = {}
    for file in near:
        files.setdefault(sha256(file.path), file)
    copies = len(near) - len(files)
    if day in nights and storage is not None:
        tables = {f"{file.table.resolve()}/" for file in source.files if file.table is not None}
        files |= _earlier_files(nights[day].without_tables(tables), files, settings, storage)
    if not files:
        msg = f"None of these files has a row of {day} in {source.tz}; is it delivered yet?"
        raise NoRowsOfDayError(msg)
    of_night = replace(source, files=list(files.values()))
    starts = of_night.rows_by_hour()
    shas = {str(file.path): sha for sha, file in files.items()}
    of_day = set(starts.filter(pl.col("day") == day)["file"])
    other_days = _rows_of_other_days(starts, day, shas)
    others = [file for file in source.files if not _may_hold(spans[file.path], day)]
    far = [file for file in others if _may_be_new(file, spans[file.path], nights)]
    if far:
        more = replace(source, files=far).rows_by_hour().filter(pl.col("day").is_in(list(nights)))
        contents = {str(file.path): sha256(file.path) for file in far}
        for other, rows in _rows_of_other_days(more, day, contents).items():
            other_days.setdefault(other, {}).update(rows)
    used = {sha: file for sha, file in files.items() if str(file.path) in of_day or not file.rows}
    used = used or files  # a file of no rows is a result, too
    return NightFiles(
        source=replace(of_night, files=list(used.values())),
        files=[
            Input(str(file.path.resolve()), file.size, file.rows, sha) for sha, file in used.items()
        ],
        volume=count_volume(starts.filter(pl.col("day") == day)),
        other_days=other_days,
        copies=copies,
    )


def _earlier_files(
    night: Night, files: Mapping[str, File], settings: Settings, options: Mapping[str, str]
) -> dict[str, File]:
    """Open the files that the day was made of before and that are not among ``files``.

    A file that is among them with another content has been replaced.
    """
    now = {str(file.path.resolve()) for file in files.values()}
    missing = [i for i in night.inputs if i.sha256 not in files and i.path not in now]
    locations = {file.sha256: parse_location(file.path, options) for file in missing}
    gone = [location for sha, location in locations.items() if not _is_unchanged(location, sha)]
    if gone:
        msg = (
            f"'{gone[0]}', of which {night.day} was made before, is not there as it was; "
            "give all files of the day, with --replace-files where they replace those."
        )
        raise InputError(msg)
    if not missing:
        return {}
    source = ingest.open_source(locations.values(), settings)
    by_path = {str(file.path.resolve()): file for file in source.files}
    return {sha: by_path[str(location)] for sha, location in locations.items()}


def _is_unchanged(location: Location, sha: str) -> bool:
    return location.is_file() and sha256(location) == sha


def _may_hold(span: tuple[date, date] | None, day: date) -> bool:
    """Return whether a file with rows of the days of ``span`` may have rows of ``day``."""
    return span is None or span[0] <= day <= span[1]


def _may_be_new(file: File, span: tuple[date, date] | None, nights: Mapping[date, Night]) -> bool:
    """Return whether a file of other days may hold rows that a finished night has not read."""
    days = pl.date_range(*span, eager=True) if span else nights
    done = [nights[day] for day in days if day in nights]
    return any(not has_input(night, str(file.path.resolve()), file.size) for night in done)


def _rows_of_other_days(
    starts: pl.DataFrame, day: date, shas: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    others = starts.filter(pl.col("day") != day).group_by("file", "day").agg(pl.col("rows").sum())
    counts: dict[str, dict[str, int]] = {}
    for file, other, rows in others.select("file", "day", "rows").sort("day", "file").iter_rows():
        counts.setdefault(str(other), {})[shas[file]] = rows
    return counts
