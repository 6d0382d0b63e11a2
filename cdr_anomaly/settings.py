"""Settings of a run, read from a TOML file, ``--set`` and options."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, field_validator

from cdr_anomaly.errors import InputError, SettingError, nearest, warn_former_name
from cdr_anomaly.vocabulary import Engine

if TYPE_CHECKING:
    from pathlib import Path


# Names of the tz database that are no zones, and that Polars does not know.
_NO_ZONES = {"Factory", "localtime"}
# Two parts of a feed and what is made of them take a GiB by themselves.
MIN_MEMORY_BYTES = 5 * 2**28
# Three months without a call are a gap in a feed; what was before it is not known any more.
MAX_SILENT_DAYS = 90
# The section of ColdCallers, and where its settings stood before.
SECTION, FORMER_SECTION = "cold_callers", "campaign"


class ColdCallers(BaseModel):
    """Which line-days are of cold callers, which call strangers one way: all of it must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    calls_day: int = Field(30, ge=1, description="placed calls of the day, at least")
    distinct_ratio: float = Field(
        0.5, ge=0, le=1, description="share of different numbers among these calls, at least"
    )
    out_share: float = Field(
        0.7, ge=0, le=1, description="share of outgoing calls among all its calls, at least"
    )
    call_backs: float = Field(
        0.1, ge=0, le=1, description="share of the numbers that call back, less than this"
    )
    familiar: float = Field(
        0.3, ge=0, le=1, description="share of numbers that it called before, less than this"
    )
    answered: float = Field(0.7, ge=0, le=1, description="share of answered calls, at most")
    cells: int = Field(4, ge=1, description="cells that the calls of the day begin at, at most")


class Settings(BaseModel):
    """What can be set of a run, beside its paths."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    home: str = Field("CN", description="home region, two letters (ISO 3166)")
    tz: str | None = Field(
        None,
        description="zone of naive times and of local days (IANA); "
        "by default that of the layout, else the first zone of the home region",
    )
    layout: str | None = Field(None, description="name of a shipped layout, or a TOML file")
    since: date | None = Field(None, description="first local day to read (YYYY-MM-DD)")
    until: date | None = Field(None, description="last local day to read (YYYY-MM-DD)")
    memory: ByteSize = Field(
        "4GiB",
        validate_default=True,
        description="memory that a run may take, 1.25GiB or more",
    )
    engine: Engine = Field(
        "local", description="what moves the rows: Polars here, or Spark on a cluster"
    )
    master: str | None = Field(
        None,
        description="address of the Spark cluster, as spark://host:7077; "
        "by default that of spark-submit, else this machine",
    )
    max_duration_s: int = Field(
        86_400, ge=1, description="a longer call is refused as absurd (seconds)"
    )
    fdr: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="false-discovery rate at which a line is found for being unlike its peers",
    )
    max_alerts: int = Field(200, ge=1, description="alerts that are ranked; others have no rank")
    max_victims: int = Field(200, ge=1, description="people on the list of those to be warned")
    repeat_after_days: int = Field(
        7, ge=1, description="nights after which an alert that goes on is listed again"
    )
    keep_profiles_days: int = Field(
        400, ge=61, description="days that sums, findings and alerts are remembered"
    )
    keep_calls_days: int = Field(
        180, ge=29, description="days that calls of busy and of new lines are remembered"
    )
    cold_callers: ColdCallers = Field(
        default_factory=ColdCallers, description="which lines call strangers one way"
    )
    detectors: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="settings of each detector, by its name"
    )

    @field_validator("memory")
    @classmethod
    def _check_memory(cls, memory: ByteSize) -> ByteSize:
        if memory < MIN_MEMORY_BYTES:
            msg = f"{memory.human_readable()} is less than a run takes; give 1.25GiB or more."
            raise ValueError(msg)
        return memory


def load_settings(
    file: Path | None = None, assignments: tuple[str, ...] = (), **options: Any
) -> Settings:
    """Read settings from a TOML file, then from assignments, then from keyword arguments.

    Later ones win; a keyword of None is not set. An assignment is ``detector.setting=value``,
    ``cold_callers.setting=value`` or ``setting=value``.
    """
    values: dict[str, Any] = _read_toml(file) if file else {}
    _move_former_settings(values)
    for assignment in assignments:
        _assign(values, assignment)
    values |= {name: value for name, value in options.items() if value is not None}
    return _validate(values)


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that IANA name."""
    if name not in _zones_of_package():
        _check_zone_of_machine(name)
    return ZoneInfo(name)


@cache
def _zones_of_package() -> frozenset[str]:
    """Return the zones of the tzdata package, which are listed in one file of it."""
    from importlib.resources import files

    names = (files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(names) - _NO_ZONES


def _check_zone_of_machine(name: str) -> None:
    """Fail when this machine has no such zone either; looks through all its zone files."""
    zones = available_timezones() - _NO_ZONES
    if name not in zones:
        msg = f"'{name}' is not a time zone that is known here.{nearest(name, zones)}"
        raise SettingError(msg)


@cache
def first_zone(region: str) -> str:
    """Return the first zone that the tz database lists for a region, else UTC."""
    from importlib.resources import files

    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((row[2] for row in rows if row[0] == region.upper()), "UTC")


def validation_sentence(error: ValidationError, names: list[str], section: str = "") -> str:
    """Return one sentence for the first error, with the setting's full name."""
    first = error.errors()[0]
    name = ".".join([*filter(None, [section]), *(str(part) for part in first["loc"])])
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        word = str(first["loc"][-1])
        within = ".".join([*filter(None, [section]), *(str(part) for part in first["loc"][:-1])])
        owner = f" of {within}" if within else ""
        table = " Settings of a detector stand in [detectors.NAME]."
        # At the top a table that is no setting is most likely that of a detector.
        is_table = isinstance(first.get("input"), dict)
        close = nearest(word, ["detectors"] if is_table and not section else names)
        hint = close or (table if is_table else "")
        return f"'{word}' is not a setting{owner}.{hint}"
    if first["type"] == "value_error":  # a sentence of ours
        return f"{name}: {first['msg'].removeprefix('Value error, ')}"
    return f"{name} {first['msg'].removeprefix('Input ')}, not {first.get('input')!r}."


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"The settings file '{file}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"The settings file '{file}' is not valid TOML: {error}."
        raise SettingError(msg) from error


def _assign(values: dict[str, Any], assignment: str) -> None:
    name, equals, text = assignment.partition("=")
    if not equals:
        msg = f"'{assignment}' is not of the form name=value, as in high_frequency.calls_60min=40."
        raise SettingError(msg)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    path = name.strip().removeprefix("detectors.").split(".")
    if len(path) == 1:
        values[path[0]] = value
        return
    if path[0] == FORMER_SECTION and path[1] in ColdCallers.model_fields:
        warn_former_name(f"The setting '{FORMER_SECTION}.{path[1]}'", f"'{SECTION}.{path[1]}'")
        path[0] = SECTION
    section = values
    for name in (SECTION,) if path[0] == SECTION else ("detectors", path[0]):
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            why = f"the settings hold {section!r} where [{name}] should be"
            msg = f"'{assignment}' cannot be set: {why}."
            raise SettingError(msg)
    section[".".join(path[1:])] = value


def _move_former_settings(values: dict[str, Any]) -> None:
    """Move the settings of cold callers from [detectors.campaign], where they stood before."""
    detectors = values.get("detectors")
    campaign = detectors.get(FORMER_SECTION) if isinstance(detectors, dict) else None
    section = values.get(SECTION, {})
    if not isinstance(campaign, dict) or not isinstance(section, dict):
        return
    for name in [name for name in campaign if name in ColdCallers.model_fields]:
        warn_former_name(f"'{name}' in [detectors.{FORMER_SECTION}]", f"'{name}' in [{SECTION}]")
        values[SECTION] = {name: campaign.pop(name)} | section
        section = values[SECTION]


def _validate(values: dict[str, Any]) -> Settings:
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first, *rest = error.errors()[0]["loc"]
        model = ColdCallers if first == SECTION and rest else Settings
        raise SettingError(validation_sentence(error, list(model.model_fields))) from error
    if settings.tz:
        zone(settings.tz)
    if settings.since and settings.until and settings.since > settings.until:
        msg = f"since {settings.since} is after until {settings.until}; there is no day between."
        raise SettingError(msg)
    return settings
