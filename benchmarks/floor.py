"""The floor: read every column that a scan needs and compute sums, as a stream.

It imports nothing but Polars, so that as a process it is the least that any scan must do.
"""

from __future__ import annotations

import sys

import polars as pl

TEXTS = ("calling_number", "called_number", "record_type", "redirecting_number")


def read_columns(folder: str) -> None:
    """Read the columns of a folder of calls; a feed may have no cells."""
    pl.scan_parquet(f"{folder}/*.parquet").select(
        pl.col(TEXTS).str.len_bytes().cast(pl.Int64).sum(),
        pl.col("^(duration_s|cell_id)$").sum(),
        pl.col("start_time").max(),
    ).collect(engine="streaming")


if __name__ == "__main__":
    read_columns(sys.argv[1])
