"""Records of calls as a switch writes them, and the truth about the lines."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.evaluation.simulation import identifiers, phone_numbers, subscriber_list
from cdr_anomaly.evaluation.simulation.call_behaviour import crowded_cell
from cdr_anomaly.evaluation.simulation.world import ABSENT, DAY, N_CELLS, Calls, Ints, World

ZONE = "Asia/Shanghai"
UTC_OFFSET_S = 8 * 3_600
OTHER_FORM_SHARE = 0.035  # of numbers that are not written as +86...
MALL_SHARE = 0.03  # of people's private calls
RECORD_TYPES = {"call": 0, "fwd": 1, "moc": 2, "mtc": 3}
NO_TEXT = pl.lit(None, pl.String)


def keep_days(world: World, batch: Calls) -> Calls:
    """Keep what begins within the simulated days, in order of time; nobody rings himself.

    Only planted actors whose pattern it is call their own numbers.
    """
    self_callers = [i for i, n in enumerate(world.book.actors) if n.startswith("self_call")]
    to_self = (pl.col("caller") == pl.col("called")) & ~pl.col("actor").is_in(self_callers)
    inside = pl.col("at").is_between(0, world.days * DAY, closed="left")
    rows = batch.rows.with_row_index("row").filter(inside, ~to_self)
    rows = rows.sort("at", "row").with_row_index("call")
    moved = rows.select(pl.col("row", "call").cast(pl.Int64), "at")
    hops = batch.hops.join(moved, on="row").with_columns(row="call").drop("call")
    hops = hops.with_columns(at=pl.col("at") + pl.col("delay")).sort("row", "delay")
    return Calls(rows.drop("row"), hops.filter(inside))


def records(world: World, batch: Calls, *, sides: str) -> pl.DataFrame:
    """Return each call as one row, or as one per side, and each forwarding as a leg of its own."""
    start = datetime.combine(world.start, datetime.min.time()) - timedelta(seconds=UTC_OFFSET_S)
    seconds = (pl.col("at") * 1_000_000).cast(pl.Duration("us"))
    # one number to sort by, and a column at a time: else all would be in memory twice
    order = pl.col("at") * 2**32 + pl.col("call").cast(pl.Int64) * 4
    order += pl.col("record_type").replace_strict(RECORD_TYPES, return_dtype=pl.Int64)
    rows = _rows(world, batch, sides)
    position = rows.select(order.arg_sort()).to_series()
    ordered = pl.DataFrame([rows.drop_in_place(name).gather(position) for name in rows.columns])
    return ordered.select(
        "calling_number",
        "called_number",
        (pl.lit(start) + seconds).dt.replace_time_zone("UTC").alias("start_time"),
        pl.col("talk").cast(pl.Int32).alias("duration_s"),
        "record_type",
        "redirecting_number",
        "redirect_reason",
        wording.format_text("c{}", pl.col("call").cast(pl.String).str.zfill(9)).alias("call_id"),
        "cell_id",
        "imei",
        "imsi",
        "trunk_in",
        "release_cause",
    )


def _rows(world: World, batch: Calls, sides: str) -> pl.DataFrame:
    rng = world.rng("records")
    placed, legs = _placed_calls(world, rng, batch), _legs(world, rng, batch)
    if sides == "both":
        placed = pl.concat([_caller_side(placed), _called_side(placed)])
    return pl.concat([placed.drop("home_caller", "home_called"), legs])


def _placed_calls(world: World, rng: np.random.Generator, batch: Calls) -> pl.DataFrame:
    caller, called = batch.numpy("caller", "called")
    local = ~(world.book.column("foreign") | world.book.column("short"))
    here = identifiers.placed_here(batch) & (local | world.book.column("visits"))[caller]
    cell = _cells(world, rng, batch)
    causes = _causes(rng, batch)
    return batch.rows.select(
        "at",
        "talk",
        "call",
        calling_number=_numbers(world, rng, caller),
        called_number=_numbers(world, rng, called),
        record_type=pl.lit("call"),
        redirecting_number=NO_TEXT,
        redirect_reason=NO_TEXT,
        cell_id=_cell_names().gather(pl.Series(np.where(cell == ABSENT, N_CELLS, cell))),
        imei=identifiers.handsets(world, batch),
        imsi=identifiers.imsis(world, batch),
        trunk_in=identifiers.trunks(world, batch),
        release_cause=pl.Series(causes, dtype=pl.Int16),
        home_caller=pl.Series((caller != ABSENT) & here),
        home_called=pl.Series(local[called]),
    )


def _legs(world: World, rng: np.random.Generator, batch: Calls) -> pl.DataFrame:
    """Return the forwarding legs: the first caller, the target, and the line that forwarded."""
    hops = batch.hops
    caller = batch.rows["caller"].gather(hops["row"]).to_numpy()
    return hops.select(
        "at",
        batch.rows["talk"].gather(hops["row"]).alias("talk"),
        pl.col("row").cast(pl.UInt32).alias("call"),
        calling_number=_numbers(world, rng, caller),
        called_number=_numbers(world, rng, hops["target"].to_numpy()),
        record_type=pl.lit("fwd"),
        redirecting_number=_numbers(world, rng, hops["line"].to_numpy()),
        redirect_reason="reason",
        cell_id=NO_TEXT,
        imei=NO_TEXT,
        imsi=NO_TEXT,
        trunk_in=NO_TEXT,
        release_cause=pl.Series(_causes(rng, batch)[hops["row"].to_numpy()], dtype=pl.Int16),
    )


def _caller_side(placed: pl.DataFrame) -> pl.DataFrame:
    """Return the records of callers in the country; the called side knows the trunk, if any."""
    trunk = pl.when(~pl.col("home_called")).then("trunk_in")
    return placed.filter("home_caller").with_columns(record_type=pl.lit("moc"), trunk_in=trunk)


def _called_side(placed: pl.DataFrame) -> pl.DataFrame:
    """Return the records of the called in the country; handset, card and cell are the caller's."""
    return placed.filter("home_called").with_columns(
        record_type=pl.lit("mtc"), cell_id=NO_TEXT, imei=NO_TEXT, imsi=NO_TEXT
    )


def _numbers(world: World, rng: np.random.Generator, line: Ints) -> pl.Series:
    """Return numbers mostly as +86..., a few percent as 0086..., bare, or 0591... and 00... ."""
    plain = world.book.numbers()
    international = plain.str.replace("+", "00", literal=True)
    short = pl.col("plain").str.strip_prefix("+86")
    bare = (
        pl.when(~pl.col("plain").str.starts_with("+86"))
        .then("international")
        .when(pl.col("fixed") & short.str.starts_with(phone_numbers.AREA))
        .then("0" + short)
        .otherwise(short)
    )
    fixed = pl.Series(world.book.column("fixed"))
    frame = pl.DataFrame({"plain": plain, "international": international, "fixed": fixed})
    forms = pl.concat([plain, international, frame.select(bare).to_series()])
    form = np.where(rng.random(len(line)) < OTHER_FORM_SHARE, rng.integers(1, 3, len(line)), 0)
    index = np.where(line == ABSENT, 0, line + form * len(plain))
    return forms.gather(pl.Series(index)).zip_with(
        pl.Series(line != ABSENT), pl.Series([None], dtype=pl.String).new_from_index(0, len(line))
    )


def _cells(world: World, rng: np.random.Generator, batch: Calls) -> Ints:
    """Return the cell named, else one of the caller's usual ones, home most often, or the mall."""
    cell, caller, actor = batch.numpy("cell", "caller", "actor")
    which = rng.choice(4, len(batch), p=[0.55, 0.25, 0.12, 0.08])
    usual = world.book.column("cells")[caller, which]
    private = world.book.column("person").astype(bool)[caller] & (actor == ABSENT)
    shops = private & (world.rng("mall").random(len(batch)) < MALL_SHARE)
    usual = np.where(shops, crowded_cell(world), usual)
    usual = np.where(caller == ABSENT, ABSENT, usual)
    return np.where(identifiers.placed_here(batch), np.where(cell != ABSENT, cell, usual), ABSENT)


def _cell_names() -> pl.Series:
    """Return the names of cells, of location area and cell; the last is null, for no cell."""
    names = [f"460-00-{0x5A10 + k // 40:04X}-{20_011 + k * 137:05d}" for k in range(N_CELLS)]
    return pl.Series([*names, None], dtype=pl.String)


def _causes(rng: np.random.Generator, batch: Calls) -> Ints:
    """Return release causes of ITU-T Q.850: normal, busy, no user responding, no answer, absent."""
    talk, cause = batch.numpy("talk", "cause")
    unanswered = rng.choice([19, 17, 18, 20], len(batch), p=[0.55, 0.22, 0.1, 0.13])
    return np.where(cause != ABSENT, cause, np.where(talk > 0, 16, unanswered))


def truth(world: World, batch: Calls) -> pl.DataFrame:
    """Return of each line what it is, and on which days its actor used it.

    Of scenarios it also tells the grade, and of a twin which pattern it resembles.
    """
    tagged = batch.rows.filter(pl.col("actor") != ABSENT)
    sources = [(tagged, "caller"), (tagged, "called"), (batch.hops, "line"), (batch.hops, "target")]
    uses = pl.concat(
        [f.select("actor", pl.col(c).alias("id"), day=pl.col("at") // DAY) for f, c in sources]
    )
    days = uses.group_by("actor", "id").agg(
        first_day=pl.col("day").min(), last_day=pl.col("day").max()
    )
    rows = pl.concat(world.book.truth).join(days, on=["actor", "id"], maintain_order="left")
    grades = [(actor, *of) for actor, of in world.book.scenarios.items()]
    graded = pl.DataFrame(grades, ["actor", "scenario", "grade"], orient="row") if grades else None
    more: tuple[str, ...] = ()
    if graded is not None:
        rows = rows.join(graded, on="actor", how="left", maintain_order="left").with_columns(
            twin_of=pl.when("honest").then("scenario").fill_null("")
        )
        more = ("grade", "twin_of")
    return _named(world, rows, "kind", "honest", "pattern", *more).select(
        "line", "kind", "honest", "pattern", "actor", "first_day", "last_day", *more
    )


def victims(world: World) -> pl.DataFrame:
    """Return who was held on the telephone, by which actor, and on which days."""
    schema = {"id": pl.Int64, "actor": pl.Int64, "first_day": pl.Int64, "last_day": pl.Int64}
    rows = pl.concat([pl.DataFrame(schema=schema), *world.book.victims])
    return _named(world, rows).sort("actor", "first_day", "line")


def _named(world: World, rows: pl.DataFrame, *more: str) -> pl.DataFrame:
    """Return rows of (id, actor, first_day, last_day) with numbers, names and dates for them."""
    return rows.select(
        *more,
        line=world.book.numbers().gather(rows["id"]),
        actor=pl.Series(world.book.actors, dtype=pl.String).gather(rows["actor"]),
        first_day=_date(world, "first_day"),
        last_day=_date(world, "last_day"),
    )


def _date(world: World, day: str) -> pl.Expr:
    return (pl.lit(world.start) + pl.duration(days=pl.col(day))).cast(pl.Date)


def entities(world: World) -> pl.DataFrame:
    """Return the lines that are declared to the operator, with their purpose."""
    number = world.book.column("number")
    return pl.DataFrame(
        [(number[line], purpose) for line, purpose in world.book.declared],
        {"line": pl.String, "purpose": pl.String},
        orient="row",
    )


def subscribers(world: World) -> pl.DataFrame:
    """Return our subscribers: since when, who holds the line, who sold it, what it is used for."""
    book = world.book
    lines = pl.DataFrame(
        {
            "line": book.numbers(),
            "day": book.column("activation").astype(np.int64),
            "home": book.column("home").astype(bool),
            "fixed": book.column("fixed").astype(bool),
        }
    ).with_columns(id=pl.int_range(pl.len(), dtype=pl.Int64))
    rows = subscriber_list.add_sales(world, lines.filter("home"))
    rows = rows.with_columns(activation=_date(world, "day"))
    columns = ("holder_token", "holder_region", "dealer", "line_kind")
    return rows.select("line", "activation", *columns).sort("line")
