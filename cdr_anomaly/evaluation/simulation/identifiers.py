"""Who a record says the caller is: its card, its handset, or the trunk it came in on."""

from __future__ import annotations

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.world import ABSENT, DAY, Bools, Calls, Ints, World

DOMESTIC = ("IC-CMCC-01", "IC-CMCC-02", "IC-CUCC-01", "IC-CTCC-01")
INTERNATIONAL = ("INT-HK-01", "INT-SG-01", "INT-LON-01", "INT-NYC-01")
# the gateway of a number abroad, by the first digit of its country's code; others come by Hong Kong
GATEWAY = {"1": 3, "3": 2, "4": 2, "6": 1, "7": 2}
TRANSIT_SHARE = 0.03  # share of foreign callers' calls that another network of the country hands on
OVERFLOW_SHARE = 0.1  # share that take another gateway than usual
WITHHELD_ELSEWHERE_SHARE = 0.6  # of withheld calls that come in from another network


def domestic(rng: np.random.Generator, n: int) -> Ints:
    """Draw the indices of trunks from other networks of the country."""
    return rng.integers(0, len(DOMESTIC), n)


def international(rng: np.random.Generator, n: int) -> Ints:
    """Draw the indices of trunks from abroad."""
    return len(DOMESTIC) + rng.integers(0, len(INTERNATIONAL), n)


def placed_here(batch: Calls) -> Bools:
    """Mark the calls that do not say that they came in from another network."""
    here: Bools = (batch.rows["trunk_in"] == ABSENT).to_numpy()
    return here


def _is_mobile(world: World) -> Bools:
    """Mark the lines that are mobiles at our cells, by line id."""
    book = world.book
    home = book.column("home") & ~book.column("fixed") & ~book.column("trunk")
    mobile: Bools = (home | book.column("visits")).astype(bool)
    return mobile


def _placed_by_mobile(world: World, batch: Calls) -> Bools:
    """Mark the calls that a mobile placed at our cells."""
    caller = batch.rows["caller"].to_numpy()
    mobile: Bools = (caller != ABSENT) & _is_mobile(world)[caller] & placed_here(batch)
    return mobile


def trunks(world: World, batch: Calls) -> pl.Series:
    """Return the trunk of each call that came in from another network, else null."""
    rng, n = world.rng("trunks"), len(batch)
    chosen, caller = batch.numpy("trunk_in", "caller")
    usual, chance = _usual_trunks(world)[caller], rng.random(n)
    abroad = usual >= len(DOMESTIC)
    usual = np.where(abroad & (chance < OVERFLOW_SHARE), international(rng, n), usual)
    usual = np.where(abroad & (chance < TRANSIT_SHARE), domestic(rng, n), usual)
    hidden = np.where(chance < WITHHELD_ELSEWHERE_SHARE, domestic(rng, n), ABSENT)
    at = np.where(chosen != ABSENT, chosen, np.where(caller == ABSENT, hidden, usual))
    names = pl.Series([*DOMESTIC, *INTERNATIONAL, None], dtype=pl.String)
    return names.gather(pl.Series(np.where(at == ABSENT, len(names) - 1, at)))


def _usual_trunks(world: World) -> Ints:
    """Return the trunk index of each line elsewhere, by its country or its number's operator."""
    book = world.book
    number = book.numbers()
    gateway = number.str.slice(1, 1).replace_strict(GATEWAY, default=0, return_dtype=pl.Int64)
    operator = number.str.slice(3, 3).cast(pl.Int64, strict=False).fill_null(0) * 7 % 17
    elsewhere = np.where(
        book.column("foreign"),
        len(DOMESTIC) + gateway.to_numpy(),
        operator.to_numpy() % len(DOMESTIC),
    )
    ours = book.column("home") | book.column("short") | book.column("visits")
    return np.where(ours, ABSENT, elsewhere)


def _cards(world: World, batch: Calls) -> Ints:
    """Return whose card places each call: the caller's, or another that has its number by then."""
    caller, at = batch.numpy("caller", "at")
    card = caller
    for change in world.book.card_changes:
        line, day, new = (change[name].to_numpy() for name in ("id", "day", "card"))
        place = np.searchsorted(line, caller).clip(max=len(line) - 1)
        changed = (line[place] == caller) & (at // DAY >= day[place])
        card = np.where(changed, new[place], card)
    return card


def imsis(world: World, batch: Calls) -> pl.Series:
    """Return the IMSI of each call of a mobile at our cells; a visitor's is of its country."""
    # an odd factor that 5 does not divide: no two lines have the same ten digits
    serial = [f"{k * 7_368_787 % 10**10:010d}" for k in range(world.book.size)]
    first = world.book.column("imsi").tolist()
    names = pl.Series([a + b for a, b in zip(first, serial, strict=True)] + [None], dtype=pl.String)
    index = np.where(_placed_by_mobile(world, batch), _cards(world, batch), len(names) - 1)
    return names.gather(pl.Series(index))


def handsets(world: World, batch: Calls) -> pl.Series:
    """Return the IMEI of each call of a mobile at our cells; one line in eighty changes it once."""
    book = world.book
    mobile = np.flatnonzero(_is_mobile(world))
    index = np.full(book.size, -1)
    index[mobile] = np.arange(len(mobile))
    shared = book.column("handset").astype(np.int64)
    index = np.where(shared != ABSENT, index[shared], index)
    changes = mobile * 7_919 % 80 == 3
    change_day = np.where(changes, mobile * 31 % max(world.days, 1), world.days)
    both = [phone_numbers.imeis(np.arange(len(mobile)), np.full(len(mobile), k)) for k in range(2)]
    names = pl.Series([*both[0], *both[1], None], dtype=pl.String)
    borrowed, at = batch.numpy("handset", "at")
    handset = index[np.where(borrowed != ABSENT, borrowed, _cards(world, batch))]
    later = at // DAY >= change_day[handset]
    known = _placed_by_mobile(world, batch)
    return names.gather(pl.Series(np.where(known, handset + later * len(mobile), len(names) - 1)))
