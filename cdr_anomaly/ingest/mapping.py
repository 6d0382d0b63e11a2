"""A vendor's raw columns to those of CALLS, as expressions; and the verdict on each row.

What goes in is a raw frame and a layout, what comes out is one expression per column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.ingest.layouts import Layout

TYPES = ("call", "moc", "mtc", "fwd")
NUMBERS = ("calling_number", "called_number", "redirecting_number")

# The verdict on a row is its place in this tuple; 0 is a call that is used.
VERDICTS = (
    "used",
    "no start time",
    "start time before 1990",
    "start time after 2100",
    "duration is not a number",
    "negative duration",
    "absurd duration",
    "neither a calling nor a called number",
    "forwarding leg without the line that forwarded",
    "record of another type",
)
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
REFUSED = tuple(range(1, 9))
LEFT_OUT = 9


@dataclass(frozen=True)
class RowMap:
    """What turns one file shape into CALLS: its layout, its types, and how to read times."""

    layout: Layout
    types: Mapping[str, pl.DataType]
    file: str
    tz: str | None
    plan: numbering.HomePlan
    as_text: bool

    def expressions(self) -> dict[str, pl.Expr]:
        """Return one expression over the raw columns per column of CALLS that the file offers."""
        served = self.layout.perspective == "served"
        found = self._served() if served else self._plain(("calling_number", "called_number"))
        found |= self._plain(
            ("redirecting_number", "redirect_reason", "call_id", "cell_id", "imei", "imsi",
             "trunk_in", "region", "release_cause")
        )  # fmt: skip
        if "record_type" not in found and self._has("record_type"):
            found["record_type"] = self._text("record_type").str.to_lowercase().fill_null("call")
        if self._has("answered"):
            found["answered"] = self._flag("answered")
        if served:
            found |= self._forwarding_legs(found)
        written = {column: found[column] for column in NUMBERS if column in found}
        lines = {column: self._line(number) for column, number in written.items()}
        lost = [written[c].is_not_null() & lines[c].is_null() for c in written]
        times = {"start_time": self._start(), "duration_s": self._duration()}
        return found | lines | times | {"n_lost": pl.sum_horizontal(lost)}

    def _has(self, column: str) -> bool:
        return column in self.layout.fixed or self.layout.source(column) in self.types

    def _plain(self, columns: tuple[str, ...]) -> dict[str, pl.Expr]:
        return {column: self._text(column) for column in columns if self._has(column)}

    def _text(self, column: str) -> pl.Expr:
        """Take a column as text, its values renamed as the layout says."""
        if column in self.layout.fixed:
            return pl.lit(str(self.layout.fixed[column]))
        name = self.layout.source(column)
        raw = pl.col(name)
        text = raw.bin.encode("hex") if self.types[name] == pl.Binary else raw.cast(pl.String)
        renamed = dict(self.layout.values.get(column, {}))
        if not renamed:
            return text
        rest = pl.lit(renamed.pop("*")) if "*" in renamed else text
        mapped = text.replace_strict(renamed, default=None, return_dtype=pl.String)
        return pl.coalesce(mapped, rest)

    def _flag(self, column: str) -> pl.Expr:
        if self.types.get(self.layout.source(column)) == pl.Boolean:
            return pl.col(self.layout.source(column))
        return self._text(column).str.to_lowercase().is_in(["true", "1", "yes", "answered"])

    def _line(self, written: pl.Expr) -> pl.Expr:
        carry = numbering.text if self.as_text else numbering.code
        return carry(written, self.plan)

    def _served(self) -> dict[str, pl.Expr]:
        """Tell caller from called by the direction that the served line's record gives."""
        direction = self._text("direction")
        if self.layout.served_is_file_name:
            served = pl.col("file").str.extract(r"([^/\\]+?)\.[^.]*$", 1)
        else:
            served = self._text("served")
        one = "other" in self.layout.columns
        caller = self._text("other" if one else "calling_party")
        called = self._text("other" if one else "called_party")
        incoming, forwarded = direction == "in", direction == "fwd"
        # Who the original caller was is not said on a forwarding record with one other party.
        original = pl.lit(None, pl.String) if one else caller
        types = {"out": "moc", "in": "mtc", "fwd": "fwd"}
        return {
            "calling_number": pl.when(incoming).then(caller).when(forwarded).then(original)
            .otherwise(served),
            "called_number": pl.when(incoming).then(served).otherwise(called),
            "redirecting_number": pl.when(forwarded).then(served),
            "record_type": direction.replace_strict(types, default="other"),
        }  # fmt: skip

    def _forwarding_legs(self, found: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """See an outgoing record with a forwarding reason as the forwarding leg that it is.

        TS 32.298 has no forwarding record: the leg is an MOC with a forwarding service code.
        """
        if "redirect_reason" not in found or "calling_party" not in self.layout.columns:
            return {}
        reason = found["redirect_reason"].fill_null("") != ""
        leg = reason & (found["record_type"] == "moc")
        return {
            "record_type": pl.when(leg).then(pl.lit("fwd")).otherwise(found["record_type"]),
            "redirecting_number": pl.when(leg).then(found["calling_number"])
            .otherwise(found["redirecting_number"]),
            "calling_number": pl.when(leg).then(self._text("calling_party"))
            .otherwise(found["calling_number"]),
        }  # fmt: skip

    def _duration(self) -> pl.Expr:
        name = self.layout.source("duration_s")
        if name not in self.types:
            return pl.lit(self.layout.fixed["duration_s"], pl.Int64)
        dtype = self.types[name]
        raw = pl.col(name)
        if dtype.is_integer():
            return raw.cast(pl.Int64).fill_null(0)
        if dtype == pl.Duration:
            return raw.dt.total_seconds().fill_null(0)
        number = raw.cast(pl.Float64, strict=False)
        # An attempt without a duration had no talk; one that is not a number is refused below.
        seconds = pl.when(number.is_finite()).then(number).round().cast(pl.Int64, strict=False)
        unknown = raw.is_not_null() & seconds.is_null()
        return pl.when(unknown).then(None).otherwise(seconds.fill_null(0))

    def _start(self) -> pl.Expr:
        name = self.layout.source("start_time")
        dtype, raw = self.types[name], pl.col(name)
        if dtype == pl.String and self.layout.time_format:
            aware = "%z" in self.layout.time_format
            parsed = raw.str.to_datetime(
                self.layout.time_format, time_unit="us", strict=False,
                time_zone="UTC" if aware else None,
            )  # fmt: skip
            return parsed if aware else self._placed(parsed, name)
        if dtype.is_integer() and self.layout.time_unit:
            return pl.from_epoch(raw, self.layout.time_unit).cast(pl.Datetime("us", "UTC"))
        if not isinstance(dtype, pl.Datetime):
            msg = (
                f"'{self.file}': the column '{name}' is {dtype}, not a timestamp; "
                f"write it as one, or give a layout with time_format or time_unit."
            )
            raise InputError(msg)
        if dtype.time_zone is None:
            return self._placed(raw.dt.cast_time_unit("us"), name)
        return raw.dt.cast_time_unit("us").dt.convert_time_zone("UTC")

    def _placed(self, naive: pl.Expr, name: str) -> pl.Expr:
        """Place a naive time in its zone; the hour that comes twice in autumn is the first one."""
        if self.tz is None:
            msg = (
                f"'{self.file}': the times in '{name}' carry no zone; "
                f"say which with --tz, as in --tz Asia/Shanghai."
            )
            raise InputError(msg)
        placed = naive.dt.replace_time_zone(self.tz, ambiguous="earliest", non_existent="null")
        return placed.dt.convert_time_zone("UTC")


def verdict(columns: set[str], max_duration_s: int) -> pl.Expr:
    """Judge each mapped row: its place in VERDICTS, the first that holds."""
    start, duration = pl.col("start_time"), pl.col("duration_s")
    holds = [
        start.is_null(), start < EARLIEST, start >= LATEST, duration.is_null(), duration < 0,
        duration > max_duration_s,
        pl.col("calling_number").is_null() & pl.col("called_number").is_null(),
    ]  # fmt: skip
    if "record_type" in columns:
        kind = pl.col("record_type")
        nobody = pl.col("redirecting_number").is_null() if "redirecting_number" in columns else True
        holds += [(kind == "fwd") & nobody, ~kind.is_in(TYPES)]
    places = (
        pl.when(bad).then(pl.lit(place, pl.UInt8)) for place, bad in enumerate(holds, start=1)
    )
    return pl.coalesce(*places, pl.lit(0, pl.UInt8))
