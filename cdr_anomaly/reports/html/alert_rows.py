"""The rows of the list of alerts, and the part that each of them opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.alerts.severity import GRADES, grade
from cdr_anomaly.reports.html import chart_data
from cdr_anomaly.reports.html.template import Picture
from cdr_anomaly.reports.related_numbers import BLOCK_DIGITS
from cdr_anomaly.schema import kinds_with

if TYPE_CHECKING:
    from cdr_anomaly.reports.html.template import Sheet
    from cdr_anomaly.result import Result

Translator = Callable[[str], str]
LINES, FINDINGS = 40, 8
WIDE = {"graph", "lines"}


def rows(
    listed: pl.DataFrame, result: Result, legs: pl.LazyFrame, sheet: Sheet
) -> list[dict[str, Any]]:
    """Return what the list shows of each alert (ALERTS with a rank), and the part that it opens.

    ``legs`` are LEGS of days before, as far as they are remembered.
    """
    judged = listed.with_columns(judged_day="day")
    drawn = chart_data.build_charts(judged, result.findings, result.tables, legs)
    found = _findings(listed, result.findings, sheet)
    images = {kind: _by_rank(rows) for kind, rows in drawn.pictures.items()}
    answered = pl.when("answered").then(pl.lit(sheet.word("yes")))
    calls = _by_rank(drawn.calls)
    hops = _by_rank(drawn.hops.with_columns(answered=answered.otherwise(pl.lit(sheet.word("no")))))
    shown = (
        listed.join(drawn.classes, on="rank", how="left", maintain_order="left")
        .join(drawn.heads, on="rank", how="left", maintain_order="left")
        .with_columns(
            p=wording.scientific(pl.col("p_value")).str.replace("below ", "< ", literal=True),
            q=pl.col("q_value").round_sig_figs(2),
            block=_block(result),
            grade=-grade(),
        )
        .with_columns(pl.col("p", "q").fill_null(""))
    )
    titles = _titles(sheet.word)
    opened = [
        alert
        | {
            "shown_lines": list(zip(alert["lines"], alert["severities"], strict=True))[:LINES],
            "more_lines": max(0, len(alert["lines"]) - LINES),
            "others": sorted(set(alert["members"]) - set(alert["lines"])),
            "pictures": [
                sheet.picture(
                    Picture(kind, of[alert["rank"]], titles[kind] % {"line": alert["head"]})
                )
                | {"wide": kind in WIDE}
                for kind, of in images.items()
                if alert["rank"] in of
            ],
            "findings": _rows(found, alert["rank"])[:FINDINGS],
            "more_findings": max(0, len(_rows(found, alert["rank"])) - FINDINGS),
            "calls": _rows(calls, alert["rank"]),
            "hops": _rows(hops, alert["rank"]),
        }
        for alert in shown.iter_rows(named=True)
    ]
    return [alert | {"part": sheet.part("alert.html", a=alert)} for alert in opened]


def detector_words(names: pl.Series, word: Translator) -> dict[str, str]:
    """Return the names of detectors in words."""
    return {name: word(name).replace("_", " ") for name in names.drop_nulls().unique()}


def _titles(word: Translator) -> dict[str, str]:
    """Return the title of each kind of chart of an alert."""
    return {
        "graph": word("Forwards of the last seven days, from left to right"),
        "births": word("New lines of the block by day; the broken line is the mean before"),
        "hours": word("%(line)s: calls placed by hour of the day; the broken line is its usual"),
        "grid": word("%(line)s: calls placed by day and hour, as far as they are remembered"),
        "days": word("%(line)s: calls placed by day; ticks are its usual, the broken line a limit"),
        "lines": word("Calls placed by line and day"),
    }


def _by_rank(rows: pl.DataFrame) -> Mapping[int, pl.DataFrame]:
    parts = rows.partition_by("rank", as_dict=True, include_key=False, maintain_order=True)
    return {int(str(rank)): part for (rank,), part in parts.items()}


def _rows(parts: Mapping[int, pl.DataFrame], rank: int) -> list[tuple[Any, ...]]:
    return parts[rank].rows() if rank in parts else []


def _findings(
    listed: pl.DataFrame, findings: pl.DataFrame, sheet: Sheet
) -> Mapping[int, pl.DataFrame]:
    """Return the findings of each alert, those of its subject first, the gravest of a kind."""
    of_subject = listed.select("rank", subject="subject", own=pl.lit(value=True))
    of_lines = listed.select("rank", subject="lines", own=pl.lit(value=False)).explode("subject")
    about = pl.concat([of_subject, of_lines]).unique(
        ["rank", "subject"], keep="first", maintain_order=True
    )
    rows = (
        findings.join(about, on="subject")
        .sort(
            "rank",
            "own",
            grade(),
            "day",
            "subject",
            "detector",
            descending=[False, True, True, True, False, False],
        )
        .group_by("rank", "detector", "subject", maintain_order=True)
        .agg(
            pl.col("day", "severity", "reason", "reason_values").first(),
            days=pl.col("day").n_unique(),
            **{
                name: pl.col(name).first().round(2)
                for name in ("observed", "threshold", "baseline")
            },
        )
        .select(
            "rank",
            "detector",
            "severity",
            "subject",
            "day",
            "days",
            "observed",
            "threshold",
            "baseline",
            "reason",
            "reason_values",
        )
    )
    rows = wording.localized(rows, sheet.look.lang)
    return _by_rank(
        rows.with_columns(
            pl.col("detector").replace(detector_words(rows["detector"], sheet.word)),
            pl.col("severity").replace({term: sheet.word(term) for term in GRADES}),
        )
    )


def _block(result: Result) -> pl.Expr:
    """Return the block of the number of a subject, or its prefix where it is no number."""
    number = pl.col("subject")
    if not result.tables.feed.classes:
        return pl.lit("")
    block = numbering.number_block(number, result.tables.plan, BLOCK_DIGITS)
    whole = (
        pl.when(pl.col("subject_kind").is_in(kinds_with(is_prefix=True)))
        .then(number)
        .otherwise(block)
    )
    return whole.fill_null("")
