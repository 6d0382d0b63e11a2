from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.nights import ledger
from cdr_anomaly.schema import LEDGER

NOON = datetime(2026, 5, 9, 4, tzinfo=UTC)


def may(day: int) -> date:
    return date(2026, 5, day)


def event(
    kind: str,
    day: int,
    *files: str,
    calls: int = 1000,
    beside: dict[str, dict[str, int]] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    inputs = [{"path": f"/in/{f}", "bytes": 9, "rows": 5, "sha256": f} for f in files]
    facts = {"calls": calls, "beside": beside or {}}
    done = {"inputs": inputs, "settings": settings, "counts": {}, "facts": facts}
    told = {name: json.dumps(value) for name, value in done.items()} if kind == "done" else {}
    return {"event": kind, "day": may(day), "seconds": 1.0} | told


def events(*rows: dict[str, Any]) -> pl.DataFrame:
    numbered = [
        row | {"number": n, "at": NOON + timedelta(minutes=n)} for n, row in enumerate(rows, 1)
    ]
    return pl.DataFrame(numbered, {name: column.dtype for name, column in LEDGER.items()})


def done(day: int, *files: str, **more: Any) -> dict[str, Any]:
    return event("done", day, *files, **more)


@pytest.mark.parametrize(
    ("rows", "provisional", "why"),
    [
        ([], [], "nothing yet"),
        ([done(1, "a"), done(2, "b"), done(3, "c")], [], "in order"),
        ([done(1, "a"), done(3, "c"), done(2, "b")], [3], "a day before it came later"),
        ([done(1, "a"), done(2, "b"), done(1, "a", "late")], [2], "a late file"),
        ([done(1, "a"), done(2, "b"), done(1, "a")], [], "run again on the same file"),
        (
            [done(1, "a"), done(2, "b"), done(3, "c"), done(1, "a", "late"), done(2, "b")],
            [3],
            "one of the two that may have changed is run again",
        ),
        (
            [
                done(1, "a"),
                done(2, "b"),
                done(3, "c"),
                done(1, "a", "late"),
                done(3, "c"),
                done(2, "b"),
            ],
            [3],
            "run again, but before the day in between",
        ),
        ([done(1, "a"), done(2, "b"), done(1, "a", home="US")], [2], "other settings"),
        ([done(1, "a"), done(2, "b", beside={"2026-05-01": {"b": 1}})], [], "one late row"),
        ([done(1, "a"), done(2, "b", beside={"2026-05-01": {"b": 2}})], [1], "two in a thousand"),
        (
            [done(1, "a"), done(2, "b", beside={"2026-05-01": {"a": 500}})],
            [],
            "rows that its own night has read",
        ),
        (
            [done(2, "b", beside={"2026-05-01": {"b": 500}}), done(1, "a")],
            [1, 2],
            "a night that comes later without the file that has rows of it",
        ),
        (
            [done(1, "a"), done(2, "b", beside={"2026-05-01": {"b": 50}}), done(1, "a", "b")],
            [2],
            "the file is read for the day, too",
        ),
    ],
)
def test_which_nights_may_change(
    rows: list[dict[str, Any]], provisional: list[int], why: str
) -> None:
    nights = ledger.finished_nights(events(*rows))
    assert [night.day for night in nights.values() if night.provisional] == (
        [may(day) for day in provisional]
    ), why
    assert list(nights) == sorted(nights)


def test_why_a_night_may_change_is_said() -> None:
    late = events(done(1, "a"), done(2, "b", beside={"2026-05-01": {"b": 20}}))
    assert ledger.finished_nights(late)[may(1)].provisional == (
        "20 rows of the day came in files that it was not made of"
    )
    changed = events(done(1, "a"), done(2, "b"), done(1, "c"))
    assert ledger.finished_nights(changed)[may(2)].provisional == (
        "the night of 2026-05-01 changed after it was done"
    )


def test_begun_and_not_done_since() -> None:
    rows = [event("begun", 1), done(1, "a"), event("begun", 2), event("begun", 1)]
    assert set(ledger.unfinished_nights(events(*rows))) == {may(1), may(2)}
    assert ledger.unfinished_nights(events(*rows, done(1, "a"), done(2, "b"))) == {}


def test_the_first_day_is_that_after_the_last_long_gap() -> None:
    rows = [done(1, "a"), done(4, "b"), done(5, "c", calls=0)]
    nights = ledger.finished_nights(events(*rows))
    assert ledger.first_day(nights, may(6)) == may(1)
    assert ledger.first_day({}, may(6)) == may(6)
    assert ledger.first_day(nights, date(2026, 8, 2)) == may(1), "90 days without a call"
    assert ledger.first_day(nights, date(2026, 8, 3)) == date(2026, 8, 3)
    assert ledger.first_day(nights, may(3)) == may(1), "days after it do not count"
