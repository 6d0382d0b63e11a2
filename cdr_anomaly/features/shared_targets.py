"""LISTS to LINKS: pairs of cold callers with more called numbers in common than by chance.

Two lines that call into the same blocks meet by chance. How often is estimated by the busy lines of
the day that call no strangers, number by number and block by block (algorithms, section 2, g).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly import numbering, significance
from cdr_anomaly.schema import LINKS, empty

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scipy.sparse import csr_array

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


def links(lists: pl.DataFrame, others: pl.DataFrame, days: Iterable[date]) -> pl.DataFrame:
    """Return LINKS of the lines that called strangers on each of the days, or on the 6 days before.

    ``others`` has (line, day, counterpart) of busy lines that call no strangers. Tokens are all in
    one block, and have no neighbours.
    """
    active = set(lists["day"])
    number = numbering.e164_number(pl.col("counterpart"), lists.schema["counterpart"])
    called, busy = (rows.with_columns(number=number) for rows in (lists, others))
    parts = [_links_of_day(called, busy, day) for day in days if day in active]
    return pl.concat([empty(LINKS, lists.schema["line"]), *parts])


def is_sure(times: float = SURE_TIMES, q: float = SURE_Q) -> pl.Expr:
    """Return which LINKS are ``times`` what is expected, at a false-discovery rate of ``q``."""
    return (pl.col("n_shared") >= times * pl.col("expected")) & (pl.col("q_value") <= q)


def _links_of_day(lists: pl.DataFrame, others: pl.DataFrame, day: date) -> pl.DataFrame:
    pairs = _without_hotlines(
        lists.filter(pl.col("day").is_between(day - timedelta(days=LIST_DAYS - 1), day))
    )
    lines = pairs["line"].unique().sort()
    if len(lines) < 2:
        return empty(LINKS, lists.schema["line"])
    called = pairs.with_columns(row=lines.search_sorted(pairs["line"]))
    by_block = _incidence(called["row"], called["block"], len(lines))
    tests = {
        LIST: (_count_shared(called, len(lines)), _meeting_chance(others.filter(day=day))),
        RANGE: (
            _count_neighbours(called.drop_nulls("number"), len(lines)),
            2 * NEIGHBOUR_GAP / BLOCK_SIZE,
        ),
    }
    m = len(lines) * (len(lines) - 1) // 2 * len(tests)
    found = pl.concat([_test_pairs(by, *pair, by_block, lines) for by, pair in tests.items()])
    q_value = significance.false_discovery(found["p_value"].to_numpy(), m)
    rows = found.with_columns(
        q_value=pl.Series(q_value), day=pl.lit(day, pl.Date), n_lines=pl.lit(len(lines), pl.Int64)
    )
    # Lines that call each other know each other: families, and the desks of one firm.
    calls = pairs.select(one="line", other="counterpart")
    acquainted = pl.concat([calls, calls.select(one="other", other="one")])
    odd = rows.filter(pl.col("q_value") <= MAX_Q)
    return (
        odd.join(acquainted, on=["one", "other"], how="anti")
        .select(list(LINKS))
        .sort("one", "other")
    )


def _without_hotlines(lists: pl.DataFrame) -> pl.DataFrame:
    block = (pl.col("number") // BLOCK_SIZE).fill_null(0)
    pairs = lists.select("line", "counterpart", "number", block=block).unique()
    return pairs.filter(pl.len().over("counterpart") <= MAX_CALLERS).sort("line", "counterpart")


def _meeting_chance(others: pl.DataFrame) -> float:
    """Return the probability that calls of two lines into one block are to the same number."""
    pairs = _without_hotlines(others)
    of_number, of_block = (
        pairs.group_by(key).len()["len"].to_numpy().astype(float)
        for key in ("counterpart", "block")
    )
    met, could = of_number @ (of_number - 1), of_block @ of_block
    return float((met + PRIOR_MEETINGS) / (could + BLOCK_SIZE))


def _count_shared(called: pl.DataFrame, n: int) -> csr_array:
    """Count the numbers that both lines of each pair called."""
    shared = called.filter(pl.len().over("counterpart") > 1)
    whose = _incidence(shared["row"], shared["counterpart"], n)
    counts: csr_array = whose @ whose.T
    return counts


def _count_neighbours(called: pl.DataFrame, n: int) -> csr_array:
    """Count the numbers of one line that are neighbours of a number of the other line."""
    numbers = called["number"].unique().sort()
    steps = [step for step in range(-NEIGHBOUR_GAP, NEIGHBOUR_GAP + 1) if step]
    near = pl.concat([called.select("row", pl.col("number") + step) for step in steps])
    near = near.filter(pl.col("number").is_in(numbers.implode()))
    one, other = (
        _incidence(side["row"], side["number"], n, among=numbers) for side in (near, called)
    )
    counts: csr_array = one @ other.T
    return counts


def _incidence(
    rows: pl.Series, values: pl.Series, n: int, *, among: pl.Series | None = None
) -> csr_array:
    """Return a matrix with a row for each line and a column for each value: how often it has it."""
    from scipy.sparse import coo_array

    columns = values.unique().sort() if among is None else among
    cells = (rows.to_numpy(), columns.search_sorted(values).to_numpy())
    return coo_array((np.ones(len(rows)), cells), shape=(n, len(columns))).tocsr()


def _test_pairs(
    by: str, counts: csr_array, meeting: float, by_block: csr_array, lines: pl.Series
) -> pl.DataFrame:
    """Return, of the pairs with numbers in common, how many are expected by chance, and p."""
    from scipy.sparse import triu

    pairs = triu(counts, k=1).tocoo()
    some = pairs.data >= MIN_SHARED
    one, other, shared = pairs.row[some], pairs.col[some], pairs.data[some]
    could = np.asarray(by_block[one].multiply(by_block[other]).sum(axis=1)).ravel()
    return pl.DataFrame(
        {
            "one": lines.gather(one),
            "other": lines.gather(other),
            "by": by,
            "n_shared": shared.astype(np.int64),
            "expected": could * meeting,
            "p_value": significance.poisson_tail(shared, could * meeting),
        },
        {
            "one": lines.dtype,
            "other": lines.dtype,
            "by": pl.String,
            "n_shared": pl.Int64,
            "expected": pl.Float64,
            "p_value": pl.Float64,
        },
    )
