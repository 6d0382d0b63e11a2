"""Honest people who work together: they share customers, lists, cells, or one handset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    crowded_cell,
    fresh_sims,
    moments,
    redials,
    round_trip,
    staff,
    strangers,
    talk,
    unnoticed,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.honest.trades import COURIER, MORNING_TO_EVENING, OFFICE
from cdr_anomaly.evaluation.simulation.planted.campaigns import dealt, tried_again
from cdr_anomaly.evaluation.simulation.planted.sites import rooms
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, N_CELLS, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]
    Pair = tuple[float, float]

SHOP_HOURS = ((10.0, 13.0, 3.0), (13.0, 18.0, 4.0), (18.0, 21.5, 3.0))


def everyone(world: World) -> Calls:
    """Make the calls of all of them."""
    n = world.scaled
    return together(
        [
            *(depot(world, k) for k in range(n(2))),
            *(next_door(world, k) for k in range(n(1))),
            *(clinic(world, k) for k in range(n(4))),
            *(family(world, k) for k in range(n(40))),
            *(listed_team(world, k, "collector") for k in range(n(2))),
            *(listed_team(world, k, "pollster") for k in range(n(2))),
            *(franchise(world, k) for k in range(n(4))),
            *(mall_staff(world, k) for k in range(n(2))),
            *(repair_shop(world, k) for k in range(n(2))),
        ]
    )


def _name(world: World, kind: str, k: int) -> tuple[int, np.random.Generator]:
    """Name the k-th group of a kind, and give it its own stream of chance."""
    name = f"{kind}_{k + 1}"
    return world.book.actor(name), world.rng(name)


def depot(world: World, k: int) -> Calls:
    """Let 15 to 20 couriers start at one cell each morning, and share a town district's customers.

    Who orders again is called by another of them.
    """
    actor, rng = _name(world, "depot", k)
    n = int(rng.integers(15, 21))
    lines = staff(world, rng, n)
    world.book.tell(lines, "depot_courier", actor=actor)
    home = int(rng.integers(N_CELLS))
    customers = strangers(world, rng, int(rng.integers(700, 2_500)), own=0.45)
    rate, days = rng.uniform(55, 170, n), world.weekdays(until=7)
    which, day = work(rng, n, days, rate=rate, off=1 / 8, spread=0.25)
    at = moments(rng, day, MORNING_TO_EVENING)
    known = rng.random(len(at)) < rng.uniform(0.4, 0.8)
    called = np.where(known, rng.choice(customers, len(at)), strangers(world, rng, len(at)))
    near = (home + round_trip(rng, at, which, rng.integers(4, 12, n)) % 12) % N_CELLS
    cell = np.where(at % DAY < 9.3 * HOUR, home, near)
    answered = rng.uniform(*COURIER.answered, n)[which]
    seconds = talk(rng, len(at), answered, median=COURIER.talk_s, sigma=0.7)
    out = calls(lines[which], called, at, seconds, cell=cell, actor=actor)
    more = redials(rng, out, 0.12, answered=0.6, median=COURIER.talk_s)
    return together([with_call_backs(rng, out, rng.uniform(*COURIER.back, n)[which]), more])


def next_door(world: World, k: int) -> Calls:
    """Seat a licensed call centre of twelve mobiles in the cell of a planted site."""
    actor, rng = _name(world, "licensed_centre", k)
    n, room = 12, np.full((12, 4), rooms(world, 3 * k)[0])
    lines = fresh_sims(world, rng, n, activation=-700, cells=room)
    world.book.tell(lines, "licensed_seat", actor=actor)
    world.book.declare(lines, "licensed call centre")
    rate = rng.uniform(70, 180, n)
    which, day = work(rng, n, world.weekdays(), rate=rate, off=0.05)
    at = moments(rng, day, OFFICE)
    listed = strangers(world, rng, int(rng.integers(3_000, 8_000)), own=0.3)
    seconds = talk(rng, len(at), rng.uniform(0.3, 0.5), median=45, sigma=1.0)
    batch = calls(lines[which], dealt(rng, at, listed), at, seconds, actor=actor)
    batch = tried_again(rng, batch, share=0.2, other=0.5)
    return with_call_backs(rng, batch, rng.uniform(0.02, 0.06))


def clinic(world: World, k: int) -> Calls:
    """Remind patients of their appointments; its pharmacy rings some of them minutes later.

    The pharmacy is not declared, nor is every other clinic.
    """
    actor, rng = _name(world, "clinic", k)
    lines = world.book.add(
        phone_numbers.fixed(rng, 2, exchange=8910 + k), home=True, fixed=True, trunk=True
    )
    for line, kind in zip(lines, ("clinic", "pharmacy"), strict=True):
        world.book.tell(line, kind, actor=actor)
    world.book.declare(lines[: 1 - k % 2], "hospital appointment reminders")
    _, day = work(rng, 1, world.weekdays(), rate=rng.uniform(90, 260))
    at = moments(rng, day, ((8.5, 11.5, 2), (14, 17, 1)))
    patients = strangers(world, rng, 3_000, own=0.4)
    seconds = talk(rng, len(at), rng.uniform(0.75, 0.9), median=35, sigma=0.6)
    reminded = calls(lines[0], rng.choice(patients, len(at)), at, seconds, actor=actor)
    ready = (seconds > 0) & (rng.random(len(at)) < rng.uniform(0.08, 0.25))
    soon = (at + seconds)[ready] + rng.integers(60, 720, ready.sum())
    told = talk(rng, len(soon), 0.85, median=70, sigma=0.6)
    patient = reminded.rows["called"].to_numpy()[ready]
    rung = calls(lines[1], patient, soon, told, actor=actor)
    return with_call_backs(rng, together([reminded, rung]), rng.uniform(0.02, 0.08))


def family(world: World, k: int) -> Calls:
    """Let three to five people call each other all day long."""
    actor, rng = _name(world, "family", k)
    lines = staff(world, rng, int(rng.integers(3, 6)))
    world.book.tell(lines, "family", actor=actor)
    n = len(lines)
    which, day = work(rng, n, np.arange(world.days), rate=rng.uniform(4, 16, n), spread=0.35)
    other = (which + rng.integers(1, n, len(which))) % n
    at = moments(rng, day, ((7, 12, 3), (12, 18, 4), (18, 22.5, 4)))
    seconds = talk(rng, len(at), rng.uniform(0.6, 0.9), median=50, sigma=1.0)
    return calls(lines[which], lines[other], at, seconds, actor=actor)


def listed_team(world: World, k: int, kind: str) -> Calls:
    """Let eight declared people share a list: debtors are rung day after day, others once.

    Who does not answer is tried again by whoever is free.
    """
    actor, rng = _name(world, f"{kind}_team", k)
    n, again = 8, kind == "collector"
    room = np.full((n, 4), rng.integers(N_CELLS))
    lines = fresh_sims(world, rng, n, activation=-500, cells=room)
    world.book.tell(lines, kind, actor=actor)
    world.book.declare(lines, "debt collection" if again else "opinion polls")
    days = world.weekdays() if again else world.spell(rng, 15, within=world.days, until=6)
    which, day = work(rng, n, days, rate=rng.uniform(50, 140, n), off=0.06)
    at = moments(rng, day, OFFICE)
    people = int(rng.integers(500, 2_000)) if again else int(len(at) * rng.uniform(0.7, 1))
    called = dealt(rng, at, strangers(world, rng, people, own=0.35))
    seconds = talk(rng, len(at), rng.uniform(0.25, 0.5), median=60 if again else 150)
    batch = calls(lines[which], called, at, seconds, actor=actor)
    batch = tried_again(rng, batch, share=rng.uniform(0.2, 0.4), other=0.7)
    return with_call_backs(rng, batch, rng.uniform(0.02, 0.1))


def franchise(world: World, k: int) -> Calls:
    """Let five shops of a name, in five cells, call customers whom they have in common."""
    actor, rng = _name(world, "franchise", k)
    n = 5
    lines = staff(world, rng, n)
    world.book.tell(lines, "franchise_shop", actor=actor)
    customers = strangers(world, rng, int(rng.integers(500, 2_000)), own=0.5)
    rate = rng.uniform(20, 70, n)
    which, day = work(rng, n, np.arange(world.days), rate=rate, off=0.08, spread=0.25)
    at = moments(rng, day, SHOP_HOURS)
    seconds = talk(rng, len(at), rng.uniform(0.5, 0.75, n)[which], median=40, sigma=0.8)
    cell = rng.integers(0, N_CELLS, n)[which]
    out = calls(lines[which], rng.choice(customers, len(at)), at, seconds, cell=cell, actor=actor)
    return with_call_backs(rng, out, rng.uniform(0.08, 0.3, n)[which])


def mall_staff(world: World, k: int) -> Calls:
    """Let eight sales people of the mall call strangers of their own, some of whom call back."""
    actor, rng = _name(world, "mall", k)
    n = 8
    lines = staff(world, rng, n)
    world.book.tell(lines, "mall_staff", actor=actor)
    rate = rng.uniform(30, 100, n)
    which, day = work(rng, n, np.arange(world.days), rate=rate, off=0.2, spread=0.25)
    at = moments(rng, day, SHOP_HOURS)
    seconds = talk(rng, len(at), rng.uniform(0.35, 0.6, n)[which], median=45)
    called = strangers(world, rng, len(at), own=0.45)
    cell = crowded_cell(world)
    out = calls(lines[which], called, at, seconds, cell=cell, actor=actor)
    return with_call_backs(rng, out, rng.uniform(0.06, 0.25, n)[which])


def repair_shop(world: World, k: int) -> Calls:
    """Try 20 to 60 customers' cards in one handset, with one to four calls each."""
    actor, rng = _name(world, "repair_shop", k)
    bench = fresh_sims(world, rng, 1, activation=-800)
    world.book.tell(bench, "repair_shop", actor=actor)
    free = unnoticed(world)
    cards = rng.choice(free, min(int(rng.integers(20, 61)), len(free)), replace=False)
    size = rng.integers(1, 5, len(cards))
    day = np.repeat(rng.integers(0, world.days, len(cards)), size)
    begin = np.repeat(rng.uniform(10, 19, len(cards)), size) * HOUR
    at = day * DAY + begin.astype(np.int64) + rng.integers(0, 900, len(day))
    services = shops_and_services(world)[1]
    called = np.where(rng.random(len(at)) < 0.6, bench[0], rng.choice(services, len(at)))
    seconds = talk(rng, len(at), 0.7, median=12, sigma=0.5)
    cell = world.book.column("cells")[bench[0], 0]
    tried = calls(
        np.repeat(cards, size), called, at, seconds, cell=cell, handset=bench[0], actor=actor
    )
    own = moments(rng, work(rng, 1, world.weekdays(), rate=8)[1], SHOP_HOURS)
    talks = talk(rng, len(own), 0.7, median=50)
    rung = rng.choice(strangers(world, rng, 60, own=0.6), len(own))
    return together([tried, calls(bench[0], rung, own, talks, actor=actor)])
