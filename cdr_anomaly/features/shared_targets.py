"""LISTS to LINKS: pairs of cold callers with more called numbers in common than by chance.

Two lines that call into the same blocks meet by chance. How often is estimated by the busy lines of
the day that call no strangers, number by number and block by block (algorithms, section 2, g).

All days are worked out at once. A number is on the list of a line in runs of days; two runs of one
number, or of neighbours, meet on the days that they share; and how many meet on each day is told
by sorting when they begin and end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly import numbering, significance
from cdr_anomaly.features.sorted_legs import distinct, spread_spans
from cdr_anomaly.schema import LINKS, empty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Floats = NDArray[np.float64]

# A number that one line does not reach today another line tries tomorrow.
LIST_DAYS = 7
# A number that more lines call is a hotline, shared by all.
MAX_CALLERS = 50
# The lines of a block differ in their last four digits.
BLOCK_SIZE = 10_000
# The prior: two calls into a block meet as if a third of its numbers were in use.
PRIOR_MEETINGS = 3
# Numbers that differ by up to so much are neighbours; a list is often a range of numbers.
NEIGHBOUR_GAP = 5
MIN_SHARED, MAX_Q = 4, 0.1
SURE_TIMES, SURE_Q = 3.0, 0.01
LIST, RANGE = "list", "range"
WAYS = (LIST, RANGE)
# So many cells of lines and blocks are counted at once, and so many pairs of lines.
CELLS, PAIRS_AT_ONCE = 2**22, 2**10


class _Runs(NamedTuple):
    """On which of the days numbers are on the lists of lines: from the place ``lo`` up to ``hi``.

    Lines and numbers called are coded as 0, 1, 2 ..., and a number that is a ``line`` of these as
    that line, else as -1. ``near`` differs as numbers do, up to a gap beyond which they are no
    neighbours; it is -1 for tokens.
    """

    row: Codes
    called: Codes
    line: Codes
    near: Codes
    block: Codes
    lo: Codes
    hi: Codes

    def take(self, rows: NDArray[np.generic]) -> _Runs:
        """Return some of the runs."""
        return _Runs(*(column[rows] for column in self))


class _Pairs(NamedTuple):
    """Pairs of lines on a day, by what they have in common, and how many numbers that are."""

    by: Codes
    one: Codes
    other: Codes
    day: Codes
    n_shared: Codes

    def keys(self, n_rows: int) -> Codes:
        """Return a number for each pair and day, in their order."""
        return (self.day * n_rows + self.one) * n_rows + self.other

    def take(self, rows: Codes) -> _Pairs:
        """Return some of the pairs."""
        return _Pairs(*(column[rows] for column in self))


def links(lists: pl.DataFrame, others: pl.DataFrame, days: Iterable[date]) -> pl.DataFrame:
    """Return LINKS of the lines that called strangers on each of the days, or on the 6 days before.

    ``others`` has (line, day, counterpart) of busy lines that call no strangers. Tokens are all in
    one block, and have no neighbours.
    """
    dates = lists.filter(pl.col("day").is_in(list(days)))["day"].unique().sort()
    lines = lists["line"].unique().sort()
    if dates.is_empty() or len(lines) < 2:
        return empty(LINKS, lists.schema["line"])
    runs = _runs(lists, lines, dates)
    size = len(lines), len(dates)
    pairs = _pairs(runs, *size)
    beside = np.full(len(dates), 2 * NEIGHBOUR_GAP / BLOCK_SIZE)
    rates = np.stack([_meeting_chance(others, dates), beside])
    expected = _count_chances(runs, pairs, len(lines)) * rates[pairs.by, pairs.day]
    # Where more are expected p is over a half: so is q, and no other q is less by it.
    some = np.flatnonzero(pairs.n_shared > expected - 1)
    pairs, expected = pairs.take(some), expected[some]
    _, day, _ = _by_day(runs.row, runs.lo, runs.hi, len(dates))
    n_lines = np.bincount(day, minlength=len(dates))
    p_value = significance.poisson_tail(pairs.n_shared.astype(np.float64), expected)
    parts = np.split(p_value, np.searchsorted(pairs.day, np.arange(1, len(dates))))
    q_value = np.concatenate([*map(significance.false_discovery, parts, n_lines * (n_lines - 1))])
    # Lines that call each other know each other: families, and the desks of one firm.
    odd = np.flatnonzero(
        (q_value <= MAX_Q) & ~np.isin(pairs.keys(len(lines)), _acquainted(runs, *size))
    )
    pairs = pairs.take(odd)
    return pl.DataFrame(
        {
            "day": dates.gather(pairs.day),
            "one": lines.gather(pairs.one),
            "other": lines.gather(pairs.other),
            "by": pl.Series(WAYS, dtype=pl.String).gather(pairs.by),
            "n_shared": pairs.n_shared,
            "expected": expected[odd],
            "p_value": p_value[odd],
            "q_value": q_value[odd],
            "n_lines": n_lines[pairs.day],
        }
    ).select(list(LINKS))


def is_sure(times: float = SURE_TIMES, q: float = SURE_Q) -> pl.Expr:
    """Return which LINKS are ``times`` what is expected, at a false-discovery rate of ``q``."""
    return (pl.col("n_shared") >= times * pl.col("expected")) & (pl.col("q_value") <= q)


def _runs(lists: pl.DataFrame, lines: pl.Series, dates: pl.Series) -> _Runs:
    """Return the runs of days on which numbers are on lists, but for those of hotlines."""
    counterpart = pl.col("counterpart")
    number = numbering.e164_number(counterpart, lists.schema["counterpart"])
    known = lists.select(counterpart.unique()).with_columns(number=number)
    known = known.join(
        lines.to_frame("counterpart").with_row_index("line"), on="counterpart", how="left"
    )
    # Numbers beyond each other's reach are coded as just beyond it.
    gap = pl.col("number").diff().clip(0, NEIGHBOUR_GAP + 1)
    known = (
        known.sort("number", "counterpart")
        .with_row_index("called")
        .with_columns(
            near=pl.when(pl.col("number").is_not_null()).then(gap.fill_null(0).cum_sum()),
            block=(pl.col("number") // BLOCK_SIZE).fill_null(0),
        )
    )
    calls = lists.select(
        "counterpart", row=lines.search_sorted(lists["line"]), day=pl.col("day").to_physical()
    ).join(known, on="counterpart")
    row, called, day = (calls[name].cast(pl.Int64).to_numpy() for name in ("row", "called", "day"))
    first, span = day.min(), int(day.max() - day.min()) + 1
    keys = distinct((called * len(lines) + row) * span + day - first)
    pair, day = keys // span, keys % span + first
    new = np.flatnonzero((np.diff(pair, prepend=-1) != 0) | (np.diff(day, prepend=0) > LIST_DAYS))
    last = np.append(new[1:], len(pair)) - 1
    days = dates.to_physical().to_numpy()
    lo, hi = np.searchsorted(days, day[new]), np.searchsorted(days, day[last] + LIST_DAYS)
    called, row = np.divmod(pair[new], len(lines))
    line, near, block = (
        known[name].cast(pl.Int64).fill_null(-1).to_numpy()[called]
        for name in ("line", "near", "block")
    )
    runs = _Runs(row, called, line, near, block, lo, hi)
    return _without_hotlines(runs.take(np.flatnonzero(lo < hi)), len(dates))


def _without_hotlines(runs: _Runs, n_days: int) -> _Runs:
    """Leave out the days on which too many lines have a number on their lists."""
    key, day, _ = _by_day(runs.called, runs.lo, runs.hi, n_days, MAX_CALLERS + 1)
    hot = np.isin(runs.called, key)
    if not len(key):
        return runs
    at, days = spread_spans(runs.lo[hot], runs.hi[hot])
    some = runs.take(np.flatnonzero(hot)[at])._replace(lo=days, hi=days + 1)
    fine = ~np.isin(some.called * n_days + days, key * n_days + day)
    parts = (runs.take(np.flatnonzero(~hot)), some.take(np.flatnonzero(fine)))
    return _Runs(*map(np.concatenate, zip(*parts, strict=True)))


def _meeting_chance(others: pl.DataFrame, dates: pl.Series) -> Floats:
    """Return how probably calls of two lines into one block are to one number, by day."""
    counterpart = pl.col("counterpart")
    number = numbering.e164_number(counterpart, others.schema["counterpart"])
    n = pl.col("n").cast(pl.Int64)
    calls = others.lazy().filter(pl.col("day").is_in(dates.implode()))
    calls = calls.select("day", "line", "counterpart").unique()
    by_number = calls.group_by("day", "counterpart").agg(n=pl.len()).filter(n <= MAX_CALLERS)
    by_number = by_number.with_columns(n=n, block=(number // BLOCK_SIZE).fill_null(0))
    by_block = by_number.group_by("day", "block").agg(n=n.sum(), met=(n * (n - 1)).sum())
    sums = by_block.group_by("day").agg(pl.col("met").sum(), could=(n * n).sum())
    days = (
        dates.to_frame("day")
        .lazy()
        .join(sums, on="day", how="left", maintain_order="left")
        .fill_null(0)
    )
    met, could = (column.to_numpy() for column in days.collect()[["met", "could"]])
    chance: Floats = (met + PRIOR_MEETINGS) / (could + BLOCK_SIZE)
    return chance


def _acquainted(runs: _Runs, n_rows: int, n_days: int) -> Codes:
    """Return the keys of the pairs and days on which one line is on the list of the other."""
    calls = runs.take(np.flatnonzero(runs.line >= 0))
    pair = _pair(calls.row, calls.line, n_rows)
    pair, day, _ = _by_day(pair, calls.lo, calls.hi, n_days)
    return day * n_rows**2 + pair


def _pairs(runs: _Runs, n_rows: int, n_days: int) -> _Pairs:
    """Return the pairs of lines that have enough in common, by day and pair."""
    called = np.flatnonzero(np.bincount(runs.called)[runs.called] > 1)
    near = np.flatnonzero(_has_neighbours(runs))
    steps = [step for step in range(-NEIGHBOUR_GAP, NEIGHBOUR_GAP + 1) if step]
    parts = []
    for by, (key, some, apart) in enumerate(((runs.called, called, [0]), (runs.near, near, steps))):
        meetings = _meetings(key[some], runs.take(some), apart, n_rows, n_days)
        pair, lo, hi = (np.concatenate(column) for column in zip(*meetings, strict=True))
        pair, day, n_shared = _by_day(pair, lo, hi, n_days, MIN_SHARED)
        parts.append(np.stack([np.full(len(pair), by), *np.divmod(pair, n_rows), day, n_shared]))
    pairs = _Pairs(*np.concatenate(parts, axis=1))
    return pairs.take(np.argsort(pairs.keys(n_rows) * len(WAYS) + pairs.by))


def _has_neighbours(runs: _Runs) -> NDArray[np.bool_]:
    """Return whether another line called a neighbour of the number."""
    answer = np.zeros(len(runs.near), np.bool_)
    order = np.flatnonzero(runs.near >= 0)
    order = order[np.argsort(runs.near[order])]
    if not len(order):
        return answer
    numbers, begin = np.unique(runs.near[order], return_index=True)
    least, most = (each.reduceat(runs.row[order], begin) for each in (np.minimum, np.maximum))
    found = np.zeros(len(numbers), np.bool_)
    for step in range(1, NEIGHBOUR_GAP + 1):
        beside = numbers[step:] - numbers[:-step] <= NEIGHBOUR_GAP
        beside &= (least[step:] != most[:-step]) | (most[step:] != least[:-step])
        found[step:] |= beside
        found[:-step] |= beside
    answer[order] = np.repeat(found, np.diff(np.append(begin, len(order))))
    return answer


def _meetings(
    key: Codes, runs: _Runs, steps: Iterable[int], n_rows: int, n_days: int
) -> Iterator[tuple[Codes, Codes, Codes]]:
    """Yield the meetings of runs whose keys are so many steps apart: pairs of lines, from, up to.

    Each is found from the run that begins first, as the other begins before this one ends.
    """
    place = key * (n_days + 1) + runs.lo
    order = np.argsort(place)
    place, row, lo, hi = (column[order] for column in (place, runs.row, runs.lo, runs.hi))
    for step in steps:
        apart = place + step * (n_days + 1)
        # Of two that begin together the one with the greater key is found.
        begin = np.searchsorted(place, apart, "left" if step > 0 else "right")
        begin = begin if step else np.arange(1, len(place) + 1)
        end = np.searchsorted(place, apart - lo + hi)
        at, other = spread_spans(begin, np.maximum(begin, end))
        strange = row[at] != row[other]
        at, other = at[strange], other[strange]
        yield _pair(row[at], row[other], n_rows), lo[other], np.minimum(hi[at], hi[other])


def _pair(one: Codes, other: Codes, n_rows: int) -> Codes:
    return np.minimum(one, other) * n_rows + np.maximum(one, other)


def _by_day(
    key: Codes, lo: Codes, hi: Codes, n_days: int, least: int = 1
) -> tuple[Codes, Codes, Codes]:
    """Count by day how many runs of a key hold it (key, day, n), where these are enough."""
    begin, end = (np.sort(key * (n_days + 1) + day) for day in (lo, hi))
    # Between two of these places the count is the same, and after the last of a key it is 0.
    place = distinct(np.concatenate([begin, end]))
    n = np.searchsorted(begin, place, "right") - np.searchsorted(end, place, "right")
    full = np.flatnonzero(n >= least)
    at, days = spread_spans(place[full], place[np.minimum(full + 1, len(place) - 1)])
    return *np.divmod(days, n_days + 1), n[full][at]


def _count_chances(runs: _Runs, pairs: _Pairs, n_rows: int) -> Floats:
    """Count the pairs of calls into one block, one of each line, of pairs of lines by day."""
    tested, place = np.unique(np.concatenate([pairs.one, pairs.other]), return_inverse=True)
    one, other = np.split(place, 2)
    of_row = np.full(n_rows, -1)
    of_row[tested] = np.arange(len(tested))
    runs = runs.take(np.flatnonzero(of_row[runs.row] >= 0))
    blocks, block = np.unique(runs.block, return_inverse=True)
    chances = np.zeros(len(pairs.day))
    width = max(min(CELLS // max(len(tested), 1), len(blocks)), 1)
    for first in range(0, len(blocks), width):
        some = np.flatnonzero((block >= first) & (block < first + width))
        cells = of_row[runs.row[some]] * width + block[some] - first
        matrix = np.zeros((len(tested), width))
        for rows in _matrices(matrix.reshape(-1), cells, runs.lo[some], runs.hi[some], pairs.day):
            chances[rows] += np.einsum("ij,ij->i", matrix[one[rows]], matrix[other[rows]])
    return chances


def _matrices(matrix: Floats, cells: Codes, lo: Codes, hi: Codes, days: Codes) -> Iterator[slice]:
    """Count in a matrix the runs of each day in turn, and yield the rows of that day, in parts.

    From one day to the next only the runs that begin or end change it.
    """
    begin, end = np.argsort(lo, kind="stable"), np.argsort(hi, kind="stable")
    every = np.arange(days[-1] + 2)
    starts, ends = np.searchsorted(lo[begin], every), np.searchsorted(hi[end], every)
    bounds = np.searchsorted(days, every)
    for day in every[:-1].tolist():
        np.add.at(matrix, cells[begin[starts[day] : starts[day + 1]]], 1)
        np.subtract.at(matrix, cells[end[ends[day] : ends[day + 1]]], 1)
        for row in range(bounds[day], bounds[day + 1], PAIRS_AT_ONCE):
            yield slice(row, min(row + PAIRS_AT_ONCE, bounds[day + 1]))
