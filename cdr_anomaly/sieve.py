"""Which keys may have reached a count, told without counting each: by cells that keys share.

A cell holds the sum of all keys that are hashed into it (a count-min sketch of one row; Cormode,
Muthukrishnan 2005), so a key in a cell below the count is below it, too. There is no error on the
other side: a key that is let through is still to be counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Hashable

BITS = 24
# More windows than these would take more memory than the counts that they save.
MOST_WINDOWS = 4


class Cells:
    """Sums of counts, by window (such as a day) and cell."""

    def __init__(self) -> None:
        self._sums: dict[Hashable, np.ndarray[tuple[int], np.dtype[np.int32]]] | None = {}

    def add(self, window: Hashable, keys: pl.Series, counts: pl.Series) -> None:
        """Add counts of different keys to those of a window."""
        if self._sums is None:
            return
        if window not in self._sums:
            if len(self._sums) == MOST_WINDOWS:
                self._sums = None
                return
            self._sums[window] = np.zeros(1 << BITS, np.int32)
        np.add.at(self._sums[window], _cells(keys), counts.to_numpy())

    def reaching(self, count: int) -> Sieve:
        """Return the sieve of the keys that may have reached a count in some window."""
        if self._sums is None:
            return Sieve(np.ones(1 << BITS, np.bool_))
        open_cells = np.zeros(1 << BITS, np.bool_)
        for sums in self._sums.values():
            open_cells |= sums >= count
        return Sieve(open_cells)


class Sieve:
    """Lets some keys through for sure, and others by chance."""

    def __init__(self, open_cells: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        self._open = open_cells

    def let(self, keys: pl.Series) -> None:
        """Let these keys through, too."""
        self._open[_cells(keys)] = True

    def passes(self, keys: pl.Series) -> pl.Series:
        """Tell which of the keys are let through."""
        return pl.Series(values=self._open[_cells(keys)], dtype=pl.Boolean)


def _cells(keys: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (keys.hash().to_numpy() >> np.uint64(64 - BITS)).view(np.int64)
