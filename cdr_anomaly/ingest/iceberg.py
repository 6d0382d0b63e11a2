"""The files of an Iceberg table, read from its metadata through our own places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationError
from pyiceberg.io import FileIO, InputFile
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import StaticTable
from pyiceberg.transforms import IdentityTransform

from cdr_anomaly.errors import InputError
from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.io import OutputFile
    from pyiceberg.manifest import DataFile

    from cdr_anomaly.storage.paths import Location

NAME = "static"
# What other programs call the same stores.
ALIASES = {"s3a://": "s3://", "s3n://": "s3://", "file://": "", "file:": ""}


def files(
    metadata: Location,
) -> tuple[dict[Location, tuple[tuple[str, str | None], ...]], dict[int, str]]:
    """Return the files of the current snapshot with their partition values, and columns by id."""
    options = {} if isinstance(metadata, Path) else metadata.options
    io = _Stores(options)
    told = _input(str(metadata), options)
    if not told.exists():
        msg = f"'{metadata}' is not there; name the metadata that the catalog of the table has."
        raise InputError(msg)
    try:
        table = StaticTable(
            (NAME, NAME), FromInputFile.table_metadata(told), str(metadata), io, NoopCatalog(NAME)
        )
        tasks = list(table.scan().plan_files())
    except (ValidationError, ValueError) as error:
        msg = f"'{metadata}' is no metadata of an Iceberg table that can be read."
        raise InputError(msg) from error
    found: dict[Location, tuple[tuple[str, str | None], ...]] = {}
    for task in tasks:
        if task.delete_files:
            msg = (
                f"'{metadata}' is of an Iceberg table with rows that are deleted while their files "
                "stand (delete files); rewrite its data files."
            )
            raise InputError(msg)
        place = _place(task.file.file_path, options)
        found[place.resolve()] = tuple(_keys(table, task.file))
    return found, {field.field_id: field.name for field in table.schema().fields}


def _keys(table: StaticTable, file: DataFile) -> Any:
    """Yield the values of partitions that are columns themselves, not made of one."""
    for n, field in enumerate(table.specs()[file.spec_id].fields):
        if isinstance(field.transform, IdentityTransform):
            source = table.schema().find_field(field.source_id)
            value = file.partition[n]
            human = field.transform.to_human_string(source.field_type, value)
            yield source.name, None if value is None else human


def _place(location: str, options: Mapping[str, str]) -> Location:
    for alias, name in ALIASES.items():
        if location.startswith(alias):
            location = name + location.removeprefix(alias)
            break
    return paths.parse_location(location, options)


class _Input(InputFile):
    """A file of the metadata."""

    def __init__(self, location: str, place: Location) -> None:
        super().__init__(location)
        self.place = place

    def __len__(self) -> int:
        if isinstance(self.place, Path):
            return self.place.stat().st_size
        return self.place.size()

    def exists(self) -> bool:
        return self.place.is_file()

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - as it is declared
        return self.place.open("rb", paths.CHUNK_BYTES)


def _input(location: str, options: Mapping[str, str]) -> _Input:
    return _Input(location, _place(location, options))


class _Stores(FileIO):
    """Reads what metadata names, with the options of the place that it was found at."""

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__()
        self.options = options

    def new_input(self, location: str) -> _Input:
        return _input(location, self.options)

    def new_output(self, location: str) -> OutputFile:
        raise NotImplementedError(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise NotImplementedError(location)
