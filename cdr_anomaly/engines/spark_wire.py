"""Batches of Spark as frames, and pieces of tables as rows that Spark moves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from cdr_anomaly.ingest import FileGroup

# The schema of pieces for Spark.
PIECE_SCHEMA = "bucket int, what string, frame binary"
CHUNK_ROWS = 1_000_000
MAX_US = (2**63 - 1) // 1000  # the last microsecond of a time in nanoseconds


class Piece(NamedTuple):
    """A part of the table ``what``; a shuffle brings the pieces of one bucket together."""

    bucket: int
    what: str
    frame: pl.DataFrame


Pieces = Iterator[Piece]
Batches = Iterator[pa.RecordBatch]


def read_chunks(batches: Batches) -> Iterator[pl.DataFrame]:
    """Yield the rows of batches in frames of about CHUNK_ROWS."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.num_rows for part in waiting) >= CHUNK_ROWS:
            yield pl.DataFrame(pa.Table.from_batches(waiting))
            waiting = []
    if waiting:
        yield pl.DataFrame(pa.Table.from_batches(waiting))


def cast_chunk(
    chunk: pl.DataFrame, group: FileGroup, keys: dict[str, str | None], paths: dict[str, str]
) -> pl.LazyFrame:
    """Return a chunk with the columns and types that Polars reads from the files.

    ``keys`` are the hive keys; ``paths`` are the paths of the files by their Spark names. A column
    that the chunk lacks is null.
    """
    columns = {
        name: _cast(name, chunk.schema[name], dtype)
        if name in chunk.columns
        else pl.lit(keys.get(name), dtype)
        for name, dtype in group.row_map.types.items()
    }
    if group.path_column in chunk.columns:
        columns[group.path_column] = pl.col(group.path_column).replace(paths)
    return chunk.lazy().select(**columns)


def pack(pieces: Pieces) -> Batches:
    """Return pieces as rows, one each."""
    for bucket, what, frame in pieces:
        raw = io.BytesIO()
        frame.write_ipc(raw, compression="lz4")
        yield pa.RecordBatch.from_arrays(
            [
                pa.array([bucket], pa.int32()),
                pa.array([what], pa.string()),
                pa.array([raw.getvalue()], pa.binary()),
            ],
            names=["bucket", "what", "frame"],
        )


def unpack(batches: Batches) -> Pieces:
    """Return the pieces of rows."""
    for batch in batches:
        for row in batch.to_pylist():
            yield Piece(row["bucket"], row["what"], read_frame(row["frame"]))


def read_frame(raw: bytes) -> pl.DataFrame:
    """Return the frame of a piece."""
    return pl.read_ipc(io.BytesIO(raw))


def _cast(name: str, source: pl.DataType, target: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(source, pl.Datetime) and isinstance(target, pl.Datetime):
        if source.time_unit == "us" and target.time_unit == "ns":
            # An INT96 can be of any year; Polars stops at the last one of nanoseconds.
            ticks = column.to_physical().clip(-MAX_US, MAX_US)
            column = ticks.cast(pl.Datetime("us", source.time_zone))
        if source.time_zone is not None and target.time_zone is None:
            column = column.dt.replace_time_zone(None)
        elif source.time_zone is None and target.time_zone is not None:
            column = column.dt.replace_time_zone("UTC")
    return column.cast(target)
