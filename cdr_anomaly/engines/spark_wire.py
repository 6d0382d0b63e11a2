"""Rows as Spark hands them over, to frames; and pieces of tables, as Spark moves them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from cdr_anomaly.ingest import FileGroup

# The columns of what moves, as Spark is told them.
MOVED = "bucket int, what string, frame binary"
# Rows that are worked on at once.
CHUNK_ROWS = 1_000_000
# The last microsecond that nanoseconds can hold.
LAST_US = (2**63 - 1) // 1000


class Piece(NamedTuple):
    """A part of the table ``what``; pieces of one bucket come together when they are shuffled."""

    bucket: int
    what: str
    frame: pl.DataFrame


Made = Iterator[Piece]
Batches = Iterator[pa.RecordBatch]


def chunks(batches: Batches) -> Iterator[pl.DataFrame]:
    """Put batches of rows together until they are worth the work on them."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= CHUNK_ROWS:
            yield _frame(waiting)
            waiting = []
    if waiting:
        yield _frame(waiting)


def typed(
    chunk: pl.DataFrame, shape: FileGroup, keys: dict[str, str | None], paths: dict[str, str]
) -> pl.LazyFrame:
    """Give rows the columns and types that Polars reads from the files.

    ``keys`` are those in the names of folders; ``paths`` say what the files are called here, by
    what Spark calls them. A column that was not asked for is empty.
    """
    found = {
        name: _as(name, chunk.schema[name], dtype)
        if name in chunk.columns
        else pl.lit(keys.get(name), dtype)
        for name, dtype in shape.row_map.types.items()
    }
    if shape.path_column in chunk.columns:
        found[shape.path_column] = pl.col(shape.path_column).replace(paths)
    return chunk.lazy().select(**found)


def moved(pieces: Made) -> Batches:
    """Pack pieces, a row each."""
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


def unpacked(batches: Batches) -> Made:
    """Unpack pieces."""
    for batch in batches:
        for row in batch.to_pylist():
            yield Piece(row["bucket"], row["what"], read(row["frame"]))


def read(raw: bytes) -> pl.DataFrame:
    """Unpack the frame of a piece."""
    return pl.read_ipc(io.BytesIO(raw))


def _frame(batches: list[pa.RecordBatch]) -> pl.DataFrame:
    return pl.DataFrame(pa.Table.from_batches(batches))


def _as(name: str, have: pl.DataType, want: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(have, pl.Datetime) and isinstance(want, pl.Datetime):
        if have.time_unit == "us" and want.time_unit == "ns":
            # Of an INT96, which can hold any year; Polars stops at the last one of nanoseconds.
            ticks = column.to_physical().clip(-LAST_US, LAST_US)
            column = ticks.cast(pl.Datetime("us", have.time_zone))
        if have.time_zone is not None and want.time_zone is None:
            column = column.dt.replace_time_zone(None)
        elif have.time_zone is None and want.time_zone is not None:
            column = column.dt.replace_time_zone("UTC")
    return column.cast(want)
