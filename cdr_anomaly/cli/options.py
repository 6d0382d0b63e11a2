"""What commands are told: groups of options, and what is built from them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from cdr_anomaly.vocabulary import Engine

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.nights.run import Lists
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


def local_path(text: str) -> Path:
    """Return a path of this machine; an address would make a folder that is called like it."""
    if "://" in text:
        from cdr_anomaly.errors import SettingError

        msg = f"'{text}' is an address, and this must be a path of this machine."
        raise SettingError(msg)
    return Path(text)


def day_of(time: datetime | None) -> date | None:
    """Return the day of an option's date, or None where it was not given."""
    return time.date() if time else None


DAY = ["%Y-%m-%d"]
LOCAL: dict[str, Any] = {"parser": local_path, "metavar": "PATH"}

Paths = Annotated[
    list[str],
    Argument(help="Parquet files, folders or globs, Delta or Iceberg tables; s3:// and such."),
]
State = Annotated[str, Option(help="Folder of what nights remember.")]
Date = Annotated[datetime | None, Option("--date", formats=DAY, help="The local day.")]
Entities = Annotated[
    Path | None,
    Option(
        **LOCAL,
        help="CSV, TOML or Parquet of declared lines, ranges, prefixes, classes or handsets, with "
        "their purpose. They are set aside.",
    ),
]
Subscribers = Annotated[
    Path | None,
    Option(
        **LOCAL,
        help="CSV or Parquet of lines: line; activation, holder_token, holder_region, dealer, "
        "line_kind.",
    ),
]
MaxAlerts = Annotated[int | None, Option(min=1, help="Alerts that are ranked, by default 200.")]
JsonLog = Annotated[bool, Option("--json-log", help="Say everything as lines of JSON.")]


@dataclass(frozen=True)
class SettingsOptions:
    """Settings, from a file or one by one."""

    config: Annotated[Path | None, Option(**LOCAL, help="A TOML file of settings.")] = None
    assignments: Annotated[
        list[str], Option("--set", help="A setting, as in high_frequency.calls_60min=40.")
    ] = field(default_factory=list)

    def settings(self, **given: Any) -> Settings:
        """Return the settings of the file, then of --set, then of options, those ``given`` too."""
        from cdr_anomaly.settings import Settings, load_settings

        for name in {option.name for option in fields(self)} & Settings.model_fields.keys():
            value = getattr(self, name)
            given[name] = day_of(value) if isinstance(value, datetime) else value
        return load_settings(self.config, tuple(self.assignments), **given)


@dataclass(frozen=True)
class InputOptions(SettingsOptions):
    """How records are to be read."""

    tz: Annotated[str | None, Option(help="Zone of local days and of naive times.")] = None
    home: Annotated[str | None, Option(help="Home region; by default CN.")] = None
    layout: Annotated[str | None, Option(help="A layout's name, or a TOML file.")] = None


@dataclass(frozen=True)
class PeriodOptions(InputOptions):
    """Which days are read."""

    since: Annotated[datetime | None, Option(formats=DAY, help="First local day.")] = None
    until: Annotated[datetime | None, Option(formats=DAY, help="Last local day.")] = None


@dataclass(frozen=True)
class EngineOptions:
    """What moves the rows, and how much memory that may take."""

    memory: Annotated[
        str | None, Option(help="Memory that a run may take, as in 4GiB, which is the default.")
    ] = None
    engine: Annotated[
        Engine | None, Option(help="What moves the rows: this machine, or Spark.")
    ] = None
    master: Annotated[
        str | None, Option(help="Address of the Spark cluster, as in spark://host:7077.")
    ] = None


@dataclass(frozen=True)
class NightOptions(EngineOptions, InputOptions):
    """How the records of a night are read."""


@dataclass(frozen=True)
class ScanOptions(EngineOptions, PeriodOptions):
    """How the records of a scan are read."""


@dataclass(frozen=True)
class ListOptions:
    """Lists that operators keep."""

    entities: Entities = None
    subscribers: Subscribers = None

    def for_nights(self) -> Lists:
        """Return the lists as nights take them."""
        from cdr_anomaly.nights.run import Lists

        return Lists(self.entities, self.subscribers)


@dataclass(frozen=True)
class StorageOptions:
    """Options of object stores."""

    storage: Annotated[
        list[str],
        Option(
            "--storage-option",
            help="An option of s3://, gs:// or az://, as in aws_region=eu-west-1; those of the "
            "environment hold, too, and keep secrets better.",
        ),
    ] = field(default_factory=list)

    def by_name(self) -> dict[str, str]:
        """Return the options by their names."""
        from cdr_anomaly.storage import paths

        return paths.parse_options(self.storage)

    def location(self, text: str) -> Location:
        """Return a path of this machine, or an address of a store with its options."""
        from cdr_anomaly.storage import paths

        return paths.parse_location(text, self.by_name())

    def locations(self, texts: list[str]) -> list[Location]:
        """Return the location of each text."""
        return [self.location(text) for text in texts]

    def folder(self, text: str | None) -> Location | None:
        """Return the location of a folder for results, if any; fail if it cannot be written."""
        from cdr_anomaly.storage import atomic_write

        if text is None:
            return None
        location = self.location(text)
        atomic_write.check_writable(location)
        return location
