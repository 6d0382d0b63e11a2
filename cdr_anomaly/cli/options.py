"""Every option that commands share, in groups, and what is built from them or done by them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Exit, Option

from cdr_anomaly.cli.progress import LOG, log_warnings
from cdr_anomaly.vocabulary import Engine, Language, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    import polars as pl

    from cdr_anomaly.nights.run import Lists
    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.reports.html import Past
    from cdr_anomaly.reports.line_verdicts import Verdicts
    from cdr_anomaly.result import Result
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
# Alerts come first; who warns people takes the file.
VICTIMS_SHOWN = 10

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
Form = Annotated[
    Literal["table", "csv", "jsonl"],
    Option("--format", help="Form of the data on standard output."),
]
Out = Annotated[str | None, Option(help="Folder for the result files.")]
Mask = Annotated[bool, Option("--mask", help="Hide four digits of each number that is shown.")]


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


@dataclass(frozen=True)
class VerdictOptions:
    """Where it comes from what is found of a line."""

    result: Annotated[
        str | None, Option(help="Folder of results, to say what a scan has found of the line.")
    ] = None
    state: Annotated[
        str | None, Option(help="Folder of a state, to say what nights have found of the line.")
    ] = None
    judge: Annotated[
        bool, Option("--judge", help="Scan all calls, to say what is found of the line.")
    ] = False

    def verdicts(self, storage: StorageOptions) -> Verdicts:
        """Return the one that was given, if any."""
        from cdr_anomaly.reports.line_verdicts import Verdicts

        if sum(map(bool, (self.result, self.state, self.judge))) > 1:
            from cdr_anomaly.errors import SettingError

            msg = "Give one of --result, --state and --judge."
            raise SettingError(msg)
        return Verdicts(
            None if self.result is None else storage.location(self.result),
            None if self.state is None else storage.location(self.state),
            self.judge,
        )


@dataclass(frozen=True)
class OutputOptions:
    """What is printed of alerts, and the exit code."""

    form: Form = "table"
    rows: Annotated[int, Option(min=1, help="Alerts shown in the table.")] = 50
    max_alerts: MaxAlerts = None
    fail_on: Annotated[
        Severity | None, Option(help="Exit with 3 when an alert is as grave as this.")
    ] = None

    def print_alerts(
        self, alerts: pl.DataFrame, victims: pl.DataFrame | None = None, *, page: PageOptions
    ) -> None:
        """Print the first alerts, and people to warn, as tables, or all alerts as data."""
        from cdr_anomaly.numbering import masking
        from cdr_anomaly.reports import terminal
        from cdr_anomaly.wording import localized

        if self.form == "table":
            alerts = localized(alerts, page.lang)
            victims = None if victims is None else localized(victims, page.lang)
        if page.mask:
            alerts = masking.mask_table(alerts)
            victims = None if victims is None else masking.mask_table(victims)
        if self.form != "table":
            terminal.write_table(alerts, self.form)
            return
        terminal.print_alerts(alerts, self.rows, page.lang)
        if victims is not None and not victims.is_empty():
            terminal.print_victims(victims, VICTIMS_SHOWN, page.lang)

    def print_result(
        self,
        result: Result,
        seconds: float,
        warnings: Iterable[str] = (),
        *,
        page: PageOptions,
        folder: Location | None,
    ) -> None:
        """Print a result's alerts; log what was read and found, and where the files are."""
        from cdr_anomaly.reports import files, summary
        from cdr_anomaly.wording import translate

        self.print_alerts(result.alerts, result.victims, page=page)
        for sentence in (*summary.summary(result), summary.time_sentence(seconds)):
            LOG.info(translate(sentence, page.lang))
        log_warnings(translate(warning, page.lang) for warning in warnings)
        if folder is not None:
            file = folder / files.PAGE
            LOG.info("The results are in %s; open %s in a browser.", folder, file)
            LOG.info(
                "Next: cdr-anomaly explain LINE PATH --result %s tells one line's story "
                "(--html FILE).",
                folder,
            )

    def exit_if_grave(self, alerts: pl.DataFrame) -> None:
        """Leave with 3 when an alert on the list is as grave as --fail-on says."""
        from cdr_anomaly.alerts.ranking import any_as_grave

        if self.fail_on is not None and any_as_grave(alerts, self.fail_on):
            raise Exit(3)


@dataclass(frozen=True)
class PageOptions:
    """How pages and the terminal look."""

    lang: Annotated[Language, Option(help="Language of pages and of the terminal.")] = "en"
    mask: Mask = False

    def write(self, folder: Location, result: Result, past: Past, progress: Progress) -> None:
        """Draw the page of a result, and write all its files."""
        from cdr_anomaly.reports import files
        from cdr_anomaly.reports.html import Look, night

        progress("drawing the page")
        page = night(result, past, Look(self.lang, self.mask))
        progress("writing the results")
        files.write_results(folder, result, page)


@dataclass(frozen=True)
class StopOptions:
    """The list of numbers to be stopped."""

    stop_list: Annotated[
        Path | None, Option(**LOCAL, help="CSV of the numbers to be stopped, with their validity.")
    ] = None
    stop_severity: Annotated[Severity, Option(help="Severity from which a number is on it.")] = (
        "high"
    )
    stop_days: Annotated[int, Option(min=1, help="Days that a number on it is valid.")] = 7

    def write(self, alerts: pl.DataFrame, findings: pl.DataFrame, day: date) -> None:
        """Write the list, valid from ``day`` on, if it was asked for."""
        from cdr_anomaly.alerts import ranking
        from cdr_anomaly.storage import atomic_write

        if self.stop_list is None:
            return
        until = day + timedelta(days=self.stop_days)
        listed = ranking.stop_list(alerts, findings, self.stop_severity, until)
        atomic_write.write_text(self.stop_list, listed.write_csv())
        LOG.info("The stop list in %s has %d number(s).", self.stop_list, listed.height)
