"""Expressions over a vendor's raw columns, one for each column of CALLS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest.validate import RECORD_TYPE
from cdr_anomaly.numbering import pseudonyms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cdr_anomaly.ingest.layouts import Layout

PARTIES = ("calling_number", "called_number")
NUMBERS = (*PARTIES, "redirecting_number")
TEXTS = (
    "redirecting_number",
    "redirect_reason",
    "call_id",
    "cell_id",
    "imei",
    "imsi",
    "trunk_in",
    "region",
    "release_cause",
)
# Texts that many rows have in common, or that are numbers; an engine may carry them as codes.
CODED = ("cell_id", "imei", "imsi", "trunk_in")

# Times are clipped to these: Polars panics on the years that a broken clock can write.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_PRINTABLE_HEX = "^(?:[2-7][0-9a-f])+$"


@dataclass(frozen=True)
class RowMap:
    """The map from the raw rows of a group of files to CALLS: layout, types, zone and home plan.

    ``e164`` are the columns of numbers that a footer proves to be E.164 already; ``names`` gathers
    the names of opaque lines.
    """

    layout: Layout
    types: Mapping[str, pl.DataType]
    file: str
    tz: str | None
    plan: numbering.HomePlan
    as_text: bool
    e164: frozenset[str] = frozenset()
    names: numbering.LineNames | None = None

    def expressions(self, path_column: str) -> dict[str, pl.Expr]:
        """Return one expression over the raw columns for each column of CALLS that the file has.

        Numbers stay as written, see lines(). ``path_column`` has the path of the file.
        """
        served = self.layout.perspective == "served"
        calls = self._texts(TEXTS)
        calls |= self._parties_of_served(calls, path_column) if served else self._texts(PARTIES)
        calls |= {column: pl.col(self.layout.source(column)) for column in self.e164}
        if "record_type" not in calls and self._has("record_type"):
            calls["record_type"] = self._renamed("record_type")
        if self._has("answered"):
            calls["answered"] = self._flag("answered")
        if served:
            calls |= self._forwarding_legs(calls)
        if "record_type" in calls:
            calls["record_type"] = _parse_record_type(calls["record_type"])
        if self.layout.only:
            record_type = calls.get("record_type", pl.lit("call", RECORD_TYPE))
            calls["record_type"] = pl.when(self._is_call()).then(record_type)
        return calls | {"start_time": self._start(), "duration_s": self._duration()}

    def lines(self, columns: Collection[str]) -> dict[str, pl.Expr]:
        """Return the lines of the columns of written numbers."""
        written = [column for column in NUMBERS if column in columns]
        if self.as_text:
            return {c: numbering.parse_texts(pl.col(c), self.plan) for c in written}
        return {
            c: numbering.parse_codes(pl.col(c), self.plan, self.names, proven=c in self.e164)
            for c in written
        }

    def integer_type(self, column: str) -> pl.DataType | None:
        """Return the type of a column of CALLS that is just an integer of the file, else None."""
        as_is = column not in self.layout.fixed and column not in self.layout.values
        dtype = self.types.get(self.layout.source(column))
        if not as_is or dtype is None or not dtype.is_integer() or dtype == pl.UInt64:
            return None
        small = dtype in (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16)
        return pl.Int32() if small else pl.Int64()

    def _has(self, column: str) -> bool:
        return column in self.layout.fixed or self.layout.source(column) in self.types

    def _texts(self, columns: tuple[str, ...]) -> dict[str, pl.Expr]:
        texts = {column: self._text(column) for column in columns if self._has(column)}
        if self.layout.columns:
            return texts  # only the canonical layout has pseudonyms
        joined = {column: pseudonyms.join_pseudonym(column, self.types) for column in texts}
        return texts | {column: text for column, text in joined.items() if text is not None}

    def _text(self, column: str) -> pl.Expr:
        """Return a column as text, with the values of the layout; blank text is null."""
        text = self._renamed(column)
        return text if column in self.layout.fixed else pl.when(text != "").then(text)

    def _renamed(self, column: str) -> pl.Expr:
        if column in self.layout.fixed:
            return pl.lit(str(self.layout.fixed[column]))
        text = self._as_text(self.layout.source(column))
        values = dict(self.layout.values.get(column, {}))
        if values:
            rest = pl.lit(values.pop("*")) if "*" in values else text
            renamed = text.replace_strict(values, default=None, return_dtype=pl.String)
            text = pl.coalesce(renamed, rest)
        return text

    def _as_text(self, name: str) -> pl.Expr:
        """Return a raw column of a flat type as text; a float without a fraction as an integer."""
        raw, dtype = pl.col(name), self.types[name]
        if dtype.is_nested():
            msg = f"'{self.file}': the column '{name}' is {dtype}, not text; write one value a row."
            raise InputError(msg)
        if dtype == pl.Binary:
            # Text without its type, as old Hive tables write it, or the bytes of a hash.
            token = raw.bin.encode("hex")
            text = pl.when(token.str.contains(_PRINTABLE_HEX)).then(token).str.decode("hex")
            return pl.coalesce(text.cast(pl.String), token)
        if dtype.is_float():
            integer = pl.when(raw == raw.floor()).then(raw).cast(pl.Int64, strict=False)
            return pl.coalesce(integer.cast(pl.String), raw.fill_nan(None).cast(pl.String))
        return raw.cast(pl.String)

    def raw_text(self, name: str) -> pl.Expr:
        """Return a raw column of any type as text, for the table of refused rows."""
        if self.types[name].is_nested():
            return pl.struct(name).struct.json_encode()
        if self.types[name] == pl.Duration:
            return pl.col(name).dt.to_string()
        return self._as_text(name)

    def _flag(self, column: str) -> pl.Expr:
        if self.types.get(self.layout.source(column)) == pl.Boolean:
            return pl.col(self.layout.source(column))
        return self._text(column).str.to_lowercase().is_in(["true", "1", "yes", "answered"])

    def _is_call(self) -> pl.Expr:
        return pl.all_horizontal(
            self._as_text(name).is_in(values) for name, values in self.layout.only.items()
        ).fill_null(value=False)

    def _parties_of_served(self, texts: dict[str, pl.Expr], path_column: str) -> dict[str, pl.Expr]:
        """Return the parties and the record type by the direction of a served line's record."""
        direction = self._text("direction")
        if self.layout.served_is_file_name:
            served = pl.col(path_column).str.extract(r"([^/\\]+?)\.[^.]*$", 1)
        else:
            served = self._text("served")
        one_party = "other" in self.layout.columns
        caller = self._text("other" if one_party else "calling_party")
        called = self._text("other" if one_party else "called_party")
        incoming, forwarded = direction == "in", direction == "fwd"
        # A forwarding record with one other party does not name the original caller.
        original = pl.lit(None, pl.String) if one_party else caller
        types = {"out": "moc", "in": "mtc", "fwd": "fwd"}
        return {
            "calling_number": pl.when(incoming)
            .then(caller)
            .when(forwarded)
            .then(original)
            .otherwise(served),
            "called_number": pl.when(incoming).then(served).otherwise(called),
            "redirecting_number": pl.when(forwarded)
            .then(served)
            .otherwise(texts.get("redirecting_number", pl.lit(None, pl.String))),
            "record_type": direction.replace_strict(types, default="other"),
        }

    def _forwarding_legs(self, calls: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Return the columns that make an outgoing record with a forwarding reason a leg (fwd).

        TS 32.298 has no forwarding record: the leg is an MOC with a forwarding service code.
        """
        if "redirect_reason" not in calls or "calling_party" not in self.layout.columns:
            return {}
        leg = calls["redirect_reason"].is_not_null() & (calls["record_type"] == "moc")
        return {
            "record_type": pl.when(leg).then(pl.lit("fwd")).otherwise(calls["record_type"]),
            "redirecting_number": pl.when(leg)
            .then(calls["calling_number"])
            .otherwise(calls["redirecting_number"]),
            "calling_number": pl.when(leg)
            .then(self._text("calling_party"))
            .otherwise(calls["calling_number"]),
        }

    def _duration(self) -> pl.Expr:
        name = self.layout.source("duration_s")
        if "duration_s" in self.layout.fixed:
            return pl.lit(int(self.layout.fixed["duration_s"]), pl.Int64)
        dtype, raw = self.types[name], pl.col(name)
        if dtype == pl.Duration:
            return raw.dt.total_seconds().fill_null(0)
        if dtype.is_integer():
            seconds = raw.cast(pl.Int64, strict=False)
        else:
            if not dtype.is_numeric():
                written = self._as_text(name).str.strip_chars()
                raw = pl.when(written != "").then(written)
            number = raw.cast(pl.Float64, strict=False)
            seconds = pl.when(number.is_finite()).then(number).round().cast(pl.Int64, strict=False)
        # A call without a duration had no talk; one that is not a number is refused later.
        return pl.when(raw.is_not_null()).then(seconds).otherwise(0)

    def _start(self) -> pl.Expr:
        name = self.layout.source("start_time")
        dtype, unit = self.types[name], self.layout.time_unit
        if isinstance(dtype, pl.Datetime):
            time = pl.col(name)
            aware = dtype.time_zone is not None
        elif unit and (dtype.is_numeric() or _is_text(dtype)):
            return self._from_epoch(self._as_text(name), unit)
        elif self.layout.time_format and _is_text(dtype):
            time = self._parse_time(self._as_text(name), self.layout.time_format)
            aware = "%z" in self.layout.time_format
        elif dtype == pl.Null:
            return pl.lit(None, pl.Datetime("us", "UTC"))
        else:
            msg = (
                f"'{self.file}': the column '{name}' is {dtype}, not a timestamp; "
                f"write it as one, or give a layout with time_format or time_unit."
            )
            raise InputError(msg)
        first, last = (
            pl.lit(end if aware else end.replace(tzinfo=None)) for end in (_FIRST, _LAST)
        )
        time = time.clip(first, last).dt.cast_time_unit("us")
        return time.dt.convert_time_zone("UTC") if aware else self._in_zone(time, name)

    @staticmethod
    def _from_epoch(text: pl.Expr, unit: Literal["s", "ms", "us"]) -> pl.Expr:
        last = int(_LAST.timestamp()) * _UNITS[unit]
        ticks = text.str.strip_chars().cast(pl.Float64, strict=False).clip(0, last)
        # Rounded in microseconds, so that 1755859200.5 s keeps its half second.
        micros = (ticks * (_UNITS["us"] // _UNITS[unit])).round().cast(pl.Int64)
        return micros.cast(pl.Datetime("us", "UTC"))

    @staticmethod
    def _parse_time(text: pl.Expr, time_format: str) -> pl.Expr:
        aware = "%z" in time_format
        text = text.str.strip_chars()
        if aware:
            text = text.str.replace("Z$", "+0000")  # %z does not accept Z
        zone = "UTC" if aware else None
        return text.str.to_datetime(time_format, time_unit="us", strict=False, time_zone=zone)

    def _in_zone(self, naive: pl.Expr, name: str) -> pl.Expr:
        """Return a naive time as an instant; in an hour that occurs twice, the earlier one."""
        if self.tz is None:
            msg = (
                f"'{self.file}': the times in '{name}' carry no zone; "
                f"say which with --tz, as in --tz Asia/Shanghai."
            )
            raise InputError(msg)
        local = naive.dt.replace_time_zone(self.tz, ambiguous="earliest", non_existent="null")
        return local.dt.convert_time_zone("UTC")


def _parse_record_type(text: pl.Expr) -> pl.Expr:
    """Return the record type of a text; a blank is a call, capitals take a slower way."""
    return text.map_batches(_record_types, return_dtype=RECORD_TYPE, is_elementwise=True)


def _record_types(written: pl.Series) -> pl.Series:
    exact = written.cast(RECORD_TYPE, strict=False)
    if not exact.null_count():
        return exact
    text = pl.col("text")
    blank = text.is_null() | (text == "")
    other = pl.when(blank).then(pl.lit("call")).otherwise(text.str.to_lowercase())
    odd = written.alias("text").to_frame().filter(exact.is_null())
    distinct = odd.unique().with_columns(type=other.cast(RECORD_TYPE, strict=False))
    types = odd.join(distinct, on="text", how="left", nulls_equal=True, maintain_order="left")
    return exact.scatter(exact.is_null().arg_true(), types["type"])


def _is_text(dtype: pl.DataType) -> bool:
    # Not a set: an Enum equals pl.Enum, but has another hash.
    return dtype in (pl.String, pl.Binary, pl.Categorical, pl.Enum)
