"""Legs in one order, beside double loops and sets."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cdr_anomaly.features import sorted_legs
from cdr_anomaly.features.sorted_legs import UNKNOWN, Runs, SortedLegs
from cdr_anomaly.schema import LEGS
from tests.helpers import naive

T0 = datetime(2026, 5, 4, 15, 59, tzinfo=UTC)  # a minute before midnight in Shanghai
EVENTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 120), st.integers(0, 40)), max_size=40
).map(sorted)


def legs(events: list[tuple[str | int, float, int]]) -> pl.DataFrame:
    """Make LEGS of (line, seconds, duration); the other party is the line itself."""
    types = {"line": pl.String() if not events or isinstance(events[0][0], str) else pl.Int64()}
    schema = {name: column.dtype or types["line"] for name, column in LEGS.items()}
    rows = [
        {
            "line": line,
            "day": (T0 + timedelta(hours=8, seconds=t)).date(),
            "outgoing": True,
            "counterpart": line,
            "start": T0 + timedelta(seconds=t),
            "duration_s": length,
            "answered": length > 0,
        }
        for line, t, length in events
    ]
    return pl.DataFrame(rows, schema)


def instants(table: SortedLegs, reach_s: int) -> np.ndarray:
    return sorted_legs.instants(table.line, table.start, reach=reach_s * 1_000_000)


def at_last_of_instant(table: SortedLegs, counts: np.ndarray) -> list[int]:
    """Give all rows of one line and instant the count of the last one."""
    runs = Runs(table.line, table.start)
    return counts[runs.last][runs.of_row].tolist()


@given(events=EVENTS, width_s=st.integers(1, 130))
@settings(max_examples=150, deadline=None)
def test_windows_equal_the_double_loop(events: list[tuple[str, int, int]], width_s: int) -> None:
    table = SortedLegs(legs(events))
    counts = sorted_legs.count_in_window(instants(table, 131), width_s * 1_000_000)
    expected = naive.in_window([(g, t) for g, t, _ in events], width_s)
    assert at_last_of_instant(table, counts) == expected


@given(events=EVENTS)
@settings(max_examples=150, deadline=None)
def test_calls_under_way_equal_the_double_loop(events: list[tuple[str, int, int]]) -> None:
    table = SortedLegs(legs(events))
    length = sorted_legs.as_integers(table.rows["duration_s"]) * 1_000_000
    counts = sorted_legs.count_under_way(instants(table, 41), length)
    assert at_last_of_instant(table, counts) == naive.under_way(events)


@pytest.mark.parametrize(
    ("events", "counts", "why"),
    [
        ([(0, 10), (5, 10)], [1, 2], "the second begins within the first"),
        ([(0, 5), (5, 5)], [1, 1], "one that ends as the next begins is over"),
        ([(0, 0), (0, 0)], [0, 0], "an unanswered call is never under way"),
        ([(0, 300), (60, 0)], [1, 1], "an attempt during a call sees the call"),
    ],
)
def test_a_call_is_under_way_until_it_ends(
    events: list[tuple[int, int]], counts: list[int], why: str
) -> None:
    table = SortedLegs(legs([("a", t, length) for t, length in events]))
    length = sorted_legs.as_integers(table.rows["duration_s"]) * 1_000_000
    seen = sorted_legs.count_under_way(instants(table, 301), length)
    assert at_last_of_instant(table, seen) == counts, why


def test_a_wrong_clock_on_one_row_spoils_no_count() -> None:
    """5000 lines times a span of 73 years of microseconds are more than 64 bits hold."""
    usual = [(f"{i:05}", t, 40) for i in range(5000) for t in (0, 30)]
    wrong = [("00000", 73 * 365 * 86_400, 40)]
    table = SortedLegs(legs(wrong + usual[::-1]))
    order = table.rows.select("line", "start")
    assert_frame_equal(order, order.sort("line", "start"))
    instant, lines = instants(table, 61), Runs(table.line)
    length = np.full(len(instant), 40_000_000)
    counts = (
        sorted_legs.count_in_window(instant, 60_000_000),
        sorted_legs.count_under_way(instant, length),
    )
    assert [set(lines.largest(each)[0].tolist()) for each in counts] == [{2}, {2}]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["text", "codes", "clock"])
def test_rows_are_in_the_order_of_lines_and_starts(seed: int, kind: str) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    lines = {"text": ["+49", "x", "ü"], "codes": [8613, -1, -(10**15)], "clock": range(10_000)}
    events = [
        (random.choice(lines[kind]), random.uniform(-9e5, 9e5), random.randrange(9))
        for _ in range(random.choice([0, 1, 300]))
    ]
    if kind == "clock":
        events += [(0, 73 * 365 * 86_400, 5)]
    table = legs(events)
    made = SortedLegs(table)
    every = table.columns
    assert_frame_equal(made.rows.sort(every), table.sort(every))
    assert_frame_equal(
        made.rows.select("line", "start"), table.select("line", "start").sort("line", "start")
    )
    assert_frame_equal(
        made.rows.select("line", "start", "day"),
        pl.DataFrame(
            {
                "line": made.lines.gather(made.line),
                "start": pl.Series(made.start).cast(pl.Datetime("us", "UTC")),
                "day": pl.Series(made.day).cast(pl.Int32).cast(pl.Date),
            }
        ),
    )


def test_the_place_of_a_line_that_has_no_leg_is_unknown() -> None:
    made = SortedLegs(legs([("b", 0, 0), ("a", 1, 0), ("b", 2, 0)]))
    assert made.lines.to_list() == ["a", "b"]
    assert made.places(pl.Series(["b", "c", "a", None])).tolist() == [1, UNKNOWN, 0, UNKNOWN]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [(["x", None, "y", "x"], pl.String), ([5, None, -7, 5], pl.Int64), ([None] * 4, pl.String)],
)
def test_codes_are_equal_where_values_are(values: list[str | int | None], dtype: type) -> None:
    table = legs([("a", t, 0) for t in range(4)])
    made = SortedLegs(table.with_columns(counterpart=pl.Series(values, dtype=dtype)))
    codes = made.codes("counterpart").tolist()
    assert [code == UNKNOWN for code in codes] == [value is None for value in values]
    assert all(code >= UNKNOWN for code in codes)
    for one, code in zip(values, codes, strict=True):
        assert [c == code for c in codes] == [value == one for value in values]


PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=60).map(sorted)


@given(pairs=PAIRS, others=PAIRS, n_bits=st.sampled_from([3, 51, 60, 61, 62]))
@settings(max_examples=150, deadline=None)
def test_packed_pairs_are_all_pairs_some_groups_at_a_time(
    pairs: list[tuple[int, int]], others: list[tuple[int, int]], n_bits: int
) -> None:
    sides = [np.array(side, np.int64).reshape(-1, 2).T for side in (pairs, others)]
    n_groups = pairs[-1][0] + 1 if pairs else 0
    unpacked: list[list[tuple[int, int]]] = [[], []]
    counts = np.zeros(n_groups, np.int64)
    for groups, parts in sorted_legs.packed_pairs(n_bits, *((g, c) for g, c in sides)):
        assert groups.stop - groups.start <= 1 << (63 - n_bits)
        for (rows, packed), out, (of_rows, codes) in zip(parts, unpacked, sides, strict=True):
            assert (packed >= 0).all()
            assert (packed >> n_bits).tolist() == (of_rows[rows] - groups.start).tolist()
            assert (packed & ((1 << n_bits) - 1)).tolist() == codes[rows].tolist()
            out += [(int(p >> n_bits) + groups.start, int(p & 7)) for p in packed]
        counts[groups] = sorted_legs.count_groups(sorted_legs.distinct(parts[0][1]), n_bits, groups)
    assert unpacked == [pairs, [pair for pair in others if pair[0] < n_groups]]
    assert counts.tolist() == [len({c for g, c in pairs if g == n}) for n in range(n_groups)]


@given(values=st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3)), max_size=30).map(sorted))
@settings(max_examples=100, deadline=None)
def test_runs_sum_and_find_their_first_largest(values: list[tuple[int, int]]) -> None:
    groups, numbers = np.array(values, np.int64).reshape(-1, 2).T
    shuffled = np.array(Random(1).sample(list(numbers), len(numbers)), np.int64)  # noqa: S311
    runs = Runs(groups)
    known = sorted(set(groups.tolist()))
    assert len(runs) == len(known)
    assert groups[runs.first].tolist() == groups[runs.last].tolist() == known
    assert [known[run] for run in runs.of_row] == groups.tolist()
    own = [[int(v) for g, v in zip(groups, shuffled, strict=True) if g == run] for run in known]
    assert runs.sums(shuffled).tolist() == [sum(each) for each in own]
    most, rows = runs.largest(shuffled)
    assert most.tolist() == [max(each) for each in own]
    begins = runs.first.tolist()
    assert rows.tolist() == [b + each.index(max(each)) for b, each in zip(begins, own, strict=True)]


def test_days_before_1970_are_days() -> None:
    made = SortedLegs(legs([("a", -60 * 365 * 86_400, 0)]))
    assert made.rows["day"].to_list() == [date(1966, 5, 19)]
    assert made.day.tolist() == [(date(1966, 5, 19) - date(1970, 1, 1)).days]
