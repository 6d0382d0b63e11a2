"""From calls by line id to records as a switch writes them, and to the truth about the lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.evaluation.simulation import identifiers, phone_numbers, subscriber_list
from cdr_anomaly.evaluation.simulation.call_behaviour import crowded_cell
from cdr_anomaly.evaluation.simulation.world import DAY, N_CELLS, NOBODY, Calls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

ZONE = "Asia/Shanghai"
UTC_OFFSET_S = 8 * 3_600
OTHER_FORMS = 0.035
AT_THE_MALL = 0.03  # share of people's private calls
SIDES = {"call": 0, "fwd": 1, "moc": 2, "mtc": 3}


def kept(world: World, batch: Calls) -> Calls:
    """Keep what begins within the days made, in order of time; nobody rings himself by chance."""
    own = [i for i, name in enumerate(world.book.actors) if name.startswith("self_call")]
    oneself = (pl.col("caller") == pl.col("called")) & ~pl.col("actor").is_in(own)
    inside = pl.col("at").is_between(0, world.days * DAY, closed="left")
    rows = batch.rows.with_row_index("row").filter(inside, ~oneself)
    rows = rows.sort("at", "row").with_row_index("call")
    moved = rows.select(pl.col("row", "call").cast(pl.Int64), "at")
    hops = batch.hops.join(moved, on="row").with_columns(row="call").drop("call")
    hops = hops.with_columns(at=pl.col("at") + pl.col("delay")).sort("row", "delay")
    return Calls(rows.drop("row"), hops.filter(inside))


def records(world: World, batch: Calls, *, sides: str) -> pl.DataFrame:
    """Write each call as one row, or as one per side, and each forwarding as a leg of its own."""
    start = datetime.combine(world.start, datetime.min.time()) - timedelta(seconds=UTC_OFFSET_S)
    seconds = (pl.col("at") * 1_000_000).cast(pl.Duration("us"))
    # one number to sort by, and a column at a time: else all would be in memory twice
    order = pl.col("at") * 2**32 + pl.col("call").cast(pl.Int64) * 4
    order += pl.col("record_type").replace_strict(SIDES, return_dtype=pl.Int64)
    every = _every(world, batch, sides)
    place = every.select(order.arg_sort()).to_series()
    inorder = pl.DataFrame([every.drop_in_place(name).gather(place) for name in every.columns])
    return inorder.select(
        "calling_number",
        "called_number",
        (pl.lit(start) + seconds).dt.replace_time_zone("UTC").alias("start_time"),
        pl.col("talk").cast(pl.Int32).alias("duration_s"),
        "record_type",
        "redirecting_number",
        "redirect_reason",
        _call_ids(pl.col("call")).alias("call_id"),
        "cell_id",
        "imei",
        "imsi",
        "trunk_in",
        "release_cause",
    )


def _every(world: World, batch: Calls, sides: str) -> pl.DataFrame:
    rng = world.rng("records")
    ordinary, legs = _ordinary(world, rng, batch), _legs(world, rng, batch)
    if sides == "both":
        ordinary = pl.concat([_side(ordinary, "moc"), _side(ordinary, "mtc")])
    return pl.concat([ordinary.drop("home_caller", "home_called"), legs])


def _ordinary(world: World, rng: np.random.Generator, batch: Calls) -> pl.DataFrame:
    caller, called = batch.rows["caller"].to_numpy(), batch.rows["called"].to_numpy()
    local = ~(world.book.column("foreign") | world.book.column("short"))
    here = identifiers.placed_here(batch) & (local | world.book.column("visits"))[caller]
    cell = _cells(world, rng, batch)
    causes = _causes(rng, batch)
    return batch.rows.select(
        "at",
        "talk",
        "call",
        calling_number=_written(world, rng, caller),
        called_number=_written(world, rng, called),
        record_type=pl.lit("call"),
        redirecting_number=pl.lit(None, pl.String),
        redirect_reason=pl.lit(None, pl.String),
        cell_id=_cell_names().gather(pl.Series(np.where(cell == NOBODY, N_CELLS, cell))),
        imei=identifiers.handsets(world, batch),
        imsi=identifiers.imsis(world, batch),
        trunk_in=identifiers.trunks(world, batch),
        release_cause=pl.Series(causes, dtype=pl.Int16),
        home_caller=pl.Series((caller != NOBODY) & here),
        home_called=pl.Series(local[called]),
    )


def _legs(world: World, rng: np.random.Generator, batch: Calls) -> pl.DataFrame:
    """Write the forwarding legs: the first caller, the target, and the line that forwarded."""
    hops, of = batch.hops, pl.col("row")
    caller = batch.rows["caller"].gather(hops["row"]).to_numpy()
    return hops.select(
        "at",
        batch.rows["talk"].gather(hops["row"]).alias("talk"),
        of.cast(pl.UInt32).alias("call"),
        calling_number=_written(world, rng, caller),
        called_number=_written(world, rng, hops["target"].to_numpy()),
        record_type=pl.lit("fwd"),
        redirecting_number=_written(world, rng, hops["line"].to_numpy()),
        redirect_reason="reason",
        cell_id=pl.lit(None, pl.String),
        imei=pl.lit(None, pl.String),
        imsi=pl.lit(None, pl.String),
        trunk_in=pl.lit(None, pl.String),
        release_cause=pl.Series(_causes(rng, batch)[hops["row"].to_numpy()], dtype=pl.Int16),
    )


def _side(ordinary: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Keep the calls whose caller (moc) or called (mtc) is in the country.

    Handset, card and cell are the caller's, so the called side does not know them; where there is
    one, only that one knows the trunk.
    """
    nothing, side = pl.lit(None, pl.String), pl.lit(kind)
    if kind == "moc":
        placed = ordinary.filter("home_caller")
        told = pl.when(~pl.col("home_called")).then("trunk_in")
        return placed.with_columns(record_type=side, trunk_in=told)
    seen = ordinary.filter("home_called")
    return seen.with_columns(record_type=side, cell_id=nothing, imei=nothing, imsi=nothing)


def _written(world: World, rng: np.random.Generator, line: Ints) -> pl.Series:
    """Write numbers mostly as +86..., a few percent as 0086..., bare, or 0591... and 00... ."""
    plain = pl.Series(world.book.column("number").tolist(), dtype=pl.String)
    foreign = plain.str.starts_with("+86").not_()
    international = plain.str.replace("+", "00", literal=True)
    fixed = pl.Series(world.book.column("fixed"))
    short_form = plain.str.strip_prefix("+86")
    frame = pl.DataFrame({"plain": plain, "long": international, "bare": short_form})
    frame = frame.select(
        "plain",
        "long",
        bare=pl.when(foreign)
        .then(international)
        .when(fixed & short_form.str.starts_with(phone_numbers.AREA))
        .then("0" + short_form)
        .otherwise("bare"),
    )
    every = pl.concat([frame[c] for c in frame.columns])
    form = np.where(rng.random(len(line)) < OTHER_FORMS, rng.integers(1, 3, len(line)), 0)
    position = np.where(line == NOBODY, 0, line + form * len(plain))
    return every.gather(pl.Series(position)).zip_with(
        pl.Series(line != NOBODY), pl.Series([None], dtype=pl.String).new_from_index(0, len(line))
    )


def _call_ids(call: pl.Expr) -> pl.Expr:
    return wording.format_text("c{}", call.cast(pl.String).str.zfill(9))


def _cells(world: World, rng: np.random.Generator, batch: Calls) -> Ints:
    """Take the cell given, else one of the caller's usual ones, home most often, or the mall."""
    given, caller = batch.rows["cell"].to_numpy(), batch.rows["caller"].to_numpy()
    which = rng.choice(4, len(batch), p=[0.55, 0.25, 0.12, 0.08])
    usual = world.book.column("cells")[caller, which]
    person = world.book.column("person").astype(bool)[caller]
    private = person & (batch.rows["actor"] == NOBODY).to_numpy()
    shops = private & (world.rng("mall").random(len(batch)) < AT_THE_MALL)
    usual = np.where(shops, crowded_cell(world), usual)
    usual = np.where(caller == NOBODY, NOBODY, usual)
    return np.where(identifiers.placed_here(batch), np.where(given != NOBODY, given, usual), NOBODY)


def _cell_names() -> pl.Series:
    """Name the cells by location area and cell; the last entry is for a cell not known."""
    names = [f"460-00-{0x5A10 + k // 40:04X}-{20_011 + k * 137:05d}" for k in range(N_CELLS)]
    return pl.Series([*names, None], dtype=pl.String)


def _causes(rng: np.random.Generator, batch: Calls) -> Ints:
    """Release causes of ITU-T Q.850: normal, busy, no user responding, no answer, absent."""
    unanswered = rng.choice([19, 17, 18, 20], len(batch), p=[0.55, 0.22, 0.1, 0.13])
    usual = np.where(batch.rows["talk"].to_numpy() > 0, 16, unanswered)
    given = batch.rows["cause"].to_numpy()
    return np.where(given != NOBODY, given, usual)


def truth(world: World, batch: Calls) -> pl.DataFrame:
    """Tell of each line what it is and on which days its actor used it."""
    tagged = batch.rows.filter(pl.col("actor") != NOBODY)
    places = [(tagged, "caller"), (tagged, "called"), (batch.hops, "line"), (batch.hops, "target")]
    seen = pl.concat(
        [t.select("actor", pl.col(c).alias("id"), day=pl.col("at") // DAY) for t, c in places]
    )
    days = seen.group_by("actor", "id").agg(
        first_day=pl.col("day").min(), last_day=pl.col("day").max()
    )
    number = pl.Series(world.book.column("number").tolist(), dtype=pl.String)
    known = pl.concat(world.book.truth).join(days, on=["actor", "id"], maintain_order="left")
    return known.select(
        line=number.gather(known["id"]),
        kind="kind",
        honest="honest",
        pattern="pattern",
        actor=pl.Series(world.book.actors).gather(known["actor"]),
        first_day=_date(world, "first_day"),
        last_day=_date(world, "last_day"),
    )


def _date(world: World, day: str) -> pl.Expr:
    return (pl.lit(world.start) + pl.duration(days=pl.col(day))).cast(pl.Date)


def victims(world: World) -> pl.DataFrame:
    """List who was held on the telephone, by which actor, and on which days."""
    schema = {"id": pl.Int64, "actor": pl.Int64, "first_day": pl.Int64, "last_day": pl.Int64}
    held = pl.concat([pl.DataFrame(schema=schema), *world.book.victims])
    number = pl.Series(world.book.column("number").tolist(), dtype=pl.String)
    return held.select(
        line=number.gather(held["id"]),
        actor=pl.Series(world.book.actors, dtype=pl.String).gather(held["actor"]),
        first_day=_date(world, "first_day"),
        last_day=_date(world, "last_day"),
    ).sort("actor", "first_day", "line")


def entities(world: World) -> pl.DataFrame:
    """List the lines that the operator was told of, with their purpose."""
    number = world.book.column("number")
    return pl.DataFrame(
        [(number[line], purpose) for line, purpose in world.book.declared],
        {"line": pl.String, "purpose": pl.String},
        orient="row",
    )


def subscribers(world: World) -> pl.DataFrame:
    """List our subscribers: since when, who holds their line, who sold it, what it is used for."""
    book = world.book
    listed = pl.DataFrame(
        {
            "line": book.column("number").tolist(),
            "day": book.column("activation").astype(np.int64),
            "home": book.column("home").astype(bool),
            "fixed": book.column("fixed").astype(bool),
        }
    ).with_columns(id=pl.int_range(pl.len(), dtype=pl.Int64))
    known = subscriber_list.subscribers(world, listed.filter("home"))
    dated = known.with_columns(activation=_date(world, "day"))
    columns = ("holder_token", "holder_region", "dealer", "line_kind")
    return dated.select("line", "activation", *columns).sort("line")
