"""Honest lines that talk for hours: hotlines, carers and couples, open lines, relatives."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler, start_times
from cdr_anomaly.evaluation.simulation.planted.victims import (
    Captives,
    captive_calls,
    choose_victims,
    vain_calls,
)
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    HOUR,
    Calls,
    Pair,
    World,
    build_calls,
    concat_calls,
)


def all_calls(world: World) -> Calls:
    """Return the calls of all these lines."""
    return concat_calls(
        [
            hotlines(world),
            pairs(world, "carer", world.scale(40), (0.9, 3.5)),
            pairs(world, "open_line", world.scale(12), (4, 10)),
            relatives(world),
        ]
    )


def hotlines(world: World) -> Calls:
    """Take calls for 8 to 10 hours a day, one after another, and place few."""
    draw, n = Sampler.of_kind(world, "hotline"), world.scale(8)
    rng, lines = draw.rng, draw.fixed_lines(n, exchange=8960, trunk=False)
    actor, days = world.book.add_honest_actors(lines, "hotline"), world.weekdays(until=6)
    which, day = (a.ravel() for a in np.indices((n, len(days))))
    size = rng.integers(70, 160, len(which))
    hours = rng.uniform(8, 10, len(which))
    seconds = np.ceil(draw.share_out(size, hours * HOUR, sigma=0.9)).astype(np.int64)
    gap = 3 + draw.share_out(size, rng.uniform(1, 2.5, len(which)) * HOUR, sigma=1.0)
    begin = days[day] * DAY + rng.normal(8.2, 0.15, len(which)) * HOUR
    at, which = start_times(begin, size, seconds, gap), np.repeat(which, size)
    caller = draw.strangers(len(at), home_share=0.5)
    received = build_calls(caller, lines[which], at, seconds, actor=actor[which])
    which, at = draw.schedule(n, days, ((18.5, 20, 1),), rate=rng.uniform(3, 12, n))
    called = draw.strangers(len(at), home_share=0.5)
    seconds = draw.talk(len(at), 0.7, median=60)
    return concat_calls(
        [received, build_calls(lines[which], called, at, seconds, actor=actor[which])]
    )


def pairs(world: World, kind: str, n: int, hours: Pair) -> Calls:
    """Let people talk to one other person for hours, once or twice a day, on most days."""
    draw = Sampler.of_kind(world, kind)
    rng, lines = draw.rng, draw.staff(n)
    actor = world.book.add_honest_actors(lines, kind)
    other = draw.strangers(n, home_share=0.5)
    rate = np.where(rng.random(n) < 0.7, 1.0, 1.6)
    which, day = draw.call_days(n, np.arange(world.days), rate=rate, off=rng.uniform(0.05, 0.4))
    usual = rng.uniform(*hours, n)[which] * HOUR / rate[which]
    seconds = (usual * rng.lognormal(0, 0.25, len(which))).astype(np.int64)
    at = draw.call_times(day, ((12, 15, 1), (19, 23, 3)))
    return build_calls(lines[which], other[which], at, seconds, actor=actor[which])


def relatives(world: World) -> Calls:
    """Let people and a relative talk for long on two to five days, while others find them busy.

    They look like those whom a planted actor holds; their other calls are nearly as many as ever.
    """
    draw = Sampler.of_kind(world, "long_talker")
    rng, people = draw.rng, world.people
    lines = choose_victims(draw, world.scale(60))
    n = len(lines)
    actor = world.book.add_honest_actors(lines, "long_talker")
    first = rng.integers(0, world.days - 2, n)
    n_days = np.minimum(rng.integers(2, 6, n), world.days - first)
    captives = Captives(people.friend[people.begin[lines]], lines, first, n_days, actor)
    talks = captive_calls(draw, captives, (25, 130))
    last = first + n_days - 1
    world.book.add_quiet_spells(lines, first, last, rng.uniform(0.55, 1, n), actor)
    return concat_calls([talks, vain_calls(draw, talks, (1, 5))])
