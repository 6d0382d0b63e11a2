from __future__ import annotations

from datetime import date, timedelta
from random import Random

import polars as pl
import pytest

from cdr_anomaly.nights import history

FIRST = date(2026, 5, 1)
Seen = dict[str, tuple[date, date]]


def profile(days: dict[date, set[str]]) -> pl.LazyFrame:
    rows = [(line, day) for day, lines in days.items() for line in sorted(lines)]
    return pl.LazyFrame(rows, {"line": pl.String, "day": pl.Date}, orient="row")


def twin(days: dict[date, set[str]]) -> Seen:
    """Look every line up on every day."""
    lines = {line for of_day in days.values() for line in of_day}
    on = {line: [day for day in days if line in days[day]] for line in lines}
    return {line: (min(when), max(when)) for line, when in on.items()}


def as_seen(frame: pl.DataFrame) -> Seen:
    return {line: (first, last) for line, first, last in frame.iter_rows()}


@pytest.mark.parametrize("seed", range(8))
def test_seen_equals_looking_every_line_up(seed: int) -> None:
    """Nights in any order, run again with more lines or with fewer."""
    random = Random(seed)  # noqa: S311 - no secret
    days: dict[date, set[str]] = {}
    seen = history.sightings(profile({})).collect()
    for _ in range(30):
        day = FIRST + timedelta(days=random.randrange(8))
        was = days.get(day, set())
        days[day] = set(random.sample("abcdefgh", random.randrange(5)))
        others = {other: lines for other, lines in days.items() if other != day}
        seen = history.update_sightings(
            seen.lazy(),
            profile({day: was}),
            profile({day: days[day]}),
            profile(others),
            day,
        )
        assert as_seen(seen) == twin(days)
        assert seen["line"].is_sorted()


def test_what_was_before_the_profiles_stays_known() -> None:
    """PROFILE begins on 5 May; the line was first seen in March."""
    day, old = date(2026, 5, 5), date(2026, 3, 1)
    before = pl.LazyFrame({"line": ["a"], "first_seen": [old], "last_seen": [day]})
    others = profile({date(2026, 5, 6): {"b"}})
    seen = history.update_sightings(
        before, profile({day: {"a"}}), profile({day: set()}), others, day
    )
    assert as_seen(seen) == {"a": (old, old)}, "the day it was last seen is lost with its profile"
