"""The story of one line, as tables that the terminal and the page show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import detectors, numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.pipeline import SILENT, Progress, scan
from cdr_anomaly.reports import related_numbers
from cdr_anomaly.reports.line_calls import read_line
from cdr_anomaly.reports.line_verdicts import NOT_JUDGED, Verdicts, add_verdicts
from cdr_anomaly.result import Result
from cdr_anomaly.schema import STORY, require

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.features.tables import Tables
    from cdr_anomaly.result import Result
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


# A received call within this time after the line had called is a call-back.
CALL_BACK_WITHIN = timedelta(hours=6)


class Story(NamedTuple):
    """All that a run holds on one line; STORY (schema/) has every column of each table.

    ``limits`` are the limits that counts of a day are compared with, ``warned`` is the line as a
    person to be warned, ``to_warn`` are the people to be warned to whom it talked.
    """

    who: pl.DataFrame
    days: pl.DataFrame
    limits: pl.DataFrame
    grid: pl.DataFrame
    shifts: pl.DataFrame
    contacts: pl.DataFrame
    handsets: pl.DataFrame
    handset_days: pl.DataFrame
    cells: pl.DataFrame
    cell_days: pl.DataFrame
    forwards_out: pl.DataFrame
    forwards_in: pl.DataFrame
    forward_days: pl.DataFrame
    unlike: pl.DataFrame
    findings: pl.DataFrame
    alerts: pl.DataFrame
    warned: pl.DataFrame
    to_warn: pl.DataFrame
    related: pl.DataFrame


def line_story(result: Result, detectors: Iterable[Detector]) -> Story:
    """Return the story of the line that was asked for; its limits are those of ``detectors``."""
    tables = result.tables
    line = tables.literal(result.line)
    is_line = pl.col("line") == line
    number = pl.select(tables.written(line)).item()
    legs = tables.legs.filter(is_line).collect().lazy()
    out, into = pl.col("forwarder") == line, pl.col("target") == line
    findings, victims = result.findings.lazy(), result.victims.lazy()
    parts = {
        "who": _who(tables, is_line),
        "days": _days(tables, is_line),
        "limits": _limits(detectors),
        "grid": _grid(tables, legs),
        "shifts": _shifts(tables, is_line),
        "contacts": _contacts(tables, legs),
        "handsets": _usage(tables, legs, "imei"),
        "handset_days": _usage_days(legs, "imei"),
        "cells": _usage(tables, legs, "cell_id"),
        "cell_days": _usage_days(legs, "cell_id"),
        "forwards_out": _forwards(tables, out, "target"),
        "forwards_in": _forwards(tables, into, "forwarder"),
        "forward_days": pl.concat(
            [_forward_days(tables, out, "target"), _forward_days(tables, into, "forwarder")]
        ),
        "unlike": result.evidence.lazy().filter(pl.col("line") == number).sort("day"),
        "findings": _findings(findings, number),
        "alerts": result.alerts.lazy().filter(_names(number)).sort("day", "rank", nulls_last=True),
        "warned": victims.filter(pl.col("number") == number),
        "to_warn": victims.filter(pl.col("lines").list.contains(number)),
        "related": related_numbers.find_related(tables, result.line, result.complete_lines),
    }
    checked = [require(parts[name], table, f"story.{name}") for name, table in STORY.items()]
    return Story(*pl.collect_all(checked))


def has_calls(tables: Tables, line: object) -> bool:
    """Return whether the feed holds any call of a line.

    Of a target of forwards it may hold these forwards only.
    """
    if line is None:
        return False
    center = tables.literal(line)
    rows = [
        table.filter(pl.col(end) == center).select(pl.len())
        for table, end in ((tables.profile, "line"), (tables.hops, "target"))
    ]
    return any(found.item() for found in pl.collect_all(rows))


def _who(tables: Tables, is_line: pl.Expr) -> pl.LazyFrame:
    block = numbering.number_block(pl.col("number"), tables.plan, related_numbers.BLOCK_DIGITS)
    return tables.lines.filter(is_line).with_columns(block=block, new_since="born")


def _days(tables: Tables, is_line: pl.Expr) -> pl.LazyFrame:
    measures = tables.measures.filter(is_line).drop("n_out", "n_in")
    return tables.profile.filter(is_line).join(measures, on=["line", "day"], how="left").sort("day")


def _limits(detectors: Iterable[Detector]) -> pl.LazyFrame:
    rows = [
        (count, float(getattr(detector, setting)), detector.name, setting)
        for detector in detectors
        for setting, count in detector.story_limits.items()
    ]
    schema = {name: column.dtype for name, column in STORY["limits"].items()}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def _grid(tables: Tables, legs: pl.LazyFrame) -> pl.LazyFrame:
    hour = pl.col("start").dt.convert_time_zone(tables.tz).dt.hour().cast(pl.Int64)
    placed = pl.col("outgoing")
    calls = legs.group_by("day", hour=hour).agg(placed=placed.sum(), received=(~placed).sum())
    hours = pl.LazyFrame({"hour": range(24)}, schema={"hour": pl.Int64})
    joined = legs.select("day").unique().join(hours, how="cross")
    counts = pl.col("placed", "received").fill_null(0).cast(pl.Int64)
    return (
        joined.join(calls, on=["day", "hour"], how="left").with_columns(counts).sort("day", "hour")
    )


def _shifts(tables: Tables, is_line: pl.Expr) -> pl.LazyFrame:
    first, last = (tables.local(pl.col(c)).str.slice(11) for c in ("first_out", "last_out"))
    tenths = (pl.col("talk_s") // 360 / 10).round(1)
    shifts = tables.shifts.filter(is_line).sort("day")
    return shifts.with_columns(talk_h=tenths, first_out=first, last_out=last)


def _contacts(tables: Tables, legs: pl.LazyFrame) -> pl.LazyFrame:
    # Of calls both ways at one instant none is a call-back: the received call goes first.
    rows = legs.drop_nulls("counterpart").sort("counterpart", "start", "outgoing")
    placed, received = pl.col("outgoing"), ~pl.col("outgoing")
    called = pl.when(placed).then("start").forward_fill().over("counterpart")
    back = (received & (pl.col("start") - called <= CALL_BACK_WITHIN)).fill_null(value=False)
    contacts = (
        rows.with_columns(back=back)
        .group_by("counterpart")
        .agg(
            placed=_count(placed),
            received=_count(received),
            answered=_count(placed & pl.col("answered")),
            talk_s=pl.col("duration_s").sum(),
            days=pl.col("day").n_unique().cast(pl.Int64),
            call_backs=_count(pl.col("back")),
            **_span(tables),
        )
    )
    share = pl.when(pl.col("received") > 0).then(pl.col("call_backs") / pl.col("received"))
    joined = _numbered(tables, contacts, "counterpart").with_columns(back_share=share)
    calls = pl.col("placed") + pl.col("received")
    return joined.sort(calls, "number", descending=[True, False])


def _usage(tables: Tables, legs: pl.LazyFrame, column: str) -> pl.LazyFrame:
    rows = legs.drop_nulls(column).group_by(name=column)
    found = rows.agg(calls=_len(), days=pl.col("day").n_unique().cast(pl.Int64), **_span(tables))
    return found.sort("calls", "name", descending=[True, False])


def _usage_days(legs: pl.LazyFrame, column: str) -> pl.LazyFrame:
    rows = legs.drop_nulls(column).group_by("day", name=column).agg(calls=_len())
    return rows.sort("day", "name")


def _forwards(tables: Tables, end: pl.Expr, other: str) -> pl.LazyFrame:
    rows = (
        tables.hops.filter(end)
        .group_by(other)
        .agg(
            calls=_len(),
            answered=_count(pl.col("answered")),
            callers=pl.col("caller").drop_nulls().n_unique().cast(pl.Int64),
            days=pl.col("day").n_unique().cast(pl.Int64),
            reasons=pl.col("reason").drop_nulls().unique().sort().str.join(", "),
            **_span(tables),
        )
    )
    found = _numbered(tables, rows, other)
    return found.sort("calls", "number", descending=[True, False])


def _forward_days(tables: Tables, end: pl.Expr, other: str) -> pl.LazyFrame:
    rows = tables.hops.filter(end).group_by("day", other).agg(calls=_len())
    direction = pl.lit("out" if other == "target" else "in")
    found = _numbered(tables, rows, other).with_columns(direction=direction)
    return found.select(list(STORY["forward_days"])).sort("day", "number")


def _findings(findings: pl.LazyFrame, number: str) -> pl.LazyFrame:
    part = (pl.col("subject") == number) | pl.col("members").list.contains(number)
    excess = (pl.col("observed") / pl.col("threshold")).round(2)
    return findings.filter(part).with_columns(excess=excess).sort("day", maintain_order=True)


def _names(number: str) -> pl.Expr:
    """Return which ALERTS name a line."""
    lists = (pl.col(name).list.contains(number) for name in ("lines", "members"))
    return pl.any_horizontal(pl.col("subject") == number, *lists).fill_null(value=False)


def _numbered(tables: Tables, rows: pl.LazyFrame, other: str) -> pl.LazyFrame:
    return related_numbers.add_number_class(
        tables, rows.with_columns(number=tables.written(pl.col(other)))
    )


def _span(tables: Tables) -> dict[str, pl.Expr]:
    start = pl.col("start")
    return {"first": tables.local(start.min()), "last": tables.local(start.max())}


def _count(holds: pl.Expr) -> pl.Expr:
    return holds.sum().cast(pl.Int64)


def _len() -> pl.Expr:
    return pl.len().cast(pl.Int64)


def explain(
    line: str,
    paths: Iterable[str | Location],
    settings: Settings,
    *,
    subscribers: Path | None = None,
    verdicts: Verdicts = NOT_JUDGED,
    progress: Progress = SILENT,
) -> tuple[Story, Result]:
    """Return the story of one line, and a result with the tables that it was told from.

    Without ``verdicts`` the line is not judged, and the result says so.
    """
    if verdicts.judge:
        result = scan(paths, settings, subscribers=subscribers, extra_line=line, progress=progress)
    else:
        result = read_line(line, paths, settings, subscribers=subscribers, progress=progress)
    if not has_calls(result.tables, result.line):
        msg = f"'{line}' has no call in these files."
        raise InputError(msg)
    result = add_verdicts(result, verdicts)
    return line_story(result, detectors.build(settings)), result
