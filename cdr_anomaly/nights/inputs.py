"""Which files a night is made of: those with rows of its day, each content once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import ingest
from cdr_anomaly.errors import InputError
from cdr_anomaly.nights import volume as nights_volume
from cdr_anomaly.nights.ledger import Input, has_input
from cdr_anomaly.storage import paths as storage_paths

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
    """A night's files, as one source, and as the ledger names them.

    ``volume`` is VOLUME of the day. ``beside`` counts the rows of other days by day and content;
    ``copies`` are files left out because another one has the same content.
    """

    source: Source
    files: Sequence[Input]
    volume: pl.DataFrame
    beside: Mapping[str, Mapping[str, int]]
    copies: int


def choose_files(
    paths: Iterable[str | Location],
    settings: Settings,
    day: date,
    known: Mapping[date, Night],
    *,
    reader: Reader,
    before: Mapping[str, str] | None,
) -> NightFiles:
    """Choose the files with rows of ``day``, and those it was made of before.

    ``before`` are the options of the stores that these may be in; with None they are let go.
    """
    source = ingest.open_source(paths, settings, reader)
    spans = {file.path: source.local_days(file) for file in source.files}
    near = [file for file in source.files if _may_hold(spans[file.path], day)]
    found: dict[str, File] = {}
    for file in near:
        found.setdefault(storage_paths.sha256(file.path), file)
    copies = len(near) - len(found)
    if day in known and before is not None:
        tables = {f"{file.table.resolve()}/" for file in source.files if file.table is not None}
        found |= _earlier_files(known[day].less(tables), found, settings, before)
    if not found:
        msg = f"None of these files has a row of {day} in {source.tz}; is it delivered yet?"
        raise NoRowsOfDayError(msg)
    whole = replace(source, files=list(found.values()))
    starts = whole.rows_by_hour()
    shas = {str(file.path): sha for sha, file in found.items()}
    own = set(starts.filter(pl.col("day") == day)["file"])
    beside = _rows_of_other_days(starts, day, shas)
    others = [file for file in source.files if not _may_hold(spans[file.path], day)]
    far = [file for file in others if _may_be_new(file, spans[file.path], known)]
    if far:
        more = replace(source, files=far).rows_by_hour().filter(pl.col("day").is_in(list(known)))
        contents = {str(file.path): storage_paths.sha256(file.path) for file in far}
        for other, files in _rows_of_other_days(more, day, contents).items():
            beside.setdefault(other, {}).update(files)
    used = {sha: file for sha, file in found.items() if str(file.path) in own or not file.rows}
    kept = used or found  # a file of no rows is a result, too
    return NightFiles(
        source=replace(whole, files=list(kept.values())),
        files=[
            Input(str(file.path.resolve()), file.size, file.rows, sha) for sha, file in kept.items()
        ],
        volume=nights_volume.count_volume(starts.filter(pl.col("day") == day)),
        beside=beside,
        copies=copies,
    )


def _earlier_files(
    night: Night, found: Mapping[str, File], settings: Settings, options: Mapping[str, str]
) -> dict[str, File]:
    """Open the files that the day was made of before and that are not among those found now.

    A file that has another content now, and is among them, has been replaced.
    """
    now = {str(file.path.resolve()) for file in found.values()}
    missing = [i for i in night.inputs if i.sha256 not in found and i.path not in now]
    places = {each.sha256: storage_paths.parse_location(each.path, options) for each in missing}
    gone = [place for sha, place in places.items() if not _is_unchanged(place, sha)]
    if gone:
        msg = (
            f"'{gone[0]}', of which {night.day} was made before, is not there as it was; "
            "give all files of the day, with --replace-files where they replace those."
        )
        raise InputError(msg)
    if not missing:
        return {}
    files = ingest.open_source(places.values(), settings).files
    opened = {str(file.path.resolve()): file for file in files}
    return {sha: opened[str(place)] for sha, place in places.items()}


def _is_unchanged(place: Location, sha: str) -> bool:
    return place.is_file() and storage_paths.sha256(place) == sha


def _may_hold(span: tuple[date, date] | None, day: date) -> bool:
    """Tell whether a file whose rows are of these days can have rows of that day."""
    return span is None or span[0] <= day <= span[1]


def _may_be_new(file: File, span: tuple[date, date] | None, known: Mapping[date, Night]) -> bool:
    """Tell whether a file of other days may hold rows that a night which is done has not seen."""
    days = pl.date_range(*span, eager=True) if span else known
    nights = [known[day] for day in days if day in known]
    return any(not has_input(night, str(file.path.resolve()), file.size) for night in nights)


def _rows_of_other_days(
    starts: pl.DataFrame, day: date, shas: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    others = starts.filter(pl.col("day") != day).group_by("file", "day").agg(pl.col("rows").sum())
    answer: dict[str, dict[str, int]] = {}
    for file, other, rows in others.select("file", "day", "rows").sort("day", "file").iter_rows():
        answer.setdefault(str(other), {})[shas[file]] = rows
    return answer
