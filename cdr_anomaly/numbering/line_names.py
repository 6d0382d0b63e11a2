"""Line codes of opaque lines (a hash, a SIP name, a test account), and their names.

The code of a name follows from the name alone, so that it is the same in every run and every night.
Nothing leads back: names are gathered while a feed is read, and kept with the state.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
import polars as pl

Words = np.ndarray[tuple[int], np.dtype[np.uint64]]

# Codes of names are between these two, both excluded: below all that strings of digits have.
NAMES_BEGIN, NAMES_END = -(10**15) - 1, -(2**48)
N_CODES = NAMES_END - NAMES_BEGIN - 1
# Changing one of these would change the lines of every state.
HEX_DIGITS, FACTOR, SHIFT = 15, 0x9E3779B97F4A7C15, 29
MAX_FRAMES = 64  # of names, before they are made unique


NO_NAMES = pl.DataFrame(schema={"line": pl.Int64, "name": pl.String})


class LineNames:
    """The names of opaque lines, gathered by all who read a feed."""

    def __init__(self, names: pl.DataFrame = NO_NAMES) -> None:
        self._lock = Lock()
        self._frames = [NO_NAMES]
        self.add(names)

    def __reduce__(self) -> tuple[type[LineNames], tuple[()]]:
        """Go to another process without the names: it gathers its own."""
        return LineNames, ()

    def add(self, names: pl.DataFrame) -> None:
        """Add names (line, name)."""
        with self._lock:
            self._frames.append(names.select("line", "name"))
            if len(self._frames) > MAX_FRAMES:
                self._merge()

    @property
    def table(self) -> pl.DataFrame:
        """Return each name once, in the order of the codes (line, name)."""
        with self._lock:
            if len(self._frames) > 1:
                self._merge()
            return self._frames[0]

    @property
    def collide(self) -> bool:
        """Return whether two names have one code, once in many million pairs of a million names."""
        return bool(self.table["line"].is_duplicated().any())

    def find(self, lines: pl.Series) -> pl.Series:
        """Return the name of each line, null for one that has none."""
        table = self.table
        if table.is_empty():
            return pl.Series(lines.name, [None] * len(lines), pl.String)
        places = table["line"].search_sorted(lines).clip(upper_bound=table.height - 1)
        found = table[places].select(pl.when(pl.col("line") == lines).then("name"))
        return found.to_series().alias(lines.name)

    def _merge(self) -> None:
        self._frames = [pl.concat(self._frames).unique().sort("line", "name")]


def is_named(line: pl.Expr) -> pl.Expr:
    """Return whether a line code is of a name."""
    return line.is_between(NAMES_BEGIN, NAMES_END, closed="none")


def name_codes(names: pl.Series) -> pl.Series:
    """Return the line code of each name."""
    hexes = names.cast(pl.Binary).bin.encode("hex")
    sizes = hexes.str.len_bytes().to_numpy()
    mixed = sizes.astype(np.uint64)
    for begin in range(0, int(sizes.max(initial=0)), HEX_DIGITS):
        digits = hexes.str.slice(begin, HEX_DIGITS).str.to_integer(base=16, strict=False)
        part = digits.fill_null(0).to_numpy().astype(np.uint64)
        mixed = np.where(sizes > begin, _stir(mixed ^ part), mixed)
    codes = (_stir(_stir(mixed)) % np.uint64(N_CODES)).astype(np.int64)
    return pl.Series(names.name, NAMES_BEGIN + 1 + codes, pl.Int64)


def _stir(mixed: Words) -> Words:
    """Return words whose bits all depend on the high and the low bits of the words before."""
    words: Words = mixed * np.uint64(FACTOR)
    return words ^ (words >> np.uint64(SHIFT))
