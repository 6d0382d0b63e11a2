"""Keys of rows in parts, against a slow twin that counts each row of the whole feed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly.engines.row_keys import RECORD_TYPES, RowKeys
from cdr_anomaly.ingest import deduplicate, validate
from tests.helpers.raw_feeds import CODED_CALLS, at

if TYPE_CHECKING:
    from datetime import date

COLUMNS = tuple(CODED_CALLS)
Row = tuple[Any, ...]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, -7, None]),
        st.sampled_from([3, 4]),
        st.sampled_from(validate.TYPES),
        st.sampled_from(["x", None]),
        st.sampled_from([0, 40, 86_400, 200_000]).map(at),
        st.integers(0, 2),
    ),
    max_size=25,
)


# In memory, or in files after some parts, or after each.
MEMORY = st.sampled_from([2**30, 80, 0])


def kind_of(record_type: str) -> str:
    return next(what for what, types in RECORD_TYPES.items() if record_type in types)


def call_of(row: Row, *, ids: bool) -> Row:
    """Return what the rows of one call have in common: its id, or when it was."""
    return row[:4] if ids and row[3] is not None else (*row[:3], *row[4:])


def keyed(rows: list[Row], columns: tuple[str, ...]) -> pl.DataFrame:
    calls = pl.DataFrame(rows, CODED_CALLS, orient="row").select(columns)
    key = deduplicate.call_key(columns, as_text=False)
    return calls.with_columns(key=key, day=pl.col("start_time").dt.date())


def in_parts(frame: pl.DataFrame, n_parts: int, *, spans_days: bool, memory: int) -> RowKeys:
    keys = RowKeys(spans_days=spans_days, memory=memory)
    for part in range(n_parts):
        keys.add(frame.gather_every(n_parts, part))
    return keys


@pytest.mark.parametrize("ids", [True, False])
@given(rows=ROWS, n_parts=st.integers(1, 6), memory=MEMORY)
@effort(max_examples=60, deadline=None)
def test_rows_of_one_call_are_found_in_whatever_parts_they_lie(
    rows: list[Row], n_parts: int, memory: int, *, ids: bool
) -> None:
    columns = COLUMNS if ids else tuple(c for c in COLUMNS if c != "call_id")
    frame = keyed(rows, columns)
    spans_days = deduplicate.spans_days(columns)
    keys = in_parts(frame, n_parts, spans_days=spans_days, memory=memory)
    repeated = [keys.repeated(groups) for groups in keys.sorted_buckets()]
    found = {key for each in repeated for key in each}
    assert len(found) == sum(map(len, repeated))
    calls = [call_of(row, ids=ids) for row in rows]
    same = Counter(calls)
    assert found >= {key for call, key in zip(calls, frame["key"], strict=True) if same[call] > 1}
    # A key that is unique among all rows is never asked for again.
    assert found <= {key for key, n in Counter(frame["key"]).items() if n > 1}


@given(rows=ROWS, n_parts=st.integers(1, 6), memory=MEMORY)
@effort(max_examples=60, deadline=None)
def test_the_calls_of_each_line_are_those_of_a_slow_count(
    rows: list[Row], n_parts: int, memory: int
) -> None:
    keys = in_parts(keyed(rows, COLUMNS), n_parts, spans_days=True, memory=memory)
    found: dict[tuple[date, str, int], int] = {}
    for group in (group for groups in keys.sorted_buckets() for group in groups):
        for line, n in zip(*deduplicate.count_calls(group.keys), strict=True):
            assert (group.day, group.what, line) not in found
            found[group.day, group.what, line] = n
    placed = Counter(
        (start.date(), kind_of(kind), line) for line, _, kind, _, start, _ in rows if line
    )
    assert found == placed


def test_no_rows_have_no_keys() -> None:
    keys = RowKeys(spans_days=True, memory=0)
    keys.add(keyed([], COLUMNS))
    assert list(keys.sorted_buckets()) == [[]]
    assert keys.repeated([]).is_empty()
