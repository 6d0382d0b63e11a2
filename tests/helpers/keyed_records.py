"""Calls of a few days, as they are pseudonymised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.helpers.builders import SHANGHAI, feed, line, many, past

if TYPE_CHECKING:
    import polars as pl


DIALLER, PERSON = "+865918800001", "+8613700000001"


DAYS = past("2026-05-04", 3)


HANDSET, IDENTITY = "35209900176148", "460001234567890"


ZONE = ("--tz", SHANGHAI)


def calls() -> pl.DataFrame:
    own = {"imei": HANDSET, "imsi": IDENTITY}
    return feed(
        line(DIALLER).dials(1100, on=DAYS, gap_s=20, at="08:00", answered=0.3, **own),
        line("+8613800000002").dials(60, on=DAYS, gap_s=30, answered=0.3, talk_s=5, **own),
        line("+8613800000003").forwards(12, on=DAYS, to="+442071234567"),
        line(DIALLER).dials(2, on=DAYS, at="20:00", gap_s=3000, to=PERSON, talk_s=2400),
        *many(12, "+8613900000000", lambda one: one.dials(4, on=DAYS).receives(2, on=DAYS)),
    )


HOLDER, SELLER = "110101199001011234", "13700000009"
