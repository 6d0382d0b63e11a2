"""Needed lines are all there with all their days, others are only counted: by a slow twin."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly.engines import placed_calls, profile
from cdr_anomaly.engines.profile import ALL_LINES, NeededLines, ProfileSums
from cdr_anomaly.engines.row_keys import RowKeys
from cdr_anomaly.ingest import deduplicate
from tests.helpers import profile_twin

if TYPE_CHECKING:
    from tests.helpers.profile_twin import Row

COLUMNS = (*(name for name in profile_twin.SCHEMA if name != "day"), "start_time", "duration_s")
Counts = dict[tuple[int, Any], tuple[int, int, int]]


def keyed(calls: list[Row]) -> pl.DataFrame:
    rows = pl.DataFrame(calls, profile_twin.SCHEMA, orient="row").with_columns(
        start_time=pl.col("day").cast(pl.Datetime("us", "UTC")), duration_s=pl.int_range(pl.len())
    )
    # A row without both parties is refused before it is counted; here it is a withheld caller's.
    key = deduplicate.call_key(COLUMNS, as_text=False).fill_null(-(2**63))
    return rows.with_columns(key=key)


def summed(calls: list[Row], needed: NeededLines | None) -> tuple[Counts, Counter[Any]]:
    """Count from keys in three parts, as the engine does."""
    sums, keys = ProfileSums(pl.Int64(), ALL_LINES), RowKeys(spans_days=False, memory=len(calls))
    counts = [count for count in profile.counts_for(needed) if count != "n_out"]
    for part in range(3):
        rows = keyed(calls).gather_every(3, part)
        sums.add(rows, counts=counts)
        keys.add(rows)
    callers = Counter[Any]()
    for groups in keys.sorted_buckets():
        callers += placed_calls.add_placed(sums, groups, needed, keys.repeated(groups))
    rows = {row[:2]: row[2:] for row in sums.profile().iter_rows()}
    callers.update(sums.n_callers)
    return rows, Counter({day: n for day, n in callers.items() if n})


def callers_of(counts: Counts) -> Counter[Any]:
    return Counter(day for (_, day), (out, _, forwarded) in counts.items() if out or forwarded)


@given(calls=profile_twin.CALLS)
@effort(max_examples=60, deadline=None)
def test_all_lines_are_counted_as_by_hand(calls: list[Row]) -> None:
    slow = profile_twin.slowly(calls)
    assert summed(calls, None) == (slow, callers_of(slow))


@pytest.mark.parametrize("abroad", [False, True])
@given(calls=profile_twin.CALLS, n_out=st.integers(1, 6), n_forwarded=st.integers(1, 4))
@effort(max_examples=60, deadline=None)
def test_a_line_with_the_least_that_is_needed_is_not_missing(
    calls: list[Row], n_out: int, n_forwarded: int, *, abroad: bool
) -> None:
    whole = profile_twin.slowly(calls)
    placed = {key: (out, 0, fwd) for key, (out, _, fwd) in whole.items() if out or fwd}
    forwarded: dict[int, int] = defaultdict(int)
    for (line, _), (_, _, n) in placed.items():
        forwarded[line] += n
    needed = (
        {line for (line, _), (n, _, _) in placed.items() if n >= n_out}
        | {line for line, n in forwarded.items() if n >= n_forwarded}
        | {4}
        | ({-6} if abroad else set())
    )
    is_abroad: Any = pl.col("line") < 0 if abroad else False
    wanted = NeededLines(n_out, n_forwarded, pl.Series([4]), is_abroad)
    found, callers = summed(calls, wanted)
    assert {key: n for key, n in placed.items() if key[0] in needed}.items() <= found.items()
    assert found.items() <= placed.items()
    # Lines that are let go are counted, too.
    assert callers == callers_of(whole)


def test_lines_that_place_few_calls_are_let_go() -> None:
    day = profile_twin.DAY
    calls = [(n, 1000, None, "call", day + timedelta(days=n % 2)) for n in range(1, 500)]
    calls += [(7, 1000 + n, None, "moc", day) for n in range(9)]
    found, callers = summed(calls, NeededLines(n_out=5))
    assert {line for line, _ in found} == {7}
    assert callers == {day: 250, day + timedelta(days=1): 250}
