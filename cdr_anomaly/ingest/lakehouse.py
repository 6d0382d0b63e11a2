"""Delta and Iceberg tables: the files that a table is made of now, with their partition values.

Other files lie in its folders, too: those that it has let go of, and those of runs that failed.
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

LOG, METADATA, METADATA_FILE = "_delta_log", "metadata", ".metadata.json"
HINT = "version-hint.text"
NUMBER = re.compile(r"v?(\d+)\b.*\.metadata\.json")


class Lake(NamedTuple):
    """A table: where it is, its files with their partition values, and its columns by their ids."""

    root: Location
    files: Mapping[Location, Keys]
    columns: Mapping[int, str]


class Tables:
    """The tables that files turn out to be in, each opened once."""

    def __init__(self) -> None:
        self.known: dict[Location, Lake | None] = {}

    def opened(self, place: Location) -> Lake:
        """Open a table."""
        lake = opened(place)
        self.known[lake.root.resolve()] = lake
        return lake

    def around(self, folders: Collection[Location]) -> dict[Location, Lake | None]:
        """Open the table that each folder is in, if it is in one."""
        left = [folder for folder in folders if folder not in self.known]
        which = paths.map_concurrently(is_table, left)
        above = {
            folder: folder.parent for folder, is_one in zip(left, which, strict=True) if not is_one
        }
        for folder in left:
            if folder not in above:
                self.opened(folder)
        roots = {folder for folder, up in above.items() if up == folder}
        self.known |= dict.fromkeys(roots)
        further = {up for folder, up in above.items() if folder not in roots}
        if further:
            tables = self.around(further)
            self.known |= {f: tables[up] for f, up in above.items() if f not in roots}
        return {folder: self.known[folder] for folder in folders}


def is_table(place: Location) -> bool:
    """Tell whether a place is a Delta or an Iceberg table, or the metadata of one."""
    if place.name.endswith(METADATA_FILE):
        return True
    return (place / LOG).is_dir() or bool(_metadata(place))


def opened(place: Location) -> Lake:
    """Open a table as it is now, or say what about it cannot be read."""
    if (place / LOG).is_dir():
        return _delta(place)
    try:
        from cdr_anomaly.ingest import iceberg
    except ImportError as error:
        msg = (
            f"'{place}' is an Iceberg table, and pyiceberg, which reads those, is not installed: "
            "pip install 'cdr-anomaly[iceberg]'."
        )
        raise InputError(msg) from error
    root = place if not place.name.endswith(METADATA_FILE) else place.parent.parent
    files, columns = iceberg.files(place if root != place else _current(place))
    return Lake(root, files, columns)


def check(lake: Lake | None, file: Location, schema: pa.Schema) -> None:
    """Fail where a column of a file is another one, or none any more, of its table."""
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


def _delta(root: Location) -> Lake:
    from deltalake.exceptions import DeltaError

    try:
        table = delta.open_table(root)
        actions = pl.DataFrame(table.get_add_actions(flatten=True))
        mapped = table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"
        features = table.protocol().reader_features or []
        deleted = "deletionVectors" in features and _has_deleted(table)
    except DeltaError as error:
        msg = f"'{root}' cannot be read as a Delta table: {str(error).splitlines()[0]}"
        raise InputError(msg) from error
    if mapped or deleted:
        why = (
            "whose columns have other names in its files (column mapping)"
            if mapped
            else "with rows that are deleted while their files stand (deletion vectors)"
        )
        msg = f"'{root}' is a Delta table {why}; rewrite it without."
        raise InputError(msg)
    names = [name for name in actions.columns if name.startswith("partition.")]
    rows = actions.select("path", *(pl.col(name).cast(pl.String) for name in names))
    files = {
        _inside(root, unquote(path)): tuple(
            (name.removeprefix("partition."), value)
            for name, value in zip(names, values, strict=True)
        )
        for path, *values in rows.iter_rows()
    }
    return Lake(root, files, {})


def _has_deleted(table: DeltaTable) -> bool:
    from deltalake.exceptions import DeltaError

    try:
        return pl.DataFrame(table.deletion_vectors()).height > 0
    except DeltaError:
        return True  # there are some, of a kind that cannot be read


def _inside(root: Location, path: str) -> Location:
    if "://" in path and not isinstance(root, Path):
        return paths.parse_location(path, root.options)
    return (root / path).resolve()


def _metadata(place: Location) -> list[str]:
    inside = place / METADATA
    try:
        names = [file.name for file in inside.iterdir()] if inside.is_dir() else []
    except OSError:
        return []  # a folder above that is not ours to look into
    return [name for name in names if name.endswith(METADATA_FILE)]


def _current(root: Location) -> Location:
    """Choose the metadata that is in force: of the hint, if there is one, else the newest."""
    hint = root / METADATA / HINT
    if hint.is_file():
        word = hint.read_text(encoding="utf-8").strip()
        return root / METADATA / f"{'v' if word.isdigit() else ''}{word}{METADATA_FILE}"
    numbers = {name: int(found[1]) for name in _metadata(root) if (found := NUMBER.fullmatch(name))}
    newest = [name for name, number in numbers.items() if number == max(numbers.values())]
    if len(newest) != 1:
        msg = f"'{root}' has no newest metadata; name the {METADATA_FILE} that its catalog has."
        raise InputError(msg)
    return root / METADATA / newest[0]
