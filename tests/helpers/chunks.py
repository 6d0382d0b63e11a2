"""Frames in pieces, as the engines and group-by leave them: many chunks, some of them empty."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def in_chunks(frame: pl.DataFrame, sizes: Sequence[int]) -> pl.DataFrame:
    """Return the same rows in chunks of these sizes; 0 puts an empty frame there."""
    edges = pairwise(accumulate(sizes, initial=0))
    return pl.concat([frame[first:end] for first, end in edges], rechunk=False)


def in_many_chunks(frame: pl.DataFrame, rows: int = 3) -> pl.DataFrame:
    """Return the same rows, so many to a chunk, an empty frame after each."""
    if frame.is_empty():
        return frame
    pieces = [frame[first : first + rows] for first in range(0, frame.height, rows)]
    return pl.concat([part for piece in pieces for part in (piece, frame.clear())], rechunk=False)
