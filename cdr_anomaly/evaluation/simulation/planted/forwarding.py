"""Planted lines that pass calls on: bridges, hubs, relays, and lines that call themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    fresh_sims,
    moments,
    strangers,
    talk,
    work,
)
from cdr_anomaly.evaluation.simulation.planted.diallers import act
from cdr_anomaly.evaluation.simulation.world import Calls, calls, forwarded, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.planted.diallers import Actor
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]


def everyone(world: World) -> Calls:
    """Make the calls that all of them pass on."""
    return together(
        [
            *(relay(world, k) for k in range(world.scaled(3))),
            *(hub(world, k) for k in range(world.scaled(2))),
            *(bridge(world, k) for k in range(world.scaled(2))),
            *(self_call(world, k) for k in range(world.scaled(2))),
        ]
    )


def relay(world: World, k: int) -> Calls:
    """Set another forward target before nearly every call: few callers reach many through it."""
    actor = act(world, "relay", k)
    rng = actor.rng
    days = world.spell(rng, int(rng.integers(3, 9)), within=28)
    line = fresh_sims(world, rng, 1, activation=int(days[0]) - int(rng.integers(0, 90)))
    world.book.tell(line, "relay", actor=actor.id, pattern="forwarding_relay")
    return changing_target(world, actor, line[0], days, rate=rng.uniform(15, 40))


def changing_target(world: World, actor: Actor, line: int, days: Ints, *, rate: float) -> Calls:
    """Forward one to three foreign callers to somebody else each time, now and then again."""
    rng = actor.rng
    callers = world.book.add(_foreign(rng, int(rng.integers(1, 4))), foreign=True, trunk=True)
    _, day = work(rng, 1, days, rate=rate)
    at = np.sort(moments(rng, day, ((9, 12, 1), (14, 20, 1))))
    victim = strangers(world, rng, len(at), own=0.5)
    repeated = rng.random(len(at)) < rng.uniform(0, 0.15)
    victim = np.where(repeated, np.roll(victim, 1), victim)
    seconds = talk(rng, len(at), 0.5, median=110)
    batch = calls(rng.choice(callers, len(at)), line, at, seconds, actor=actor.id)
    return forwarded(batch, np.arange(len(at)), line, victim, "cfu", actor=actor.id)


def _foreign(rng: np.random.Generator, n: int) -> list[str]:
    """Draw n numbers of countries from which nobody has family here."""
    plans = rng.choice(["+855235{:06d}", "+959425{:06d}", "+856205{:06d}"], n)
    drawn = rng.choice(10**6, n, replace=False)
    return [str(plan).format(s) for plan, s in zip(plans, drawn, strict=True)]


def hub(world: World, k: int) -> Calls:
    """Forward from six to ten old and otherwise dormant lines to one target, for a week or two."""
    actor = act(world, "hub", k)
    rng, n = actor.rng, int(actor.rng.integers(6, 11))
    days = world.spell(rng, int(rng.integers(7, 16)), within=34)
    lines = fresh_sims(world, rng, n, activation=-260)
    target = fresh_sims(world, rng, 1, activation=-120)
    which, day = work(rng, n, days, rate=rng.uniform(2.5, 8, n))
    at = moments(rng, day, ((9, 21, 1),))
    seconds = talk(rng, len(at), 0.7, median=140, sigma=1.1)
    caller = strangers(world, rng, len(at), own=0.5)
    batch = calls(caller, lines[which], at, seconds, actor=actor.id)
    for told, kind in ((lines, "hub_forwarder"), (target, "hub_target")):
        world.book.tell(told, kind, actor=actor.id, pattern="forwarding_hub")
    row = np.arange(len(at))
    return forwarded(batch, row, lines[which], target[0], "cfnrc", actor=actor.id)


def bridge(world: World, k: int) -> Calls:
    """Forward strangers' calls from 10 to 24 new SIMs of one block to few targets, and on abroad.

    The phones are off and never call; the SIMs are activated over three days of the last week.
    """
    actor = act(world, "bridge", k)
    rng, n = actor.rng, int(actor.rng.integers(10, 25))
    begin = world.last - int(rng.integers(3, 7))
    first = begin + np.sort(rng.choice(3, n, p=[0.5, 0.3, 0.2]))
    block = int(world.special_blocks().bridge[k])
    sims = world.book.add(phone_numbers.batch(rng, block, n, at=100), home=True, activation=first)
    targets = fresh_sims(world, rng, int(rng.integers(1, 4)), activation=begin - 2)
    far = world.book.add(_foreign(rng, 1), foreign=True, trunk=True)
    which, day = work(rng, n, np.arange(max(begin, 0), world.days), rate=rng.uniform(6, 26, n))
    born = day >= first[which]
    which, at = which[born], moments(rng, day[born], ((8.5, 12, 2), (13, 21, 3)))
    through = rng.random(len(at)) < 0.95
    seconds = talk(rng, len(at), 0.72, median=170, sigma=1.2) * through
    caller = strangers(world, rng, len(at), own=0.5)
    batch = calls(caller, sims[which], at, seconds, actor=actor.id)
    for told, kind in ((sims, "bridge_forwarder"), (targets, "bridge_target")):
        world.book.tell(told, kind, actor=actor.id, pattern="forwarding_hub")
    row = np.flatnonzero(through)
    reason = np.where(which[row] % 5 == 0, "cfu", "cfnrc")
    target = targets[which[row] % len(targets)]
    batch = forwarded(batch, row, sims[which[row]], target, reason, actor=actor.id)
    onward = rng.random(len(row)) < rng.uniform(0.8, 1)
    return forwarded(batch, row[onward], target[onward], far[0], "cfu", delay=3, actor=actor.id)


def self_call(world: World, k: int) -> Calls:
    """Call the own number, which forwards to a target: A calls A, and somebody else answers."""
    actor = act(world, "self_call", k)
    rng = actor.rng
    line = fresh_sims(world, rng, 1, activation=-35)
    days = world.spell(rng, int(rng.integers(5, 12)), within=28)
    _, day = work(rng, 1, days, rate=rng.uniform(3, 10))
    at = moments(rng, day, ((9, 20, 1),))
    target = rng.choice(strangers(world, rng, 12, own=0.3), len(at))
    seconds = talk(rng, len(at), 0.75, median=400)
    batch = calls(line[0], line[0], at, seconds, actor=actor.id)
    world.book.tell(line, "self_call", actor=actor.id, pattern="forwarding_relay")
    return forwarded(batch, np.arange(len(at)), line[0], target, "cfu", actor=actor.id)
