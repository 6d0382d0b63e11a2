"""What a scan and a night know of the days before those that they judge."""

from __future__ import annotations

from datetime import UTC, date, datetime
from inspect import signature

import polars as pl
import pytest

from cdr_anomaly import schema
from cdr_anomaly.features import forwarding_hops
from cdr_anomaly.features.feed import Feed
from cdr_anomaly.features.history import ActiveDays, NoHistory
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.nights.history import StateHistory

NEEDS = Needs.merge([Needs(calls_day=30, forwards=2)])


@pytest.mark.parametrize("line_type", [pl.Int64(), pl.String()])
def test_nothing_is_remembered_in_a_scan(line_type: pl.DataType) -> None:
    nothing = NoHistory(line_type)
    lines = pl.DataFrame({"line": []}, {"line": line_type})
    tables = {
        "PROFILE": nothing.profile(lines),
        "COLD_CALLERS": nothing.cold_callers(),
        "LISTS": nothing.lists(),
        "SHIFTS": nothing.shifts(13),
    }
    for name, rows in tables.items():
        frame = rows.collect()
        assert frame.is_empty()
        assert frame.schema == schema.empty(getattr(schema, name), line_type).schema
    assert nothing.sightings() is None
    assert nothing.carry_over() is None
    part = pl.DataFrame({"line": [1], "day": [date(1999, 1, 1)]})
    assert nothing.select_profile(part) is part
    assert nothing.active == ActiveDays()


def test_a_scan_judges_every_day_of_its_feed() -> None:
    first, last = date(2026, 5, 1), date(2026, 5, 3)
    feed = Feed(frozenset(), first, last, opaque=False, attempts=True, talk=True)
    assert NoHistory(pl.Int64()).judged_days(feed) == (first, date(2026, 5, 2), last)


def test_a_scan_links_the_hops_of_its_feed_and_no_others() -> None:
    calls = pl.DataFrame(
        {
            "line": [1, 2],
            "target": [2, 3],
            "day": [date(2026, 5, 1)] * 2,
            "start": [datetime(2026, 5, 1, 8, 0, second, tzinfo=UTC) for second in (0, 2)],
            "caller": [9, 9],
            "call_id": pl.Series([None, None], dtype=pl.String),
            "reason": pl.Series([None, None], dtype=pl.String),
            "answered": [True, True],
        },
        schema_overrides={"start": pl.Datetime("us", "UTC")},
    )
    wanted = schema.empty(schema.FORWARD_LEGS, pl.Int64()).rename({"forwarder": "line"})
    calls = calls.select(
        pl.col(c) if c in calls.columns else pl.lit(None, t).alias(c)
        for c, t in wanted.schema.items()
    )
    nothing = NoHistory(pl.Int64())
    hops = nothing.hops(calls, 5)
    assert hops.equals(forwarding_hops.hops(calls, link_seconds=5))
    assert hops.filter(nothing.is_recent()).equals(hops)
    assert nothing.forwarders(hops, NEEDS).is_empty()


def test_a_night_answers_every_question_that_a_scan_does() -> None:
    asked = {n: m for n, m in vars(NoHistory).items() if callable(m) and n[0] != "_"}
    assert asked
    for name, method in asked.items():
        answer = vars(StateHistory)[name]  # inherited, it would forget what the state remembers
        assert list(signature(answer).parameters) == list(signature(method).parameters)


def test_few_lines_may_receive_nothing_and_many_never_do() -> None:
    assert ActiveDays(49, 10_000, 0).two_way()
    assert not ActiveDays(50, 10_000, 99).two_way()
    assert ActiveDays(50, 10_000, 100).two_way()
    assert ActiveDays(1, 2, 3).plus(ActiveDays(10, 20, 30)) == ActiveDays(11, 22, 33)
