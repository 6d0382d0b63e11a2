from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly import sieve
from cdr_anomaly.sieve import Cells

EVENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-50, 50), st.integers(1, 4)), max_size=60
)  # a window, a key and a count


def celled(events: list[tuple[int, int, int]]) -> Cells:
    cells = Cells()
    for window, key, count in events:
        cells.add(window, pl.Series([key]), pl.Series([count], dtype=pl.Int32))
    return cells


@given(events=EVENTS, least=st.integers(1, 8), bits=st.sampled_from([2, 6, 24]))
@effort(max_examples=60, deadline=None)
def test_every_key_that_reaches_the_count_passes(
    events: list[tuple[int, int, int]], least: int, bits: int
) -> None:
    before, sieve.BITS = sieve.BITS, bits
    try:
        passing = celled(events).reaching(least)
        sums: Counter[tuple[int, int]] = Counter()
        for window, key, count in events:
            sums[window, key] += count
        reaching = pl.Series([key for (_, key), n in sums.items() if n >= least], dtype=pl.Int64)
        assert passing.passes(reaching).all()
    finally:
        sieve.BITS = before


def test_a_key_below_the_count_does_not_pass_unless_it_is_let() -> None:
    passing = celled([(0, 7, 2), (1, 7, 2), (0, 8, 3)]).reaching(3)
    keys = pl.Series([7, 8, 9])
    assert passing.passes(keys).to_list() == [False, True, False]
    passing.let(pl.Series([9]))
    assert passing.passes(keys).to_list() == [False, True, True]


def test_what_is_taken_back_does_not_count() -> None:
    cells = celled([(0, 7, 4)])
    cells.add(0, pl.Series([7]), pl.Series([-2], dtype=pl.Int32))
    assert not cells.reaching(3).passes(pl.Series([7])).any()


@pytest.mark.parametrize("windows", [sieve.MOST_WINDOWS + 1, 30])
def test_of_many_windows_all_keys_pass(windows: int) -> None:
    cells = celled([(window, 7, 1) for window in range(windows)])
    assert cells.reaching(1000).passes(pl.Series([7, 8])).all()
