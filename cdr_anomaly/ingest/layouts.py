"""Layouts: which vendor column holds which column of CALLS, from layouts.toml or a user's file."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from cdr_anomaly.errors import InputError, SettingError, nearest
from cdr_anomaly.schema import CALLS, REQUIRED
from cdr_anomaly.settings import validation_sentence, zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdr_anomaly.storage.paths import Location

SERVED = ("served", "other", "calling_party", "called_party", "direction")


class Layout(BaseModel):
    """How one vendor's rows become CALLS; layouts.toml says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str = ""
    perspective: Literal["call", "served"] = "call"
    tz: str | None = None
    time_format: str | None = None
    time_unit: Literal["s", "ms", "us"] | None = None
    served_is_file_name: bool = False
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    fixed: dict[str, str | int] = {}
    only: dict[str, list[str]] = {}

    @field_validator("columns", "values", "fixed")
    @classmethod
    def _are_columns_of_calls(cls, mapping: dict[str, Any]) -> dict[str, Any]:
        names = (*CALLS, *SERVED)
        for column in mapping:
            if column not in names:
                msg = f"'{column}' is not a column of ours.{nearest(column, names)}"
                raise ValueError(msg)
        return mapping

    @field_validator("fixed")
    @classmethod
    def _has_no_start_time(cls, fixed: dict[str, str | int]) -> dict[str, str | int]:
        if "start_time" in fixed or not str(fixed.get("duration_s", 0)).isdecimal():
            msg = "it can fix no start_time, and duration_s to whole seconds only."
            raise ValueError(msg)
        return fixed

    @field_validator("tz")
    @classmethod
    def _is_time_zone(cls, name: str | None) -> str | None:
        if name is not None:
            zone(name)
        return name

    def source(self, column: str) -> str:
        """Return the vendor's name of a column of CALLS; the same one in the canonical layout."""
        return self.columns.get(column, column)

    def required(self) -> list[str]:
        """Return the vendor's columns that every file needs."""
        if self.perspective == "call":
            ours: Iterable[str] = REQUIRED
        else:
            parties = ("other",) if "other" in self.columns else ("calling_party", "called_party")
            served = () if self.served_is_file_name else ("served",)
            ours = (*served, *parties, "direction", "start_time", "duration_s")
        return [*(self.source(column) for column in ours if column not in self.fixed), *self.only]


def shipped_layouts() -> dict[str, Layout]:
    """Return the layouts of layouts.toml, by name."""
    return {name: _shipped_layout(name) for name in _shipped_tables()}


@cache
def _shipped_tables() -> dict[str, Any]:
    text = (files("cdr_anomaly.ingest") / "layouts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _shipped_layout(name: str) -> Layout:
    """Return one layout of layouts.toml, without parsing the others."""
    return Layout.model_validate({"name": name, **_shipped_tables()[name]})


def find_layout(name: str | None) -> Layout:
    """Return the layout of a name, or the only one in a TOML file; canonical by default.

    Raises SettingError or InputError if there is none.
    """
    if name is None:
        return _shipped_layout("canonical")
    tables = _shipped_tables()
    if name in tables:
        return _shipped_layout(name)
    if not name.endswith(".toml"):
        hint = f"{nearest(name, tables)} A file of your own ends in .toml."
        msg = f"'{name}' is not a layout that ships with the tool.{hint}"
        raise SettingError(msg)
    tables = _read_toml(name)
    if len(tables) != 1:
        msg = f"The layout file '{name}' must hold one layout, as [name], not {len(tables)}."
        raise SettingError(msg)
    ((title, table),) = tables.items()
    if not isinstance(table, dict):
        msg = f"The layout file '{name}' must hold one table, as [name]."
        raise SettingError(msg)
    try:
        return Layout.model_validate({"name": title, **table})
    except ValidationError as error:
        sentence = validation_sentence(error, list(Layout.model_fields), section=name)
        raise SettingError(sentence) from error


def _read_toml(name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"The layout file '{name}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"The layout file '{name}' is not valid TOML: {error}."
        raise SettingError(msg) from error


def check_columns(layout: Layout, columns: list[str], file: Location) -> None:
    """Raise InputError with the missing columns and the nearest layout if columns do not fit."""
    missing = [column for column in layout.required() if column not in columns]
    if not missing:
        return
    fits = [
        other.name
        for other in shipped_layouts().values()
        if other.name != layout.name and all(column in columns for column in other.required())
    ]
    hint = f" They fit the layout '{fits[0]}': add --layout {fits[0]}." if fits else ""
    hint = hint or _nearest_layout(columns, layout)
    lacks = ", ".join(f"'{column}'" for column in missing)
    msg = (
        f"'{file}' lacks {lacks}, which the layout '{layout.name}' needs; "
        f"its columns are {', '.join(columns)}.{hint}"
    )
    raise InputError(msg)


def _nearest_layout(columns: list[str], layout: Layout) -> str:
    def n_common(other: Layout) -> int:
        return sum(column in columns for column in other.required())

    best = max(shipped_layouts().values(), key=n_common)
    if not n_common(best) or best.name == layout.name:
        return " Name your own columns in a layout file: --layout my.toml."
    return (
        f" The nearest layout is '{best.name}', which needs {', '.join(best.required())}; "
        f"name your own columns with --layout my.toml."
    )
