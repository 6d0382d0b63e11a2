"""Tables are written small, and are read as they were written."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly.storage import delta

if TYPE_CHECKING:
    from pathlib import Path

LEAST, MOST = -(2**63), 2**63 - 1


def written(folder: Path, frame: pl.DataFrame) -> tuple[pl.DataFrame, set[str]]:
    """Write a table; return what is read, and how its lines are encoded."""
    delta.write(folder, frame)
    (file,) = delta.open_table(folder).file_uris()
    group = pq.ParquetFile(file).metadata.row_group(0)
    columns = (group.column(n) for n in range(group.num_columns))
    (of_lines,) = (column for column in columns if column.path_in_schema == "line")
    return delta.scan_table(folder, 0).collect(), set(of_lines.encodings)


@pytest.mark.parametrize("in_order", [False, True])
def test_whole_numbers_are_written_as_differences_and_read_as_they_were(
    tmp_path: Path, *, in_order: bool
) -> None:
    random = Random(0)  # noqa: S311 - no secret
    lines = [*(random.randrange(10**8, 10**15) for _ in range(999)), -3, 0, LEAST, MOST, LEAST]
    frame = pl.DataFrame({"line": sorted(lines) if in_order else lines}).with_row_index("n")
    rows, encodings = written(tmp_path / "table", frame)
    assert_frame_equal(rows, frame.cast({"n": pl.Int32}), check_dtypes=False)
    assert "DELTA_BINARY_PACKED" in encodings
    some = rows.filter(pl.col("line").is_in(pl.Series([-3, MOST]).implode()))
    assert sorted(some["line"]) == [-3, MOST]


def test_text_is_written_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"line": ["hidden", None, "+8613800000000"]})
    rows, encodings = written(tmp_path / "table", frame)
    assert_frame_equal(rows, frame)
    assert "DELTA_BINARY_PACKED" not in encodings


def test_a_table_in_order_takes_less_room(tmp_path: Path) -> None:
    random = Random(1)  # noqa: S311 - no secret
    lines = pl.Series("line", [8_613_000_000_000 + random.randrange(10**9) for _ in range(50_000)])
    sizes = []
    for name, column in {"in order": lines.sort(), "in no order": lines}.items():
        delta.write(tmp_path / name, column.to_frame())
        (file,) = (tmp_path / name).glob("*.parquet")
        sizes.append(file.stat().st_size)
    assert sizes[0] < 0.6 * sizes[1]
