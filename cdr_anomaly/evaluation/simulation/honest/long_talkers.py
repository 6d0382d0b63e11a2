"""Honest lines that talk for hours: hotlines, carers and couples, open lines, relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    in_a_row,
    moments,
    share_out,
    staff,
    strangers,
    talk,
    work,
)
from cdr_anomaly.evaluation.simulation.planted.victims import (
    Held,
    holding,
    hush,
    prey,
    tried_in_vain,
)
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]
    Pair = tuple[float, float]


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them."""
    return together(
        [
            hotlines(world),
            pairs(world, "carer", world.scaled(40), (0.9, 3.5)),
            pairs(world, "open_line", world.scaled(12), (4, 10)),
            relatives(world, people),
        ]
    )


def hotlines(world: World) -> Calls:
    """Take calls for 8 to 10 hours a day, one after another, and place few."""
    rng, n = world.rng("hotline"), world.scaled(8)
    lines = world.book.add(phone_numbers.fixed(rng, n, exchange=8960), home=True, fixed=True)
    actor, days = world.book.alone(lines, "hotline"), world.weekdays(until=6)
    which, day = (a.ravel() for a in np.indices((n, len(days))))
    size = rng.integers(70, 160, len(which))
    hours = rng.uniform(8, 10, len(which))
    seconds = np.ceil(share_out(rng, size, hours * HOUR, sigma=0.9)).astype(np.int64)
    gap = 3 + share_out(rng, size, rng.uniform(1, 2.5, len(which)) * HOUR, sigma=1.0)
    begin = days[day] * DAY + rng.normal(8.2, 0.15, len(which)) * HOUR
    at, of = in_a_row(begin, size, seconds, gap), np.repeat(which, size)
    asked = calls(strangers(world, rng, len(at), own=0.5), lines[of], at, seconds, actor=actor[of])
    which, day = work(rng, n, days, rate=rng.uniform(3, 12, n))
    at = moments(rng, day, ((18.5, 20, 1),))
    called = strangers(world, rng, len(at), own=0.5)
    seconds = talk(rng, len(at), 0.7, median=60)
    return together([asked, calls(lines[which], called, at, seconds, actor=actor[which])])


def pairs(world: World, kind: str, n: int, hours: Pair) -> Calls:
    """Let people talk to one other person for hours, once or twice a day, on most days."""
    rng = world.rng(kind)
    lines = staff(world, rng, n)
    actor, other = world.book.alone(lines, kind), strangers(world, rng, n, own=0.5)
    rate = np.where(rng.random(n) < 0.7, 1.0, 1.6)
    which, day = work(rng, n, np.arange(world.days), rate=rate, off=rng.uniform(0.05, 0.4))
    usual = rng.uniform(*hours, n)[which] * HOUR / rate[which]
    seconds = (usual * rng.lognormal(0, 0.25, len(which))).astype(np.int64)
    at = moments(rng, day, ((12, 15, 1), (19, 23, 3)))
    return calls(lines[which], other[which], at, seconds, actor=actor[which])


def relatives(world: World, people: People) -> Calls:
    """Let people and a relative talk for long on two to five days, while others find them busy.

    They look like those whom a planted actor holds; their other calls are nearly as many as ever.
    """
    rng = world.rng("long_talker")
    whom = prey(world, people, rng, world.scaled(60))
    n = len(whom)
    actor = world.book.alone(whom, "long_talker")
    first = rng.integers(0, world.days - 2, n)
    n_days = np.minimum(rng.integers(2, 6, n), world.days - first)
    held = Held(people.friend[people.begin[whom]], whom, first, n_days, actor)
    talks = holding(world, rng, held, (25, 130))
    hush(world, held, rng.uniform(0.55, 1, n))
    return together([talks, tried_in_vain(rng, people, talks, (1, 5))])
