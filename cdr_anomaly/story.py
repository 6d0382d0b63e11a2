"""What the tables of a run say of one line, as small tables to be read from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.evidence import scientific
from cdr_anomaly.unlike import TELLING

if TYPE_CHECKING:
    from cdr_anomaly.detectors.base import Tables

CONTACTS = 20
DAYS = (
    "By day: calls out, of these answered, different numbers, of these calling back, most in "
    "10 min, 60 min, 24 h; calls in, forwarded; usual out"
)
SHIFT = (
    "The shift: days with many calls, the hours it talked, its first and last call, and each hour "
    "of the day: . no talk, - up to 20 minutes, = up to 40, # more"
)
# A letter an hour; the head says which is which.
HOURS = "0h    6h    12h   18h   "
UNLIKE = (
    "How unlike its peers: p of each busy day, q over all lines, p by family, and in what, with "
    "the share of peers' days that are as odd"
)


def told(
    tables: Tables, findings: pl.DataFrame, weights: pl.DataFrame, victims: pl.DataFrame,
    line: pl.Expr,
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """Tell a line's story: title to table. ``line`` is its number as the calls carry it.

    ``weights`` is EVIDENCE with lines as text, ``victims`` are VICTIMS.
    """
    own = pl.col("line") == line
    legs = tables.legs.filter(own)
    parts = {
        "The line": _who(tables, own),
        DAYS: _days(tables, own),
        SHIFT: _shift(tables, own),
        "Calls placed by hour of day": _hours(tables, legs),
        f"Contacts, the {CONTACTS} with most calls": _contacts(tables, legs),
        "Handsets": _used(tables, legs, "imei"),
        "Cells": _used(tables, legs, "cell_id"),
        "Forwarded to": _hops(tables, pl.col("forwarder") == line, "target"),
        "Forwarded here by": _hops(tables, pl.col("target") == line, "forwarder"),
    }
    whole = dict(zip(parts, pl.collect_all(parts.values()), strict=True))
    number = whole["The line"]["number"].item() if whole["The line"].height else None
    if whole[SHIFT].is_empty():
        del whole[SHIFT]
    return whole | {
        UNLIKE: _unlike(weights, number),
        "Findings, with how far over the limit": _findings(findings, number),
        "To be warned": _warned(victims.filter(number=number)),
        "Talked to these, who are to be warned": _warned(
            victims.filter(pl.col("lines").list.contains(number))
        ),
    }


def _who(tables: Tables, own: pl.Expr) -> pl.LazyFrame:
    return tables.lines.filter(own).select("number", "number_class", "activation", new_since="born")


def _days(tables: Tables, own: pl.Expr) -> pl.LazyFrame:
    measures = ("n_answered", "n_distinct", "n_called_back", "peak_10min", "peak_60min", "peak_24h")
    return (
        tables.profile.filter(own)
        .join(tables.measures.filter(own).select("day", *measures, "usual"), on="day", how="left")
        .sort("day")
        .select(
            "day", out="n_out", answ="n_answered", dist="n_distinct", back="n_called_back",
            h10="peak_10min", h60="peak_60min", h24="peak_24h", inc="n_in", fwd="n_forwarded",
            usual="usual",
        )
        .rename({"h10": "10min", "h60": "60min", "h24": "24h", "inc": "in"})
    )  # fmt: skip


def _shift(tables: Tables, own: pl.Expr) -> pl.LazyFrame:
    minutes = pl.element() / 60
    letter = (
        pl.when(minutes > 40).then(pl.lit("#")).when(minutes > 20).then(pl.lit("="))
        .when(minutes > 0).then(pl.lit("-")).otherwise(pl.lit("."))
    )  # fmt: skip
    return (
        tables.shifts.filter(own)
        .sort("day")
        .select(
            "day", (pl.col("talk_s") // 360 / 10).round(1).alias("talk h"), calls="n_out",
            distinct="n_distinct",
            first=tables.local(pl.col("first_out")).str.slice(11),
            last=tables.local(pl.col("last_out")).str.slice(11),
            hours=pl.col("hours_s").list.eval(letter).list.join(""),
        )
        .rename({"hours": HOURS})
    )  # fmt: skip


def _hours(tables: Tables, legs: pl.LazyFrame) -> pl.LazyFrame:
    hour = pl.col("start").dt.convert_time_zone(tables.tz).dt.hour()
    hours = legs.filter("outgoing").group_by(hour=hour.cast(pl.Int64)).agg(calls=pl.len())
    every = pl.LazyFrame({"hour": range(24)}, schema={"hour": pl.Int64})
    calls = pl.col("calls").fill_null(0)
    bar = pl.lit("#").repeat_by((40 * calls / calls.max()).ceil().fill_nan(0).cast(pl.UInt32))
    whole = every.join(hours, on="hour", how="left").sort("hour")
    placed = whole.filter(pl.col("calls").sum() > 0)
    return placed.select("hour", calls=calls, share=bar.list.join(""))


def _contacts(tables: Tables, legs: pl.LazyFrame) -> pl.LazyFrame:
    return (
        legs.filter(pl.col("counterpart").is_not_null())
        .group_by("counterpart")
        .agg(
            placed=pl.col("outgoing").sum(),
            received=pl.col("outgoing").not_().sum(),
            talk_s=pl.col("duration_s").sum(),
            first=tables.local(pl.col("start").min()),
            last=tables.local(pl.col("start").max()),
        )
        .with_columns(number=tables.written(pl.col("counterpart")))
        .sort(pl.col("placed") + pl.col("received"), "number", descending=[True, False])
        .head(CONTACTS)
        .select("number", "placed", "received", "talk_s", "first", "last")
    )


def _used(tables: Tables, legs: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return (
        legs.filter(pl.col(column).is_not_null())
        .group_by(column)
        .agg(
            calls=pl.len(),
            first=tables.local(pl.col("start").min()),
            last=tables.local(pl.col("start").max()),
        )
        .sort("calls", column, descending=[True, False])
    )


def _hops(tables: Tables, end: pl.Expr, other: str) -> pl.LazyFrame:
    return (
        tables.hops.filter(end)
        .group_by(other)
        .agg(
            calls=pl.len(),
            callers=pl.col("caller").drop_nulls().n_unique(),
            reasons=pl.col("reason").drop_nulls().unique().sort().str.join(", "),
            first=tables.local(pl.col("start").min()),
            last=tables.local(pl.col("start").max()),
        )
        .with_columns(number=tables.written(pl.col(other)))
        .sort("calls", "number", descending=[True, False])
        .select("number", "calls", "callers", "reasons", "first", "last")
    )


def _findings(findings: pl.DataFrame, number: str | None) -> pl.DataFrame:
    part = (pl.col("subject") == number) | pl.col("members").list.contains(number)
    return findings.filter(part).select(
        "day", "detector", "severity", "observed", "limit",
        (pl.col("observed") / pl.col("limit")).round(2).alias("x limit"), "reason",
    )  # fmt: skip


def _warned(victims: pl.DataFrame) -> pl.DataFrame:
    return victims.head(CONTACTS).select(
        "place", "number", "tier", "day", "why", lines=pl.col("lines").list.join(", "),
        found_by=pl.col("found_by").list.join(", "),
    )  # fmt: skip


def _unlike(weights: pl.DataFrame, number: str | None) -> pl.DataFrame:
    """Show each day's probabilities, and the measures that the fewest of its peers reach."""
    family = pl.element().struct.with_fields(p=scientific(pl.field("p_value")))
    families = pl.col("families").list.eval(
        pl.format("{} {}", family.struct.field("family"), family.struct.field("p"))
    )
    measure = pl.element().sort_by(pl.element().struct.field("share")).struct
    share = (100 * measure.field("share")).round_sig_figs(2).cast(pl.String)
    measures = pl.col("measures").list.eval(
        pl.format("{} {} ({} %)", measure.field("measure"), measure.field("value").round(2), share)
    )
    return weights.filter(pl.col("line") == number).select(
        "day",
        "peers",
        p=scientific(pl.col("p_value")),
        q=pl.col("q_value").round_sig_figs(2),
        by=pl.col("calibrated_by"),
        families=families.list.join(", "),
        measures=measures.list.head(TELLING).list.join(", "),
    )
