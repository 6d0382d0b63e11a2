"""The options that commands share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, overload

import typer

if TYPE_CHECKING:
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location as Where


class Format(StrEnum):
    """How data is written to standard output."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"


class Severity(StrEnum):
    """How grave a finding is."""

    low = "low"
    medium = "medium"
    high = "high"
    critical = "critical"


class Language(StrEnum):
    """What language a page is in."""

    en = "en"
    zh = "zh"


class Engines(StrEnum):
    """What moves the rows."""

    local = "local"
    spark = "spark"


DAY = ["%Y-%m-%d"]


def local(text: str) -> Path:
    """Take a path of this machine; an address would make a folder that is called like it."""
    if "://" in text:
        from cdr_anomaly.errors import SettingError

        msg = f"'{text}' is an address, and this must be a path of this machine."
        raise SettingError(msg)
    return Path(text)


LOCAL: dict[str, Any] = {"parser": local, "metavar": "PATH"}

Paths = Annotated[
    list[str],
    typer.Argument(
        help="Parquet files, folders or globs, Delta or Iceberg tables; s3:// and such."
    ),
]
Storage = Annotated[
    list[str],
    typer.Option(
        "--storage-option",
        help="An option of s3://, gs:// or az://, as in aws_region=eu-west-1; those of the "
        "environment hold, too, and keep secrets better.",
    ),
]
Config = Annotated[Path | None, typer.Option("--config", **LOCAL, help="A TOML file of settings.")]
Words = Annotated[
    list[str], typer.Option("--set", help="A setting, as in high_frequency.calls_60min=40.")
]
Tz = Annotated[str | None, typer.Option("--tz", help="Zone of local days and of naive times.")]
Home = Annotated[str | None, typer.Option("--home", help="Home region; by default CN.")]
Layout = Annotated[str | None, typer.Option("--layout", help="A layout's name, or a TOML file.")]
Since = Annotated[datetime | None, typer.Option(formats=DAY, help="First local day.")]
Until = Annotated[datetime | None, typer.Option(formats=DAY, help="Last local day.")]
Entities = Annotated[
    Path | None,
    typer.Option(
        **LOCAL,
        help="CSV, TOML or Parquet of declared lines, ranges, prefixes, classes or handsets, with "
        "their purpose. They are set aside.",
    ),
]
Subscribers = Annotated[
    Path | None,
    typer.Option(
        **LOCAL,
        help="CSV or Parquet of lines: line; activation, holder_token, holder_region, dealer, "
        "line_kind.",
    ),
]
Memory = Annotated[
    str | None, typer.Option(help="Memory that a run may take, as in 4GiB, which is the default.")
]
Engine = Annotated[
    Engines | None, typer.Option(help="What moves the rows: this machine, or Spark.")
]
Master = Annotated[
    str | None, typer.Option(help="Address of the Spark cluster, as in spark://host:7077.")
]
Form = Annotated[Format, typer.Option("--format", help="Form of the data on standard output.")]
Out = Annotated[str | None, typer.Option(help="Folder for the result files.")]
Html = Annotated[Path | None, typer.Option("--html", **LOCAL, help="File for a page of the same.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the page.")]
Mask = Annotated[
    bool, typer.Option("--mask", help="Hide four digits of each number that is shown.")
]
Rows = Annotated[int, typer.Option(min=1, help="Alerts shown in the table.")]
MaxAlerts = Annotated[
    int | None,
    typer.Option("--max-alerts", min=1, help="Alerts that are ranked, by default 200."),
]
FailOn = Annotated[
    Severity | None, typer.Option(help="Exit with 3 when an alert is as grave as this.")
]
Edges = Annotated[
    Path | None,
    typer.Option(
        **LOCAL,
        help="File for the contact graph around the line: GraphML if it ends in .graphml, CSV if "
        "in .csv; the other one is written beside it.",
    ),
]
Place = Annotated[str, typer.Option("--state", help="Folder of what nights remember.")]
JsonLog = Annotated[bool, typer.Option("--json-log", help="Say everything as lines of JSON.")]

StopList = Annotated[
    Path | None,
    typer.Option(**LOCAL, help="CSV of the numbers to be stopped, with their validity."),
]
StopSeverity = Annotated[Severity, typer.Option(help="Severity from which a number is on it.")]
StopDays = Annotated[int, typer.Option(min=1, help="Days that a number on it is valid.")]


def day(given: datetime | None) -> Any:
    """Take the day of a date that was given."""
    return given.date() if given else None


@overload
def place(text: str, storage: list[str]) -> Where: ...
@overload
def place(text: None, storage: list[str]) -> None: ...
def place(text: str | None, storage: list[str]) -> Where | None:
    """Take a path, or an address of a store with its options."""
    from cdr_anomaly.storage import paths as storage_paths

    return (
        None
        if text is None
        else storage_paths.parse_location(text, storage_paths.parse_options(storage))
    )


def places(paths: list[str], storage: list[str]) -> list[Where]:
    """Take several of them."""
    return [place(path, storage) for path in paths]


def settings(config: Path | None, words: list[str], **given: Any) -> Settings:
    """Put the words of the command line together with the file of settings."""
    from cdr_anomaly import settings

    days = {name: day(given[name]) for name in ("since", "until") if name in given}
    return settings.load(config, tuple(words), **(given | days))
