"""A vendor's raw columns to those of CALLS, as expressions.

What goes in is a raw frame and a layout, what comes out is one expression per column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest.validate import KIND
from cdr_anomaly.numbering import pseudonyms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cdr_anomaly.ingest.layouts import Layout

PARTIES = ("calling_number", "called_number")
NUMBERS = (*PARTIES, "redirecting_number")

# Beyond these no time is looked at: Polars panics on the years that a broken clock can hold.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_BLANKS = r"[\s().-]"
_PRINTABLE_HEX = "^(?:[2-7][0-9a-f])+$"


@dataclass(frozen=True)
class RowMap:
    """What turns one file shape into CALLS: its layout, its types, and how to read times."""

    layout: Layout
    types: Mapping[str, pl.DataType]
    file: str
    tz: str | None
    plan: numbering.HomePlan
    as_text: bool
    e164: frozenset[str] = frozenset()

    def expressions(self, lineage: str) -> dict[str, pl.Expr]:
        """Return one expression over the raw columns per column of CALLS that the file offers.

        Numbers are still as they were written, see ``steps``. ``lineage`` is the column that holds
        the path of the file.
        """
        served = self.layout.perspective == "served"
        found = self._plain(
            (
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
        )
        found |= self._served(found, lineage) if served else self._plain(PARTIES)
        found |= {column: pl.col(self.layout.source(column)) for column in self.e164}
        if "record_type" not in found and self._has("record_type"):
            found["record_type"] = self._renamed("record_type")
        if self._has("answered"):
            found["answered"] = self._flag("answered")
        if served:
            found |= self._forwarding_legs(found)
        if not self.as_text:
            # A line code has no blanks and hyphens; line_text() removes them itself.
            found |= {
                column: found[column].str.replace_all(_BLANKS, "")
                for column in NUMBERS
                if column in found and column not in self.e164
            }
        if "record_type" in found:
            found["record_type"] = _kind(found["record_type"])
        if self.layout.only:
            kind = found.get("record_type", pl.lit("call", KIND))
            found["record_type"] = pl.when(self._is_call()).then(kind)
        return found | {"start_time": self._start(), "duration_s": self._duration()}

    def steps(self, columns: Collection[str]) -> list[dict[str, pl.Expr]]:
        """Return what turns the written numbers among the columns into lines, step by step.

        A number is read in many ways: what is not a column by then would be worked out in each.
        """
        written = [column for column in NUMBERS if column in columns]
        if not self.as_text:
            lines = {column: self._code(column) for column in written}
            told = {f"{column}_told": pl.col(column).is_not_null() for column in written}
            lost = {c: pl.col(f"{c}_told") & pl.col(c).is_null() for c in written}
            doubt = [missing for column, missing in lost.items() if column in self.e164]
            any_of = {"lost": lost.values(), "doubt": [pl.lit(value=False), *doubt]}
            return [
                told | lines,
                {name: pl.any_horizontal(*each) for name, each in any_of.items()},
            ]
        tidy = {f"{c}_tidy": pl.col(c).str.replace_all(_BLANKS, "") for c in written}
        codes = {f"{c}_code": numbering.line_code(pl.col(f"{c}_tidy"), self.plan) for c in written}
        # As numbering.line_text() does.
        opaque = {c: pl.when(numbering.is_opaque(pl.col(c), self.plan)).then(c) for c in written}
        lines = {
            c: pl.coalesce(numbering.format_line(pl.col(f"{c}_code")), token.str.strip_chars())
            for c, token in opaque.items()
        }
        none = {name: pl.lit(value=False) for name in ("lost", "doubt")}
        return [tidy, codes, lines | none]

    def _code(self, column: str) -> pl.Expr:
        if column in self.e164:
            return numbering.e164_code(pl.col(column))
        return numbering.line_code(pl.col(column), self.plan)

    def _has(self, column: str) -> bool:
        return column in self.layout.fixed or self.layout.source(column) in self.types

    def _plain(self, columns: tuple[str, ...]) -> dict[str, pl.Expr]:
        found = {column: self._text(column) for column in columns if self._has(column)}
        if self.layout.columns:
            return found  # pseudonyms stand in columns of our own names
        whole = {column: pseudonyms.join_pseudonym(column, self.types) for column in found}
        return found | {column: text for column, text in whole.items() if text is not None}

    def _text(self, column: str) -> pl.Expr:
        """Take a column as text, its values renamed as the layout says; blank text is null."""
        text = self._renamed(column)
        return text if column in self.layout.fixed else pl.when(text != "").then(text)

    def _renamed(self, column: str) -> pl.Expr:
        if column in self.layout.fixed:
            return pl.lit(str(self.layout.fixed[column]))
        text = self._written(self.layout.source(column))
        renamed = dict(self.layout.values.get(column, {}))
        if renamed:
            rest = pl.lit(renamed.pop("*")) if "*" in renamed else text
            mapped = text.replace_strict(renamed, default=None, return_dtype=pl.String)
            text = pl.coalesce(mapped, rest)
        return text

    def _written(self, name: str) -> pl.Expr:
        """Spell out a raw column of any flat type; whole floats, as pandas makes them, as whole."""
        raw, dtype = pl.col(name), self.types[name]
        if dtype.is_nested():
            msg = f"'{self.file}': the column '{name}' is {dtype}, not text; write one value a row."
            raise InputError(msg)
        if dtype == pl.Binary:
            # Text that lost its mark, as old Hive tables write it, or the bytes of a hash.
            token = raw.bin.encode("hex")
            text = pl.when(token.str.contains(_PRINTABLE_HEX)).then(token).str.decode("hex")
            return pl.coalesce(text.cast(pl.String), token)
        if dtype.is_float():
            whole = pl.when(raw == raw.floor()).then(raw).cast(pl.Int64, strict=False)
            return pl.coalesce(whole.cast(pl.String), raw.fill_nan(None).cast(pl.String))
        return raw.cast(pl.String)

    def as_came(self, name: str) -> pl.Expr:
        """Spell out a raw column of any type, for the table of refused rows."""
        if self.types[name].is_nested():
            return pl.struct(name).struct.json_encode()
        if self.types[name] == pl.Duration:
            return pl.col(name).dt.to_string()
        return self._written(name)

    def _flag(self, column: str) -> pl.Expr:
        if self.types.get(self.layout.source(column)) == pl.Boolean:
            return pl.col(self.layout.source(column))
        return self._text(column).str.to_lowercase().is_in(["true", "1", "yes", "answered"])

    def _is_call(self) -> pl.Expr:
        return pl.all_horizontal(
            self._written(name).is_in(values) for name, values in self.layout.only.items()
        ).fill_null(value=False)

    def _served(self, plain: dict[str, pl.Expr], lineage: str) -> dict[str, pl.Expr]:
        """Tell caller from called by the direction that the served line's record gives."""
        direction = self._text("direction")
        if self.layout.served_is_file_name:
            served = pl.col(lineage).str.extract(r"([^/\\]+?)\.[^.]*$", 1)
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
            "calling_number": pl.when(incoming)
            .then(caller)
            .when(forwarded)
            .then(original)
            .otherwise(served),
            "called_number": pl.when(incoming).then(served).otherwise(called),
            "redirecting_number": pl.when(forwarded)
            .then(served)
            .otherwise(plain.get("redirecting_number", pl.lit(None, pl.String))),
            "record_type": direction.replace_strict(types, default="other"),
        }

    def _forwarding_legs(self, found: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """See an outgoing record with a forwarding reason as the forwarding leg that it is.

        TS 32.298 has no forwarding record: the leg is an MOC with a forwarding service code.
        """
        if "redirect_reason" not in found or "calling_party" not in self.layout.columns:
            return {}
        leg = found["redirect_reason"].is_not_null() & (found["record_type"] == "moc")
        return {
            "record_type": pl.when(leg).then(pl.lit("fwd")).otherwise(found["record_type"]),
            "redirecting_number": pl.when(leg)
            .then(found["calling_number"])
            .otherwise(found["redirecting_number"]),
            "calling_number": pl.when(leg)
            .then(self._text("calling_party"))
            .otherwise(found["calling_number"]),
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
                written = self._written(name).str.strip_chars()
                raw = pl.when(written != "").then(written)
            number = raw.cast(pl.Float64, strict=False)
            seconds = pl.when(number.is_finite()).then(number).round().cast(pl.Int64, strict=False)
        # An attempt without a duration had no talk; one that is not a number is refused below.
        return pl.when(raw.is_not_null()).then(seconds).otherwise(0)

    def _start(self) -> pl.Expr:
        name = self.layout.source("start_time")
        dtype, unit = self.types[name], self.layout.time_unit
        if isinstance(dtype, pl.Datetime):
            time = pl.col(name)
            aware = dtype.time_zone is not None
        elif unit and (dtype.is_numeric() or _is_text(dtype)):
            return self._epoch(self._written(name), unit)
        elif self.layout.time_format and _is_text(dtype):
            time = self._parsed(self._written(name), self.layout.time_format)
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
        return time.dt.convert_time_zone("UTC") if aware else self._placed(time, name)

    @staticmethod
    def _epoch(written: pl.Expr, unit: Literal["s", "ms", "us"]) -> pl.Expr:
        last = int(_LAST.timestamp()) * _UNITS[unit]
        ticks = written.str.strip_chars().cast(pl.Float64, strict=False).clip(0, last)
        # To the microsecond before it is whole, so that 1755859200.5 s keeps its half second.
        micros = (ticks * (_UNITS["us"] // _UNITS[unit])).round().cast(pl.Int64)
        return micros.cast(pl.Datetime("us", "UTC"))

    @staticmethod
    def _parsed(written: pl.Expr, form: str) -> pl.Expr:
        aware = "%z" in form
        text = written.str.strip_chars()
        if aware:
            text = text.str.replace("Z$", "+0000")  # which %z does not take
        zone = "UTC" if aware else None
        return text.str.to_datetime(form, time_unit="us", strict=False, time_zone=zone)

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


def _kind(told: pl.Expr) -> pl.Expr:
    """Read a record type; what is not written just so goes a slower way, blank is a whole call."""
    known = told.cast(KIND, strict=False)
    rest = pl.when(known.is_null()).then(told)
    blank = rest.is_null() | (rest == "")
    other = pl.when(blank).then(pl.lit("call")).otherwise(rest.str.to_lowercase())
    return pl.coalesce(known, other.cast(KIND, strict=False))


def _is_text(dtype: pl.DataType) -> bool:
    # No set: an Enum equals pl.Enum, but its hash is another.
    return dtype in (pl.String, pl.Binary, pl.Categorical, pl.Enum)
