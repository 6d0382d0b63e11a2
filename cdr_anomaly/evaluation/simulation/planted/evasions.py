"""Planted actors that know of limits and stay below them: the set that nothing is tuned on."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from cdr_anomaly.evaluation.simulation.planted.campaigns import tried_again
from cdr_anomaly.evaluation.simulation.planted.diallers import act, dialled
from cdr_anomaly.evaluation.simulation.planted.forwarding import changing_target
from cdr_anomaly.evaluation.simulation.world import N_CELLS, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

DAYLIGHT = ((8.5, 20.5, 1.0),)
GROWTH = 1.07  # a day


def everyone(world: World) -> Calls:
    """Make the calls of all of them; a city of full size has some twice."""
    return together(
        [
            *(split(world, k) for k in range(world.scaled(1))),
            *(throttled(world, k) for k in range(world.scaled(2))),
            *(ramped(world, k) for k in range(world.scaled(2))),
            *(rotated(world, k) for k in range(world.scaled(1))),
            *(changing(world, k) for k in range(world.scaled(2))),
        ]
    )


def split(world: World, k: int) -> Calls:
    """Deal 1000 calls a day over ten lines, spread over the whole day.

    Who does not answer is tried again within three days, mostly by another of the lines.
    """
    actor = act(world, "split", k)
    rng, n = actor.rng, 10
    rooms = np.tile(rng.integers(0, N_CELLS, 2), (n, 2))
    lines = fresh_sims(world, rng, n, activation=-60, cells=rooms)
    days = world.spell(rng, int(rng.integers(4, 11)), within=28, until=6)
    which, day = work(rng, n, days, rate=100, spread=0.06)
    world.book.tell(lines, "split", actor=actor.id, pattern="evasion_split")
    called = strangers(world, rng, len(day), own=0.35)
    seconds = talk(rng, len(day), rng.uniform(0.3, 0.5), median=rng.uniform(13, 24), sigma=0.8)
    at = moments(rng, day, DAYLIGHT)
    batch = calls(lines[which], called, at, seconds, actor=actor.id)
    batch = tried_again(rng, batch, share=0.4, other=0.6)
    return with_call_backs(rng, batch, rng.uniform(0, 0.03))


def throttled(world: World, k: int) -> Calls:
    """Dial 900 a day from one fixed line, never in bursts, for a week or two."""
    actor = act(world, "throttled", k)
    rng = actor.rng
    days = world.spell(rng, int(rng.integers(5, 13)), within=28)
    line = world.book.add(
        phone_numbers.fixed(rng, 1, exchange=7810 + k),
        home=True,
        fixed=True,
        trunk=True,
        activation=int(days[0]) - 20,
    )
    n, open_s = 900, 13.5 * 3_600
    step = np.arange(n) * open_s / n + 7.5 * 3_600
    at = (days[:, None] * 86_400 + step + rng.uniform(0, open_s / n, (len(days), n))).ravel()
    world.book.tell(line, "throttled", actor=actor.id, pattern="evasion_throttled")
    return dialled(world, actor, line[0], at.astype(np.int64), listens=True)


def ramped(world: World, k: int) -> Calls:
    """Let a person's line call seven percent more strangers each day, up to 300 to 400 a day."""
    actor = act(world, "ramped", k)
    rng, days = actor.rng, np.arange(world.days)
    line = rng.choice(unnoticed(world), 1)
    rate = rng.uniform(300, 400) * GROWTH ** (days - world.last)
    _, day = work(rng, 1, days, rate=rate[None, :], spread=0.03)
    world.book.tell(line, "ramped", actor=actor.id, pattern="evasion_ramped")
    return dialled(world, actor, line[0], moments(rng, day, DAYLIGHT))


def rotated(world: World, k: int) -> Calls:
    """Put another of eight SIMs into the same handset each day, and dial 90 to 200 with it."""
    actor = act(world, "rotated", k)
    rng, n = actor.rng, min(8, world.days)
    days = world.spell(rng, n, within=21)[:n]
    first = days - rng.integers(0, 40, n)
    room, handset = np.full((n, 4), rng.integers(N_CELLS)), world.book.size
    lines = fresh_sims(world, rng, n, activation=first, cells=room, handset=handset)
    number = rng.integers(90, 200, n)
    world.book.tell(lines, "rotated", actor=actor.id, pattern="evasion_rotated")
    at = moments(rng, np.repeat(days, number), DAYLIGHT)
    return dialled(world, actor, np.repeat(lines, number), at)


def changing(world: World, k: int) -> Calls:
    """Change the forward target for each call, and place a few calls like anybody."""
    actor = act(world, "changing", k)
    rng = actor.rng
    line = fresh_sims(world, rng, 1, activation=-60)
    days = world.spell(rng, int(rng.integers(5, 12)), within=28)
    world.book.tell(line, "changing", actor=actor.id, pattern="evasion_changing")
    through = changing_target(world, actor, line[0], days, rate=rng.uniform(8, 25))
    _, day = work(rng, 1, np.arange(days[0], world.days), rate=rng.uniform(2, 6), spread=0.4)
    friends = strangers(world, rng, 5, own=0.5)
    at = moments(rng, day, ((8, 22, 1),))
    seconds = talk(rng, len(at), 0.7, median=45)
    own = calls(line[0], rng.choice(friends, len(at)), at, seconds, actor=actor.id)
    return together([through, own])


def replacements(world: World) -> Calls:
    """Make the calls of numbers that make way for others, which come after all other lines."""
    return together([replaced(world, k) for k in range(world.scaled(1))])


def replaced(world: World, k: int) -> Calls:
    """Let six lines of a block and a cell stop after four to eight days, and six others begin.

    Those are of the same block and cell, in other handsets, a day or two later.
    """
    actor = act(world, "replaced", k)
    rng, n = actor.rng, 6
    block = int(rng.choice(world.blocks()))
    room = np.full((2 * n, 4), rng.integers(N_CELLS))
    length = [min(int(rng.integers(4, 9)), world.days // 2 - 1) for _ in range(2)]
    pause = int(rng.integers(0, 2))
    begin = int(rng.integers(max(world.days - 28, 0), world.days - sum(length) - pause + 1))
    first = np.repeat([begin, begin + length[0] + pause], n)
    last = first + np.repeat(length, n)
    lines = world.book.add(
        phone_numbers.batch(rng, block, 2 * n, at=700 + 30 * (k % 9)),
        home=True,
        activation=first - rng.integers(1, 30, 2 * n),
        cells=room,
    )
    days = np.arange(begin, last[-1])
    rate = rng.uniform(70, 150, 2 * n)[:, None] * (
        (days >= first[:, None]) & (days < last[:, None])
    )
    which, day = work(rng, 2 * n, days, rate=rate)
    world.book.tell(lines, "replaced", actor=actor.id, pattern="evasion_replaced")
    return dialled(world, actor, lines[which], moments(rng, day, DAYLIGHT), cell=room[0, 0])
