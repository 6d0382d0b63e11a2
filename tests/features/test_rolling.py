from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly.features import rolling
from tests.helpers import naive

T0 = datetime(2026, 5, 4, 15, 59, tzinfo=UTC)  # a minute before midnight in Shanghai
EVENTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 120), st.integers(0, 40)), max_size=40
).map(sorted)


def frame(events: list[tuple[str, int, int]]) -> pl.DataFrame:
    rows = [(group, T0 + timedelta(seconds=t), length) for group, t, length in events]
    schema = {"line": pl.String, "start": pl.Datetime("us", "UTC"), "length_s": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@given(events=EVENTS, width_s=st.integers(1, 130))
@settings(max_examples=150, deadline=None)
def test_in_window_equals_the_double_loop(events: list[tuple[str, int, int]], width_s: int) -> None:
    counted = frame(events).select(n=rolling.count_in_window("line", "start", width_s))["n"]
    assert counted.to_list() == naive.in_window([(g, t) for g, t, _ in events], width_s)


@pytest.mark.parametrize(
    ("seconds", "width_s", "counts", "why"),
    [
        ([], 60, [], "no events, no counts"),
        ([0], 60, [1], "an event sees itself"),
        ([0, 0, 0], 60, [3, 3, 3], "events of one instant see each other"),
        ([0, 59], 60, [1, 2], "59 s before is inside"),
        ([0, 60], 60, [1, 1], "60 s before is outside: the window is open at its start"),
        ([0, 120, 121], 60, [1, 1, 2], "midnight between the first two is no border of a window"),
        ([30, 90], 61, [1, 2], "a window reaches back over midnight"),
    ],
)
def test_a_window_is_open_at_its_start_and_closed_at_its_end(
    seconds: list[int], width_s: int, counts: list[int], why: str
) -> None:
    events = frame([("a", t, 0) for t in seconds])
    seen = events.select(n=rolling.count_in_window("line", "start", width_s))["n"]
    assert seen.to_list() == counts, why


def test_a_wrong_clock_on_one_row_spoils_no_count() -> None:
    """5000 lines times a span of 73 years of microseconds are more than 64 bits hold."""
    usual = [(f"{i:05}", t, 40) for i in range(5000) for t in (0, 30)]
    wrong = [("00000", 73 * 365 * 86_400, 40)]
    counted = frame(sorted(usual + wrong)).select(
        "line", in_window=rolling.count_in_window("line", "start", 60)
    )
    most = counted.group_by("line").max().drop("line").unique().to_dicts()
    assert most == [{"in_window": 2}]


DAY = date(2026, 6, 5)
PASTS = st.dictionaries(st.integers(0, 40), st.integers(1, 300), max_size=30)


@given(pasts=st.lists(PASTS, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_own_past_is_28_days_that_end_8_days_before(pasts: list[dict[int, int]]) -> None:
    rows = [
        (f"line {i}", DAY - timedelta(days=back), n)
        for i, past in enumerate(pasts)
        for back, n in past.items()
    ]
    schema = {"line": pl.String, "day": pl.Date, "n_out": pl.Int64}
    days = pl.LazyFrame(rows, schema=schema, orient="row")
    judged = pl.LazyFrame({"line": [f"line {i}" for i in range(len(pasts))], "day": DAY})
    got = {
        row["line"]: row for row in rolling.past_stats(days, judged, "n_out").collect().to_dicts()
    }
    for i, past in enumerate(pasts):
        want = naive.own_past({DAY - timedelta(days=back): n for back, n in past.items()}, DAY)
        if want is None:
            assert f"line {i}" not in got
            continue
        row = got[f"line {i}"]
        assert row["past_days"] == want.days
        assert row["past_median"] == pytest.approx(want.median)
        assert row["past_centre"] == pytest.approx(want.centre)
        assert row["past_spread"] == pytest.approx(want.spread)
