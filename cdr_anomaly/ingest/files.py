"""Parquet files of paths, folders, globs and tables: their footers, without reading a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from glob import glob, has_magic
from io import SEEK_END
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import lakehouse
from cdr_anomaly.storage import paths as storage_paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from cdr_anomaly.ingest.lakehouse import LakeTable, TableCache
    from cdr_anomaly.ingest.parquet_stats import RowGroups
    from cdr_anomaly.storage.paths import Address, Location

SUFFIXES = (".parquet", ".pq", ".parq")
MAGIC = b"PAR1"


@dataclass(frozen=True)
class File:
    """One Parquet file: its footer, and the hive keys in its folder names.

    The keys of a file of a table (Delta, Iceberg) are its partition values. With ``row_groups`` it
    stands for these alone.
    """

    path: Location
    rows: int
    size: int
    schema: pa.Schema
    footer: pq.FileMetaData
    keys: lakehouse.Keys
    table: Location | None = None
    row_groups: RowGroups | None = None

    @property
    def columns(self) -> list[str]:
        """Return the names of its columns, with those of its hive keys."""
        return [*self.schema.names, *(name for name, _ in self.keys)]

    @property
    def group_key(self) -> tuple[object, ...]:
        """Return what files must have in common to be read as one table."""
        columns = tuple((field.name, str(field.type)) for field in self.schema)
        bucket = None if isinstance(self.path, Path) else self.path.root
        return bucket, columns, self.keys, self.row_groups and (self.path, self.row_groups.offset)

    @property
    def n_read(self) -> int:
        """Return the number of rows that it stands for."""
        return self.row_groups.rows if self.row_groups else self.rows

    def is_text(self, column: str) -> bool:
        """Return whether a column of the schema is text, not a category."""
        kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
        dtype = column in self.schema.names and self.schema.field(column).type
        return bool(dtype) and any(is_kind(dtype) for is_kind in kinds)

    def with_keys(self, columns: Collection[str]) -> File:
        """Return the file with the hive keys among ``columns`` that are not in its schema."""
        names = set(columns) - set(self.schema.names)
        return replace(self, keys=tuple(key for key in self.keys if key[0] in names))


def find_files(paths: Iterable[str | Location]) -> list[File]:
    """Open every Parquet file of the paths once, in the order of their names.

    Paths are files, folders, globs and tables; a table gives its current files. A folder gives no
    files and folders whose name begins with a dot or an underscore, as in Spark and Hive.
    """
    tables = lakehouse.TableCache()
    files: dict[Location, tuple[Location, LakeTable | None]] = {}
    for path in paths:
        for file, table in _list_files(storage_paths.parse_location(path), tables):
            files.setdefault(file.resolve(), (file, table))
    by_name = sorted(files, key=lambda file: (not isinstance(file, Path), file.parts))
    return storage_paths.map_concurrently(lambda file: _open_file(*files[file]), by_name)


def check_pages(paths: Iterable[str | Location]) -> None:
    """Decode every page of every file; raises InputError at the first damaged one.

    Slow: it is for naming the file after a scan has failed.
    """
    for file in find_files(paths):
        try:
            with pq.ParquetFile(_for_arrow(file.path)) as opened:
                for _ in opened.iter_batches():
                    pass
        except (pa.ArrowException, OSError) as error:
            msg = f"'{file.path}' is damaged: its columns cannot be decoded; copy it again."
            raise InputError(msg) from error


def _list_files(path: Location, tables: TableCache) -> Iterator[tuple[Location, LakeTable | None]]:
    """Yield the files of a path, each with its table, if any."""
    if path.exists() and lakehouse.is_table(path):
        table = tables.open(path)
        if not table.files:
            msg = f"The table '{path}' has no file."
            raise InputError(msg)
        yield from ((file, table) for file in table.files)
        return
    files = {file: file.resolve() for file in _match_path(path)}
    by_folder = tables.tables_of({file.parent for file in files.values()})
    pairs = [(file, real, by_folder[real.parent]) for file, real in files.items()]
    current = [(file, table) for file, real, table in pairs if table is None or real in table.files]
    if not current:
        msg = f"'{path}' holds nothing that its table still has; name the table."
        raise InputError(msg)
    yield from current


def _match_path(path: Location) -> list[Location]:
    if path.exists():
        files = _files_below(path)
        msg = f"The folder '{path}' holds no Parquet file (looked for {', '.join(SUFFIXES)})."
    elif not has_magic(str(path)):
        files, msg = [], f"There is no file or folder '{path}'."
    else:
        msg = f"No Parquet file matches '{path}'."
        if isinstance(path, Path):
            names = glob(str(path), recursive=True)
            files = [file for name in names for file in _files_below(Path(name))]
        else:
            files = [file for file, rest in _match_keys(path) if not rest or _is_data_file(rest)]
    if not files:
        raise InputError(msg)
    return files


def _match_keys(address: Address) -> Iterator[tuple[Address, str]]:
    """Yield the files of a store whose key, or a folder of it, matches the pattern ``address``.

    Each has its path inside that folder, which is empty for the file itself.
    """
    pattern = address.key.split("/")
    fixed = next(n for n, part in enumerate(pattern) if set(part) & set("*?["))
    base = replace(address, key="/".join(pattern[:fixed]))
    for key, _ in base.list_files():
        rest = _unmatched_parts(key.split("/"), pattern)
        if rest is not None:
            yield replace(address, key=key), "/".join(rest)


def _unmatched_parts(parts: Sequence[str], pattern: Sequence[str]) -> Sequence[str] | None:
    """Return the parts of a key after those that match the pattern, None if they do not match."""
    if not pattern:
        return parts
    if pattern[0] == "**":
        deep = [n for n in range(len(parts)) if not any(p.startswith(".") for p in parts[:n])]
        tries = (_unmatched_parts(parts[n:], pattern[1:]) for n in deep)
        return next((rest for rest in tries if rest is not None), None)
    hidden = parts[:1] and parts[0].startswith(".") and not pattern[0].startswith(".")
    if not parts or hidden or not fnmatchcase(parts[0], pattern[0]):
        return None
    return _unmatched_parts(parts[1:], pattern[1:])


def _files_below(path: Location) -> list[Location]:
    if path.is_file():
        return [path]
    return [path / name for name in storage_paths.file_sizes(path) if _is_data_file(name)]


def _is_data_file(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return path.suffix in SUFFIXES and not hidden


def _for_arrow(path: Location) -> Path | pa.PythonFile:
    return path if isinstance(path, Path) else pa.PythonFile(path.open())


def _open_file(path: Location, table: LakeTable | None) -> File:
    try:
        with path.open("rb") as raw:
            is_parquet = raw.read(4) == MAGIC
            size = raw.seek(0, SEEK_END)
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    try:
        footer = pq.ParquetFile(_for_arrow(path))
    except (pa.ArrowException, OSError) as error:
        # Arrow raises ArrowInvalid for a missing footer, and OSError for a damaged one.
        cut = isinstance(error, pa.ArrowInvalid)
        state = "is truncated" if cut else "has a damaged footer"
        fault = f"{state}: copy it again" if is_parquet else "is not a Parquet file"
        msg = f"'{path}' {fault}."
        raise InputError(msg) from error
    parts = (part.partition("=") for part in path.parent.parts)
    hive_keys = tuple((name, value) for name, equals, value in parts if equals and name)
    with footer:
        lakehouse.check_columns(table, path, footer.schema_arrow)
        return File(
            path=path,
            rows=footer.metadata.num_rows,
            size=size,
            schema=footer.schema_arrow,
            footer=footer.metadata,
            keys=table.files[path.resolve()] if table else hive_keys,
            table=table and table.root,
        )
