"""The files of an Iceberg table, from its metadata, read through storage.paths."""

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
# Other names of the same stores.
ALIASES = {"s3a://": "s3://", "s3n://": "s3://", "file://": "", "file:": ""}


def read_files(
    metadata: Location,
) -> tuple[dict[Location, tuple[tuple[str, str | None], ...]], dict[int, str]]:
    """Return the files of the current snapshot with their partition values, and columns by id."""
    options = {} if isinstance(metadata, Path) else metadata.options
    io = _Stores(options)
    opened = io.new_input(str(metadata))
    if not opened.exists():
        msg = f"'{metadata}' is not there; name the metadata that the catalog of the table has."
        raise InputError(msg)
    try:
        table = StaticTable(
            (NAME, NAME), FromInputFile.table_metadata(opened), str(metadata), io, NoopCatalog(NAME)
        )
        tasks = list(table.scan().plan_files())
    except (ValidationError, ValueError) as error:
        msg = f"'{metadata}' is no metadata of an Iceberg table that can be read."
        raise InputError(msg) from error
    files: dict[Location, tuple[tuple[str, str | None], ...]] = {}
    for task in tasks:
        if task.delete_files:
            msg = (
                f"'{metadata}' is of an Iceberg table with rows that are deleted while their files "
                "stand (delete files); rewrite its data files."
            )
            raise InputError(msg)
        location = _parse_address(task.file.file_path, options)
        files[location.resolve()] = tuple(_partition_keys(table, task.file))
    return files, {field.field_id: field.name for field in table.schema().fields}


def _partition_keys(table: StaticTable, file: DataFile) -> Any:
    """Yield the partition values that are values of a column, without a transform."""
    for n, field in enumerate(table.specs()[file.spec_id].fields):
        if isinstance(field.transform, IdentityTransform):
            source = table.schema().find_field(field.source_id)
            value = file.partition[n]
            human = field.transform.to_human_string(source.field_type, value)
            yield source.name, None if value is None else human


def _parse_address(address: str, options: Mapping[str, str]) -> Location:
    for alias, name in ALIASES.items():
        if address.startswith(alias):
            address = name + address.removeprefix(alias)
            break
    return paths.parse_location(address, options)


class _Input(InputFile):
    """A file of the metadata."""

    def __init__(self, address: str, file: Location) -> None:
        super().__init__(address)
        self.file = file

    def __len__(self) -> int:
        return self.file.stat().st_size if isinstance(self.file, Path) else self.file.size()

    def exists(self) -> bool:
        return self.file.is_file()

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - as it is declared
        return self.file.open("rb", paths.CHUNK_BYTES)


class _Stores(FileIO):
    """Reads the files that the metadata names, with the store options of the metadata."""

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__()
        self.options = options

    def new_input(self, location: str) -> _Input:
        return _Input(location, _parse_address(location, self.options))

    def new_output(self, location: str) -> OutputFile:
        raise NotImplementedError(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise NotImplementedError(location)
