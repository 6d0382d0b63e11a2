"""Which keys may have reached a count, told without counting each: by cells that keys share.

A cell holds the sum of all keys that are hashed into it (a count-min sketch of one row; Cormode,
Muthukrishnan 2005), so a key in a cell below the count is below it, too. There is no error on the
other side: a key that is let through is still to be counted.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = 24


class Sieve:
    """Lets some keys through for sure, and others by chance."""

    def __init__(self) -> None:
        self._open = np.zeros(1 << BITS, np.bool_)

    def let(self, keys: pl.Series) -> None:
        """Let these keys through."""
        self._open[_cells(keys)] = True

    def let_reaching(self, least: int, counts: Iterable[tuple[pl.Series, pl.Series]]) -> int:
        """Let the keys through whose counts, in pairs of keys and counts, add up to ``least``.

        Returns how many different keys have a count: about, by the cells that stay empty (linear
        counting; Whang, Vander-Zanden, Taylor 1990).
        """
        sums = np.zeros(1 << BITS, np.int32)
        for keys, each in counts:
            np.add.at(sums, _cells(keys), each.to_numpy())
        self._open |= sums >= least
        empty = max(int((sums == 0).sum()), 1)
        return round(-log(empty / len(sums)) * len(sums))

    def passes(self, keys: pl.Series) -> pl.Series:
        """Tell which of the keys are let through."""
        return pl.Series(values=self._open[_cells(keys)], dtype=pl.Boolean)


def _cells(keys: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (keys.hash().to_numpy() >> np.uint64(64 - BITS)).view(np.int64)
