"""The truth about lines, and the alerts that name a planted line.

An alert is **true** where it names a planted line on a day from the line's ``first_day`` to 7 days
after its ``last_day``, and where at least half of those of its lines that are in the truth at all
are planted so: a long list of members does not make an alert true. An alert names its subject and
its members; for a block or a hub the members alone decide. Its day is the date of its list if the
list's folder is named by a date, else its own.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.errors import InputError, warn_former_name
from cdr_anomaly.ingest import tabular
from cdr_anomaly.nights import upgrade
from cdr_anomaly.schema import ALERTS, kinds_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COUNTED_AFTER = timedelta(days=7)
ALERTS_NAME, EVIDENCE_NAME = "alerts.parquet", "evidence.parquet"
TRUTH_COLUMNS = ("line", "kind", "honest", "actor", "first_day", "last_day")
# Of an alert: which list it is on, and its position there, from 1.
ALERT_KEY = ["list", "position"]
ALERT_COLUMNS = ("rank", "subject_kind", "subject", "members", "day", "severity")
EVIDENCE_TYPES = {
    "line": pl.String(),
    "day": pl.Date(),
    "p_value": pl.Float64(),
    "q_value": pl.Float64(),
    "tested": pl.Int64(),
}
FLAG_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Lists(NamedTuple):
    """The lists of some nights or scans.

    ``names`` (list, list_day) has a row for each; ``alerts`` are ALERTS with these two columns;
    ``evidence`` (EVIDENCE) is what lies beside them, if anything does.
    """

    names: pl.DataFrame
    alerts: pl.DataFrame
    evidence: pl.DataFrame | None = None


class MatchedAlerts(NamedTuple):
    """Alerts with a rank, the lines that they name, and the planted ones among these.

    ``alerts`` are (list, position, day, severity, true), ``named`` (list, position, line), ``hits``
    (list, position, day, line, pattern, actor, true) the planted lines on a day of theirs.
    """

    alerts: pl.DataFrame
    named: pl.DataFrame
    hits: pl.DataFrame


def match_alerts(lists: Lists, truth: pl.DataFrame) -> MatchedAlerts:
    """Return of every alert with a rank whether it is true, by the rule of this module."""
    ranked = (
        lists.alerts.lazy()
        .filter(pl.col("rank").is_not_null())
        .select(
            "list",
            "subject_kind",
            "subject",
            "severity",
            pl.col("members").fill_null([]),
            day=pl.coalesce("list_day", "day"),
            position=pl.col("rank").rank("ordinal").over("list").cast(pl.Int64),
        )
    )
    kind, subject = pl.col("subject_kind"), pl.col("subject")
    no_line = kind.is_in(kinds_with(is_line=False))
    lines = pl.when(no_line).then("members").otherwise(pl.concat_list("members", subject))
    by_members = kind.is_in(kinds_with(names_members=True))
    decides = pl.col("members").list.contains(pl.col("line")) | ~by_members
    named = (
        ranked.with_columns(line=lines.list.unique())
        .explode("line", empty_as_null=False, keep_nulls=False)
        .select(*ALERT_KEY, "day", "line", decides=decides)
    )
    hits = named.join(planted_lines(truth).lazy(), on="line").filter(is_on_actor_day())
    in_truth = named.filter("decides").join(truth.lazy(), on="line", how="semi")
    known = in_truth.group_by(ALERT_KEY).agg(known=pl.len())
    planted = hits.filter("decides").group_by(ALERT_KEY).agg(planted=pl.col("line").n_unique())
    enough = 2 * pl.col("planted") >= pl.col("known")
    alerts = (
        ranked.join(known.join(planted, on=ALERT_KEY), on=ALERT_KEY, how="left")
        .select(*ALERT_KEY, "day", "severity", true=enough.fill_null(value=False))
        .sort(ALERT_KEY)
        .collect()
    )
    hits = hits.join(alerts.lazy().select(*ALERT_KEY, "true"), on=ALERT_KEY)
    return MatchedAlerts(
        alerts,
        named.select(*ALERT_KEY, "line").collect(),
        hits.select(*ALERT_KEY, "day", "line", "pattern", "actor", "true").collect(),
    )


def planted_lines(truth: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the lines that are not honest."""
    return truth.filter(~pl.col("honest"))


def is_on_actor_day() -> pl.Expr:
    """Mark the rows whose day is one of the planted line's, or at most 7 days after."""
    return pl.col("day").is_between("first_day", pl.col("last_day") + COUNTED_AFTER)


def share(part: str, total: str) -> pl.Expr:
    """Return a column as a share of another to four digits; null where that one is 0."""
    return pl.when(pl.col(total) > 0).then(pl.col(part) / pl.col(total)).round(4)


def read_lists(path: Path) -> Lists:
    """Read the list in a file, or all lists in and below a folder, and the evidence beside them."""
    files = list_files(path)
    types = {name: ALERTS[name].dtype or pl.String() for name in ALERT_COLUMNS}
    names, alerts = read_dated(files, types)
    evidence_files = [file.with_name(EVIDENCE_NAME) for file in files]
    parts = [read_columns(file, EVIDENCE_TYPES) for file in evidence_files if file.exists()]
    evidence = pl.concat(parts).unique(["line", "day"], keep="first") if parts else None
    return Lists(names, alerts, evidence)


def read_dated(
    files: Sequence[Path], types: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the names and days of lists in these files, and these columns of all of them."""
    lists = [(str(file.parent), _date_of_folder(file.parent.resolve().name)) for file in files]
    names = pl.DataFrame(lists, {"list": pl.String, "list_day": pl.Date}, orient="row")
    rows = [
        read_columns(file, types).with_columns(list=pl.lit(name), list_day=pl.lit(day, pl.Date))
        for file, (name, day) in zip(files, lists, strict=True)
    ]
    return names, pl.concat(rows)


def read_truth(file: Path) -> pl.DataFrame:
    """Read what is known of lines (TRUTH_COLUMNS and ``pattern``, by default the kind)."""
    rows = tabular.read_table(file)
    missing = [name for name in TRUTH_COLUMNS if name not in rows.columns]
    if missing:
        msg = (
            f"'{file}' lacks the column '{missing[0]}'; a truth has {', '.join(TRUTH_COLUMNS)}, "
            "and pattern if you like."
        )
        raise InputError(msg)
    if rows.is_empty():
        msg = f"'{file}' has no row; write one for each line that is known, planted or honest."
        raise InputError(msg)
    if "pattern" not in rows.columns:
        rows = rows.with_columns(pattern="kind")
    days = [_day_column(rows.schema[name], name) for name in ("first_day", "last_day")]
    typed = rows.select(
        pl.col("line", "kind", "pattern", "actor").cast(pl.String).str.strip_chars(),
        _flag_column(rows.schema["honest"]),
        *days,
    )
    _check_values(file, rows, typed)
    typed = typed.with_columns(pl.col("pattern").fill_null(pl.col("kind")))
    return typed.with_columns(pl.col("actor").fill_null(pl.col("line"))).unique(maintain_order=True)


def list_files(path: Path) -> Sequence[Path]:
    """Return the file of a list, or those of all lists in and below a folder."""
    if not path.exists():
        msg = f"There is no file or folder '{path}'."
        raise InputError(msg)
    if path.is_file():
        return [path]
    below = path.rglob(ALERTS_NAME)
    # Folders that a killed run has left begin with a dot.
    found = sorted(
        file for file in below if not any(p[0] == "." for p in file.relative_to(path).parts)
    )
    if not found:
        msg = (
            f"There is no {ALERTS_NAME} in or below '{path}'; scan and backfill write it to --out."
        )
        raise InputError(msg)
    return found


def _date_of_folder(name: str) -> date | None:
    """Return the date that a folder is named by, or None."""
    try:
        return date.fromisoformat(name) if re.fullmatch(r"\d{4}-\d\d-\d\d", name) else None
    except ValueError:
        return None


def read_columns(file: Path, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read these columns of a file, as these types; former names are taken with a warning."""
    former = {name: old for old, name in upgrade.COLUMNS_2.get(file.stem, {}).items()}
    try:
        schema = pl.read_parquet_schema(file)
        written = {name: name if name in schema else former.get(name, name) for name in types}
        missing = [name for name, column in written.items() if column not in schema]
        if missing:
            msg = (
                f"'{file}' lacks the column '{missing[0]}'; needed are {', '.join(types)}: "
                "give what this program wrote."
            )
            raise InputError(msg)
        for name, column in written.items():
            if name != column:
                warn_former_name(f"The column '{column}' of {file.name}", f"'{name}'")
        return pl.read_parquet(file, columns=list(written.values())).select(
            pl.col(written[name]).cast(dtype).alias(name) for name, dtype in types.items()
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        msg = (
            f"'{file}' cannot be read as {file.name.partition('.')[0]} in Parquet; write it again."
        )
        raise InputError(msg) from error


def _day_column(dtype: pl.DataType, name: str) -> pl.Expr:
    if dtype == pl.String:
        return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return pl.col(name).cast(pl.Date) if dtype.is_temporal() else pl.lit(None, pl.Date).alias(name)


def _flag_column(dtype: pl.DataType) -> pl.Expr:
    flag = pl.col("honest")
    if dtype == pl.Boolean:
        return flag
    words = flag.cast(pl.String).str.strip_chars().str.to_lowercase()
    return words.replace_strict(FLAG_WORDS, default=None, return_dtype=pl.Boolean)


def _check_values(file: Path, rows: pl.DataFrame, typed: pl.DataFrame) -> None:
    """Fail on the first value that could not be read."""
    remedies = {
        "line": "no line; write it as the alerts do",
        "kind": "no kind; write one word",
        "honest": "neither true nor false; write one of these",
        "first_day": "no day; write 2026-05-01",
        "last_day": "no day; write 2026-05-01",
    }
    for name, remedy in remedies.items():
        wrong = rows.filter(typed[name].is_null())
        if not wrong.is_empty():
            msg = f"'{file}': '{wrong[name][0] or ''}' in the column '{name}' is {remedy}."
            raise InputError(msg)
    check_days(file, typed)


def check_days(file: Path, rows: pl.DataFrame) -> None:
    """Fail on the first line whose days run backwards."""
    backwards = rows.filter(pl.col("first_day") > pl.col("last_day"))
    if not backwards.is_empty():
        line = backwards["line"][0]
        msg = f"'{file}': the first_day of '{line}' is after its last_day; exchange them."
        raise InputError(msg)
