"""The LEDGER read: which nights are done, of which files, and which of them may change yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from cdr_anomaly.settings import MAX_SILENT_DAYS
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import polars as pl

# Of a thousand calls so many may come late, as the records of long calls do, and the day stands.
FEW_LATE = 0.001


class Input(NamedTuple):
    """A file that a night was made of."""

    path: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Night:
    """A night that is done; numbers are places in the order of events.

    ``changed`` is when it last came to be what it is: to run it again on the same files does not
    change it. ``late`` are rows of its day that came in files that it was not made of.
    """

    day: date
    done: int
    changed: int
    at: datetime
    seconds: float
    inputs: tuple[Input, ...]
    counts: Mapping[str, Any]
    facts: Mapping[str, Any]
    based_on: int
    sign: str
    late: int = 0
    reopened_by: date | None = None

    @property
    def calls(self) -> int:
        """How many calls it counted."""
        return int(self.facts["calls"])

    def less(self, tables: Collection[str]) -> Night:
        """Leave out the files in tables of which it is made anew, and which may have replaced them.

        ``tables`` are the beginnings of paths.
        """
        kept = (each for each in self.inputs if not each.path.startswith(tuple(tables)))
        return replace(self, inputs=tuple(kept))

    @property
    def provisional(self) -> Text | None:
        """Say why its findings may change, or nothing."""
        if self.late > FEW_LATE * self.calls:
            return say(
                "nights.late_rows",
                "{late} rows of the day came in files that it was not made of",
                late=self.late,
            )
        if self.reopened_by is not None:
            return say(
                "nights.earlier_changed",
                "the night of {day} changed after it was done",
                day=self.reopened_by,
            )
        return None


def finished_nights(events: pl.DataFrame) -> dict[date, Night]:
    """Read the nights that are done, by day, as their last events left them."""
    found: dict[date, Night] = {}
    done = [row for row in events.to_dicts() if row["event"] == "done"]
    for row in done:
        night, before = _night(row, found), found.get(row["day"])
        if before and (before.sign, before.based_on) == (night.sign, night.based_on):
            night = replace(night, changed=before.changed)
        found[night.day] = night
    late = _count_late(done, found)
    changed: tuple[int, date | None] = (0, None)
    for day in sorted(found):
        night = found[day]
        reopened = changed[1] if changed[0] > night.done else None
        found[day] = replace(night, late=late.get(day, 0), reopened_by=reopened)
        changed = max(changed, (night.changed, day), key=lambda pair: pair[0])
    return {day: found[day] for day in sorted(found)}


def unfinished_nights(events: pl.DataFrame) -> dict[date, datetime]:
    """Read the nights that were begun and have not come to their end since, by day."""
    answer: dict[date, datetime] = {}
    for row in events.select("event", "day", "at").to_dicts():
        if row["event"] == "begun":
            answer[row["day"]] = row["at"]
        elif row["event"] == "done":
            answer.pop(row["day"], None)
    return answer


def first_day(known: Mapping[date, Night], day: date) -> date:
    """Give the first day from which on the calls up to ``day`` are known without a long gap."""
    first = day
    for earlier in sorted(
        (d for d, night in known.items() if d < day and night.calls), reverse=True
    ):
        if (first - earlier).days > MAX_SILENT_DAYS:
            break
        first = earlier
    return first


def has_input(night: Night, path: str, size: int) -> bool:
    """Tell whether a night was made of the file of that path and size."""
    return any(each.path == path and each.bytes == size for each in night.inputs)


def _night(row: Mapping[str, Any], before: Mapping[date, Night]) -> Night:
    told = {name: json.loads(row[name]) for name in ("inputs", "settings", "counts", "facts")}
    inputs = tuple(Input(**each) for each in told["inputs"])
    earlier = (night.changed for day, night in before.items() if day < row["day"])
    # Lists beside the calls (subscribers) change a night as settings do.
    sign = json.dumps([sorted(each.sha256 for each in inputs), told["settings"]], sort_keys=True)
    return Night(
        day=row["day"],
        done=row["number"],
        changed=row["number"],
        at=row["at"],
        seconds=row["seconds"],
        inputs=inputs,
        counts=told["counts"],
        facts=told["facts"],
        based_on=max(earlier, default=0),
        sign=sign,
    )


def _count_late(done: Sequence[Mapping[str, Any]], found: Mapping[date, Night]) -> dict[date, int]:
    """Count the rows of each day that stand in files of which its own night was not made."""
    beside: dict[date, dict[str, int]] = {}
    for row in done:
        for day, files in json.loads(row["facts"])["beside"].items():
            beside.setdefault(date.fromisoformat(day), {}).update(files)
    return {
        day: sum(
            rows for sha, rows in files.items() if sha not in {i.sha256 for i in found[day].inputs}
        )
        for day, files in beside.items()
        if day in found
    }
