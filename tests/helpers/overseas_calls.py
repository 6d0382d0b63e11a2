"""Numbers abroad that call home subscribers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.helpers.builders import Line, line
from tests.helpers.builders import found as of_detector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdr_anomaly.result import Result

NAME, DAY = "overseas_presentation", "2026-05-20"
LONDON = "+442071234567"


def homes(n: int, first: int = 0) -> list[str]:
    return [f"+86137{first + i:08}" for i in range(n)]


def found(result: Result, subject: str | None = None) -> list[dict[str, Any]]:
    return of_detector(result, NAME, subject)


def others(n: int = 60, on: str | Iterable[str] = DAY) -> list[Line]:
    """Make numbers abroad that call a home subscriber or two each, as people do."""
    return [
        line(f"+4930{7_919_317 * i % 10**7:07}").dials(2, on=on, to=homes(2, 500 + i), cells=0)
        for i in range(n)
    ]


def pool(n: int, *, first: int = 0, each: int = 4, shared: bool = False, **more: Any) -> list[Line]:
    """Let neighbouring numbers call ``each`` so many subscribers, the same ones if ``shared``."""
    return [
        line(f"+4420712345{first + i:02}").dials(
            each,
            on=DAY,
            at="10:00",
            gap_s=60 + i,
            cells=0,
            to=homes(each, 1000 + (0 if shared else each * i)),
            **more,
        )
        for i in range(n)
    ]
