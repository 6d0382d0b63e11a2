"""Delta and Iceberg tables: the current files of a table, with their partition values.

Its folders also hold files that it no longer uses, and those of failed writes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import polars as pl

from cdr_anomaly.errors import InputError
from cdr_anomaly.storage import delta, paths

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa
    from deltalake import DeltaTable

    from cdr_anomaly.storage.paths import Location

Keys = tuple[tuple[str, str | None], ...]

LOG, METADATA, METADATA_SUFFIX = "_delta_log", "metadata", ".metadata.json"
HINT = "version-hint.text"
METADATA_VERSION = re.compile(r"v?(\d+)\b.*\.metadata\.json")


class LakeTable(NamedTuple):
    """A table: its folder, its files with their partition values, and its columns by field id."""

    root: Location
    files: Mapping[Location, Keys]
    columns: Mapping[int, str]


class TableCache:
    """The tables of files, each opened once."""

    def __init__(self) -> None:
        self.tables: dict[Location, LakeTable | None] = {}

    def open(self, location: Location) -> LakeTable:
        """Open a table and remember it."""
        lake = open_table(location)
        self.tables[lake.root.resolve()] = lake
        return lake

    def tables_of(self, folders: Collection[Location]) -> dict[Location, LakeTable | None]:
        """Return the table that contains each folder, None if no table does."""
        left = [folder for folder in folders if folder not in self.tables]
        parents = {}
        for folder, is_root in zip(left, paths.map_concurrently(is_table, left), strict=True):
            if is_root:
                self.open(folder)
            else:
                parents[folder] = folder.parent
        roots = {folder for folder, parent in parents.items() if parent == folder}
        self.tables |= dict.fromkeys(roots)
        above = {parent for folder, parent in parents.items() if folder not in roots}
        if above:
            tables = self.tables_of(above)
            self.tables |= {f: tables[up] for f, up in parents.items() if f not in roots}
        return {folder: self.tables[folder] for folder in folders}


def is_table(location: Location) -> bool:
    """Return whether a location is a Delta or an Iceberg table, or the metadata of one."""
    if location.name.endswith(METADATA_SUFFIX):
        return True
    return (location / LOG).is_dir() or bool(_metadata_names(location))


def open_table(location: Location) -> LakeTable:
    """Open the current version of a table; raises InputError if it cannot be read."""
    if (location / LOG).is_dir():
        return _open_delta(location)
    try:
        from cdr_anomaly.ingest import iceberg
    except ImportError as error:
        msg = (
            f"'{location}' is an Iceberg table, and pyiceberg, which reads it, is not installed: "
            "pip install 'cdr-anomaly[iceberg]'."
        )
        raise InputError(msg) from error
    if location.name.endswith(METADATA_SUFFIX):
        return LakeTable(location.parent.parent, *iceberg.read_files(location))
    return LakeTable(location, *iceberg.read_files(_current_metadata(location)))


def check_columns(lake: LakeTable | None, file: Location, schema: pa.Schema) -> None:
    """Raise InputError if the table renamed or removed a column of the file."""
    if lake is None or not lake.columns:
        return
    for field in schema:
        number = (field.metadata or {}).get(b"PARQUET:field_id")
        if number is None or lake.columns.get(int(number)) != field.name:
            msg = (
                f"'{file}' has '{field.name}' where the table has it no more or by another name; "
                "rewrite the files of the table."
            )
            raise InputError(msg)


def _open_delta(root: Location) -> LakeTable:
    from deltalake.exceptions import DeltaError

    try:
        table = delta.open_table(root)
        actions = pl.DataFrame(table.get_add_actions(flatten=True))
        configuration = table.metadata().configuration
        renamed = configuration.get("delta.columnMapping.mode", "none") != "none"
        features = table.protocol().reader_features or []
        deleted = "deletionVectors" in features and _has_deleted(table)
    except DeltaError as error:
        msg = f"'{root}' cannot be read as a Delta table: {str(error).splitlines()[0]}"
        raise InputError(msg) from error
    if renamed or deleted:
        reason = (
            "whose columns have other names in its files (column mapping)"
            if renamed
            else "with rows that are deleted while their files stand (deletion vectors)"
        )
        msg = f"'{root}' is a Delta table {reason}; rewrite it without."
        raise InputError(msg)
    names = [name for name in actions.columns if name.startswith("partition.")]
    rows = actions.select("path", *(pl.col(name).cast(pl.String) for name in names))
    files = {
        _file_location(root, unquote(path)): tuple(
            (name.removeprefix("partition."), value)
            for name, value in zip(names, values, strict=True)
        )
        for path, *values in rows.iter_rows()
    }
    return LakeTable(root, files, {})


def _has_deleted(table: DeltaTable) -> bool:
    from deltalake.exceptions import DeltaError

    try:
        return pl.DataFrame(table.deletion_vectors()).height > 0
    except DeltaError:
        return True  # deletion vectors that cannot be read


def _file_location(root: Location, path: str) -> Location:
    if "://" in path and not isinstance(root, Path):
        return paths.parse_location(path, root.options)
    return (root / path).resolve()


def _metadata_names(location: Location) -> list[str]:
    folder = location / METADATA
    try:
        names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    except OSError:
        return []  # a parent folder that we may not read
    return [name for name in names if name.endswith(METADATA_SUFFIX)]


def _current_metadata(root: Location) -> Location:
    """Return the metadata file that the hint names, else the newest one."""
    hint = root / METADATA / HINT
    if hint.is_file():
        word = hint.read_text(encoding="utf-8").strip()
        return root / METADATA / f"{'v' if word.isdigit() else ''}{word}{METADATA_SUFFIX}"
    matches = (METADATA_VERSION.fullmatch(name) for name in _metadata_names(root))
    numbers = {match[0]: int(match[1]) for match in matches if match}
    newest = [name for name, number in numbers.items() if number == max(numbers.values())]
    if len(newest) != 1:
        msg = f"'{root}' has no newest metadata; name the {METADATA_SUFFIX} that its catalog has."
        raise InputError(msg)
    return root / METADATA / newest[0]
