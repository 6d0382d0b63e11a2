"""The page of a night, or of a scan: the list, each alert with its pictures, and what was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import evidence, numbering, report, volume
from cdr_anomaly.page import pictures, sentences, sheet, words
from cdr_anomaly.page.sheet import Picture, Pictures
from cdr_anomaly.schema import SEVERITIES
from cdr_anomaly.subjects import GRADES

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.page.words import Look
    from cdr_anomaly.pipeline import Result

Said = Callable[[str], str]
BLOCK_DIGITS = 7
NIGHTS = timedelta(days=28)
LINES, FINDINGS, UNRANKED, VICTIMS = 40, 8, 100, 60
WIDE = {"graph", "lines"}


class Past(NamedTuple):
    """What pages show beside a result: VOLUME and ALERTS of days, its own and those before.

    ``legs`` are LEGS of days before, as far as they are remembered, with lines as the result's.
    """

    volume: pl.DataFrame
    alerts: pl.DataFrame
    legs: pl.LazyFrame

    @classmethod
    def of_scan(cls, result: Result) -> Past:
        """Take what a scan has beside its result: it judges every day by itself."""
        starts = volume.counted(result.source.starts())
        return cls(starts, result.alerts, result.tables.legs.clear())


def night(result: Result, past: Past, look: Look) -> str:
    """Write the page of a result, in a language, with numbers masked or whole."""
    said = words.translations(look.lang).gettext
    told = sentences.translator(look.lang)
    held = Pictures(look)
    listed = result.alerts.filter(pl.col("rank").is_not_null())
    first, last = result.tables.feed.first_day, result.tables.feed.last_day
    judged = result.tables.judged
    one = len(judged) == 1
    days = f"{judged[0]}" if one else f"{first} - {last}"
    alerts = _alerts(listed, result, past, held, said, told)
    return sheet.written(
        "night.html",
        look,
        held,
        title=said("Call records: what stands out") + (f", {days}" if last else ""),
        days=said("Local days in %s") % result.source.tz + (f": {days}" if last else ""),
        cards=_cards(result, said),
        alerts=alerts,
        filters=_filters(alerts, said),
        nothing=said("Nothing is on the list."),
        unranked=_unranked(result.alerts, said, told),
        victims=_victims(result.victims, said, told),
        more_victims=max(0, result.victims.height - VICTIMS),
        beside=[held.add(each) for each in _beside(past, last, said)],
        sentences=[told(each) for each in report.summary(result)],
        rows=[(told(what), f"{n:,}") for what, n in result.counts.rows().items()],
        versions=report.versions(),
    )


def _cards(result: Result, said: Said) -> list[tuple[str, str, str]]:
    """Say in a few great numbers what there is: number, what it counts, its colour."""
    listed = result.alerts.filter(pl.col("rank").is_not_null())["severity"]
    grades = [(str((listed == word).sum()), said(word), word) for word in reversed(SEVERITIES[1:])]
    warn = report.to_warn(result.victims)
    return [
        *grades,
        (str(warn["now"]), said("people to warn now"), ""),
        (f"{result.counts.used:,}", said("calls"), ""),
        (f"{sum(result.counts.refused.values()):,}", said("rows refused"), ""),
    ]


def _alerts(
    listed: pl.DataFrame, result: Result, past: Past, held: Pictures, said: Said, told: Said
) -> list[dict[str, Any]]:
    """Put together what the page shows of each alert on the list."""
    judged = listed.with_columns(judged_day="day")
    drawn = pictures.drawn(judged, result.findings, result.tables, past.legs)
    found = _findings(listed, result.findings, told)
    images = {kind: _by_rank(rows) for kind, rows in drawn.pictures.items()}
    calls, hops = _by_rank(drawn.calls), _by_rank(drawn.hops)
    shown = (
        listed.join(drawn.classes, on="rank", how="left", maintain_order="left")
        .join(drawn.heads, on="rank", how="left", maintain_order="left")
        .with_columns(
            p=evidence.scientific(pl.col("p_value")),
            q=pl.col("q_value").round_sig_figs(2),
            block=_block(result),
            grade=-pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64),
        )
        .with_columns(pl.col("p", "q").fill_null(""))
    )
    titles = _titles(said)
    return [
        alert
        | {
            "reasons": [told(each) for each in alert["reasons"]],
            **{name: alert[name] and told(alert[name]) for name in ("unless", "mitigated_by")},
            "shown_lines": list(zip(alert["lines"], alert["severities"], strict=True))[:LINES],
            "more_lines": max(0, len(alert["lines"]) - LINES),
            "others": sorted(set(alert["members"]) - set(alert["lines"])),
            "pictures": [
                held.add(Picture(kind, of[alert["rank"]], titles[kind] % {"line": alert["head"]}))
                | {"wide": kind in WIDE}
                for kind, of in images.items()
                if alert["rank"] in of
            ],
            "findings": found.get(alert["rank"], pl.DataFrame()).head(FINDINGS).rows(),
            "more_findings": max(0, found.get(alert["rank"], pl.DataFrame()).height - FINDINGS),
            "calls": _rows(calls, alert["rank"]),
            "hops": _rows(hops, alert["rank"]),
        }
        for alert in shown.iter_rows(named=True)
    ]


def _titles(said: Said) -> dict[str, str]:
    """Say what each kind of picture of an alert shows."""
    return {
        "graph": said("Forwards of the last seven days, from left to right"),
        "births": said("New lines of the block by day; the broken line is the mean before"),
        "hours": said("%(line)s: calls placed by hour of the day; the broken line is its usual"),
        "grid": said("%(line)s: calls placed by day and hour, as far as they are remembered"),
        "days": said("%(line)s: calls placed by day; ticks are its usual, the broken line a limit"),
        "lines": said("Calls placed by line and day"),
    }


def _by_rank(rows: pl.DataFrame) -> Mapping[int, pl.DataFrame]:
    parts = rows.partition_by("rank", as_dict=True, include_key=False, maintain_order=True)
    return {int(str(rank)): part for (rank,), part in parts.items()}


def _rows(parts: Mapping[int, pl.DataFrame], rank: int) -> list[tuple[Any, ...]]:
    return parts[rank].rows() if rank in parts else []


def _findings(
    listed: pl.DataFrame, findings: pl.DataFrame, told: Said
) -> Mapping[int, pl.DataFrame]:
    """Give the findings of each alert, its own subject's first, the gravest of a kind."""
    of_subject = listed.select("rank", subject="subject", own=pl.lit(value=True))
    of_lines = listed.select("rank", subject="lines", own=pl.lit(value=False)).explode("subject")
    about = pl.concat([of_subject, of_lines]).unique(
        ["rank", "subject"], keep="first", maintain_order=True
    )
    grade = pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64)
    rows = (
        findings.join(about, on="subject")
        .sort("rank", "own", grade, "day", "subject", "detector",
              descending=[False, True, True, True, False, False])
        .group_by("rank", "detector", "subject", maintain_order=True)
        .agg(pl.col("day", "severity", "reason").first(), days=pl.col("day").n_unique(),
             **{name: pl.col(name).first().round(2) for name in ("observed", "limit", "usual")})
        .select("rank", "detector", "severity", "subject", "day", "days", "observed", "limit",
                "usual", "reason")
    )  # fmt: skip
    head = rows.group_by("rank", maintain_order=True).head(FINDINGS)["reason"].unique()
    return _by_rank(
        rows.with_columns(pl.col("reason").replace({each: told(each) for each in head}))
    )


def _block(result: Result) -> pl.Expr:
    """Give the block of a subject's number, or its prefix where it is none."""
    number = pl.col("subject")
    if result.tables.feed.opaque:
        return pl.lit("")
    block = numbering.block(number, result.tables.plan, BLOCK_DIGITS)
    return (
        pl.when(pl.col("subject_kind").is_in(["block", "pool"]))
        .then(number)
        .otherwise(block)
        .fill_null("")
    )


def _filters(
    shown: list[dict[str, Any]], said: Said
) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Give what the list can be filtered by: its column, name, and choices (value, word)."""
    grades, classes = ({alert[name] for alert in shown} for name in ("severity", "number_class"))
    found = {name for alert in shown for name in alert["detectors"]}
    by = {
        2: (said("severity"), [word for word in reversed(SEVERITIES) if word in grades]),
        10: (said("detector"), sorted(found)),
        5: (said("class"), sorted(filter(None, classes))),
    }
    return [
        (n, name, [(word, said(word).replace("_", " ")) for word in every])
        for n, (name, every) in by.items()
    ]


def _unranked(alerts: pl.DataFrame, said: Said, told: Said) -> list[tuple[str, list[Any], int]]:
    """Give the alerts that have no place on the list, by why: name, rows, how many more."""
    why = {
        "suppressed": (said("Declared, and set aside"), pl.col("suppressed_by")),
        "ongoing": (
            said("Going on since an earlier list"),
            pl.lit(said("listed on ")) + pl.col("ongoing_since").cast(pl.String),
        ),
        "on_watch": (said("On watch (low)"), pl.col("mitigated_by").fill_null("")),
        "beyond": (said("Beyond the limit of the list"), pl.lit("")),
    }
    given = []
    for name, rows in report.unranked(alerts).items():
        title, reason = why[name]
        told_of = rows.head(UNRANKED).select(
            "severity", "subject", "day", pl.col("reasons").list.first(), reason
        )
        words_of = [
            (said(severity), *others, told(first), told(reason) if name == "on_watch" else reason)
            for severity, *others, first, reason in told_of.rows()
        ]
        given.append((f"{title} ({rows.height})", words_of, max(0, rows.height - UNRANKED)))
    return given


def _victims(victims: pl.DataFrame, said: Said, told: Said) -> list[tuple[Any, ...]]:
    first = victims.head(VICTIMS).select("tier", "number", "hours_since", "why")
    tiers = {tier: said(word) for tier, word in report.TIERS.items()}
    return [(tiers[tier], number, hours, told(why)) for tier, number, hours, why in first.rows()]


def _beside(past: Past, last: date | None, said: Said) -> list[Picture]:
    """Draw the volume of the last day by hour, and the alerts of the last nights."""
    if last is None:
        return []
    lately = past.alerts.filter(
        pl.col("rank").is_not_null(), pl.col("day") > last - NIGHTS, pl.col("day") <= last
    )
    day = pl.col("day").dt.strftime("%m-%d")
    place = pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64)
    of_grade = lately.group_by("day", "severity").agg(n=pl.len()).sort("day", "severity")
    of_detector = lately.explode("detectors").group_by("day", detector="detectors").agg(n=pl.len())
    drawn = [
        Picture(
            "volume",
            volume.by_hour(past.volume, last),
            said("Rows by hour of %s; the broken line is the usual") % last,
        ),
        Picture(
            "severity",
            of_grade.with_columns(day, place=-place),
            said("Alerts on the lists of the last nights, by severity"),
        ),
        Picture(
            "detector",
            of_detector.sort("day", "detector").with_columns(
                day,
                pl.col("detector").replace({d: said(d) for d in of_detector["detector"].unique()}),
            ),
            said("The same by detector; an alert may be of several"),
        ),
    ]
    return [picture for picture in drawn if not picture.rows.is_empty()]
