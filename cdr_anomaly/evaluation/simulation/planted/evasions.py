"""Planted actors that know of limits and stay below them: the set that nothing is tuned on."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    unassigned_people,
)
from cdr_anomaly.evaluation.simulation.planted.campaigns import retry_missed
from cdr_anomaly.evaluation.simulation.planted.diallers import dial
from cdr_anomaly.evaluation.simulation.planted.forwarding import forward_to_changing_targets
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, N_CELLS, Calls, concat_calls

DAYLIGHT = ((8.5, 20.5, 1.0),)
GROWTH_PER_DAY = 1.07


def split(draw: Sampler) -> Calls:
    """Deal 1000 calls a day over ten lines, spread over the whole day.

    Who does not answer is tried again within three days, mostly by another of the lines.
    """
    rng, n = draw.rng, 10
    cells = np.tile(rng.integers(0, N_CELLS, 2), (n, 2))
    lines = draw.new_mobiles(n, activation=-60, cells=cells)
    days = draw.spell(4, 10, within=28, until=6)
    which, day = draw.call_days(n, days, rate=100, spread=0.06)
    draw.world.book.add_truth(lines, "split", actor=draw.actor, pattern="evasion_split")
    called = draw.strangers(len(day), home_share=0.35)
    seconds = draw.talk(len(day), rng.uniform(0.3, 0.5), median=rng.uniform(13, 24), sigma=0.8)
    batch = draw.calls(lines[which], called, draw.call_times(day, DAYLIGHT), seconds)
    batch = retry_missed(rng, batch, share=0.4, by_other=0.6)
    return draw.with_call_backs(batch, rng.uniform(0, 0.03))


def throttled(draw: Sampler) -> Calls:
    """Dial 900 a day from one fixed line, never in bursts, for a week or two."""
    days = draw.spell(5, 12, within=28)
    line = draw.fixed_lines(1, exchange=7810 + draw.k, activation=int(days[0]) - 20)
    n, open_s = 900, 13.5 * HOUR
    step = np.arange(n) * open_s / n + 7.5 * HOUR
    at = (days[:, None] * DAY + step + draw.rng.uniform(0, open_s / n, (len(days), n))).ravel()
    draw.world.book.add_truth(line, "throttled", actor=draw.actor, pattern="evasion_throttled")
    return dial(draw, line[0], at.astype(np.int64), long_talks=True)


def ramped(draw: Sampler) -> Calls:
    """Let a person's line call seven percent more strangers each day, up to 300 to 400 a day."""
    world, rng, days = draw.world, draw.rng, np.arange(draw.world.days)
    line = rng.choice(unassigned_people(world), 1)
    rate = rng.uniform(300, 400) * GROWTH_PER_DAY ** (days - world.last_day)
    _, at = draw.schedule(1, days, DAYLIGHT, rate=rate[None, :], spread=0.03)
    world.book.add_truth(line, "ramped", actor=draw.actor, pattern="evasion_ramped")
    return dial(draw, line[0], at)


def rotated(draw: Sampler) -> Calls:
    """Put another of eight SIMs into the same handset each day, and dial 90 to 200 with it."""
    world, rng = draw.world, draw.rng
    n = min(8, world.days)
    days = draw.spell(n, n, within=21)
    first = days - rng.integers(0, 40, n)
    cells, handset = np.full((n, 4), rng.integers(N_CELLS)), world.book.size
    lines = draw.new_mobiles(n, activation=first, cells=cells, handset=handset)
    number = rng.integers(90, 200, n)
    world.book.add_truth(lines, "rotated", actor=draw.actor, pattern="evasion_rotated")
    at = draw.call_times(np.repeat(days, number), DAYLIGHT)
    return dial(draw, np.repeat(lines, number), at)


def changing(draw: Sampler) -> Calls:
    """Change the forward target for each call, and place a few calls like anybody."""
    world, rng = draw.world, draw.rng
    line = draw.new_mobiles(1, activation=-60)
    days = draw.spell(5, 11, within=28)
    world.book.add_truth(line, "changing", actor=draw.actor, pattern="evasion_changing")
    passed_on = forward_to_changing_targets(draw, line[0], days, rate=rng.uniform(8, 25))
    days = np.arange(days[0], world.days)
    _, day = draw.call_days(1, days, rate=rng.uniform(2, 6), spread=0.4)
    friends = draw.strangers(5, home_share=0.5)
    at = draw.call_times(day, ((8, 22, 1),))
    seconds = draw.talk(len(at), 0.7, median=45)
    placed = draw.calls(line[0], rng.choice(friends, len(at)), at, seconds)
    return concat_calls([passed_on, placed])


def replaced(draw: Sampler) -> Calls:
    """Let six lines of a block and a cell stop after four to eight days, and six others begin.

    Those are of the same block and cell, in other handsets, a day or two later.
    """
    world, rng, n = draw.world, draw.rng, 6
    block = int(rng.choice(world.usual_blocks()))
    cells = np.full((2 * n, 4), rng.integers(N_CELLS))
    length = [min(int(rng.integers(4, 9)), world.days // 2 - 1) for _ in range(2)]
    pause = int(rng.integers(0, 2))
    begin = int(rng.integers(max(world.days - 28, 0), world.days - sum(length) - pause + 1))
    first = np.repeat([begin, begin + length[0] + pause], n)
    last = first + np.repeat(length, n)
    numbers = phone_numbers.batch(rng, block, 2 * n, offset=700 + 30 * (draw.k % 9))
    activation = first - rng.integers(1, 30, 2 * n)
    lines = world.book.add(numbers, home=True, activation=activation, cells=cells)
    days = np.arange(begin, last[-1])
    in_use = (days >= first[:, None]) & (days < last[:, None])
    rate = rng.uniform(70, 150, 2 * n)[:, None] * in_use
    which, day = draw.call_days(2 * n, days, rate=rate)
    world.book.add_truth(lines, "replaced", actor=draw.actor, pattern="evasion_replaced")
    return dial(draw, lines[which], draw.call_times(day, DAYLIGHT), cell=cells[0, 0])


KINDS = (
    Kind("split", split, 1),
    Kind("throttled", throttled, 2),
    Kind("ramped", ramped, 2),
    Kind("rotated", rotated, 1),
    Kind("changing", changing, 2),
)
# Added after all other planted kinds.
LATE_KINDS = (Kind("replaced", replaced, 1),)
