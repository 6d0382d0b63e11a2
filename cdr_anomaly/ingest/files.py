"""Places to Parquet files, opened far enough to know their columns, rows and times; reads no row.

Of files in a store only footers are fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from glob import glob, has_magic
from io import SEEK_END
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import globs, lakehouse
from cdr_anomaly.storage import paths as storage_paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from cdr_anomaly.ingest.lakehouse import Lake, Tables
    from cdr_anomaly.ingest.parquet_stats import Stretch
    from cdr_anomaly.storage.paths import Location

SUFFIXES = (".parquet", ".pq", ".parq")
MAGIC = b"PAR1"


@dataclass(frozen=True)
class File:
    """One Parquet file: what its footer says, and the hive keys in its folder names.

    Of a file of a table (Delta, Iceberg) the keys are its partition values.
    """

    path: Location
    rows: int
    size: int
    schema: pa.Schema
    footer: pq.FileMetaData
    keys: lakehouse.Keys
    table: Location | None = None
    stretch: Stretch | None = None

    @property
    def columns(self) -> list[str]:
        """The names of its columns, those of its hive folders among them."""
        return [*self.schema.names, *(name for name, _ in self.keys)]

    @property
    def shape(self) -> tuple[object, ...]:
        """What files must share to be read as one table."""
        columns = tuple((field.name, str(field.type)) for field in self.schema)
        bucket = None if isinstance(self.path, Path) else self.path.root
        return bucket, columns, self.keys, self.stretch and (self.path, self.stretch.offset)

    def is_text(self, column: str) -> bool:
        """Tell whether a column of the file's own holds text, and no categories."""
        kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
        own = column in self.schema.names and self.schema.field(column).type
        return bool(own) and any(kind(own) for kind in kinds)

    def with_keys(self, wanted: Collection[str]) -> File:
        """Keep only the hive keys that are wanted and that no column of the file shadows."""
        own = self.schema.names
        kept = tuple((name, v) for name, v in self.keys if name in wanted and name not in own)
        return replace(self, keys=kept)


def find(paths: Iterable[str | Location]) -> list[File]:
    """Open every Parquet file that the paths lead to, each once, by name.

    Paths are files, folders, globs and tables (see lakes): of a table those that it has now. Names
    that begin with a dot or an underscore are left out of folders, as Spark and Hive do.
    """
    tables = lakehouse.Tables()
    found: dict[Location, tuple[Location, Lake | None]] = {}
    for path in paths:
        for file, lake in _led_to(storage_paths.parse_location(path), tables):
            found.setdefault(file.resolve(), (file, lake))
    by_name = sorted(found, key=lambda file: (not isinstance(file, Path), file.parts))
    return storage_paths.map_concurrently(lambda place: _opened(*found[place]), by_name)


def read_through(paths: Iterable[str | Location]) -> None:
    """Decode every page of every file, and fail on the first that is damaged behind its footer.

    As slow as it sounds: it is for naming the file when reading has failed already.
    """
    for file in find(paths):
        try:
            with pq.ParquetFile(_readable(file.path)) as opened:
                for _ in opened.iter_batches():
                    pass
        except (pa.ArrowException, OSError) as error:
            msg = f"'{file.path}' is damaged: its columns cannot be decoded; copy it again."
            raise InputError(msg) from error


def _led_to(place: Location, tables: Tables) -> Iterator[tuple[Location, Lake | None]]:
    """Yield the files that a path leads to, each with the table that it is of, if any."""
    if place.exists() and lakehouse.is_table(place):
        lake = tables.opened(place)
        if not lake.files:
            msg = f"The table '{place}' has no file."
            raise InputError(msg)
        yield from ((file, lake) for file in lake.files)
        return
    files = {file: file.resolve() for file in _below(place)}
    around = tables.around({file.parent for file in files.values()})
    found = [(file, real, around[real.parent]) for file, real in files.items()]
    present = [(file, lake) for file, real, lake in found if lake is None or real in lake.files]
    if not present:
        msg = f"'{place}' holds nothing that its table still has; name the table."
        raise InputError(msg)
    yield from present


def _below(place: Location) -> list[Location]:
    if has_magic(str(place)) and not place.exists():
        files = _matching(place)
        if not files:
            msg = f"No Parquet file matches '{place}'."
            raise InputError(msg)
        return files
    if not place.exists():
        msg = f"There is no file or folder '{place}'."
        raise InputError(msg)
    files = _plain(place)
    if not files:
        msg = f"The folder '{place}' holds no Parquet file (looked for {', '.join(SUFFIXES)})."
        raise InputError(msg)
    return files


def _matching(pattern: Location) -> list[Location]:
    if isinstance(pattern, Path):
        return [file for name in glob(str(pattern), recursive=True) for file in _plain(Path(name))]
    found = globs.matching(pattern)
    return [file for file, inside in found if not inside or _is_meant(inside)]


def _plain(place: Location) -> list[Location]:
    if place.is_file():
        return [place]
    return [place / inside for inside in storage_paths.file_sizes(place) if _is_meant(inside)]


def _is_meant(inside: str) -> bool:
    path = PurePosixPath(inside)
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return path.suffix in SUFFIXES and not hidden


def _readable(place: Location) -> Path | pa.PythonFile:
    return place if isinstance(place, Path) else pa.PythonFile(place.open())


def _opened(path: Location, lake: Lake | None) -> File:
    try:
        with path.open("rb") as raw:
            begins = raw.read(4) == MAGIC
            size = raw.seek(0, SEEK_END)
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    try:
        footer = pq.ParquetFile(_readable(path))
    except (pa.ArrowException, OSError) as error:
        # Arrow calls a missing footer invalid, and a footer that makes no sense an OSError.
        cut = isinstance(error, pa.ArrowInvalid)
        state = "is truncated" if cut else "has a damaged footer"
        fault = f"{state}: copy it again" if begins else "is not a Parquet file"
        msg = f"'{path}' {fault}."
        raise InputError(msg) from error
    with footer:
        lakehouse.check(lake, path, footer.schema_arrow)
        return File(
            path=path,
            rows=footer.metadata.num_rows,
            size=size,
            schema=footer.schema_arrow,
            footer=footer.metadata,
            keys=lake.files[path.resolve()] if lake else tuple(_hive_keys(path)),
            table=lake and lake.root,
        )


def _hive_keys(path: Location) -> Iterable[tuple[str, str]]:
    for part in path.parent.parts:
        name, equals, value = part.partition("=")
        if equals and name:
            yield name, value
