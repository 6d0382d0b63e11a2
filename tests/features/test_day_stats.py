from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly.features import day_stats
from cdr_anomaly.features.sorted_legs import SortedLegs
from cdr_anomaly.schema import LEGS, MEASURES, PROFILE, empty, require
from tests.helpers import naive

SHANGHAI = timedelta(hours=8)
DAY = date(2026, 5, 20)
BUSY = 6


def legs(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Make LEGS of (line, outgoing, counterpart, start, duration_s, cell)."""
    full = [
        (who, (start + SHANGHAI).date(), out, other, start, talk, talk > 0, cell, cell, None, None)
        for who, out, other, start, talk, cell in rows
    ]
    line = pl.Int64() if rows and isinstance(rows[0][0], int) else pl.String()
    schema = {name: column.dtype or line for name, column in LEGS.items()}
    return pl.DataFrame(full, schema, orient="row")


def profile(table: pl.DataFrame) -> pl.LazyFrame:
    placed = pl.col("outgoing")
    sums = table.group_by("line", "day").agg(
        n_out=placed.sum().cast(pl.Int64),
        n_in=placed.not_().sum().cast(pl.Int64),
        n_forwarded=pl.lit(0, pl.Int64),
    )
    return require(sums.lazy(), PROFILE, "profile")


def measured(rows: list[tuple[Any, ...]], busy: int = BUSY) -> dict[tuple[str, date], Any]:
    table = legs(rows)
    made = day_stats.line_days(SortedLegs(table), profile(table), busy=busy)
    frame = require(made.lazy(), MEASURES, "measures").collect()
    return {(row["line"], row["day"]): row for row in frame.to_dicts()}


def traffic(seed: int) -> list[tuple[Any, ...]]:
    """Draw traffic of a few lines over many days, thick about midnight, with ties."""
    random = Random(seed)  # noqa: S311 - no secret
    rows = []
    for _ in range(random.choice([1, 40, 250])):
        midnight = datetime(2026, 4, 1, 16, tzinfo=UTC) + timedelta(days=random.randrange(50))
        start = midnight + timedelta(seconds=random.randrange(-4000, 4000, 100))
        rows += [
            (
                random.choice("ab"),
                random.random() < 0.8,
                random.choice(["p", "q", "r", "s", None]),
                start,
                random.choice([0, 0, 5, 100, 700]),
                random.choice(["c1", "c2", None]),
            )
            for _ in range(random.choice([1, 1, 8]))
        ]
    return rows


def coded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Write lines as codes, the longest of them and short ones among them."""
    codes = {"a": 8613800000001, "b": -95588, "p": 10**15 - 1, "q": 1 - 10**15, "r": -1, "s": 7}
    return [(codes[line], out, codes.get(number), *rest) for line, out, number, *rest in rows]


def drawn(seed: int, written: str) -> list[tuple[Any, ...]]:
    """Draw traffic, with lines as text, as codes, or with wrong clocks on some rows as well."""
    rows = traffic(seed) if written == "text" else coded(traffic(seed))
    wrong = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 2, 7, tzinfo=UTC)
    some = wrong if written == "wrong clock" else ()
    return rows + [(*rows[0][:3], start, *rows[0][4:]) for start in some for _ in range(BUSY)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("written", ["text", "codes", "wrong clock"])
def test_measures_equal_the_double_loops(seed: int, written: str) -> None:
    rows = drawn(seed, written)
    table = legs(rows)
    placed = table.filter("outgoing").sort("line", "start").to_dicts()
    got = measured(rows)
    assert set(got) == {(leg["line"], leg["day"]) for leg in placed}
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    events = [(leg["line"], (leg["start"] - zero).total_seconds()) for leg in placed]
    talks = [(line, t, leg["duration_s"]) for (line, t), leg in zip(events, placed, strict=True)]
    windows = {"peak_10min": 600, "peak_60min": 3600}
    counts = {name: naive.in_window(events, width) for name, width in windows.items()}
    counts["peak_under_way"] = naive.under_way(talks)
    windows["peak_24h"] = 86_400
    of_day = Counter((leg["line"], leg["day"]) for leg in placed)
    busy = [
        event
        for event, leg in zip(events, placed, strict=True)
        if of_day[leg["line"], leg["day"]] >= BUSY
    ]
    in_24h = dict(zip(busy, naive.in_window(busy, 86_400), strict=True))
    counts["peak_24h"] = [in_24h.get(event, 0) for event in events]
    for (who, day), row in got.items():
        own = [i for i, leg in enumerate(placed) if (leg["line"], leg["day"]) == (who, day)]
        for name, all_counts in counts.items():
            peak = max(all_counts[i] for i in own)
            assert (row[name] or 0) == peak, name
            if not peak:
                continue
            if name in windows:
                end = min(placed[i]["start"] for i in own if all_counts[i] == peak)
                assert row[f"{name}_end"] == end
        _compare_counts(row, table.filter(line=who, day=day).to_dicts())
        called: dict[date, list[str | None]] = {}
        for leg in placed:
            if leg["line"] == who:
                called.setdefault(leg["day"], []).append(leg["counterpart"])
        assert row["n_familiar"] == naive.familiar(called, day, BUSY)
        _compare_past(row, {d: len(numbers) for d, numbers in called.items()}, day)


def _compare_counts(row: dict[str, Any], day_legs: list[dict[str, Any]]) -> None:
    out = [leg for leg in day_legs if leg["outgoing"]]
    answered = [leg for leg in out if leg["answered"]]
    assert row["n_out"] == len(out)
    assert row["n_in"] == len(day_legs) - len(out)
    assert row["n_answered"] == len(answered)
    assert row["n_short"] == sum(leg["duration_s"] < 10 for leg in answered)
    assert row["talk_s"] == sum(leg["duration_s"] for leg in out)
    assert row["n_distinct"] == len({leg["counterpart"] for leg in out} - {None})
    assert row["n_cells"] == len({leg["cell_id"] for leg in out} - {None})
    assert row["n_handsets"] == len({leg["imei"] for leg in out} - {None})
    assert (row["n_mutual"], row["n_called_back"]) == naive.called_back(day_legs)
    assert row["first_out"] == min(leg["start"] for leg in out)
    assert row["last_out"] == max(leg["start"] for leg in out)


def _compare_past(row: dict[str, Any], counts: dict[date, int], day: date) -> None:
    past = naive.own_past(counts, day)
    if max(row["n_out"], row["peak_60min"]) < BUSY or past is None:
        assert (row["past_days"], row["usual"], row["past_z"]) == (0, None, None)
        return
    assert row["past_days"] == past.days
    if past.days < 7:
        assert (row["usual"], row["past_z"]) == (None, None)
        return
    assert row["usual"] == past.median
    z = (2 * (row["n_out"] + 3 / 8) ** 0.5 - past.centre) / past.spread
    assert row["past_z"] == pytest.approx(z)


def test_later_days_are_measured_as_among_all_days() -> None:
    table, since = legs(traffic(5)), date(2026, 4, 20)
    every, later = (
        day_stats.line_days(SortedLegs(table), profile(table), busy=BUSY, since=first)
        for first in (date.min, since)
    )
    own = every.filter(pl.col("day") >= since)
    assert 0 < own.height < every.height
    assert_frame_equal(own, later)


def test_numbers_of_more_days_than_fit_beside_them_are_familiar_too() -> None:
    """A number takes 51 bits, and 12 are left for the day."""
    first = datetime(2000, 5, 20, 4, tzinfo=UTC)
    numbers = (10**15 - 1, 1 - 10**15, 5)
    rows = [(1, True, numbers[n % 3], first + timedelta(days=n), 5, None) for n in range(4100)]
    found = measured(rows, busy=1)
    assert [row["n_familiar"] for row in found.values()] == [0] * 3 + [1] * 4097


def test_no_legs_no_measures() -> None:
    made = day_stats.line_days(SortedLegs(empty(LEGS)), empty(PROFILE).lazy(), busy=BUSY)
    assert require(made.lazy(), MEASURES, "measures").collect().is_empty()


def test_received_calls_alone_are_no_measured_day() -> None:
    start = datetime(2026, 5, 20, 4, tzinfo=UTC)
    assert measured([("a", False, "p", start, 10, None)]) == {}


@pytest.mark.parametrize(
    ("calls", "mutual", "back", "why"),
    [
        ([("out", "p", 0)], 0, 0, "nobody calls"),
        ([("out", "p", 0), ("in", "p", 60)], 1, 1, "called back"),
        ([("in", "p", 0), ("out", "p", 60)], 1, 0, "the line called back, not the other"),
        ([("in", "p", 0), ("out", "p", 60), ("in", "p", 90)], 1, 1, "both ways, then back"),
        ([("out", "p", 0), ("in", "p", 0)], 1, 0, "at the same instant is not after"),
        ([("out", "p", 0), ("in", "q", 60)], 0, 0, "another number calls"),
        ([("out", None, 0), ("in", None, 60)], 0, 0, "two withheld numbers are not one"),
        ([("out", "p", 0), ("out", "p", 9), ("in", "p", 5), ("in", "p", 7)], 1, 1, "a number once"),
        ([("out", "p", 0), ("in", "p", 14 * 3600)], 0, 0, "the next day is another day"),
    ],
)
def test_who_calls_back(
    calls: list[tuple[str, str | None, int]], mutual: int, back: int, why: str
) -> None:
    noon = datetime(2026, 5, 20, 4, tzinfo=UTC)
    rows = [("a", way == "out", who, noon + timedelta(seconds=s), 5, None) for way, who, s in calls]
    row = measured(rows)["a", DAY]
    assert (row["n_mutual"], row["n_called_back"]) == (mutual, back), why


@pytest.mark.parametrize(
    ("days_before", "n_before", "n_today", "familiar", "why"),
    [
        (1, 6, 6, 6, "called yesterday, a busy day"),
        (28, 6, 6, 6, "28 days ago is still remembered"),
        (29, 6, 6, 0, "29 days ago is forgotten"),
        (1, 5, 6, 0, "yesterday was not busy"),
        (1, 6, 5, 0, "today is not busy, and not judged"),
    ],
)
def test_who_is_familiar(
    days_before: int, n_before: int, n_today: int, familiar: int, why: str
) -> None:
    noon = datetime(2026, 5, 20, 4, tzinfo=UTC)
    before = noon - timedelta(days=days_before)
    rows = [("a", True, f"p{i}", before + timedelta(minutes=i), 5, None) for i in range(n_before)]
    rows += [("a", True, f"p{i}", noon + timedelta(minutes=i), 5, None) for i in range(n_today)]
    assert measured(rows)["a", DAY]["n_familiar"] == familiar, why
