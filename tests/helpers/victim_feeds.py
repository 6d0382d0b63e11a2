"""People who may have to be warned, and the lines that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.helpers.builders import Line, feed, line, past, scanned

if TYPE_CHECKING:
    from pathlib import Path

DAYS = past("2026-05-01", 20)
LAST = DAYS[-1]
FOUND, OTHER = "+8613800000001", "+8613800000002"
V, W = "+8613900000001", "+8613900000002"
FRIENDS = [f"+86135000000{n:02}" for n in range(5)]


def dialler(number: str = FOUND, on: str = LAST) -> Line:
    """Call 1200 strangers on a day, who hardly talk."""
    return line(number).dials(1200, on=on, at="08:00", gap_s=30, answered=0.3, talk_s=15)


def life(number: str = V, n: int = 5, days: list[str] = DAYS) -> Line:
    """Call friends every day."""
    return line(number).dials(n, on=days, at="12:00", to=FRIENDS, talk_s=60)


def told(folder: Path, *lines: Line, **more: Any) -> dict[str, dict[str, Any]]:
    rows = scanned(folder, feed(*lines), **more).victims.to_dicts()
    return {row["number"]: row for row in rows}


def holds(days: list[str], talk_s: int = 5400, caller: str = OTHER) -> Line:
    return line(caller).dials(1, on=days, at="20:00", to=V, talk_s=talk_s)


def others(days: list[str] = DAYS) -> Line:
    """Keep the feed going."""
    return line(W).dials(2, on=days, to=FRIENDS)
