"""A story as tables with titles, for the terminal; what is empty says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts.unlike_peers import MAX_MEASURES
from cdr_anomaly.wording import say, say_word, scientific

if TYPE_CHECKING:
    from cdr_anomaly.reports.line_story import Story

BARS, NOTHING = "▁▂▃▄▅▆▇█", "."
CONTACTS, PEOPLE, RELATED = 20, 10, 8
# A calendar of more days does not fit; what is shown ends with the last day.
CALENDAR_DAYS = 92
# A letter an hour; the head says which is which.
HOURS = "0h    6h    12h   18h   "
PLACED, RECEIVED = "0h placed   12h   18h   ", "0h received 12h   18h   "
FORWARDS = ("number", "calls", "answered", "callers", "days", "reasons", "first", "last")


# Columns of words of the program, where they are texts.
WORDS = ("calls", "class", "count", "day", "detector", "how", "peers", "severity", "tier", "by")


def tables(
    story: Story, lang: str = wording.ENGLISH, *, has_verdicts: bool = True
) -> dict[str, pl.DataFrame]:
    """Return the tables of a story under their titles, in the order in which they are read.

    Sentences and words in the tables are in the language; titles and heads are still to be said in
    it. Without verdicts, they say what would give some.
    """
    names = ("findings", "alerts", "warned", "to_warn")
    story = story._replace(**{n: wording.localized(getattr(story, n), lang) for n in names})
    dates = _dates(story)
    rest = _tables_of_others(story, lang) if has_verdicts else _tables_without_verdict(story, lang)
    named = _tables_of_calls(story, dates) | rest
    return {title: _in_language(table, lang) for title, table in named.items()}


def _in_language(table: pl.DataFrame, lang: str) -> pl.DataFrame:
    texts = [name for name in WORDS if table.schema.get(name) == pl.String]
    kinds = {"peers": "peers"}
    return table.with_columns(
        wording.translate_column(table[name], lang, kinds.get(name, "heads")) for name in texts
    )


def _tables_of_calls(story: Story, dates: pl.DataFrame) -> dict[str, pl.DataFrame]:
    scale = say("story.scale", "from {least} none to {most} the most", least=NOTHING, most=BARS[-1])
    return {
        say("story.line", "The line"): story.who.rename({"number_class": "class"}),
        say("story.calendar", "Calls by day{span}, {scale}", span=_span(dates), scale=scale): (
            _calendar(story, dates)
        ),
        say(
            "story.days",
            "By day: calls out, of these answered, different numbers, of these calling back, most "
            "in 10 min, 60 min, 24 h; calls in, forwarded; usual out",
        ): _days(story.days),
        say("story.limits", "Limits that these counts are held against"): _limits(story.limits),
        say(
            "story.hours",
            "Hour by hour: calls placed, and received, in each hour of the day, {scale}",
            scale=scale,
        ): _grid(story.grid),
        say(
            "story.shift",
            "The shift: days with many calls, the hours it talked, its first and last call, and "
            "each hour of the day: . no talk, - up to 20 minutes, = up to 40, # more",
        ): _shifts(story.shifts),
        say(
            "story.contacts",
            "Contacts, the {n} with most calls: out, in, answered, called back within 6 h",
            n=CONTACTS,
        ): _contacts(story.contacts),
        say("story.handsets", "Handsets, with the same days"): (
            _used(story.handsets, story.handset_days, dates)
        ),
        say("story.cells", "Cells, the {n} with most calls, with the same days", n=CONTACTS): (
            _used(story.cells, story.cell_days, dates)
        ),
        say_word("Forwarded to"): story.forwards_out.head(CONTACTS).select(FORWARDS),
        say_word("Forwarded here by"): story.forwards_in.head(CONTACTS).select(FORWARDS),
    }


def _tables_of_others(story: Story, lang: str) -> dict[str, pl.DataFrame]:
    own = pl.col("subject").is_in(story.who["number"].implode())
    return {
        say(
            "story.unlike",
            "How unlike its peers: p of each busy day, q over all lines, p by family, and in what, "
            "with the share of peers' days that are as odd",
        ): _unlike(story.unlike, lang),
        say("story.findings", "Findings, with how far over the limit"): (
            _findings(story.findings.filter(own))
        ),
        say("story.of_others", "Findings of others that name it, the latest of each"): (
            _of_others(story.findings.filter(~own))
        ),
        say_word("Alerts that name it"): _alerts(story.alerts, lang),
        say("story.warned", "To be warned"): _warned(story.warned, lang),
        say(
            "story.to_warn",
            "Talked to these, who are to be warned, the first {n}",
            n=PEOPLE,
        ): _to_warn(story.to_warn),
        say(
            "story.related",
            "Related numbers, as far as they are looked at twice: how many contacts, calls on the "
            "handset or forwards in common, of how many of their own, expected by chance; in its "
            "block how far apart; the {n} closest of each kind",
            n=RELATED,
        ): _related(story.related),
    }


def _tables_without_verdict(story: Story, lang: str) -> dict[str, pl.DataFrame]:
    takes = {
        "--result FOLDER": say("story.of_result", "what `scan --out FOLDER` has found"),
        "--state FOLDER": say("story.of_state", "what the nights of that state have found"),
        "--judge": say("story.of_scan", "what a scan of all calls finds, which takes its time"),
    }
    told = [wording.translate(text, lang) for text in takes.values()]
    return {
        say(
            "story.not_judged",
            "Not judged here: whether it is found, how unlike its peers it is, and whom to warn "
            "depend on the calls of all lines. These options take",
        ): pl.DataFrame({"option": list(takes), "what": told}),
        say(
            "story.beside",
            "Related numbers, as the calls of its contacts, on its handsets and of its block tell: "
            "how many contacts, calls on the handset or forwards in common, of how many of their "
            "own; in its block how far apart; the {n} closest of each kind",
            n=RELATED,
        ): _related(story.related).drop("expected"),
    }


def bars(counts: pl.Expr, most: pl.Expr) -> pl.Expr:
    """Draw each count as a bar, the highest for ``most``; what is there at all can be seen."""
    step = (len(BARS) * counts / most).ceil().clip(1, len(BARS)).cast(pl.Int64)
    drawn = pl.lit(BARS).str.slice(step - 1, 1)
    return pl.when(counts > 0).then(drawn).otherwise(pl.lit(NOTHING))


def _calendar(story: Story, dates: pl.DataFrame) -> pl.DataFrame:
    """Draw what the line placed, received and forwarded: a row each, a bar a day."""
    kinds = {"n_out": "placed", "n_in": "received", "n_forwarded": "forwarded"}
    own = story.days.select("day", *kinds).rename(kinds).unpivot(index="day", variable_name="calls")
    here = (
        story.forward_days.filter(direction="in").group_by("day").agg(value=pl.col("calls").sum())
    )
    here = here.select("day", pl.lit("forwarded here").alias("calls"), "value")
    some = pl.concat([own, here]).filter(pl.col("value").sum().over("calls") > 0)
    every = some.select("calls").unique(maintain_order=True).join(dates, how="cross")
    value = pl.col("value").fill_null(0)
    whole = every.join(some, on=["calls", "day"], how="left", maintain_order="left")
    return (
        whole.with_columns(value)
        .group_by("calls", maintain_order=True)
        .agg(
            bars(value, value.max()).str.join("").alias("by day"),
            pl.col("value").sum().alias("in all"),
            pl.col("value").max().alias("most a day"),
        )
    )


def _dates(story: Story) -> pl.DataFrame:
    """List the days of the calendar that are shown."""
    days = pl.concat([story.days.select("day"), story.forward_days.select("day")])
    if days.is_empty():
        return days
    first, last = pl.col("day").min(), pl.col("day").max()
    near = pl.max_horizontal(first, last - pl.duration(days=CALENDAR_DAYS - 1))
    return days.select(day=pl.date_range(near, last))


def _span(dates: pl.DataFrame) -> str:
    days = dates["day"].sort()
    if days.is_empty():
        return ""
    return say("story.span", ", {first} to {last}", first=days[0], last=days[-1])


def _days(days: pl.DataFrame) -> pl.DataFrame:
    heads = {
        "day": "day",
        "n_out": "out",
        "n_answered": "answ",
        "n_distinct": "dist",
        "n_called_back": "back",
        "peak_10min": "10min",
        "peak_60min": "60min",
        "peak_24h": "24h",
        "n_in": "in",
        "n_forwarded": "fwd",
        "usual": "usual",
    }
    return days.select(pl.col(name).alias(head) for name, head in heads.items())


def _limits(limits: pl.DataFrame) -> pl.DataFrame:
    said = {
        "n_out": "out",
        "peak_10min": "10min",
        "peak_60min": "60min",
        "peak_24h": "24h",
        "talk_h": "talk h",
    }
    setting = wording.format_text("{}.{}", "detector", "setting")
    return limits.select(pl.col("count").replace(said), "limit", setting.alias("setting"))


def _grid(grid: pl.DataFrame) -> pl.DataFrame:
    """Draw a row of 24 hours for each day, and for all of them together."""
    counts = ("placed", "received")
    whole = grid.group_by("hour").agg(pl.col(counts).sum()).sort("hour")
    together = whole.select(pl.lit("all days").alias("day"), "hour", *counts)
    rows = pl.concat(
        _hour_bars(part) for part in (together, grid.with_columns(pl.col("day").cast(pl.String)))
    )
    heads = {"placed": PLACED, "n_placed": "out", "received": RECEIVED, "n_received": "in"}
    return rows.select("day", *heads).rename(heads)


def _hour_bars(hours: pl.DataFrame) -> pl.DataFrame:
    drawn = hours.with_columns(
        bars(pl.col(name), pl.col(name).max()).alias(f"{name}_bar")
        for name in ("placed", "received")
    )
    return drawn.group_by("day", maintain_order=True).agg(
        n_placed=pl.col("placed").sum(),
        n_received=pl.col("received").sum(),
        placed=pl.col("placed_bar").str.join(""),
        received=pl.col("received_bar").str.join(""),
    )


def _shifts(shifts: pl.DataFrame) -> pl.DataFrame:
    minutes = pl.element() / 60
    letter = (
        pl.when(minutes > 40)
        .then(pl.lit("#"))
        .when(minutes > 20)
        .then(pl.lit("="))
        .when(minutes > 0)
        .then(pl.lit("-"))
        .otherwise(pl.lit(NOTHING))
    )
    return shifts.select(
        "day",
        pl.col("talk_h").alias("talk h"),
        calls="n_out",
        distinct="n_distinct",
        first="first_out",
        last="last_out",
        hours=pl.col("hours_s").list.eval(letter).list.join(""),
    ).rename({"hours": HOURS})


def _contacts(contacts: pl.DataFrame) -> pl.DataFrame:
    return contacts.head(CONTACTS).select(
        "number",
        pl.col("placed").alias("out"),
        pl.col("received").alias("in"),
        answ="answered",
        talk_s="talk_s",
        days="days",
        back="call_backs",
        first="first",
        last="last",
    )


def _used(used: pl.DataFrame, by_day: pl.DataFrame, dates: pl.DataFrame) -> pl.DataFrame:
    top = used.head(CONTACTS)
    every = top.select("name").join(dates, how="cross")
    calls = pl.col("calls").fill_null(0)
    drawn = (
        every.join(by_day, on=["name", "day"], how="left", maintain_order="left")
        .group_by("name")
        .agg(bars(calls, calls.max()).str.join("").alias("by day"))
    )
    days = pl.col("first", "last").str.slice(0, 10)
    return top.with_columns(days).join(drawn, on="name", how="left", maintain_order="left")


def _unlike(unlike: pl.DataFrame, lang: str) -> pl.DataFrame:
    """Show each day's probabilities, and the measures that the fewest of its peers reach."""
    family = pl.element().struct.with_fields(p=scientific(pl.field("p_value")))
    found = unlike["families"].explode().struct.field("family").drop_nulls().unique()
    words = {name: wording.translate_word(name, lang) for name in found}
    name = family.struct.field("family").replace(words)
    families = pl.col("families").list.eval(
        wording.format_text("{} {}", name, family.struct.field("p"))
    )
    measure = pl.element().sort_by(pl.element().struct.field("share")).struct
    share = (100 * measure.field("share")).round_sig_figs(2).cast(pl.String)
    measures = pl.col("measures").list.eval(
        wording.format_text(
            "{} {} ({} %)", measure.field("measure"), measure.field("value").round(2), share
        )
    )
    return unlike.select(
        "day",
        "peers",
        p=scientific(pl.col("p_value")),
        q=pl.col("q_value").round_sig_figs(2),
        by=pl.col("calibrated_by"),
        families=families.list.join(", "),
        measures=measures.list.head(MAX_MEASURES).list.join(", "),
    )


def _findings(findings: pl.DataFrame) -> pl.DataFrame:
    return findings.select(
        "day", "detector", "severity", pl.col("excess").alias("x limit"), "reason"
    )


def _of_others(findings: pl.DataFrame) -> pl.DataFrame:
    # A hub is named on each day by all who forward to it.
    latest = findings.unique(["subject", "detector"], keep="last", maintain_order=True)
    told = _findings(latest).with_columns(latest["subject"])
    return told.select("subject", *told.columns[:-1]).sort("subject", maintain_order=True)


def _alerts(alerts: pl.DataFrame, lang: str) -> pl.DataFrame:
    goes_on = say("terminal.goes_on_with", "goes on with {case}", case="{}")
    return alerts.select(
        "day",
        pl.col("rank").alias("#"),
        "severity",
        "subject",
        p=scientific(pl.col("p_value")),
        why=pl.col("reasons").list.first(),
        but=pl.coalesce(
            "suppressed_by",
            "lowered_because",
            wording.format_text(wording.translate(goes_on, lang), "replaces_case"),
        ),
    )


def _warned(victims: pl.DataFrame, lang: str) -> pl.DataFrame:
    found_by = wording.translate_column(victims["found_by"], lang)
    return victims.with_columns(found_by).select(
        "rank",
        "number",
        "tier",
        "day",
        "why",
        lines=pl.col("lines").list.join(", "),
        found_by=pl.col("found_by").list.join(", "),
    )


def _to_warn(victims: pl.DataFrame) -> pl.DataFrame:
    return victims.head(PEOPLE).select("rank", "number", "tier", "day", "why")


def _related(related: pl.DataFrame) -> pl.DataFrame:
    closest = related.filter(pl.int_range(pl.len()).over("how") < RELATED)
    return closest.select(
        "how", "number", "count", "of", pl.col("expected").round(1), "first", "last"
    )
