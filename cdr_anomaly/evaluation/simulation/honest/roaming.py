"""Honest numbers from abroad: firms that call home, visitors, and our own people on a journey."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation import identifiers
from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler
from cdr_anomaly.evaluation.simulation.honest.institutions import ROUND_THE_CLOCK
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.world import Calls, World, build_calls, concat_calls

FIRMS = ("+8522747{:04d}", "+656223{:04d}", "+44207930{:04d}", "+1212555{:04d}", "+81354{:06d}")
# how the numbers, and the cards, of visitors are written, by country
VISITORS = (
    ("+8529{:07d}", "45412"),
    ("+4478{:08d}", "23415"),
    ("+1917{:07d}", "31041"),
    ("+6598{:06d}", "52501"),
    ("+8190{:08d}", "44010"),
)


def all_calls(world: World) -> Calls:
    """Return the calls of firms abroad, visitors and travellers."""
    return concat_calls([firms(world), visitors(world), travellers(world)])


def firms(world: World) -> Calls:
    """Let airlines and banks abroad call 40 to 150 customers a day; every other one is declared."""
    draw, n = Sampler.of_kind(world, "overseas_firm"), world.scale(12, minimum=2)
    rng = draw.rng
    tail = rng.choice(10**4, n, replace=False)
    numbers = [FIRMS[k % len(FIRMS)].format(tail[k]) for k in range(n)]
    lines = world.book.add(numbers, foreign=True, trunk=True)
    actor = world.book.add_honest_actors(lines, "overseas_firm")
    world.book.declare(lines[::2], "airline or bank abroad")
    rate, days = rng.uniform(40, 150, n), world.weekdays(until=6)
    hours = ((8, 12, 3), (12, 18, 4), (18, 21, 1))
    which, at = draw.schedule(n, days, hours, rate=rate, off=0.05, spread=0.2)
    size = rng.integers(400, 3_000, n)
    customers = draw.strangers(3_000 * n, home_share=1.0).reshape(n, 3_000)
    called = customers[which, (rng.random(len(at)) * size[which]).astype(np.int64)]
    seconds = draw.talk(len(at), rng.uniform(0.45, 0.75, n)[which], median=70, sigma=0.9)
    batch = build_calls(lines[which], called, at, seconds, actor=actor[which])
    return draw.with_call_backs(batch, rng.uniform(0.01, 0.08, n)[which])


def visitors(world: World) -> Calls:
    """Let visitors call a few times a day at our cells, with cards of their country."""
    draw, n = Sampler.of_kind(world, "inbound_roamer"), world.scale(150)
    rng = draw.rng
    land = rng.integers(0, len(VISITORS), n)
    tail = rng.choice(10**6, n, replace=False)
    numbers = [VISITORS[c][0].format(t) for c, t in zip(land.tolist(), tail.tolist(), strict=True)]
    imsi = np.array([code for _, code in VISITORS], object)[land]
    cells = draw.usual_cells(n)
    lines = world.book.add(numbers, foreign=True, visits=True, imsi=imsi, cells=cells)
    actor = world.book.add_honest_actors(lines, "inbound_roamer")
    begin, stay = rng.integers(0, world.days - 1, n), rng.integers(1, 11, n)
    days = np.arange(world.days)
    present = (days >= begin[:, None]) & (days < (begin + stay)[:, None])
    rate, hours = rng.uniform(0.8, 7, n)[:, None] * present, ((7.5, 12, 2), (12, 22.5, 5))
    which, at = draw.schedule(n, days, hours, rate=rate, spread=0.5)
    friends = draw.strangers(4 * n, home_share=0.4).reshape(n, 4)
    friend = friends[which, rng.integers(0, 4, len(at))]
    shops = rng.choice(shops_and_services(world)[0], len(at))
    called = np.where(rng.random(len(at)) < 0.6, friend, shops)
    seconds = draw.talk(len(at), 0.7, median=60)
    batch = build_calls(lines[which], called, at, seconds, actor=actor[which])
    return draw.with_call_backs(batch, 0.08)


def travellers(world: World) -> Calls:
    """Let subscribers of ours who are abroad call home a few times, on trunks from there.

    On these days they are at no cell of ours.
    """
    draw, n = Sampler.of_kind(world, "outbound_roamer"), world.scale(80)
    rng, people = draw.rng, world.people
    lines = draw.staff(n)
    actor = world.book.add_honest_actors(lines, "outbound_roamer")
    first = rng.integers(0, world.days - 2, n)
    last = np.minimum(first + rng.integers(2, 10, n), world.last_day)
    days = np.arange(world.days)
    away = (days >= first[:, None]) & (days <= last[:, None])
    rate = rng.uniform(0.6, 4, n)[:, None] * away
    which, day = draw.call_days(n, days, rate=rate, spread=0.5)
    kin = draw.strangers(5 * n, home_share=0.5).reshape(n, 5)
    known = (lines < people.n) & (np.diff(people.begin)[lines.clip(max=people.n - 1)] > 0)
    kin[known, 0] = people.friend[people.begin[lines[known]]]
    called = kin[which, np.minimum(rng.geometric(0.5, len(which)) - 1, 4)]
    trunk = identifiers.international(rng, n)[which]
    at = draw.call_times(day, ROUND_THE_CLOCK)
    seconds = draw.talk(len(at), 0.65, median=70)
    world.book.add_quiet_spells(lines, first, last, 0.0, actor)
    return build_calls(lines[which], called, at, seconds, trunk_in=trunk, actor=actor[which])
