"""Calls at random, and slow, obvious twins of what a story counts in them."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly import settings
from cdr_anomaly.reports import line_story
from cdr_anomaly.reports.line_verdicts import Verdicts
from tests.helpers.builders import FEED, SHANGHAI

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.reports.line_story import Story
    from cdr_anomaly.result import Result

ZONE = ZoneInfo(SHANGHAI)
OWN = "+8613800000001"
LINES = [f"+86138000000{n:02d}" for n in range(1, 31)]
# So that all who place a call are looked at twice.
ALL = ("high_frequency.calls_day=1", "high_frequency.out_share=0")


class Call(NamedTuple):
    caller: str
    called: str
    start: datetime
    duration_s: int
    imei: str

    @property
    def day(self) -> date:
        return self.start.astimezone(ZONE).date()


def calls(seed: int) -> list[Call]:
    """Draw calls of some days: often with one number, at one instant, or a few hours later."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    others = [f"+861390000{n:04d}" for n in range(40)]
    begin = datetime(2026, 5, 1, 16, tzinfo=UTC)
    drawn = {}
    for n in range(900):
        one = OWN if n < 150 else LINES[n % len(LINES)]
        other = chance.choice(others if n % 3 else LINES)
        pair = (one, other) if chance.random() < 0.6 else (other, one)
        start = begin + timedelta(minutes=20 * chance.randrange(200))
        # Of one instant there is one call between two: a second one would be a duplicate.
        imei = f"35000000000{n % 12:03d}1"
        drawn[*pair, start] = Call(*pair, start, chance.choice((0, 30, 90)), imei)
    return sorted(call for call in drawn.values() if call.caller != call.called)


def frame(drawn: list[Call]) -> pl.DataFrame:
    rows = [
        {
            "calling_number": call.caller,
            "called_number": call.called,
            "start_time": call.start,
            "duration_s": call.duration_s,
            "record_type": "call",
            "imei": call.imei,
        }
        for call in drawn
    ]
    return pl.DataFrame(rows, schema=FEED)


def explained(
    folder: Path,
    feed: pl.DataFrame,
    line: str,
    *words: str,
    tz: str = SHANGHAI,
    judge: bool = True,
) -> tuple[Story, Result]:
    feed.write_parquet(folder / "calls.parquet")
    told = settings.load_settings(tz=tz, assignments=words)
    return line_story.explain(
        line, [folder / "calls.parquet"], told, verdicts=Verdicts(judge=judge)
    )


def grid(drawn: list[Call]) -> dict[tuple[date, int], tuple[int, int]]:
    """Count the calls placed and received in every hour of the days with a call."""
    own = [call for call in drawn if OWN in {call.caller, call.called}]
    return {
        (day, hour): (
            sum((c.day, hour_of(c)) == (day, hour) and c.caller == OWN for c in own),
            sum((c.day, hour_of(c)) == (day, hour) and c.called == OWN for c in own),
        )
        for day in {call.day for call in own}
        for hour in range(24)
    }


def hour_of(call: Call) -> int:
    return call.start.astimezone(ZONE).hour


def call_backs(drawn: list[Call], contact: str) -> int:
    """Count the contact's calls that begin up to six hours after some call of the line to it."""
    placed = [c.start for c in drawn if (c.caller, c.called) == (OWN, contact)]
    received = [c.start for c in drawn if (c.caller, c.called) == (contact, OWN)]
    return sum(any(timedelta(0) < r - p <= timedelta(hours=6) for p in placed) for r in received)


class Shared(NamedTuple):
    count: int
    of: int
    expected: float | None
    first: date
    last: date


def shared_contacts(drawn: list[Call], lines: set[str], popular: int) -> dict[str, Shared]:
    """Compare whom each line has calls with, as all the other lines do."""
    met: dict[str, set[str]] = {line: set() for line in lines}
    for call in drawn:
        for one, other in ((call.caller, call.called), (call.called, call.caller)):
            if one in met:
                met[one].add(other)
    often = Counter(other for contacts in met.values() for other in contacts)
    met = {
        line: {other for other in contacts if often[other] <= popular}
        for line, contacts in met.items()
    }
    counts = {line: len(met[line] & met[OWN]) for line in met if line != OWN and met[line]}
    answer = {}
    for line, count in counts.items():
        others = [other for other in counts if other != line]
        rate = sum(counts[o] for o in others) / max(sum(len(met[o]) for o in others), 1)
        expected = rate * len(met[line]) if len(counts) >= 20 else None
        if count < 2 or (expected is not None and count < 3 * expected):
            continue
        ends = [{line, other} for other in met[line] & met[OWN]]
        days = [call.day for call in drawn if {call.caller, call.called} in ends]
        answer[line] = Shared(count, len(met[line]), expected, min(days), max(days))
    return answer


def same_handset(drawn: list[Call]) -> dict[str, tuple[int, int]]:
    """Count the calls that others placed on handsets of the line, and all that they placed."""
    own = {call.imei[:14] for call in drawn if call.caller == OWN}
    answer = {}
    for line in {call.caller for call in drawn} - {OWN}:
        used = [call.imei[:14] for call in drawn if call.caller == line]
        if any(imei in own for imei in used):
            answer[line] = (sum(imei in own for imei in used), len(used))
    return answer
