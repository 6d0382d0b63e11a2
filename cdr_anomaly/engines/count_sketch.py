"""A filter of keys that may have reached a count, without one counter for each key.

A cell holds the sum of all keys that are hashed into it (a count-min sketch of one row; Cormode,
Muthukrishnan 2005), so that a key in a cell below the count is below it, too. The keys that pass
are counted exactly later.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = 24


class KeyFilter:
    """A set of keys that contains some others by chance."""

    def __init__(self) -> None:
        self._open = np.zeros(1 << BITS, np.bool_)

    def add(self, keys: pl.Series) -> None:
        """Add these keys."""
        self._open[_cells(keys)] = True

    def add_counts(self, min_count: int, counts: Iterable[tuple[pl.Series, pl.Series]]) -> int:
        """Add the keys whose counts, in pairs of keys and counts, sum to ``min_count`` or more.

        Returns the approximate number of different keys, from the number of empty cells (linear
        counting; Whang, Vander-Zanden, Taylor 1990).
        """
        sums = np.zeros(1 << BITS, np.int32)
        for keys, numbers in counts:
            np.add.at(sums, _cells(keys), numbers.to_numpy())
        self._open |= sums >= min_count
        empty = max(int((sums == 0).sum()), 1)
        return round(-log(empty / len(sums)) * len(sums))

    def contains(self, keys: pl.Series) -> pl.Series:
        """Return whether each key is in the set."""
        return pl.Series(values=self._open[_cells(keys)], dtype=pl.Boolean)


def _cells(keys: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (keys.hash().to_numpy() >> np.uint64(64 - BITS)).view(np.int64)
