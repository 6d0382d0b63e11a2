"""Planted lines that pass calls on: bridges, hubs, relays, and lines that call themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import Kind, Sampler

if TYPE_CHECKING:
    from cdr_anomaly.evaluation.simulation.world import Calls, Ints


def relay(draw: Sampler) -> Calls:
    """Set another forward target before nearly every call: few callers reach many through it."""
    rng, days = draw.rng, draw.spell(3, 8, within=28)
    line = draw.new_mobiles(1, activation=int(days[0]) - int(rng.integers(0, 90)))
    draw.world.book.add_truth(line, "relay", actor=draw.actor, pattern="forwarding_relay")
    return forward_to_changing_targets(draw, line[0], days, rate=rng.uniform(15, 40))


def forward_to_changing_targets(draw: Sampler, line: int, days: Ints, *, rate: float) -> Calls:
    """Forward one to three foreign callers to somebody else each time, now and then again."""
    rng = draw.rng
    numbers = _foreign_numbers(rng, int(rng.integers(1, 4)))
    callers = draw.world.book.add(numbers, foreign=True, trunk=True)
    _, at = draw.schedule(1, days, ((9, 12, 1), (14, 20, 1)), rate=rate)
    at = np.sort(at)
    target = draw.strangers(len(at), home_share=0.5)
    repeated = rng.random(len(at)) < rng.uniform(0, 0.15)
    target = np.where(repeated, np.roll(target, 1), target)
    seconds = draw.talk(len(at), 0.5, median=110)
    batch = draw.calls(rng.choice(callers, len(at)), line, at, seconds)
    return batch.forward(np.arange(len(at)), line, target, "cfu", actor=draw.actor)


def _foreign_numbers(rng: np.random.Generator, n: int) -> list[str]:
    """Draw n numbers of countries from which nobody has family here."""
    plans = rng.choice(["+855235{:06d}", "+959425{:06d}", "+856205{:06d}"], n)
    tails = rng.choice(10**6, n, replace=False)
    return [str(plan).format(s) for plan, s in zip(plans, tails, strict=True)]


def hub(draw: Sampler) -> Calls:
    """Forward from six to ten old and otherwise dormant lines to one target, for a week or two."""
    rng = draw.rng
    n, days = int(rng.integers(6, 11)), draw.spell(7, 15, within=34)
    lines = draw.new_mobiles(n, activation=-260)
    target = draw.new_mobiles(1, activation=-120)
    which, at = draw.schedule(n, days, ((9, 21, 1),), rate=rng.uniform(2.5, 8, n))
    seconds = draw.talk(len(at), 0.7, median=140, sigma=1.1)
    caller = draw.strangers(len(at), home_share=0.5)
    batch = draw.calls(caller, lines[which], at, seconds)
    for ids, kind in ((lines, "hub_forwarder"), (target, "hub_target")):
        draw.world.book.add_truth(ids, kind, actor=draw.actor, pattern="forwarding_hub")
    row = np.arange(len(at))
    return batch.forward(row, lines[which], target[0], "cfnrc", actor=draw.actor)


def bridge(draw: Sampler) -> Calls:
    """Forward strangers' calls from 10 to 24 new SIMs of one block to few targets, and on abroad.

    The phones are off and never call; the SIMs are activated over three days of the last week.
    """
    world, rng = draw.world, draw.rng
    n = int(rng.integers(10, 25))
    begin = world.last_day - int(rng.integers(3, 7))
    first = begin + np.sort(rng.choice(3, n, p=[0.5, 0.3, 0.2]))
    block = int(world.special_blocks().bridge[draw.k])
    numbers = phone_numbers.batch(rng, block, n, offset=100)
    sims = world.book.add(numbers, home=True, activation=first)
    targets = draw.new_mobiles(int(rng.integers(1, 4)), activation=begin - 2)
    abroad = world.book.add(_foreign_numbers(rng, 1), foreign=True, trunk=True)
    days = np.arange(max(begin, 0), world.days)
    which, day = draw.call_days(n, days, rate=rng.uniform(6, 26, n))
    born = day >= first[which]
    which, at = which[born], draw.call_times(day[born], ((8.5, 12, 2), (13, 21, 3)))
    passed_on = rng.random(len(at)) < 0.95
    seconds = draw.talk(len(at), 0.72, median=170, sigma=1.2) * passed_on
    caller = draw.strangers(len(at), home_share=0.5)
    batch = draw.calls(caller, sims[which], at, seconds)
    for lines, kind in ((sims, "bridge_forwarder"), (targets, "bridge_target")):
        world.book.add_truth(lines, kind, actor=draw.actor, pattern="forwarding_hub")
    row = np.flatnonzero(passed_on)
    reason = np.where(which[row] % 5 == 0, "cfu", "cfnrc")
    target = targets[which[row] % len(targets)]
    batch = batch.forward(row, sims[which[row]], target, reason, actor=draw.actor)
    onward = rng.random(len(row)) < rng.uniform(0.8, 1)
    return batch.forward(row[onward], target[onward], abroad[0], "cfu", delay=3, actor=draw.actor)


def self_call(draw: Sampler) -> Calls:
    """Call one's own number, which forwards to a target: A calls A, and somebody else answers."""
    rng, line = draw.rng, draw.new_mobiles(1, activation=-35)
    days = draw.spell(5, 11, within=28)
    _, at = draw.schedule(1, days, ((9, 20, 1),), rate=rng.uniform(3, 10))
    target = rng.choice(draw.strangers(12, home_share=0.3), len(at))
    seconds = draw.talk(len(at), 0.75, median=400)
    batch = draw.calls(line[0], line[0], at, seconds)
    draw.world.book.add_truth(line, "self_call", actor=draw.actor, pattern="forwarding_relay")
    return batch.forward(np.arange(len(at)), line[0], target, "cfu", actor=draw.actor)


KINDS = (
    Kind("relay", relay, 3),
    Kind("hub", hub, 2),
    Kind("bridge", bridge, 2),
    Kind("self_call", self_call, 2),
)
