"""The LEDGER of a state: which nights are done, of which files, and which may still change."""

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

# A day stands if up to this share of its rows comes late, as the records of long calls do.
FEW_LATE = 0.001


class Input(NamedTuple):
    """A file that a night was made of."""

    path: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Night:
    """A night that is done; ``done``, ``changed`` and ``based_on`` are numbers of events.

    ``changed`` is the event that made it what it is: another run on the same files does not change
    it. ``late`` counts rows of its day in files that it was not made of.
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

    def without_tables(self, tables: Collection[str]) -> Night:
        """Return the night without its files in ``tables``, which are beginnings of paths."""
        kept = (file for file in self.inputs if not file.path.startswith(tuple(tables)))
        return replace(self, inputs=tuple(kept))

    @property
    def provisional(self) -> Text | None:
        """Return why its findings may change, or None."""
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
    """Return the nights that are done, by day, as their last events left them."""
    nights: dict[date, Night] = {}
    done = [row for row in events.to_dicts() if row["event"] == "done"]
    for row in done:
        night, before = _night(row, nights), nights.get(row["day"])
        if before and (before.sign, before.based_on) == (night.sign, night.based_on):
            night = replace(night, changed=before.changed)
        nights[night.day] = night
    late = _count_late(done, nights)
    changed: tuple[int, date | None] = (0, None)
    for day in sorted(nights):
        night = nights[day]
        reopened = changed[1] if changed[0] > night.done else None
        nights[day] = replace(night, late=late.get(day, 0), reopened_by=reopened)
        changed = max(changed, (night.changed, day), key=lambda pair: pair[0])
    return {day: nights[day] for day in sorted(nights)}


def unfinished_nights(events: pl.DataFrame) -> dict[date, datetime]:
    """Return when each night was begun that has not ended since, by day."""
    begun: dict[date, datetime] = {}
    for row in events.select("event", "day", "at").to_dicts():
        if row["event"] == "begun":
            begun[row["day"]] = row["at"]
        elif row["event"] == "done":
            begun.pop(row["day"], None)
    return begun


def first_day(nights: Mapping[date, Night], day: date) -> date:
    """Return the first day from which on the calls up to ``day`` are known without a long gap."""
    first = day
    for earlier in sorted(
        (d for d, night in nights.items() if d < day and night.calls), reverse=True
    ):
        if (first - earlier).days > MAX_SILENT_DAYS:
            break
        first = earlier
    return first


def has_input(night: Night, path: str, size: int) -> bool:
    """Return whether a night was made of the file of that path and size."""
    return any(file.path == path and file.bytes == size for file in night.inputs)


def _night(row: Mapping[str, Any], before: Mapping[date, Night]) -> Night:
    values = {name: json.loads(row[name]) for name in ("inputs", "settings", "counts", "facts")}
    inputs = tuple(Input(**file) for file in values["inputs"])
    earlier = (night.changed for day, night in before.items() if day < row["day"])
    # A list of subscribers changes a night as settings do.
    sign = json.dumps([sorted(file.sha256 for file in inputs), values["settings"]], sort_keys=True)
    return Night(
        day=row["day"],
        done=row["number"],
        changed=row["number"],
        at=row["at"],
        seconds=row["seconds"],
        inputs=inputs,
        counts=values["counts"],
        facts=values["facts"],
        based_on=max(earlier, default=0),
        sign=sign,
    )


def _count_late(done: Sequence[Mapping[str, Any]], nights: Mapping[date, Night]) -> dict[date, int]:
    """Count the rows of each day in files of which its night was not made."""
    by_day: dict[date, dict[str, int]] = {}
    for row in done:
        for day, files in json.loads(row["facts"])["beside"].items():
            by_day.setdefault(date.fromisoformat(day), {}).update(files)
    return {
        day: sum(
            rows
            for sha, rows in files.items()
            if sha not in {file.sha256 for file in nights[day].inputs}
        )
        for day, files in by_day.items()
        if day in nights
    }
