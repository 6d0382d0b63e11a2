"""One line that calls many others, and its file, for the tests of commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path


NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)


LOWERED = ("--set", "mass_dialler.calls=50", "--set", "mass_dialler.distinct=20")


def dialled(n: int = 60, **other: Any) -> pl.DataFrame:
    """One line that calls many others, 20 s apart."""
    rows = [
        {
            "calling_number": "13800000001",
            "called_number": f"1390000{i:04d}",
            "start_time": NOON + timedelta(seconds=20 * i),
            "duration_s": i % 7,
        }
        for i in range(n)
    ]
    return pl.DataFrame(rows).with_columns(**other)


def written(folder: Path, table: pl.DataFrame | None = None, name: str = "calls.parquet") -> Path:
    file = folder / name
    (dialled() if table is None else table).write_parquet(file)
    return file
