"""What the charts of each alert show: calls by day and hour, forwards, new lines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.schema import kinds_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.detectors import Tables

DAYS, GRID_DAYS, HOPS_DAYS = (timedelta(days=n) for n in (28, 14, 7))
ONE = timedelta(days=1)
# A chart is read at a glance; files and tables hold the rest.
LINES, HOPS, CALLS = 16, 40, 8
# The charts of longer chains cannot be read on a page.
DEEPEST = 5
# With fewer other days it is not known what is usual at an hour.
FEW_DAYS = 3


class AlertCharts(NamedTuple):
    """The rows of each chart and small table, with the ``rank`` of their alert."""

    pictures: Mapping[str, pl.DataFrame]
    calls: pl.DataFrame
    hops: pl.DataFrame
    heads: pl.DataFrame
    classes: pl.DataFrame


def build_charts(
    listed: pl.DataFrame, findings: pl.DataFrame, tables: Tables, legs: pl.LazyFrame
) -> AlertCharts:
    """Return the charts of ``listed``, which are ALERTS with a rank.

    ``legs`` are LEGS of the days before, as far as they are remembered.
    """
    lines = _lines(listed, tables)
    by_line = _by_line(lines, tables)
    heads = lines.join(by_line, on=["rank", "number"], how="semi")
    heads = heads.sort("rank", "place").unique("rank", keep="first", maintain_order=True)
    own = _legs(heads, tables, legs)
    grid = _grid(own)
    hops = _hops(listed, tables)
    return AlertCharts(
        pictures={
            "graph": graph(hops),
            "births": _births(listed, tables),
            "hours": _hours(grid),
            "grid": grid.filter(pl.col("n_days") > 1).select("rank", "day", "hour", "n"),
            "days": _days(heads, findings, tables),
            "lines": by_line.filter(pl.col("number").n_unique().over("rank") > 1).rename(
                {"number": "line"}
            ),
        },
        calls=_calls(own, tables),
        hops=_forwarded(hops, tables),
        heads=heads.select("rank", head="number"),
        classes=lines.filter(place=0).select("rank", "number_class"),
    )


def _lines(listed: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Return the first lines of each alert, as text and as the calls carry them."""
    own = listed.select("rank", "judged_day", number=pl.col("lines").list.head(LINES))
    places = own.with_columns(place=pl.int_ranges(pl.col("number").list.len()))
    return places.explode("number", "place", empty_as_null=False).with_columns(
        line=_as_carried(pl.col("number"), tables),
        number_class=_class(pl.col("number"), tables),
    )


def _as_carried(number: pl.Expr, tables: Tables) -> pl.Expr:
    """Return a line as the calls carry it."""
    return number if tables.feed.opaque else numbering.parse_codes(number, tables.plan)


def _class(number: pl.Expr, tables: Tables) -> pl.Expr:
    return numbering.number_class(number, tables.plan) if tables.feed.classes else pl.lit("")


def _calendar(alerts: pl.DataFrame, days: timedelta, tables: Tables) -> pl.LazyFrame:
    """Return every day of the ``days`` up to the day of an alert that the feed covers."""
    first = pl.max_horizontal(
        pl.col("judged_day") - days + ONE, pl.lit(tables.feed.first_day, pl.Date)
    )
    dates = pl.date_ranges(first, "judged_day")
    return alerts.lazy().with_columns(day=dates).explode("day", empty_as_null=False)


def _days(heads: pl.DataFrame, findings: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Count the calls placed by the first line of each alert by day, with usual and limit."""
    limit = (
        findings.filter(pl.col("detector") == "mass_dialler")
        .group_by(number="subject")
        .agg(limit=pl.col("threshold").min())
    )
    usual = tables.measures.select("line", "day", "usual")
    return (
        _calendar(heads, DAYS, tables)
        .join(tables.profile.select("line", "day", n="n_out"), on=["line", "day"], how="left")
        .join(usual, on=["line", "day"], how="left")
        .join(limit.lazy(), on="number", how="left")
        .sort("rank", "day")
        .select("rank", short_day("day"), pl.col("n").fill_null(0), "usual", "limit")
        .filter(pl.col("n").sum().over("rank") > 0)
        .collect()
    )


def _by_line(lines: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Count the calls placed by day and line of an alert, of first lines that were read again."""
    return (
        _calendar(lines, GRID_DAYS, tables)
        .join(tables.profile.select("line", "day", n="n_out"), on=["line", "day"], how="left")
        .sort("rank", "place", "day")
        .filter(pl.col("n").sum().over("rank", "line") > 0)
        .select("rank", short_day("day"), pl.col("n").fill_null(0), "number")
        .collect()
    )


def _legs(heads: pl.DataFrame, tables: Tables, before: pl.LazyFrame) -> pl.DataFrame:
    """Return the calls of the first line of each alert, of its day and of the days before."""
    columns = ["line", "day", "outgoing", "counterpart", "start", "duration_s", "cell_id"]
    calls = pl.concat([legs.select(columns) for legs in (before, tables.legs)]).unique()
    age = pl.col("judged_day") - pl.col("day")
    return (
        calls.join(heads.lazy().select("rank", "judged_day", "line", "number"), on="line")
        .filter(age.is_between(timedelta(0), GRID_DAYS - ONE))
        .with_columns(local=pl.col("start").dt.convert_time_zone(tables.tz))
        .collect()
    )


def _grid(legs: pl.DataFrame) -> pl.DataFrame:
    """Count placed calls by day and hour; ``n_days`` is how many days there are."""
    return (
        legs.filter("outgoing")
        .group_by("rank", "judged_day", "day", hour=pl.col("local").dt.hour().cast(pl.Int64))
        .agg(n=pl.len())
        .with_columns(n_days=pl.col("day").n_unique().over("rank"), date="day")
        .sort("rank", "day", "hour")
        .with_columns(short_day("day"))
    )


def _hours(grid: pl.DataFrame) -> pl.DataFrame:
    """Return the calls placed by hour of the day judged, and what is usual, where it is known."""
    today = grid.filter(pl.col("date") == pl.col("judged_day"))
    others = grid.filter(pl.col("date") < pl.col("judged_day"))
    n_others = pl.col("n_days") - 1
    usual = (
        others.group_by("rank", "hour")
        .agg(usual=(pl.col("n").sum() / n_others.first()).round(1), n_others=n_others.first())
        .filter(pl.col("n_others") >= FEW_DAYS)
    )
    both = today.select("rank", "hour", "n").join(
        usual.select("rank", "hour", "usual").join(today.select("rank").unique(), on="rank"),
        on=["rank", "hour"],
        how="full",
        coalesce=True,
    )
    return both.sort("rank", "hour").with_columns(pl.col("n").fill_null(0))


def _births(listed: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Count the new lines of each block or dealer by day, and what was usual before."""
    of_births = pl.col("subject_kind").is_in(kinds_with(has_new_lines=True))
    surging = listed.filter(of_births).select("rank", "judged_day", "subject_kind", group="subject")
    if surging.is_empty():
        return pl.DataFrame(schema={"rank": pl.Int64})
    country = 1 + len(str(tables.plan.calling_code))
    blocks = surging.filter(pl.col("subject_kind") == "block")["group"]
    lines = tables.groups(sorted((blocks.str.len_chars() - country).unique()))
    born = (
        lines.unpivot(index=["line", "born"], value_name="group")
        .join(surging.lazy().select("group"), on="group", how="semi")
        .group_by("group", day="born")
        .agg(n=pl.len())
    )
    before = pl.col("n").filter(pl.col("day") < pl.col("judged_day"))
    return (
        _calendar(surging, DAYS, tables)
        .join(born, on=["group", "day"], how="left")
        .with_columns(pl.col("n").fill_null(0))
        .with_columns(usual=before.mean().over("rank").round(1))
        .sort("rank", "day")
        .select("rank", short_day("day"), "n", "usual")
        .collect()
    )


def _hops(listed: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Return the forwards of a week in which the lines of alerts about forwarding take part."""
    about = listed.filter(pl.col("detectors").list.contains("forwarding_chain"))
    ours = (
        about.select("rank", "judged_day", number=pl.col("lines").list.concat("members"))
        .explode("number")
        .unique()
        .lazy()
        .select("rank", "judged_day", line=_as_carried(pl.col("number"), tables))
    )
    ends = [tables.hops.join(ours, left_on=end, right_on="line") for end in ("forwarder", "target")]
    columns = ["rank", "judged_day", "day", "start", "caller", "forwarder", "target", "answered"]
    age = pl.col("judged_day") - pl.col("day")
    return (
        pl.concat([hops.select(columns) for hops in ends])
        .filter(age.is_between(timedelta(0), HOPS_DAYS - ONE))
        .unique(columns)
        .with_columns(
            **{end: tables.written(pl.col(end)) for end in ("caller", "forwarder", "target")}
        )
        .sort("rank", "start", "forwarder", "target", "caller", "answered")
        .collect()
    )


def graph(hops: pl.DataFrame) -> pl.DataFrame:
    """Return forwards laid out from left to right: rows with a name are lines, others are hops."""
    hop = (
        hops.group_by("rank", "forwarder", "target")
        .agg(n=pl.len())
        .sort("rank", "n", "forwarder", "target", descending=[False, True, False, False])
        .group_by("rank", maintain_order=True)
        .head(HOPS)
    )
    forwarders = hop.select("rank", name="forwarder", x=pl.lit(0))
    place = pl.concat([forwarders, hop.select("rank", name="target", x=pl.lit(1))])
    for _ in range(DEEPEST):  # a loop of forwards would move on for ever
        behind = hop.join(place, left_on=["rank", "forwarder"], right_on=["rank", "name"])
        later = behind.select("rank", name="target", x=pl.col("x") + 1)
        place = pl.concat([place, later]).group_by("rank", "name").agg(pl.col("x").max())
        place = place.with_columns(pl.col("x").clip(upper_bound=DEEPEST))
    taken = (
        pl.concat(
            [
                hop.select("rank", "n", name="forwarder"),
                hop.select("rank", "n", name="target"),
            ]
        )
        .group_by("rank", "name")
        .agg(pl.col("n").sum())
    )
    stands = (
        place.join(taken, on=["rank", "name"])
        .sort("rank", "x", "n", "name", descending=[False, False, True, False])
        .with_columns(y=2 * pl.int_range(pl.len()).over("rank", "x") - pl.len().over("rank", "x"))
    )
    at = stands.select("rank", "name", "x", "y")
    lines = hop.join(at, left_on=["rank", "forwarder"], right_on=["rank", "name"]).join(
        at.rename({"x": "x2", "y": "y2"}), left_on=["rank", "target"], right_on=["rank", "name"]
    )
    shape = ["rank", "name", "x", "y", "x2", "y2", "n"]
    return pl.concat([lines.select(shape[0], *shape[2:]), stands], how="diagonal_relaxed").select(
        shape
    )


def _calls(legs: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Return the first calls of the first line of each alert on its day."""
    of_day = legs.filter(pl.col("day") == pl.col("judged_day")).sort(
        "rank", "start", "outgoing", "counterpart", "duration_s", "cell_id"
    )
    other = tables.written(pl.col("counterpart"))
    return (
        of_day.group_by("rank", maintain_order=True)
        .head(CALLS)
        .select(
            "rank",
            at=pl.col("local").dt.strftime("%m-%d %H:%M:%S"),
            calling=pl.when("outgoing").then("number").otherwise(other),
            called=pl.when("outgoing").then(other).otherwise("number"),
            talk_s="duration_s",
            cell="cell_id",
        )
    )


def _forwarded(hops: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Return the last forwards of each alert."""
    last = hops.sort("rank", "start", descending=[False, True], maintain_order=True)
    return (
        last.group_by("rank", maintain_order=True)
        .head(CALLS)
        .select(
            "rank",
            at=tables.local(pl.col("start")).str.slice(5),
            caller="caller",
            forwarder="forwarder",
            target="target",
            answered="answered",
        )
    )


def short_day(day: str) -> pl.Expr:
    """Return a day as month and day, so that many fit below a chart."""
    return pl.col(day).dt.strftime("%m-%d")
