"""The page of one line: its story, drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts import severity
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.reports.html.chart_data import graph, short_day
from cdr_anomaly.reports.html.template import Picture, Sheet
from cdr_anomaly.result import versions

if TYPE_CHECKING:
    from cdr_anomaly.reports.html.language import Look
    from cdr_anomaly.reports.line_story import Story
    from cdr_anomaly.result import Result

Said = Callable[[str], str]
# Of longer stories the end is drawn; a chart of more days cannot be read.
DAYS = 62
ROWS, NAMES = 40, 16
# Which counts of a day are drawn, each with the limits that it is held against.
COUNTS = ("n_out", "n_in", "n_forwarded", "peak_60min", "peak_10min", "talk_h")


class Rows(NamedTuple):
    """A small table of the page: its title, its heads with whether they are numbers, its rows."""

    title: str
    heads: list[tuple[str, bool]]
    rows: list[tuple[Any, ...]]
    more: int


def line(story: Story, result: Result, look: Look) -> str:
    """Write the page of a line's story, in a language, with numbers masked or whole."""
    sheet = Sheet(look)
    said, lang = sheet.said, look.lang
    who = story.who.row(0, named=True)
    return sheet.written(
        "line.html",
        title=said("The story of %s") % who["number"],
        who=who,
        zone=result.source.tz,
        cards=_cards(story, said),
        alerts=_alerts(wording.localized(story.alerts, lang)),
        days=[sheet.picture(each) for each in _days(story, said)],
        hours=[sheet.picture(each) for each in _hours(story, said)],
        used=[sheet.picture(each) for each in _used(story, said)],
        graph=[sheet.picture(each) for each in _forwards(story, who["number"], said)],
        forwards=_forward_tables(story, said),
        contacts=_contacts(story.contacts, said),
        related=_related(story.related, said),
        findings=_findings(wording.localized(story.findings, lang), said),
        unlike=_unlike(story.unlike, said),
        people=_people(story, lang, said),
        unknown=[wording.translate(each, lang) for each in result.tables.unknown()],
        versions=versions(),
    )


def _cards(story: Story, said: Said) -> list[tuple[str, str]]:
    days, listed = story.days, story.alerts.filter(pl.col("rank").is_not_null())
    return [
        (f"{listed.height}", said("alerts")),
        (f"{days['n_out'].sum():,}", said("calls placed")),
        (f"{days['n_in'].sum():,}", said("calls received")),
        (f"{days['n_forwarded'].sum():,}", said("calls forwarded")),
        (f"{story.contacts.height:,}", said("contacts")),
        (f"{days.height}", said("active days")),
    ]


def _alerts(alerts: pl.DataFrame) -> list[dict[str, Any]]:
    shown = alerts.sort("rank", "day", nulls_last=True).with_columns(
        p=wording.scientific(pl.col("p_value"))
    )
    return shown.head(ROWS).to_dicts()


def _days(story: Story, said: Said) -> list[Picture]:
    """Draw each count by day with its usual and its least limit, and what was found when."""
    titles = {
        "n_out": said("Calls placed by day; ticks are its usual"),
        "n_in": said("Calls received by day"),
        "n_forwarded": said("Calls forwarded by day"),
        "peak_60min": said("Most calls placed in 60 minutes, by day"),
        "peak_10min": said("Most calls placed in 10 minutes, by day"),
        "talk_h": said("Hours of talk in placed calls, on days with many"),
    }
    worked = story.shifts.select("day", "talk_h")
    counted = _calendar(story.days).join(worked, on="day", how="left")
    drawn = []
    for count in COUNTS:
        limits = story.limits.filter(count=count).sort("limit").head(1)
        text = "".join(
            said("; the broken line is %(limit)g, the limit of %(detector)s")
            % {"limit": row["limit"], "detector": said(row["detector"]).replace("_", " ")}
            for row in limits.iter_rows(named=True)
        )
        usual = pl.col("usual") if count == "n_out" else pl.lit(None, pl.Float64)
        rows = counted.tail(DAYS).select(
            short_day("day"),
            n=pl.col(count).fill_null(0),
            usual=usual,
            limit=pl.lit(limits["limit"].first(), pl.Float64),
        )
        drawn.append(Picture("days", rows, titles[count] + text))
    drawn.append(Picture("found", _found(story, said), said("What was found, by day and detector")))
    return [each for each in drawn if _holds_anything(each.rows)]


def _calendar(days: pl.DataFrame) -> pl.DataFrame:
    """Add the days between that have no call."""
    every = days.select(pl.date_ranges(pl.col("day").min(), pl.col("day").max()).alias("day"))
    return every.explode("day").join(days, on="day", how="left")


def _found(story: Story, said: Said) -> pl.DataFrame:
    """Give the gravest finding of each day and detector that names the line."""
    found = story.findings.sort(severity.grade(), descending=True).unique(
        ["day", "detector"], keep="first", maintain_order=True
    )
    return found.sort("day", "detector").select(
        short_day("day"), *(_words(column, found, said) for column in ("detector", "severity"))
    )


def _holds_anything(rows: pl.DataFrame) -> bool:
    return bool(rows["n"].sum() if "n" in rows.columns else rows.height)


def _hours(story: Story, said: Said) -> list[Picture]:
    """Draw when the line placed and received calls, and when it talked on days with many."""
    lately = story.grid.join(story.grid.select("day").unique().top_k(DAYS, by="day"), on="day")
    titles = {
        "placed": said("Calls placed by day and hour"),
        "received": said("Calls received by day and hour"),
    }
    drawn = [
        Picture("grid", _by_hour(lately.select("day", "hour", n=way)), title)
        for way, title in titles.items()
    ]
    hour = pl.int_ranges(pl.col("hours_s").list.len())
    worked = story.shifts.select("day", "hours_s", hour=hour).explode("hours_s", "hour")
    minutes = worked.select("day", "hour", n=(pl.col("hours_s") / 60).round())
    drawn.append(
        Picture("grid", _by_hour(minutes), said("Minutes of talk by hour, on days with many calls"))
    )
    return [each for each in drawn if not each.rows.is_empty()]


def _by_hour(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("n") > 0).sort("day", "hour").with_columns(short_day("day"))


def _used(story: Story, said: Said) -> list[Picture]:
    """Draw on which days the line was on which handset and at which cell."""
    drawn = []
    for title, whole, days in (
        (said("Handsets by day"), story.handsets, story.handset_days),
        (said("Cells by day"), story.cells, story.cell_days),
    ):
        most = whole.head(NAMES).with_row_index("place").select("place", "name")
        rows = days.join(most, on="name").sort("place", "day")
        drawn.append(Picture("used", rows.select(short_day("day"), "name", n="calls"), title))
    return [each for each in drawn if not each.rows.is_empty()]


def _forwards(story: Story, number: str, said: Said) -> list[Picture]:
    """Draw who forwards to the line, and whom it forwards to."""
    into = story.forwards_in.select("calls", forwarder="number", target=pl.lit(number))
    out = story.forwards_out.select("calls", forwarder=pl.lit(number), target="number")
    hops = pl.concat([into, out]).with_columns(rank=pl.lit(1, pl.Int64))
    # A hop stands for one call in a graph.
    calls = hops.select(pl.exclude("calls").repeat_by("calls").explode())
    drawn = Picture("graph", graph(calls).drop("rank"), said("Forwards, from left to right"))
    return [] if hops.is_empty() else [drawn]


def _table(title: str, heads: list[tuple[str, bool]], rows: pl.DataFrame) -> list[Rows]:
    """Show the first rows of a table, or nothing where it has none."""
    more = max(0, rows.height - ROWS)
    return [Rows(title, heads, rows.head(ROWS).rows(), more)] if rows.height else []


def _forward_tables(story: Story, said: Said) -> list[Rows]:
    heads = [
        (said("number"), False),
        (said("calls"), True),
        (said("answered"), True),
        (said("callers"), True),
        (said("days"), True),
        (said("why forwarded"), False),
        (said("first"), False),
        (said("last"), False),
    ]
    return [
        *_table(said("Forwarded to"), heads, story.forwards_out),
        *_table(said("Forwarded here by"), heads, story.forwards_in),
    ]


def _contacts(contacts: pl.DataFrame, said: Said) -> list[Rows]:
    heads = [
        (said("number"), False),
        (said("class"), False),
        (said("placed"), True),
        (said("received"), True),
        (said("answered"), True),
        (said("called back"), True),
        (said("talk, min"), True),
        (said("days"), True),
        (said("first"), False),
        (said("last"), False),
    ]
    shown = contacts.select(
        "number",
        _words("number_class", contacts, said),
        "placed",
        "received",
        "answered",
        "call_backs",
        (pl.col("talk_s") / 60).round(1),
        "days",
        "first",
        "last",
    )
    return _table(said("Contacts, those with most calls"), heads, shown)


def _related(related: pl.DataFrame, said: Said) -> list[Rows]:
    heads = [
        (said("what they have in common"), False),
        (said("number"), False),
        (said("class"), False),
        (said("how many"), True),
        (said("of"), True),
        (said("expected by chance"), True),
        (said("first"), False),
        (said("last"), False),
    ]
    shown = related.select(
        _words("how", related, said),
        "number",
        _words("number_class", related, said),
        "count",
        "of",
        pl.col("expected").round(1),
        "first",
        "last",
    )
    return _table(said("Related numbers, as far as they were looked at twice"), heads, shown)


def _findings(findings: pl.DataFrame, said: Said) -> list[Rows]:
    heads = [
        (said("day"), False),
        (said("detector"), False),
        (said("severity"), False),
        (said("subject"), False),
        (said("seen"), True),
        (said("limit"), True),
        (said("usual"), True),
        (said("reason"), False),
    ]
    latest = findings.sort("day", "detector", descending=[True, False])
    rows = latest.select(
        "day",
        _words("detector", findings, said),
        _words("severity", findings, said),
        "subject",
        pl.col("observed", "threshold", "baseline").round(2),
        "reason",
    )
    return _table(said("Findings that name the line, the latest first"), heads, rows)


def _unlike(unlike: pl.DataFrame, said: Said) -> list[Rows]:
    heads = [
        (said("day"), False),
        (said("compared with"), False),
        ("p", True),
        ("q", True),
        (said("by family"), False),
    ]
    family = pl.element().struct
    p = wording.scientific(family.field("p_value"))
    names = unlike["families"].explode().struct.field("family").drop_nulls().unique()
    name = family.field("family").replace({each: said(each) for each in names})
    told = pl.col("families").list.eval(pl.concat_str(name, pl.lit(" "), p))
    rows = unlike.sort("p_value").select(
        "day",
        _words("peers", unlike, said),
        wording.scientific(pl.col("p_value")),
        pl.col("q_value").round_sig_figs(2),
        told.list.join(", "),
    )
    return _table(said("How unlike its peers, the least likely days first"), heads, rows)


def _people(story: Story, lang: str, said: Said) -> list[Rows]:
    heads = [(said("how soon"), False), (said("number"), False), (said("why"), False)]
    tables = {
        said("The line is to be warned itself"): story.warned,
        said("Talked to these, who are to be warned"): story.to_warn,
    }
    tiers = {tier: said(word) for tier, word in urgency.TIERS.items()}
    return [
        each
        for title, people in tables.items()
        for each in _table(
            title,
            heads,
            wording.localized(people, lang).select(pl.col("tier").replace(tiers), "number", "why"),
        )
    ]


def _words(column: str, table: pl.DataFrame, said: Said) -> pl.Expr:
    """Say the words of a column in the page's language."""
    return pl.col(column).replace(
        {word: said(word).replace("_", " ") for word in table[column].drop_nulls().unique()}
    )
