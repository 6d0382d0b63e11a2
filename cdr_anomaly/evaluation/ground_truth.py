"""Lists of alerts beside what is known of lines: which alerts are true, and of whom.

An alert is **true** where it names a planted line on a day from the line's ``first_day`` to 7 days
after its ``last_day``, and where at least half of those of its lines that are in the truth at all
are planted so: a long list of members does not make an alert true. An alert names its subject and
its members; for a block or a hub the members alone decide. Its day is the date of its list, where
the list's folder is named by one, else its own.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import tabular
from cdr_anomaly.schema import ALERTS, kinds_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

AFTERWARDS = timedelta(days=7)
ALERTS_NAME, EVIDENCE_NAME = "alerts.parquet", "evidence.parquet"
TRUTH = ("line", "kind", "honest", "actor", "first_day", "last_day")
# Subjects of these kinds stand for their members.
# Of an alert: which list it is on, and its place there, from 1.
ALERT = ["list", "place"]
NEEDED = ("rank", "subject_kind", "subject", "members", "day", "severity")
EVIDENCE = {
    "line": pl.String(),
    "day": pl.Date(),
    "p_value": pl.Float64(),
    "q_value": pl.Float64(),
    "tested": pl.Int64(),
}
WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Lists(NamedTuple):
    """The lists of some nights or scans.

    ``names`` (list, list_day) has a row for each; ``alerts`` are ALERTS with these two columns;
    ``evidence`` (EVIDENCE) is what lies beside them, if anything does.
    """

    names: pl.DataFrame
    alerts: pl.DataFrame
    evidence: pl.DataFrame | None = None


class Judged(NamedTuple):
    """What came of holding lists against the truth.

    ``alerts`` (list, place, day, severity, true) are those with a rank. ``named`` (list, place,
    line) are the lines that each names. ``hits`` (list, place, day, line, pattern, actor, true) are
    the planted lines among them, on a day that is theirs.
    """

    alerts: pl.DataFrame
    named: pl.DataFrame
    hits: pl.DataFrame


def judged(lists: Lists, truth: pl.DataFrame) -> Judged:
    """Say of every alert with a rank whether it is true, by the rule of this module."""
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
            place=pl.col("rank").rank("ordinal").over("list").cast(pl.Int64),
        )
    )
    kind, subject = pl.col("subject_kind"), pl.col("subject")
    no_line = kind.is_in(kinds_with(is_line=False))
    lines = pl.when(no_line).then("members").otherwise(pl.concat_list("members", subject))
    decides = pl.col("members").list.contains(pl.col("line")) | ~kind.is_in(
        kinds_with(names_members=True)
    )
    named = (
        ranked.with_columns(line=lines.list.unique())
        .explode("line", empty_as_null=False, keep_nulls=False)
        .select(*ALERT, "day", "line", decides=decides)
    )
    hits = named.join(planted(truth).lazy(), on="line").filter(on_its_day())
    known = named.filter("decides").join(truth.lazy(), on="line", how="semi")
    counts = known.group_by(ALERT).agg(known=pl.len())
    found = hits.filter("decides").group_by(ALERT).agg(planted=pl.col("line").n_unique())
    enough = 2 * pl.col("planted") >= pl.col("known")
    alerts = (
        ranked.join(counts.join(found, on=ALERT), on=ALERT, how="left")
        .select(*ALERT, "day", "severity", true=enough.fill_null(value=False))
        .sort(ALERT)
        .collect()
    )
    told = hits.join(alerts.lazy().select(*ALERT, "true"), on=ALERT)
    return Judged(
        alerts,
        named.select(*ALERT, "line").collect(),
        told.select(*ALERT, "day", "line", "pattern", "actor", "true").collect(),
    )


def planted(truth: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the lines that are not honest."""
    return truth.filter(~pl.col("honest"))


def on_its_day() -> pl.Expr:
    """Tell whether a day is one of a planted line's, or at most 7 days after."""
    return pl.col("day").is_between("first_day", pl.col("last_day") + AFTERWARDS)


def read(place: Path) -> Lists:
    """Read the list in a file, or all lists in and below a folder, with the evidence beside."""
    found = files(place)
    names, alerts = dated(found, {name: ALERTS[name].dtype or pl.String() for name in NEEDED})
    beside = [file.with_name(EVIDENCE_NAME) for file in found]
    evidence = [columns(file, EVIDENCE) for file in beside if file.exists()]
    whole = pl.concat(evidence).unique(["line", "day"], keep="first") if evidence else None
    return Lists(names, alerts, whole)


def dated(
    found: Sequence[Path], types: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the names and days of lists in these files, and these columns of all of them."""
    lists = [(str(file.parent), _date(file.parent.resolve().name)) for file in found]
    names = pl.DataFrame(lists, {"list": pl.String, "list_day": pl.Date}, orient="row")
    rows = [
        columns(file, types).with_columns(list=pl.lit(name), list_day=pl.lit(day, pl.Date))
        for file, (name, day) in zip(found, lists, strict=True)
    ]
    return names, pl.concat(rows)


def read_truth(file: Path) -> pl.DataFrame:
    """Read what is known of lines (TRUTH and ``pattern``, which is their kind if it is missing)."""
    told = tabular.read_table(file)
    missing = [name for name in TRUTH if name not in told.columns]
    if missing:
        msg = (
            f"'{file}' lacks the column '{missing[0]}'; a truth has {', '.join(TRUTH)}, "
            "and pattern if you like."
        )
        raise InputError(msg)
    if told.is_empty():
        msg = f"'{file}' has no row; write one for each line that is known, planted or honest."
        raise InputError(msg)
    if "pattern" not in told.columns:
        told = told.with_columns(pattern="kind")
    days = [_as_day(told.schema[name], name) for name in ("first_day", "last_day")]
    shaped = told.select(
        pl.col("line", "kind", "pattern", "actor").cast(pl.String).str.strip_chars(),
        _as_flag(told.schema["honest"]),
        *days,
    )
    _check(file, told, shaped)
    whole = shaped.with_columns(pl.col("pattern").fill_null(pl.col("kind")))
    return whole.with_columns(pl.col("actor").fill_null(pl.col("line"))).unique(maintain_order=True)


def files(place: Path) -> Sequence[Path]:
    """Name the file of a list, or those of all lists in and below a folder."""
    if not place.exists():
        msg = f"There is no file or folder '{place}'."
        raise InputError(msg)
    if place.is_file():
        return [place]
    below = place.rglob(ALERTS_NAME)
    # What a run that was killed has left begins with a dot.
    found = sorted(
        file for file in below if not any(p[0] == "." for p in file.relative_to(place).parts)
    )
    if not found:
        msg = (
            f"There is no {ALERTS_NAME} in or below '{place}'; scan and backfill write it to --out."
        )
        raise InputError(msg)
    return found


def _date(name: str) -> date | None:
    """Take a folder's name for a date, if it is one."""
    try:
        return date.fromisoformat(name) if re.fullmatch(r"\d{4}-\d\d-\d\d", name) else None
    except ValueError:
        return None


def columns(file: Path, types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read the columns of a file that are needed, as these types."""
    try:
        found = pl.read_parquet_schema(file)
        missing = [name for name in types if name not in found]
        if missing:
            msg = (
                f"'{file}' lacks the column '{missing[0]}'; needed are {', '.join(types)}: "
                "give what this program wrote."
            )
            raise InputError(msg)
        return pl.read_parquet(file, columns=list(types)).select(
            pl.col(name).cast(dtype) for name, dtype in types.items()
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        msg = (
            f"'{file}' cannot be read as {file.name.partition('.')[0]} in Parquet; write it again."
        )
        raise InputError(msg) from error


def _as_day(dtype: pl.DataType, name: str) -> pl.Expr:
    if dtype == pl.String:
        return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return pl.col(name).cast(pl.Date) if dtype.is_temporal() else pl.lit(None, pl.Date).alias(name)


def _as_flag(dtype: pl.DataType) -> pl.Expr:
    flag = pl.col("honest")
    if dtype == pl.Boolean:
        return flag
    words = flag.cast(pl.String).str.strip_chars().str.to_lowercase()
    return words.replace_strict(WORDS, default=None, return_dtype=pl.Boolean)


def _check(file: Path, told: pl.DataFrame, shaped: pl.DataFrame) -> None:
    """Fail on the first value that is none."""
    wanted = {
        "line": "no line; write it as the alerts do",
        "kind": "no kind; write one word",
        "honest": "neither true nor false; write one of these",
        "first_day": "no day; write 2026-05-01",
        "last_day": "no day; write 2026-05-01",
    }
    for name, remedy in wanted.items():
        wrong = told.filter(shaped[name].is_null())
        if not wrong.is_empty():
            msg = f"'{file}': '{wrong[name][0] or ''}' in the column '{name}' is {remedy}."
            raise InputError(msg)
    check_days(file, shaped)


def check_days(file: Path, told: pl.DataFrame) -> None:
    """Fail on the first line whose days run backwards."""
    backwards = told.filter(pl.col("first_day") > pl.col("last_day"))
    if not backwards.is_empty():
        line = backwards["line"][0]
        msg = f"'{file}': the first_day of '{line}' is after its last_day; exchange them."
        raise InputError(msg)
