"""Calls by sentence: ``line("+8613800000001").dials(1200, gap_s=20, on="2026-05-04")``.

Times of day are local; a line's strangers are numbers abroad, never called by another line, so
that they stand in no block of the home numbering plan.
"""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly import pipeline, settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdr_anomaly.result import Result

SHANGHAI = "Asia/Shanghai"
FEED = {
    "calling_number": pl.String,
    "called_number": pl.String,
    "start_time": pl.Datetime("us", "UTC"),
    "duration_s": pl.Int64,
    "record_type": pl.String,
    "redirecting_number": pl.String,
    "redirect_reason": pl.String,
    "call_id": pl.String,
    "cell_id": pl.String,
    "imei": pl.String,
    "imsi": pl.String,
    "trunk_in": pl.String,
}
BIDDEN = ("fraud", "scam", "criminal", "illegal", "suspicious", "guilty")


class Line:
    """One line, and the rows of the calls that it had part in."""

    def __init__(self, number: str, zone: str) -> None:
        self.number = number
        self.zone = ZoneInfo(zone)
        self.rows: list[dict[str, Any]] = []
        self._strangers = 0

    def dials(
        self,
        n: int,
        *,
        on: str | Iterable[str],
        at: str = "10:00",
        gap_s: float = 60,
        to: str | Iterable[str] = "strangers",
        answered: float = 1.0,
        talk_s: int = 30,
        cells: int = 1,
        called_back: float = 0.0,
        **more: Any,
    ) -> Line:
        """Place calls; a share ``called_back`` of the called numbers calls an hour later.

        ``more`` are other columns of their records, as in trunk_in="x".
        """
        for day in _days(on):
            called = self._numbers(to, n)
            for i, start in enumerate(self._times(n, day, at, gap_s)):
                cell = f"{self.number}/{i % cells}" if cells else None
                talk = talk_s if _share(i, answered) else 0
                self._row(self.number, called[i], start, talk, **({"cell_id": cell} | more))
                if _share(i, called_back):
                    self._row(called[i], self.number, start + timedelta(hours=1), 20)
        return self

    def receives(
        self,
        n: int,
        *,
        on: str | Iterable[str],
        at: str = "11:00",
        gap_s: float = 60,
        by: str | Iterable[str] = "strangers",
        talk_s: int = 30,
    ) -> Line:
        """Receive calls."""
        for day in _days(on):
            callers = self._numbers(by, n)
            for caller, start in zip(callers, self._times(n, day, at, gap_s), strict=True):
                self._row(caller, self.number, start, talk_s)
        return self

    def forwards(
        self,
        n: int,
        *,
        on: str | Iterable[str],
        to: str | Iterable[str],
        at: str = "12:00",
        gap_s: float = 300,
        by: str | Iterable[str] = "strangers",
        then: Iterable[str] = (),
        hop_s: float = 8,
        shape: str = "legs with ids",
    ) -> Line:
        """Forward calls to one target or to several in turn, which forward them ``then`` on.

        ``shape``: "legs with ids", "legs" (of type fwd, no call id) or "ordinary rows" (one row a
        hop that names the forwarding line, as the only trace of the call).
        """
        for day in _days(on):
            callers, targets = self._numbers(by, n), self._numbers(to, n)
            for i, start in enumerate(self._times(n, day, at, gap_s)):
                call = f"{self.number}-{day}-{at}-{i}" if shape == "legs with ids" else None
                kind = "call" if shape == "ordinary rows" else "fwd"
                if kind == "fwd":
                    self._row(callers[i], self.number, start, 30, call_id=call)
                path = (self.number, targets[i], *then)
                for hop, (forwarder, target) in enumerate(pairwise(path)):
                    self._row(
                        callers[i],
                        target,
                        start + timedelta(seconds=hop * hop_s),
                        30,
                        record_type=kind,
                        redirecting_number=forwarder,
                        redirect_reason="cfu",
                        call_id=call,
                    )
        return self

    def _times(self, n: int, day: str, at: str, gap_s: float) -> list[datetime]:
        first = datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=self.zone).astimezone(UTC)
        return [first + timedelta(seconds=i * gap_s) for i in range(n)]

    def _numbers(self, who: str | Iterable[str], n: int) -> list[str]:
        if who == "strangers":
            base = zlib.crc32(self.number.encode()) % 10**5
            first, self._strangers = self._strangers, self._strangers + n
            return [f"+49{base:05d}{first + i:05d}" for i in range(n)]
        several = [who] if isinstance(who, str) else list(who)
        return [several[i % len(several)] for i in range(n)]

    def _row(
        self, caller: str | None, called: str, start: datetime, talk_s: int, **more: Any
    ) -> None:
        self.rows.append(
            {
                "calling_number": caller,
                "called_number": called,
                "start_time": start,
                "duration_s": talk_s,
                "record_type": "call",
            }
            | more
        )


def line(number: str, zone: str = SHANGHAI) -> Line:
    return Line(number, zone)


def many(n: int, first: str, sentence: Any) -> list[Line]:
    """Make lines of consecutive numbers, and let each do what the ``sentence`` says."""
    return [sentence(line(f"+{int(first.removeprefix('+')) + i}")) for i in range(n)]


def past(first: str, days: int, *, but: Iterable[str] = ()) -> list[str]:
    """List the local days from ``first`` on, without some."""
    start = date.fromisoformat(first)
    every = [str(start + timedelta(days=i)) for i in range(days)]
    return [day for day in every if day not in set(but)]


def feed(*lines: Line, without: Iterable[str] = ()) -> pl.DataFrame:
    """Put the rows of lines together as CALLS, in order of time."""
    rows = [row for each in lines for row in each.rows]
    return pl.DataFrame(rows, schema=FEED).drop(*without).sort("start_time", maintain_order=True)


def scanned(
    folder: Path,
    calls: pl.DataFrame,
    *words: str,
    tz: str = SHANGHAI,
    entities: dict[str, str] | None = None,
    subscribers: dict[str, str] | pl.DataFrame | None = None,
) -> Result:
    """Write the calls, and the lists if any, to a folder, and scan them.

    A list of subscribers may have more columns than the day of activation, as a frame.
    """
    folder.mkdir(parents=True, exist_ok=True)
    calls.write_parquet(folder / "calls.parquet")
    lists = {"entities": ("purpose", entities), "subscribers": ("activation", subscribers)}
    files = {}
    for name, (column, told) in lists.items():
        if told is not None:
            files[name] = folder / f"{name}.csv"
            if isinstance(told, dict):
                told = pl.DataFrame({"line": list(told), column: list(told.values())})  # noqa: PLW2901
            told.write_csv(files[name])
    told_settings = settings.load_settings(tz=tz, assignments=words)
    return pipeline.scan([folder / "calls.parquet"], told_settings, **files)


def found(result: Result, detector: str, subject: str | None = None) -> list[dict[str, Any]]:
    """List the findings of a detector, on one subject if it is named, by day."""
    own = result.findings.filter(pl.col("detector") == detector)
    if subject is not None:
        own = own.filter(pl.col("subject") == subject)
    return own.sort("day", maintain_order=True).to_dicts()


def gravest(result: Result, detector: str, subject: str) -> str | None:
    """Name the gravest severity that a detector gave a subject, or nothing."""
    order = ("low", "medium", "high", "critical")
    words = [row["severity"] for row in found(result, detector, subject)]
    return max(words, key=order.index, default=None)


def _days(on: str | Iterable[str]) -> list[str]:
    return [on] if isinstance(on, str) else list(on)


def _share(i: int, share: float) -> bool:
    """Pick that share of 0, 1, 2, ..., spread evenly."""
    return int((i + 1) * share + 1e-9) > int(i * share + 1e-9)
