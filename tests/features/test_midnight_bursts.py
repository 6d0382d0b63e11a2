"""Lines with many calls about midnight, beside a loop over their calls."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from cdr_anomaly.engines.profile import UNREACHABLE
from cdr_anomaly.features import midnight_bursts

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import FeedReader

HOUR = timedelta(hours=1)
SHANGHAI = "Asia/Shanghai"


def day_begin(day: date, zone: str) -> datetime:
    """Return the first instant of a local day, by trying every minute."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    while at.astimezone(ZoneInfo(zone)).date() < day:
        at += timedelta(minutes=1)
    return at


def reader(calls: pl.DataFrame, zone: str, first_day: date, *, night: bool) -> FeedReader:
    """Make a feed of these calls, of which a night brings those before its day."""

    def read_calls(
        source: object, columns: list[str], condition: pl.Expr, *_: object, **__: object
    ) -> pl.DataFrame:
        del source
        return calls.filter(condition).select(columns)

    source = SimpleNamespace(
        tz=zone,
        carry_over=calls.clear() if night else None,
        line_type=calls["calling_number"].dtype,
    )
    feed, engine = SimpleNamespace(first_day=first_day), SimpleNamespace(read_calls=read_calls)
    return cast("FeedReader", SimpleNamespace(source=source, feed=feed, engine=engine))


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (SHANGHAI, date(2026, 5, 4)),
        ("Europe/Berlin", date(2026, 3, 28)),
        ("Africa/Cairo", date(2026, 4, 23)),  # the 24th begins at one o'clock
        ("Asia/Kathmandu", date(2026, 5, 4)),  # 5:45 from UTC
    ],
)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("text", [False, True])
def test_lines_equal_those_of_a_loop(zone: str, first: date, seed: int, *, text: bool) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    days = [first + timedelta(days=n) for n in range(4)]
    begins = [day_begin(day, zone) for day in days]
    calls = [
        (random.choice([*range(30), None]), random.choice(begins) + timedelta(seconds=second))
        for second in random.choices(range(-5000, 5000), k=random.choice([0, 200, 500]))
    ]
    rows = pl.DataFrame(
        calls, {"calling_number": pl.Int64, "start_time": pl.Datetime("us", "UTC")}, orient="row"
    )
    if text:
        rows = rows.with_columns(pl.col("calling_number").cast(pl.String))
    for n_calls in (1, 3, 5):
        for night in (False, True):
            expected = set()
            for begin in begins if night else begins[1:]:
                near = [(who, at) for who, at in calls if begin - HOUR <= at < begin + HOUR]
                for who, at in near:
                    n = sum(one == who and at <= other < at + HOUR for one, other in near)
                    if who is not None and n >= n_calls:
                        expected.add(str(who) if text else who)
            feed = reader(rows, zone, first, night=night)
            lines = midnight_bursts.callers(feed, days, n_calls)
            assert lines.columns == ["line"]
            assert sorted(lines["line"]) == sorted(expected)


def test_a_feed_of_one_day_is_not_looked_through() -> None:
    rows = pl.DataFrame(schema={"calling_number": pl.Int64, "start_time": pl.Datetime("us", "UTC")})
    feed = reader(rows, SHANGHAI, date(2026, 5, 4), night=False)
    feed.engine.read_calls = lambda *_, **__: pytest.fail("looked through")  # type: ignore[method-assign]
    lines = midnight_bursts.callers(feed, [date(2026, 5, 4)], 30)
    assert lines.schema == {"line": pl.Int64}
    assert midnight_bursts.callers(feed, [date(2026, 5, 5)], UNREACHABLE).is_empty()
