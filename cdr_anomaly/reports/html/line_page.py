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

Translator = Callable[[str], str]
# Of longer stories the end is drawn; a chart of more days cannot be read.
DAYS = 62
ROWS, NAMES = 40, 16
# The counts of a day that have a chart, each with its limits.
COUNTS = ("n_out", "n_in", "n_forwarded", "peak_60min", "peak_10min", "talk_h")


class Rows(NamedTuple):
    """A small table of the page: its title, its heads with whether they are numbers, its rows."""

    title: str
    heads: list[tuple[str, bool]]
    rows: list[tuple[Any, ...]]
    more: int


def line(story: Story, result: Result, look: Look) -> str:
    """Return the page of the story of a line, in a language, with numbers masked or in full."""
    sheet = Sheet(look)
    word, lang = sheet.word, look.lang
    who = story.who.row(0, named=True)
    return sheet.render(
        "line.html",
        title=word("The story of %s") % who["number"],
        who=who,
        zone=result.source.tz,
        has_verdicts=result.has_verdicts,
        cards=_cards(story, word)[0 if result.has_verdicts else 1 :],
        alerts=_alerts(wording.localized(story.alerts, lang)),
        days=[sheet.picture(each) for each in _days(story, word)],
        hours=[sheet.picture(each) for each in _hours(story, word)],
        used=[sheet.picture(each) for each in _used(story, word)],
        graph=[sheet.picture(each) for each in _forwards(story, who["number"], word)],
        forwards=_forward_tables(story, word),
        contacts=_contacts(story.contacts, word),
        related=_related(story.related, result, word),
        findings=_findings(wording.localized(story.findings, lang), word),
        unlike=_unlike(story.unlike, word),
        people=_people(story, lang, word),
        unknown=[wording.translate(each, lang) for each in result.tables.unknown()],
        versions=versions(),
    )


def _cards(story: Story, word: Translator) -> list[tuple[str, str]]:
    days, listed = story.days, story.alerts.filter(pl.col("rank").is_not_null())
    return [
        (f"{listed.height}", word("alerts")),
        (f"{days['n_out'].sum():,}", word("calls placed")),
        (f"{days['n_in'].sum():,}", word("calls received")),
        (f"{days['n_forwarded'].sum():,}", word("calls forwarded")),
        (f"{story.contacts.height:,}", word("contacts")),
        (f"{days.height}", word("active days")),
    ]


def _alerts(alerts: pl.DataFrame) -> list[dict[str, Any]]:
    shown = alerts.sort("rank", "day", nulls_last=True).with_columns(
        p=wording.scientific(pl.col("p_value"))
    )
    return shown.head(ROWS).to_dicts()


def _days(story: Story, word: Translator) -> list[Picture]:
    """Draw each count by day with its usual and its least limit, and what was found when."""
    titles = {
        "n_out": word("Calls placed by day; ticks are its usual"),
        "n_in": word("Calls received by day"),
        "n_forwarded": word("Calls forwarded by day"),
        "peak_60min": word("Most calls placed in 60 minutes, by day"),
        "peak_10min": word("Most calls placed in 10 minutes, by day"),
        "talk_h": word("Hours of talk in placed calls, on days with many"),
    }
    worked = story.shifts.select("day", "talk_h")
    counted = _calendar(story.days).join(worked, on="day", how="left")
    drawn = []
    for count in COUNTS:
        limits = story.limits.filter(count=count).sort("limit").head(1)
        text = "".join(
            word("; the broken line is %(limit)g, the limit of %(detector)s")
            % {"limit": row["limit"], "detector": word(row["detector"]).replace("_", " ")}
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
    drawn.append(
        Picture(
            "found", _gravest_findings(story, word), word("What was found, by day and detector")
        )
    )
    return [each for each in drawn if _holds_anything(each.rows)]


def _calendar(days: pl.DataFrame) -> pl.DataFrame:
    """Add the days between that have no call."""
    every = days.select(pl.date_ranges(pl.col("day").min(), pl.col("day").max()).alias("day"))
    return every.explode("day").join(days, on="day", how="left")


def _gravest_findings(story: Story, word: Translator) -> pl.DataFrame:
    """Return the gravest finding of each day and detector that names the line."""
    found = story.findings.sort(severity.grade(), descending=True).unique(
        ["day", "detector"], keep="first", maintain_order=True
    )
    return found.sort("day", "detector").select(
        short_day("day"), *(_words(column, found, word) for column in ("detector", "severity"))
    )


def _holds_anything(rows: pl.DataFrame) -> bool:
    return bool(rows["n"].sum() if "n" in rows.columns else rows.height)


def _hours(story: Story, word: Translator) -> list[Picture]:
    """Draw when the line placed and received calls, and when it talked on days with many."""
    lately = story.grid.join(story.grid.select("day").unique().top_k(DAYS, by="day"), on="day")
    titles = {
        "placed": word("Calls placed by day and hour"),
        "received": word("Calls received by day and hour"),
    }
    drawn = [
        Picture("grid", _by_hour(lately.select("day", "hour", n=way)), title)
        for way, title in titles.items()
    ]
    hour = pl.int_ranges(pl.col("hours_s").list.len())
    worked = story.shifts.select("day", "hours_s", hour=hour).explode("hours_s", "hour")
    minutes = worked.select("day", "hour", n=(pl.col("hours_s") / 60).round())
    drawn.append(
        Picture("grid", _by_hour(minutes), word("Minutes of talk by hour, on days with many calls"))
    )
    return [each for each in drawn if not each.rows.is_empty()]


def _by_hour(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("n") > 0).sort("day", "hour").with_columns(short_day("day"))


def _used(story: Story, word: Translator) -> list[Picture]:
    """Draw on which days the line was on which handset and at which cell."""
    drawn = []
    for title, whole, days in (
        (word("Handsets by day"), story.handsets, story.handset_days),
        (word("Cells by day"), story.cells, story.cell_days),
    ):
        most = whole.head(NAMES).with_row_index("place").select("place", "name")
        rows = days.join(most, on="name").sort("place", "day")
        drawn.append(Picture("used", rows.select(short_day("day"), "name", n="calls"), title))
    return [each for each in drawn if not each.rows.is_empty()]


def _forwards(story: Story, number: str, word: Translator) -> list[Picture]:
    """Draw who forwards to the line, and whom it forwards to."""
    into = story.forwards_in.select("calls", forwarder="number", target=pl.lit(number))
    out = story.forwards_out.select("calls", forwarder=pl.lit(number), target="number")
    hops = pl.concat([into, out]).with_columns(rank=pl.lit(1, pl.Int64))
    # A hop stands for one call in a graph.
    calls = hops.select(pl.exclude("calls").repeat_by("calls").explode())
    drawn = Picture("graph", graph(calls).drop("rank"), word("Forwards, from left to right"))
    return [] if hops.is_empty() else [drawn]


def _table(title: str, heads: list[str], rows: pl.DataFrame) -> list[Rows]:
    """Return the first rows of a table; nothing where it has none."""
    if rows.is_empty():
        return []
    # A probability is text, as it may be too small for digits.
    numbers = [
        head == "p" or dtype.is_numeric() for head, dtype in zip(heads, rows.dtypes, strict=True)
    ]
    more = max(0, rows.height - ROWS)
    return [Rows(title, list(zip(heads, numbers, strict=True)), rows.head(ROWS).rows(), more)]


def _forward_tables(story: Story, word: Translator) -> list[Rows]:
    heads = [
        word("number"),
        word("calls"),
        word("answered"),
        word("callers"),
        word("days"),
        word("why forwarded"),
        word("first"),
        word("last"),
    ]
    return [
        *_table(word("Forwarded to"), heads, story.forwards_out),
        *_table(word("Forwarded here by"), heads, story.forwards_in),
    ]


def _contacts(contacts: pl.DataFrame, word: Translator) -> list[Rows]:
    heads = [
        word("number"),
        word("class"),
        word("placed"),
        word("received"),
        word("answered"),
        word("called back"),
        word("talk, min"),
        word("days"),
        word("first"),
        word("last"),
    ]
    shown = contacts.select(
        "number",
        _words("number_class", contacts, word),
        "placed",
        "received",
        "answered",
        "call_backs",
        (pl.col("talk_s") / 60).round(1),
        "days",
        "first",
        "last",
    )
    return _table(word("Contacts, those with most calls"), heads, shown)


def _related(related: pl.DataFrame, result: Result, word: Translator) -> list[Rows]:
    heads = [
        word("what they have in common"),
        word("number"),
        word("class"),
        word("how many"),
        word("of"),
        word("expected by chance"),
        word("first"),
        word("last"),
    ]
    shown = related.select(
        _words("how", related, word),
        "number",
        _words("number_class", related, word),
        "count",
        "of",
        pl.col("expected").round(1),
        "first",
        "last",
    )
    title = word("Related numbers, as far as they were looked at twice")
    if result.complete_lines is not None:
        title = word(
            "Related numbers, as the calls of its contacts, on its handsets and of its block tell"
        )
    return _table(title, heads, shown)


def _findings(findings: pl.DataFrame, word: Translator) -> list[Rows]:
    heads = [
        word("day"),
        word("detector"),
        word("severity"),
        word("subject"),
        word("seen"),
        word("limit"),
        word("usual"),
        word("reason"),
    ]
    latest = findings.sort("day", "detector", descending=[True, False])
    rows = latest.select(
        "day",
        _words("detector", findings, word),
        _words("severity", findings, word),
        "subject",
        pl.col("observed", "threshold", "baseline").round(2),
        "reason",
    )
    return _table(word("Findings that name the line, the latest first"), heads, rows)


def _unlike(unlike: pl.DataFrame, word: Translator) -> list[Rows]:
    heads = [word("day"), word("compared with"), "p", "q", word("by family")]
    family = pl.element().struct
    p = wording.scientific(family.field("p_value"))
    names = unlike["families"].explode().struct.field("family").drop_nulls().unique()
    name = family.field("family").replace({each: word(each) for each in names})
    told = pl.col("families").list.eval(pl.concat_str(name, pl.lit(" "), p))
    rows = unlike.sort("p_value").select(
        "day",
        _words("peers", unlike, word),
        wording.scientific(pl.col("p_value")),
        pl.col("q_value").round_sig_figs(2),
        told.list.join(", "),
    )
    return _table(word("How unlike its peers, the least likely days first"), heads, rows)


def _people(story: Story, lang: str, word: Translator) -> list[Rows]:
    heads = [word("how soon"), word("number"), word("why")]
    tables = {
        word("The line is to be warned itself"): story.warned,
        word("Talked to these, who are to be warned"): story.to_warn,
    }
    tiers = {tier: word(term) for tier, term in urgency.TIERS.items()}
    return [
        each
        for title, people in tables.items()
        for each in _table(
            title,
            heads,
            wording.localized(people, lang).select(pl.col("tier").replace(tiers), "number", "why"),
        )
    ]


def _words(column: str, table: pl.DataFrame, word: Translator) -> pl.Expr:
    """Return the words of a column in the language of the page."""
    return pl.col(column).replace(
        {term: word(term).replace("_", " ") for term in table[column].drop_nulls().unique()}
    )
