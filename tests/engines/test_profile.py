"""Counts of lines by day, against a slow twin that goes through the calls one by one."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly.engines import profile
from cdr_anomaly.engines.profile import ALL_LINES, Bucket, ProfileSums
from tests.helpers.profile_twin import CALLS, SCHEMA, Row, slowly


def frame(calls: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(calls, SCHEMA, orient="row")


def summed(calls: list[Row], **told: Any) -> dict[tuple[int, date], tuple[int, int, int]]:
    """Count in two parts, bucket by bucket until none is left."""
    half, left = len(calls) // 2, [ALL_LINES]
    found: dict[Any, Any] = {}
    while left:
        sums = ProfileSums(pl.Int64(), left.pop(), **told)
        for part in (calls[:half], calls[half:]):
            sums.add(frame(part))
        rows = {row[:2]: row[2:] for row in sums.profile().iter_rows()}
        assert not rows.keys() & found.keys()
        found |= rows
        left += sums.postponed
    return found


@given(calls=CALLS)
@effort(max_examples=80, deadline=None)
def test_the_counts_equal_those_of_the_slow_twin(calls: list[Row]) -> None:
    assert summed(calls) == slowly(calls)


@given(calls=CALLS, most=st.integers(0, 12))
@effort(max_examples=60, deadline=None)
def test_lines_in_buckets_are_counted_as_all_at_once(calls: list[Row], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "MIN_HELD_COUNTS", 2)
        patch.setattr(profile, "MAX_BUCKETS", 16)
        assert summed(calls, max_counts=most) == slowly(calls)


@given(calls=CALLS, cut=st.integers(0, 40))
@effort(max_examples=40, deadline=None)
def test_what_is_taken_back_was_never_there(calls: list[Row], cut: int) -> None:
    sums = ProfileSums(pl.Int64(), ALL_LINES)
    sums.add(frame(calls))
    sums.add(frame(calls[:cut]), sign=-1)
    assert {row[:2]: row[2:] for row in sums.profile().iter_rows()} == slowly(calls[cut:])


def callers_of(calls: list[Row]) -> dict[date, int]:
    placed = [day for (_, day), (out, _, forwarded) in slowly(calls).items() if out or forwarded]
    return dict(Counter(placed))


def counted(calls: list[Row], **told: Any) -> dict[date, int]:
    """Add up the callers of all buckets."""
    left, callers = [ALL_LINES], Counter[date]()
    while left:
        sums = ProfileSums(pl.Int64(), left.pop(), **told)
        sums.add(frame(calls))
        sums.profile()
        callers.update(sums.n_callers)
        left += sums.postponed
    return {day: n for day, n in callers.items() if n}


@given(calls=CALLS, most=st.sampled_from([0, 5, profile.NO_LIMIT]))
@effort(max_examples=60, deadline=None)
def test_callers_are_those_who_placed_or_forwarded_a_call(calls: list[Row], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "MIN_HELD_COUNTS", 2)
        assert counted(calls, max_counts=most) == callers_of(calls)


def test_every_line_is_in_one_of_the_halves_of_its_bucket() -> None:
    lines = pl.DataFrame({"line": [*range(1000), None]})
    one, other = Bucket(1, 2).halves()
    places = lines.select(
        whole=Bucket(1, 2).contains(pl.col("line")),
        halves=one.contains(pl.col("line")).cast(pl.Int8) + other.contains(pl.col("line")),
    )
    assert (places["whole"].cast(pl.Int8) == places["halves"]).all()
    assert 100 < lines.filter(one.contains(pl.col("line"))).height < 400


@given(calls=CALLS, cut=st.integers(0, 40))
@effort(max_examples=40, deadline=None)
def test_counts_of_pieces_are_summed_up(calls: list[Row], cut: int) -> None:
    """As tasks of a cluster count pieces of the feed."""
    total = ProfileSums(pl.Int64(), ALL_LINES)
    for piece in (calls[:cut], calls[cut:]):
        sums = ProfileSums(pl.Int64(), ALL_LINES)
        sums.add(frame(piece))
        total.add_counts(sums.counts())
    assert {row[:2]: row[2:] for row in total.profile().iter_rows()} == slowly(calls)
    assert {day: n for day, n in total.n_callers.items() if n} == callers_of(calls)
