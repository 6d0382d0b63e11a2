"""The calls of a feed in few bytes, kept for every further look: in memory, then on disk.

A call is kept as integers: lines as codes, cells and trunks as codes of a dictionary of the run,
numbers of seconds in four bytes. What does not fit the memory is written to uncompressed Arrow
files in a folder that only its owner may open, and that goes with the process, also after errors.
"""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.ingest import CODED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_INT32 = 2**31 - 1


class KeptRows:
    """The calls of a feed, part by part, of which ``memory`` bytes stay in memory."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.types: dict[str, pl.DataType] = {}
        self._frames: list[pl.DataFrame | Path] = []
        self._folder: Path | None = None

    def add(self, calls: pl.DataFrame) -> None:
        """Keep these calls, in the types of Part.narrow_rows()."""
        self.types.update(calls.schema)
        frame = _narrow(calls)
        self.memory -= int(frame.estimated_size())
        self._frames.append(frame if self.memory >= 0 else self._write(frame))

    def select(self, condition: pl.Expr, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield columns of the calls of which ``condition`` holds, by part, in the types of CALLS.

        In the condition the columns of CODED may be codes.
        """
        types = self.types | dict.fromkeys(CODED, pl.String())
        wide = [pl.col(column).cast(types[column]) for column in columns]
        for frame in self._frames:
            calls = pl.read_ipc(frame) if isinstance(frame, Path) else frame
            missing = {c: pl.lit(None, t) for c, t in self.types.items() if c not in calls.columns}
            rows = calls.lazy().with_columns(**missing)
            yield rows.filter(condition).select(wide).collect()

    def _write(self, frame: pl.DataFrame) -> Path:
        if self._folder is None:
            self._folder = private_folder(self)
        file = self._folder / f"{len(self._frames)}.arrow"
        frame.write_ipc(file)
        return file


def private_folder(owner: object) -> Path:
    """Return a folder that only this user may open, and that goes with its owner."""
    folder = Path(mkdtemp(prefix="cdr-anomaly-"))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


def _narrow(calls: pl.DataFrame) -> pl.DataFrame:
    """Return calls in fewer bytes, without columns that are empty."""
    present = [column for column in calls if column.null_count() < len(column)]
    rows = pl.DataFrame(present) if present else calls
    small = [
        name for name in ("duration_s", *CODED) if name in rows.columns and _is_small(rows[name])
    ]
    types = dict.fromkeys(small, pl.Int32()) | {"redirect_reason": pl.Categorical()}
    return rows.with_columns(pl.col(c).cast(types[c]) for c in types if c in rows.columns)


def _is_small(column: pl.Series) -> bool:
    """Return whether these are integers that fit four bytes."""
    if column.dtype != pl.Int64:
        return False
    least, most = column.min(), column.max()
    return (
        isinstance(least, int)
        and isinstance(most, int)
        and -MAX_INT32 <= least <= most <= MAX_INT32
    )
