"""More of a city's honest life, for hard patterns: households, firms, and who serves a district.

Most of their counterparts are of other networks, and never wholly seen.
"""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    calls_of_actors,
    unassigned_people,
)
from cdr_anomaly.evaluation.simulation.world import (
    N_CELLS,
    Calls,
    World,
    build_calls,
    concat_calls,
)

HOME_HOURS = ((7.0, 9.0, 2.0), (11.5, 13.5, 2.0), (16.5, 22.5, 5.0))
WORK_HOURS = ((8.5, 12.0, 4.0), (13.5, 18.0, 5.0))
HOUSEHOLDS = 900  # in a city of full size
OUTSIDE_SHARE = 0.8  # of counterparts of firms and of those who serve a district


def all_calls(world: World) -> Calls:
    """Return the calls of households, of firms, of who serves a district, and of polls."""
    return concat_calls([households(world), calls_of_actors(world, *KINDS)])


def households(world: World) -> Calls:
    """Let two to five people of a household call one another, some on other networks."""
    draw = Sampler.of_kind(world, "households")
    rng, n = draw.rng, world.scale(HOUSEHOLDS)
    people = unassigned_people(world)
    members = rng.choice(people, (n, 4), replace=len(people) < 8 * n)
    elsewhere = draw.strangers(n, home_share=0.0)
    home = np.column_stack([members, elsewhere])
    size = rng.integers(2, 6, n)
    which, day = draw.call_days(n, np.arange(world.days), rate=rng.uniform(0.8, 5, n), spread=0.5)
    one = rng.integers(0, size[which])
    other = (one + rng.integers(1, size[which])) % size[which]
    at = draw.call_times(day, HOME_HOURS)
    # the last of a household is on another network
    one, other = (
        np.where(one == size[which] - 1, 4, one),
        np.where(other == size[which] - 1, 4, other),
    )
    return build_calls(
        home[which, one], home[which, other], at, draw.talk(len(at), 0.75, median=45)
    )


def firm(draw: Sampler) -> Calls:
    """Let 8 to 24 people of one cell call each other, and customers, who call, too."""
    world, rng = draw.world, draw.rng
    n = int(rng.integers(8, 25))
    lines = draw.new_mobiles(n, activation=-rng.integers(90, 1_500, n))
    world.book.add_truth(lines, "firm_staff", actor=draw.actor)
    customers = draw.strangers(30 * n, home_share=1 - OUTSIDE_SHARE).reshape(n, 30)
    days, cell = world.weekdays(), int(rng.integers(N_CELLS))
    which, at = draw.schedule(n, days, WORK_HOURS, rate=rng.uniform(4, 28, n), spread=0.3)
    colleague = lines[(which + rng.integers(1, n, len(at))) % n]
    known = customers[which, rng.integers(0, 30, len(at))]
    chance = rng.random(len(at))
    other = np.where(chance < 0.25, colleague, known)
    fresh = draw.strangers(len(at), home_share=1 - OUTSIDE_SHARE)
    other = np.where(chance > rng.uniform(0.8, 0.95), fresh, other)
    inward = (rng.random(len(at)) < 0.4) & (other == known)
    line = lines[which]
    caller, called = np.where(inward, other, line), np.where(inward, line, other)
    seconds = draw.talk(len(at), 0.75, median=65)
    return draw.calls(caller, called, at, seconds, cell=np.where(inward, -1, cell))


def district_service(draw: Sampler) -> Calls:
    """Let a property manager, a nursery or a clinic call people of a district, and be called."""
    world, rng = draw.world, draw.rng
    n = int(rng.integers(2, 6))
    lines = draw.new_mobiles(n, activation=-rng.integers(200, 1_500, n))
    kind = ("property_manager", "nursery", "village_clinic")[draw.k % 3]
    world.book.add_truth(lines, kind, actor=draw.actor)
    people = np.unique(draw.strangers(int(rng.integers(150, 700)), home_share=1 - OUTSIDE_SHARE))
    rate = rng.uniform(8, 45, n)
    which, at = draw.schedule(n, world.weekdays(until=6), WORK_HOURS, rate=rate, spread=0.4)
    inward = rng.random(len(at)) < rng.uniform(0.3, 0.7)
    person, line = rng.choice(people, len(at)), lines[which]
    caller, called = np.where(inward, person, line), np.where(inward, line, person)
    cell = np.where(inward, -1, int(rng.integers(N_CELLS)))
    return draw.calls(caller, called, at, draw.talk(len(at), 0.8, median=50), cell=cell)


def lawful_poll(draw: Sampler) -> Calls:
    """Ask strangers for ten days from new lines of one room; every other poll is declared.

    Nothing but the declaration tells it from a crew.
    """
    world, rng, n = draw.world, draw.rng, 6
    begin = world.days - int(rng.integers(11, 16))
    cells = np.full((n, 4), rng.integers(N_CELLS))
    lines = draw.new_mobiles(n, activation=begin - rng.integers(3, 20, n), cells=cells)
    declared = (draw.k + world.seed) % 2 == 0
    kind = "declared_poll" if declared else "undeclared_poll"
    world.book.add_truth(lines, kind, actor=draw.actor)
    if declared:
        world.book.declare(lines, "opinion poll")
    days = world.weekdays(begin, until=6)[:10]
    which, at = draw.schedule(n, days, WORK_HOURS, rate=rng.uniform(30, 70, n))
    called = draw.strangers(len(at), home_share=1 - OUTSIDE_SHARE)
    seconds = draw.talk(len(at), rng.uniform(0.35, 0.55), median=150)
    return draw.with_call_backs(draw.calls(lines[which], called, at, seconds), 0.03)


KINDS = (
    Kind("firm", firm, 30, minimum=4),
    Kind("district_service", district_service, 20, minimum=3),
    Kind("poll", lawful_poll, 2),
)
