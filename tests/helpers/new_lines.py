"""A city of old lines, and what new lines do on their first days."""

from __future__ import annotations

from tests.helpers.builders import Line, line, past

FIRST, BORN = "2026-04-15", "2026-06-01"


LATER = "2026-06-05"


def city() -> list[Line]:
    """Make 400 blocks of lines that were there from the first day, and a birth here and there."""
    old = [
        line(f"+86{130 + n // 40}{n % 40:02}00{i:04}").dials(1, on=[FIRST, LATER])
        for n in range(400)
        for i in range(2)
    ]
    days = past("2026-05-13", 24)
    born = [
        line(f"+86{130 + n // 40}{n % 40:02}009000").dials(1, on=days[n // 8 % 24])
        for n in range(0, 400, 8)
    ]
    return old + born


def dialling(each: Line) -> Line:
    return each.dials(40, on=BORN, gap_s=900, at="06:00")


def forwarding(each: Line) -> Line:
    return each.forwards(3, on=BORN, to="+8613111111120")


def used(each: Line) -> Line:
    return each.dials(3, on=BORN, gap_s=3600).receives(3, on=BORN)
