"""Planted lines that dial strangers, as the press reports describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    fresh_sims,
    moments,
    strangers,
    talk,
    unnoticed,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.honest.institutions import unlicensed_code
from cdr_anomaly.evaluation.simulation.world import N_CELLS, NOBODY, Calls, together
from cdr_anomaly.evaluation.simulation.world import calls as placed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

OFFICE = ((9.0, 12.0, 1.0), (13.0, 18.0, 1.0))


class Actor(NamedTuple):
    """Who acts: its number in the book, and its own stream of chance."""

    id: int
    rng: np.random.Generator


def act(world: World, kind: str, k: int) -> Actor:
    """Name the k-th actor of a kind."""
    name = f"{kind}_{k + 1}"
    return Actor(world.book.actor(name), world.rng(name))


def everyone(world: World) -> Calls:
    """Make the calls of all planted diallers."""
    return together(
        [
            *mass_diallers(world),
            *(burst_dialler(world, k) for k in range(world.scaled(10, least=4))),
            *(new_sim_block(world, k) for k in range(world.scaled(2))),
            *(lone_new_sim(world, k) for k in range(world.scaled(5))),
        ]
    )


def dialled(world: World, actor: Actor, line: ArrayLike, at: Ints, **more: ArrayLike) -> Calls:
    """Dial strangers at these times; a third or so answer, briefly, and hardly any call back.

    `cell` may be given, `own` is the share of our subscribers among the called, and with
    `listens` one in eighty answers and talks for a quarter of an hour.
    """
    rng = actor.rng
    seconds = talk(rng, len(at), rng.uniform(0.3, 0.5), median=rng.uniform(13, 24), sigma=0.8)
    if more.get("listens"):
        seconds = np.maximum(seconds, talk(rng, len(at), 0.012, median=900, sigma=0.5))
    called = strangers(world, rng, len(at), own=float(np.asarray(more.get("own", 0.35))))
    cell = more.get("cell", NOBODY)
    out = placed(line, called, at, seconds, cell=cell, actor=actor.id)
    return with_call_backs(rng, out, rng.uniform(0, 0.03))


def mass_diallers(world: World) -> list[Calls]:
    """Make five lines that place 1000 calls and more a day, each of another class of number."""
    shapes = (from_fixed, through_the_night, from_abroad, from_virtual, from_short_code)
    n = world.scaled(len(shapes), least=len(shapes))
    return [shapes[k % len(shapes)](world, k) for k in range(n)]


def _tell(world: World, line: Ints, actor: Actor) -> None:
    world.book.tell(line, "mass_dialler", actor=actor.id, pattern="mass_dialler")


def _mass_days(world: World, actor: Actor, most: int, *, until: int = 7) -> Ints:
    """Repeat each of one to five days as often as the line dials on it."""
    days = world.spell(actor.rng, int(actor.rng.integers(1, 6)), within=28, until=until)
    n = 1_050 + ((most - 1_050) * actor.rng.beta(1, 2.2, len(days))).astype(np.int64)
    return np.repeat(days, n)


def from_fixed(world: World, k: int) -> Calls:
    """Dial 1050 to 3000 a day from one fixed line in office hours, several calls at once."""
    actor = act(world, "mass_dialler", k)
    day = _mass_days(world, actor, 3_000, until=5)
    line = world.book.add(
        phone_numbers.fixed(actor.rng, 1, exchange=7700 + k),
        home=True,
        fixed=True,
        trunk=True,
        activation=int(day.min()) - 9,
    )
    _tell(world, line, actor)
    return dialled(world, actor, line[0], moments(actor.rng, day, OFFICE), listens=True)


def through_the_night(world: World, k: int) -> Calls:
    """Dial 520 to 680 before and as many after midnight from one mobile, one after another."""
    actor = act(world, "mass_dialler", k)
    rng = actor.rng
    line = fresh_sims(world, rng, 1, activation=-45)
    eves = world.spell(rng, int(rng.integers(1, 4)), within=28)
    eves = eves - (eves[-1] == world.last)  # the last night has a morning, too
    n = rng.integers(520, 680, 2 * len(eves))
    evening = moments(rng, np.repeat(eves, n[: len(eves)]), ((19.5, 24, 1),))
    morning = moments(rng, np.repeat(eves + 1, n[len(eves) :]), ((0, 4.2, 1),))
    at = np.concatenate([evening, morning])
    _tell(world, line, actor)
    return dialled(world, actor, line[0], at, cell=rng.integers(N_CELLS))


def from_abroad(world: World, k: int) -> Calls:
    """Call 1050 to 2200 of our subscribers a day with a number that looks foreign."""
    actor = act(world, "mass_dialler", k)
    line = world.book.add([f"+44203555{164 + 37 * k:04d}"], foreign=True, trunk=True)
    at = moments(actor.rng, _mass_days(world, actor, 2_200), OFFICE)
    _tell(world, line, actor)
    return dialled(world, actor, line[0], at, own=1.0, listens=True)


def from_virtual(world: World, k: int) -> Calls:
    """Dial 1050 to 1600 a day from one number of a virtual operator, one call after another."""
    actor = act(world, "mass_dialler", k)
    ids = np.array([world.book.size])
    line = world.book.add(phone_numbers.free(ids, phone_numbers.VIRTUAL), home=True, activation=-30)
    at = moments(actor.rng, _mass_days(world, actor, 1_600), ((8.5, 20.5, 1),))
    _tell(world, line, actor)
    return dialled(world, actor, line[0], at, cell=actor.rng.integers(N_CELLS))


def from_short_code(world: World, k: int) -> Calls:
    """Dial 1050 to 3000 a day from a 95 number that the operator was not told of."""
    actor = act(world, "mass_dialler", k)
    line = world.book.add([unlicensed_code(k)], home=True, trunk=True)
    at = moments(actor.rng, _mass_days(world, actor, 3_000), OFFICE)
    _tell(world, line, actor)
    return dialled(world, actor, line[0], at, own=0.2, listens=True)


def burst_dialler(world: World, k: int) -> Calls:
    """Call 60 to 250 strangers within one to three hours from one or two cells.

    Two lines in five had a human user before; about half act on one day, the others on up to five
    of the last three weeks.
    """
    actor = act(world, "burst_dialler", k)
    rng = actor.rng
    human = k % 5 in {0, 3}
    line = rng.choice(unnoticed(world), 1) if human else fresh_sims(world, rng, 1, activation=-50)
    weeks = world.weekdays(world.days - 21, until=7)
    n_days = 1 if rng.random() < 0.5 else int(rng.integers(2, 6))
    days = np.sort(rng.choice(weeks, min(n_days, len(weeks)), replace=False))
    usual = 65 + 185 * rng.beta(1.2, 1.8)
    n = rng.poisson(usual, len(days)).clip(60, 250)
    hours = float(np.clip(usual / rng.uniform(60, 110), 1, 3))
    begin = np.repeat(rng.uniform(9, 19.5, len(days)), n)
    at = moments(rng, np.repeat(days, n), ((0, hours, 1),)) + (begin * 3_600).astype(np.int64)
    cells = rng.integers(0, N_CELLS, rng.integers(1, 3))
    world.book.tell(line, "burst_dialler", actor=actor.id, pattern="high_frequency")
    return dialled(world, actor, line[0], at, cell=rng.choice(cells, len(at)))


def new_sim_block(world: World, k: int) -> Calls:
    """Dial 60 to 150 strangers a day from 12 to 20 SIMs of one block, from their first hours on.

    They are sold within two days of the last week and used in one or two rooms.
    """
    actor = act(world, "new_sim_block", k)
    rng, n = actor.rng, int(actor.rng.integers(12, 21))
    first = world.last - int(rng.integers(2, 7)) + (rng.random(n) < 0.3)
    rooms = np.tile(rng.integers(0, N_CELLS, 2), (n, 2))
    block = int(world.special_blocks().dialler[k])
    lines = world.book.add(
        phone_numbers.batch(rng, block, n, at=300), home=True, activation=first, cells=rooms
    )
    days = np.arange(max(first.min(), 0), world.days)
    which, day = work(rng, n, days, rate=rng.uniform(60, 150, n))
    born = day >= first[which]
    which, day = which[born], day[born]
    at = moments(rng, day, OFFICE)
    world.book.tell(lines, "new_sim_dialler", actor=actor.id, pattern="block_burst")
    return dialled(world, actor, lines[which], at)


def lone_new_sim(world: World, k: int) -> Calls:
    """Dial 90 to 210 strangers on each of the first two or three days of a SIM."""
    actor = act(world, "lone_new_sim", k)
    rng = actor.rng
    first = max(world.last - int(rng.integers(1, 7)), 0)
    line = fresh_sims(world, rng, 1, activation=first)
    days = np.arange(first, min(first + int(rng.integers(2, 4)), world.days))
    _, day = work(rng, 1, days, rate=rng.uniform(100, 190))
    at = moments(rng, day, ((9.5, 18.5, 1),))
    world.book.tell(line, "new_sim_dialler", actor=actor.id, pattern="new_sim")
    return dialled(world, actor, line[0], at)
