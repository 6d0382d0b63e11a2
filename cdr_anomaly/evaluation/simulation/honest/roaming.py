"""Honest numbers from abroad: firms that call home, visitors, and our own people on a journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation import identifiers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    moments,
    places,
    staff,
    strangers,
    talk,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.honest.institutions import ROUND_THE_CLOCK
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.world import Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

FIRMS = ("+8522747{:04d}", "+656223{:04d}", "+44207930{:04d}", "+1212555{:04d}", "+81354{:06d}")
# how the numbers, and the cards, of visitors are written, by country
VISITORS = (
    ("+8529{:07d}", "45412"),
    ("+4478{:08d}", "23415"),
    ("+1917{:07d}", "31041"),
    ("+6598{:06d}", "52501"),
    ("+8190{:08d}", "44010"),
)


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them."""
    return together([firms(world), visitors(world), travellers(world, people)])


def firms(world: World) -> Calls:
    """Let airlines and banks abroad call 40 to 150 customers a day; every other one is declared."""
    rng, n = world.rng("overseas_firm"), world.scaled(12, least=2)
    tail = rng.choice(10**4, n, replace=False)
    listed = [FIRMS[k % len(FIRMS)].format(tail[k]) for k in range(n)]
    lines = world.book.add(listed, foreign=True, trunk=True)
    actor = world.book.alone(lines, "overseas_firm")
    world.book.declare(lines[::2], "airline or bank abroad")
    rate = rng.uniform(40, 150, n)
    which, day = work(rng, n, world.weekdays(until=6), rate=rate, off=0.05, spread=0.2)
    at = moments(rng, day, ((8, 12, 3), (12, 18, 4), (18, 21, 1)))
    size = rng.integers(400, 3_000, n)
    customers = strangers(world, rng, 3_000 * n, own=1.0).reshape(n, 3_000)
    called = customers[which, (rng.random(len(at)) * size[which]).astype(np.int64)]
    seconds = talk(rng, len(at), rng.uniform(0.45, 0.75, n)[which], median=70, sigma=0.9)
    out = calls(lines[which], called, at, seconds, actor=actor[which])
    return with_call_backs(rng, out, rng.uniform(0.01, 0.08, n)[which])


def visitors(world: World) -> Calls:
    """Let visitors call a few times a day at our cells, with cards of their country."""
    rng, n = world.rng("inbound_roamer"), world.scaled(150)
    land = rng.integers(0, len(VISITORS), n)
    tail = rng.choice(10**6, n, replace=False)
    listed = [VISITORS[c][0].format(t) for c, t in zip(land.tolist(), tail.tolist(), strict=True)]
    cards = np.array([code for _, code in VISITORS], object)[land]
    lines = world.book.add(listed, foreign=True, visits=True, imsi=cards, cells=places(rng, n))
    actor = world.book.alone(lines, "inbound_roamer")
    begin, stay = rng.integers(0, world.days - 1, n), rng.integers(1, 11, n)
    days = np.arange(world.days)
    there = (days >= begin[:, None]) & (days < (begin + stay)[:, None])
    which, day = work(rng, n, days, rate=rng.uniform(0.8, 7, n)[:, None] * there, spread=0.5)
    at = moments(rng, day, ((7.5, 12, 2), (12, 22.5, 5)))
    known = strangers(world, rng, 4 * n, own=0.4).reshape(n, 4)[which, rng.integers(0, 4, len(at))]
    shops = rng.choice(shops_and_services(world)[0], len(at))
    called = np.where(rng.random(len(at)) < 0.6, known, shops)
    seconds = talk(rng, len(at), 0.7, median=60)
    return with_call_backs(rng, calls(lines[which], called, at, seconds, actor=actor[which]), 0.08)


def travellers(world: World, people: People) -> Calls:
    """Let subscribers of ours who are abroad call home a few times, on trunks from there.

    On these days they are at no cell of ours.
    """
    rng, n = world.rng("outbound_roamer"), world.scaled(80)
    lines = staff(world, rng, n)
    actor = world.book.alone(lines, "outbound_roamer")
    first = rng.integers(0, world.days - 2, n)
    last = np.minimum(first + rng.integers(2, 10, n), world.last)
    days = np.arange(world.days)
    away = (days >= first[:, None]) & (days <= last[:, None])
    which, day = work(rng, n, days, rate=rng.uniform(0.6, 4, n)[:, None] * away, spread=0.5)
    kin = strangers(world, rng, 5 * n, own=0.5).reshape(n, 5)
    known = (lines < people.n) & (np.diff(people.begin)[lines.clip(max=people.n - 1)] > 0)
    kin[known, 0] = people.friend[people.begin[lines[known]]]
    called = kin[which, np.minimum(rng.geometric(0.5, len(which)) - 1, 4)]
    via = identifiers.international(rng, n)[which]
    at = moments(rng, day, ROUND_THE_CLOCK)
    seconds = talk(rng, len(at), 0.65, median=70)
    world.book.quiet.append(
        pl.DataFrame(
            {"id": lines, "first_day": first, "last_day": last, "keep": 0.0, "exempt": actor}
        )
    )
    return calls(lines[which], called, at, seconds, trunk_in=via, actor=actor[which])
