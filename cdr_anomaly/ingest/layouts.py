"""Layouts: which vendor column holds what; as data, in layouts.toml or a file of the user's."""

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
    def _are_ours(cls, told: dict[str, Any]) -> dict[str, Any]:
        known = (*CALLS, *SERVED)
        for column in told:
            if column not in known:
                msg = f"'{column}' is not a column of ours.{nearest(column, known)}"
                raise ValueError(msg)
        return told

    @field_validator("fixed")
    @classmethod
    def _is_no_time(cls, fixed: dict[str, str | int]) -> dict[str, str | int]:
        if "start_time" in fixed or not str(fixed.get("duration_s", 0)).isdecimal():
            msg = "it can fix no start_time, and duration_s to whole seconds only."
            raise ValueError(msg)
        return fixed

    @field_validator("tz")
    @classmethod
    def _is_zone(cls, name: str | None) -> str | None:
        if name is not None:
            zone(name)
        return name

    def source(self, column: str) -> str:
        """Name the vendor's column for ours; the canonical layout names it alike."""
        return self.columns.get(column, column)

    def required(self) -> list[str]:
        """Name the vendor's columns without which there are no calls."""
        if self.perspective == "call":
            ours: Iterable[str] = REQUIRED
        else:
            parties = ("other",) if "other" in self.columns else ("calling_party", "called_party")
            served = () if self.served_is_file_name else ("served",)
            ours = (*served, *parties, "direction", "start_time", "duration_s")
        return [*(self.source(column) for column in ours if column not in self.fixed), *self.only]


def shipped() -> dict[str, Layout]:
    """Return the layouts that come with the tool, by name."""
    return {name: _shipped_layout(name) for name in _shipped_tables()}


@cache
def _shipped_tables() -> dict[str, Any]:
    text = (files("cdr_anomaly.ingest") / "layouts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _shipped_layout(name: str) -> Layout:
    """Return one layout that comes with the tool; the others are not looked at."""
    return Layout.model_validate({"name": name, **_shipped_tables()[name]})


def named(word: str | None) -> Layout:
    """Return the layout of that name, or the only one in that TOML file; canonical by default."""
    if word is None:
        return _shipped_layout("canonical")
    known = _shipped_tables()
    if word in known:
        return _shipped_layout(word)
    if not word.endswith(".toml"):
        hint = f"{nearest(word, known)} A file of your own ends in .toml."
        msg = f"'{word}' is not a layout that ships with the tool.{hint}"
        raise SettingError(msg)
    try:
        own = _parsed(Path(word).read_text(encoding="utf-8"), word)
    except OSError as error:
        msg = f"The layout file '{word}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"The layout file '{word}' is not valid TOML: {error}."
        raise SettingError(msg) from error
    if len(own) != 1:
        msg = f"The layout file '{word}' must hold one layout, as [name], not {len(own)}."
        raise SettingError(msg)
    return next(iter(own.values()))


def check(layout: Layout, found: list[str], file: Location) -> None:
    """Fail, naming what is missing and the nearest layout, when columns do not fit the layout."""
    missing = [column for column in layout.required() if column not in found]
    if not missing:
        return
    fits = [
        other.name
        for other in shipped().values()
        if other.name != layout.name and all(column in found for column in other.required())
    ]
    hint = f" They fit the layout '{fits[0]}': add --layout {fits[0]}." if fits else ""
    hint = hint or _near(found, layout)
    lacks = ", ".join(f"'{column}'" for column in missing)
    msg = (
        f"'{file}' lacks {lacks}, which the layout '{layout.name}' needs; "
        f"its columns are {', '.join(found)}.{hint}"
    )
    raise InputError(msg)


def _near(found: list[str], tried: Layout) -> str:
    def shared(layout: Layout) -> int:
        return sum(column in found for column in layout.required())

    best = max(shipped().values(), key=shared)
    if not shared(best) or best.name == tried.name:
        return " Name your own columns in a layout file: --layout my.toml."
    return (
        f" The nearest layout is '{best.name}', which needs {', '.join(best.required())}; "
        f"name your own columns with --layout my.toml."
    )


def _parsed(text: str, file: str) -> dict[str, Layout]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"The layout file '{file}' is not valid TOML: {error}."
        raise SettingError(msg) from error
    try:
        return {name: Layout.model_validate({"name": name, **t}) for name, t in tables.items()}
    except (ValidationError, TypeError) as error:
        if isinstance(error, TypeError):
            msg = f"The layout file '{file}' must hold one table, as [name]."
            raise SettingError(msg) from error
        sentence = validation_sentence(error, list(Layout.model_fields), section=file)
        raise SettingError(sentence) from error
