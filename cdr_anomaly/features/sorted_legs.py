"""LEGS in the order of lines and starts: sorted once, for all that is counted of them.

A row is a few integers. In this order every line-day is a run of rows, and a window that ends at a
row begins at one before it. Numbers are sorted alone, several packed into one integer of 64 bits:
that is many times quicker than to sort the rows of a frame, or to put them into a hash table.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

# Bits of an integer that several numbers are packed into, beside its sign.
PACKED_BITS = 63
# The code of a counterpart, a cell or a handset that is not told.
UNKNOWN = -1


class SortedLegs:
    """LEGS by line and start: ``rows``, and columns of integers in the same order.

    ``line`` is the place of the line in ``lines``, ``day`` counts the days since 1970, ``start``
    the microseconds.
    """

    def __init__(self, legs: pl.DataFrame) -> None:
        self.lines = legs["line"].unique().sort().alias("line")
        line, start = self.places(legs["line"]), as_integers(legs["start"])
        order = _order(line, start)
        self.line, self.start = line[order], start[order]
        self.rows = legs.rechunk()[order]
        self.day = as_integers(self.rows["day"])
        self.is_placed: Flags = self.rows["outgoing"].to_numpy()
        self._codes: dict[str, Integers] = {}

    @cached_property
    def placed(self) -> PlacedCalls:
        """Return the calls that the lines placed."""
        rows = self.rows.select("duration_s", "answered", "outgoing").filter("outgoing")
        line, day = self.line[self.is_placed], self.day[self.is_placed]
        return PlacedCalls(
            line=line,
            day=day,
            start=self.start[self.is_placed],
            duration_s=as_integers(rows["duration_s"]),
            is_answered=rows["answered"].to_numpy(),
            line_days=Runs(line, day),
        )

    def codes(self, column: str) -> Integers:
        """Return integers from 0 that are equal where texts or numbers are, UNKNOWN for nulls."""
        if column not in self._codes:
            self._codes[column] = _as_codes(self.rows[column])
        return self._codes[column]

    def places(self, lines: pl.Series) -> Integers:
        """Return the place of each of ``lines`` in those of the legs, or UNKNOWN."""
        known = self.lines.to_frame().with_row_index("place")
        rows = lines.alias("line").to_frame()
        places = rows.join(known, on="line", how="left", maintain_order="left")["place"]
        return as_integers(places.cast(pl.Int64).fill_null(UNKNOWN))


class PlacedCalls(NamedTuple):
    """The calls that lines placed, in the order of SortedLegs; ``line_days`` are runs of them."""

    line: Integers
    day: Integers
    start: Integers
    duration_s: Integers
    is_answered: Flags
    line_days: Runs


class Runs:
    """Runs of equal rows in sorted columns, numbered from 0.

    ``first`` and ``last`` are the first and the last row of each run, ``of_row`` is the number of
    the run of each row.
    """

    def __init__(self, *columns: Integers) -> None:
        is_first = np.ones(len(columns[0]), np.bool_)
        is_first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
        self.first: Integers = np.flatnonzero(is_first)
        self.last: Integers = np.append(self.first, len(is_first))[1:] - 1
        self.of_row: Integers = np.cumsum(is_first) - 1

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.first)

    def sums(self, values: NDArray[Any]) -> Integers:
        """Return the sum of the values of each run."""
        return np.add.reduceat(values, self.first, dtype=np.int64)

    def largest(self, values: Integers) -> tuple[Integers, Integers]:
        """Return the largest value of each run, and the first row that has it."""
        most = np.maximum.reduceat(values, self.first)
        rows = np.flatnonzero(values == most[self.of_row])
        return most, rows[np.searchsorted(rows, self.first)]


def as_integers(column: pl.Series) -> Integers:
    """Return a column without nulls as integers: days since 1970, microseconds, seconds."""
    return column.to_physical().cast(pl.Int64).to_numpy()


def bits(codes: Integers) -> int:
    """Return how many bits the codes need."""
    return max(int(codes.max(initial=0)).bit_length(), 1)


def instants(line: Integers, start: Integers, *, reach: int) -> Integers:
    """Return one ascending integer for line and start, for windows narrower than ``reach``.

    A gap of ``reach`` or more, and the step to the next line, is just ``reach``: no window gets
    into the line before, and a row with a wrong clock does not make the integers overflow.
    """
    gaps = np.minimum(np.diff(start, prepend=0), reach)
    gaps[1:][line[1:] != line[:-1]] = reach
    return np.cumsum(gaps)


def count_in_window(instant: Integers, width: int) -> Integers:
    """Count, at each instant, those of the ``width`` up to it, as far as they are in rows before.

    So of several rows of one instant the last one has them all.
    """
    return np.arange(1, len(instant) + 1) - np.searchsorted(instant, instant - width, side="right")


def count_under_way(instant: Integers, length: Integers) -> Integers:
    """Count, at each instant, what has begun in this row or before and not yet ended.

    What begins at an instant runs over [instant, instant + length).
    """
    ends = np.sort(instant + length)
    return np.arange(1, len(instant) + 1) - np.searchsorted(ends, instant, side="right")


def packed_pairs(
    n_bits: int, *sides: tuple[Integers, Integers]
) -> Iterator[tuple[slice, list[tuple[slice, Integers]]]]:
    """Yield pairs of group and code as one integer each, some groups at a time.

    A side has ascending groups, and codes from 0 that need ``n_bits``. Yields the slice of the
    groups of the first side, and for each side the slice of its rows and their pairs, which are
    ``(group - slice.start) << n_bits | code``.
    """
    groups, _ = sides[0]
    n_groups, step = int(groups[-1]) + 1 if len(groups) else 0, 1 << (PACKED_BITS - n_bits)
    for first in range(0, n_groups, step):
        end, parts = min(first + step, n_groups), []
        for groups, codes in sides:
            rows = slice(*np.searchsorted(groups, (first, end)))
            parts.append((rows, (groups[rows] - first) << n_bits | codes[rows]))
        yield slice(first, end), parts


def distinct(values: Integers) -> Integers:
    """Return the different values, sorted."""
    ascending = np.sort(values)
    return ascending[Runs(ascending).first]


def spread_spans(first: Integers, end: Integers) -> tuple[Integers, Integers]:
    """Return each number from ``first`` up to ``end``, and before it the place of its span."""
    size = end - first
    span = np.repeat(np.arange(len(size)), size)
    return span, np.arange(len(span)) + np.repeat(first - np.cumsum(size) + size, size)


def count_groups(pairs: Integers, n_bits: int, groups: slice) -> Integers:
    """Count the packed pairs of each group of a slice."""
    return np.bincount(pairs >> n_bits, minlength=groups.stop - groups.start)


def _as_codes(column: pl.Series) -> Integers:
    if column.dtype == pl.String:
        column = column.cast(pl.Enum(column.unique().drop_nulls())).to_physical().cast(pl.Int64)
    return as_integers((column - (column.min() or 0)).fill_null(UNKNOWN))


def _order(line: Integers, start: Integers) -> Integers:
    """Return the order of the rows by line and start."""
    if not len(line):
        return line
    since_first = start - start.min()
    n_bits = int(since_first.max()).bit_length()
    if int(line.max()).bit_length() + n_bits > PACKED_BITS:  # a clock that is years away
        return np.lexsort((start, line))
    return np.argsort(line << n_bits | since_first)
