"""LISTS to LINKS: which lines called so many of the same or of neighbouring numbers, and how odd.

Two lines that call into the same blocks meet by chance: as often as the busy lines of the day do
that call no strangers, number for number and block by block (algorithms, section 2, g).
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

# Whom one line does not reach today another one tries tomorrow.
DAYS = 7
# A number that so many lines call is a hotline, and shared by all.
POPULAR = 50
# The lines of a block differ in their last four digits.
BLOCK = 10_000
# Before anything is known two calls into a block meet as if a third of its numbers were in use.
PRIOR_MEETINGS = 3
# Numbers that differ by so much are neighbours; a list is often a range of numbers.
BESIDE = 5
FEWEST, MOST_Q = 4, 0.1
SURE_TIMES, SURE_Q = 3.0, 0.01
LIST, RANGE = "list", "range"


def links(lists: pl.DataFrame, others: pl.DataFrame, days: Iterable[date]) -> pl.DataFrame:
    """Return LINKS of the lines that called strangers on each of the days, or on the 6 before.

    ``lists`` are LISTS, ``others`` the same (line, day, counterpart) of busy lines that call no
    strangers. Tokens are in one block, and have no neighbours.
    """
    active = set(lists["day"])
    number = numbering.e164_number(pl.col("counterpart"), lists.schema["counterpart"])
    whole, busy = (rows.with_columns(number=number) for rows in (lists, others))
    made = [_of_day(whole, busy, day) for day in days if day in active]
    return pl.concat([empty(LINKS, lists.schema["line"]), *made])


def is_sure(times: float = SURE_TIMES, q: float = SURE_Q) -> pl.Expr:
    """Tell which LINKS are so many times what is expected, at that false-discovery rate."""
    return (pl.col("n_shared") >= times * pl.col("expected")) & (pl.col("q_value") <= q)


def _of_day(lists: pl.DataFrame, others: pl.DataFrame, day: date) -> pl.DataFrame:
    pairs = _unpopular(lists.filter(pl.col("day").is_between(day - timedelta(days=DAYS - 1), day)))
    lines = pairs["line"].unique().sort()
    if len(lines) < 2:
        return empty(LINKS, lists.schema["line"])
    called = pairs.with_columns(row=lines.search_sorted(pairs["line"]))
    by_block = _incidence(called["row"], called["block"], len(lines))
    tests = {
        LIST: (_same(called, len(lines)), _popularity(others.filter(day=day))),
        RANGE: (_beside(called.drop_nulls("number"), len(lines)), 2 * BESIDE / BLOCK),
    }
    m = len(lines) * (len(lines) - 1) // 2 * len(tests)
    found = pl.concat([_tested(by, *pair, by_block, lines) for by, pair in tests.items()])
    q_value = significance.false_discovery(found["p_value"].to_numpy(), m)
    rows = found.with_columns(
        q_value=pl.Series(q_value), day=pl.lit(day, pl.Date), n_lines=pl.lit(len(lines), pl.Int64)
    )
    known = pairs.select(one="line", other="counterpart")
    # Who call each other know each other: families, and the desks of one firm.
    both = pl.concat([known, known.select(one="other", other="one")])
    odd = rows.filter(pl.col("q_value") <= MOST_Q)
    return odd.join(both, on=["one", "other"], how="anti").select(list(LINKS)).sort("one", "other")


def _unpopular(lists: pl.DataFrame) -> pl.DataFrame:
    block = (pl.col("number") // BLOCK).fill_null(0)
    pairs = lists.select("line", "counterpart", "number", block=block).unique()
    return pairs.filter(pl.len().over("counterpart") <= POPULAR).sort("line", "counterpart")


def _popularity(others: pl.DataFrame) -> float:
    """Estimate how likely two calls of different lines into one block are to the same number."""
    pairs = _unpopular(others)
    of_number, of_block = (
        pairs.group_by(key).len()["len"].to_numpy().astype(float)
        for key in ("counterpart", "block")
    )
    met, could = of_number @ (of_number - 1), of_block @ of_block
    return float((met + PRIOR_MEETINGS) / (could + BLOCK))


def _same(called: pl.DataFrame, n: int) -> csr_array:
    """Count the numbers that each two lines both called."""
    shared = called.filter(pl.len().over("counterpart") > 1)
    whose = _incidence(shared["row"], shared["counterpart"], n)
    counts: csr_array = whose @ whose.T
    return counts


def _beside(called: pl.DataFrame, n: int) -> csr_array:
    """Count the numbers of one line that stand beside one of the other line's."""
    numbers = called["number"].unique().sort()
    steps = [step for step in range(-BESIDE, BESIDE + 1) if step]
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
    """Count how often each of ``n`` rows has each value, one column a value."""
    from scipy.sparse import coo_array

    known = values.unique().sort() if among is None else among
    places = (rows.to_numpy(), known.search_sorted(values).to_numpy())
    return coo_array((np.ones(len(rows)), places), shape=(n, len(known))).tocsr()


def _tested(
    by: str, counts: csr_array, meeting: float, by_block: csr_array, lines: pl.Series
) -> pl.DataFrame:
    """Give each pair of lines with some in common how many it would have by chance, and p."""
    from scipy.sparse import triu

    pairs = triu(counts, k=1).tocoo()
    some = pairs.data >= FEWEST
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
