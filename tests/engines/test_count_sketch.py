from __future__ import annotations

from collections import Counter
from math import log

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly.engines import count_sketch
from cdr_anomaly.engines.count_sketch import KeyFilter

EVENTS = st.lists(st.tuples(st.integers(-50, 50), st.integers(-1, 4)), max_size=60)


def sifted(least: int, *events: tuple[int, int]) -> KeyFilter:
    passing = KeyFilter()
    pairs = ((pl.Series([key]), pl.Series([n], dtype=pl.Int32)) for key, n in events)
    passing.add_counts(least, pairs)
    return passing


@given(events=EVENTS, least=st.integers(1, 8), bits=st.sampled_from([2, 6, 24]))
@effort(max_examples=60, deadline=None)
def test_every_key_that_reaches_the_count_passes(
    events: list[tuple[int, int]], least: int, bits: int
) -> None:
    sums: Counter[int] = Counter()
    for key, count in events:
        sums[key] += count
    # As with counts of calls, what is taken back was there.
    events += [(key, -n) for key, n in sums.items() if n < 0]
    reaching = pl.Series([key for key, n in sums.items() if n >= least], dtype=pl.Int64)
    before, count_sketch.BITS = count_sketch.BITS, bits
    try:
        assert sifted(least, *events).contains(reaching).all()
    finally:
        count_sketch.BITS = before


def test_a_key_below_the_count_does_not_pass_unless_it_is_let() -> None:
    passing = sifted(3, (7, 2), (8, 3), (6, 4), (6, -2))
    keys = pl.Series([6, 7, 8, 9])
    assert passing.contains(keys).to_list() == [False, False, True, False]
    passing.add_counts(2, [(pl.Series([7]), pl.Series([2], dtype=pl.Int32))])
    passing.add(pl.Series([9]))
    assert passing.contains(keys).to_list() == [False, True, True, True]


@pytest.mark.parametrize("n", [0, 1, 1000, 1_000_000])
def test_it_tells_how_many_keys_there_are(n: int) -> None:
    keys = pl.Series(range(n), dtype=pl.Int64) * 7919 + 8613800000000
    counts = pl.Series([1], dtype=pl.Int32).new_from_index(0, n)
    # Each key is counted twice, and once.
    told = KeyFilter().add_counts(3, [(keys, counts), (keys.reverse(), counts)])
    assert told == pytest.approx(n, rel=0.01)


def test_what_is_taken_back_is_no_key() -> None:
    keys = pl.Series([1, 2, 3])
    pairs = [(keys, pl.Series(each, dtype=pl.Int32)) for each in ([1, 4, 2], [0, -4, 1])]
    assert KeyFilter().add_counts(1, pairs) == 2


def test_more_keys_than_cells_are_a_great_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_sketch, "BITS", 4)
    keys = pl.Series(range(5000))
    ones = pl.Series([1], dtype=pl.Int32).new_from_index(0, 5000)
    assert KeyFilter().add_counts(1, [(keys, ones)]) == round(log(16) * 16)
