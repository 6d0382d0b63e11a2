"""Paths to Parquet files, opened far enough to know their columns, rows and times; reads no row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cdr_anomaly.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cdr_anomaly.ingest.footers import Stretch

SUFFIXES = (".parquet", ".pq", ".parq")
MAGIC = b"PAR1"


@dataclass(frozen=True)
class File:
    """One Parquet file: what its footer says, and the hive keys in its folder names."""

    path: Path
    rows: int
    size: int
    schema: pa.Schema
    footer: pq.FileMetaData
    keys: tuple[tuple[str, str], ...]
    stretch: Stretch | None = None

    @property
    def columns(self) -> list[str]:
        """The names of its columns, those of its hive folders among them."""
        return [*self.schema.names, *(name for name, _ in self.keys)]

    @property
    def shape(self) -> tuple[object, ...]:
        """What files must share to be read as one table."""
        columns = tuple((field.name, str(field.type)) for field in self.schema)
        return columns, self.keys, self.stretch and (self.path, self.stretch.offset)

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


def find(paths: Iterable[str | Path]) -> list[File]:
    """Open every Parquet file that the paths (files, folders, globs) lead to, each once, by name.

    Names that begin with a dot or an underscore are left out of folders, as Spark and Hive do.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _below(str(path)):
            found.setdefault(file.resolve(), file)
    return [_opened(found[place]) for place in sorted(found)]


def read_through(paths: Iterable[str | Path]) -> None:
    """Decode every page of every file, and fail on the first that is damaged behind its footer.

    As slow as it sounds: it is for naming the file when reading has failed already.
    """
    for file in find(paths):
        try:
            with pq.ParquetFile(file.path) as opened:
                for _ in opened.iter_batches():
                    pass
        except (pa.ArrowException, OSError) as error:
            msg = f"'{file.path}' is damaged: its columns cannot be decoded; copy it again."
            raise InputError(msg) from error


def _below(path: str) -> list[Path]:
    if has_magic(path) and not Path(path).exists():
        files = [file for name in glob(path, recursive=True) for file in _plain(Path(name))]
        if not files:
            msg = f"No Parquet file matches '{path}'."
            raise InputError(msg)
        return files
    place = Path(path)
    if not place.exists():
        msg = f"There is no file or folder '{path}'."
        raise InputError(msg)
    files = _plain(place)
    if not files:
        msg = f"The folder '{path}' holds no Parquet file (looked for {', '.join(SUFFIXES)})."
        raise InputError(msg)
    return files


def _plain(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    inside = (file for file in place.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    return [file for file in inside if not _hidden(file.relative_to(place))]


def _hidden(inside: Path) -> bool:
    return any(part.startswith((".", "_")) for part in inside.parts)


def _opened(path: Path) -> File:
    try:
        with path.open("rb") as raw:
            begins = raw.read(4) == MAGIC
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    try:
        footer = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        # Arrow calls a missing footer invalid, and a footer that makes no sense an OSError.
        cut = isinstance(error, pa.ArrowInvalid)
        state = "is truncated" if cut else "has a damaged footer"
        fault = f"{state}: copy it again" if begins else "is not a Parquet file"
        msg = f"'{path}' {fault}."
        raise InputError(msg) from error
    with footer:
        return File(
            path=path,
            rows=footer.metadata.num_rows,
            size=path.stat().st_size,
            schema=footer.schema_arrow,
            footer=footer.metadata,
            keys=tuple(_hive_keys(path)),
        )


def _hive_keys(path: Path) -> Iterable[tuple[str, str]]:
    for part in path.parent.parts:
        name, equals, value = part.partition("=")
        if equals and name:
            yield name, value
