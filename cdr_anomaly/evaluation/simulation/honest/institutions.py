"""Honest lines of firms and machines that call or receive a lot."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler, unassigned_people
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    HOUR,
    Calls,
    World,
    build_calls,
    concat_calls,
)

ROUND_THE_CLOCK = ((0.0, 6.0, 1.0), (6.0, 10.0, 4.0), (10.0, 16.0, 3.0), (16.0, 24.0, 7.0))


def all_calls(world: World) -> Calls:
    """Return the calls of all these institutions."""
    kinds = (promotions, call_centres, hospitals, schools, taxis, alarms)
    return concat_calls([kind(world) for kind in kinds])


def promotions(world: World) -> Calls:
    """Record the SIMs a shop sold in three days: one block, all new, and ordinary in use.

    Their calls are among those of all people; here each asks the operator for its balance, twice.
    """
    draw, batches = Sampler.of_kind(world, "promotion"), []
    operator = shops_and_services(world)[1][0]
    for k, lines in enumerate(world.people.promoted):
        actor = world.book.add_actor(f"promotion_{k + 1}")
        world.book.add_truth(lines, "promotion", actor=actor)
        first = world.people.activation[lines]
        day = np.concatenate([first, np.full(len(first), world.last_day)])
        at = draw.call_times(day, ((10, 18, 1),))
        batches.append(build_calls(np.tile(lines, 2), operator, at, 40, actor=actor))
    return concat_calls(batches)


def call_centres(world: World) -> Calls:
    """Dial 800 to 2200 a working day on many seats at once; short 95 numbers and fixed ones."""
    draw, n = Sampler.of_kind(world, "call_centre"), world.scale(5)
    rng, short = draw.rng, np.arange(n) % 2 == 0
    fixed = phone_numbers.fixed(rng, n, exchange=8702)
    numbers = [phone_numbers.short_code(k, 1) if s else fixed[k] for k, s in enumerate(short)]
    lines = world.book.add(numbers, home=True, fixed=~short, trunk=True)
    actor = world.book.add_honest_actors(lines, "call_centre")
    world.book.declare(lines, "licensed call centre")
    hours = ((9, 12, 4), (13, 18, 6), (18, 20, 1))
    which, at = draw.schedule(n, world.weekdays(), hours, rate=rng.uniform(800, 2_200, n))
    called = draw.strangers(len(at), home_share=0.12)
    seconds = draw.talk(len(at), rng.uniform(0.3, 0.5, n)[which], median=35, sigma=1.1)
    batch = build_calls(lines[which], called, at, seconds, actor=actor[which])
    return draw.with_call_backs(batch, np.where(short, 0, rng.uniform(0.01, 0.05, n))[which])


def hospitals(world: World) -> Calls:
    """Remind 120 to 350 patients each weekday; most answer, a few ring back; half are declared."""
    draw, n = Sampler.of_kind(world, "hospital"), world.scale(6)
    rng, lines = draw.rng, draw.fixed_lines(n, exchange=8836)
    actor = world.book.add_honest_actors(lines, "hospital")
    world.book.declare(lines[::2], "hospital appointment reminders")
    hours = ((8.5, 11.5, 2), (14, 17, 1))
    which, at = draw.schedule(n, world.weekdays(), hours, rate=rng.uniform(120, 350, n))
    patients = draw.strangers(4_000 * n, home_share=0.4).reshape(n, 4_000)
    called = patients[which, rng.integers(0, 4_000, len(at))]
    seconds = draw.talk(len(at), rng.uniform(0.75, 0.9, n)[which], median=28, sigma=0.5)
    batch = build_calls(lines[which], called, at, seconds, actor=actor[which])
    return draw.with_call_backs(batch, rng.uniform(0.02, 0.08, n)[which])


def schools(world: World) -> Calls:
    """Ring the same 150 to 450 parents once a week within two hours; parents ring back any day."""
    draw, n = Sampler.of_kind(world, "school"), world.scale(15)
    lines = draw.fixed_lines(n, exchange=8355)
    actor = world.book.add_honest_actors(lines, "school")
    return concat_calls([_school(draw, int(lines[k]), int(actor[k])) for k in range(n)])


def _school(draw: Sampler, line: int, actor: int) -> Calls:
    world, rng = draw.world, draw.rng
    old = np.flatnonzero(world.people.activation < 0)
    parents = rng.choice(old, min(len(old), int(rng.integers(150, 451))), replace=False)
    weekly = world.weekdays()[world.weekday(world.weekdays()) == rng.integers(5)]
    day = np.repeat(weekly, len(parents))
    begin = rng.uniform(15.5, 17.5)
    at = draw.call_times(day, ((begin, begin + rng.uniform(0.8, 2), 1),))
    seconds = draw.talk(len(at), rng.uniform(0.8, 0.92), median=32, sigma=0.25)
    broadcast = build_calls(line, np.tile(parents, len(weekly)), at, seconds, actor=actor)
    _, day = draw.call_days(1, world.weekdays(), rate=16)
    inward = rng.random(len(day)) < 0.7
    parent, at = rng.choice(parents, len(day)), draw.call_times(day, ((7.5, 17, 1),))
    caller, called = np.where(inward, parent, line), np.where(inward, line, parent)
    private = build_calls(caller, called, at, draw.talk(len(at), 0.8, median=70), actor=actor)
    return concat_calls([draw.with_call_backs(broadcast, 0.04), private])


def taxis(world: World) -> Calls:
    """Receive 150 to 450 calls a day around the clock, and ring some drivers."""
    draw, n = Sampler.of_kind(world, "taxi"), world.scale(5)
    rng, lines = draw.rng, draw.fixed_lines(n, exchange=8999)
    actor, days = world.book.add_honest_actors(lines, "taxi"), np.arange(world.days)
    rate = rng.uniform(150, 450, n)
    which, at = draw.schedule(n, days, ROUND_THE_CLOCK, rate=rate)
    seconds = draw.talk(len(at), 0.9, median=25, sigma=0.5)
    guests = draw.strangers(len(at), home_share=0.4)
    orders = build_calls(guests, lines[which], at, seconds, actor=actor[which])
    rate = rate * rng.uniform(0.08, 0.2, n)
    which, at = draw.schedule(n, days, ROUND_THE_CLOCK, rate=rate)
    drivers = draw.strangers(30 * n).reshape(n, 30)[which, rng.integers(0, 30, len(at))]
    seconds = draw.talk(len(at), 0.9, median=15, sigma=0.5)
    return concat_calls(
        [orders, build_calls(lines[which], drivers, at, seconds, actor=actor[which])]
    )


def alarms(world: World) -> Calls:
    """Send a test call each night to one number; after a fault redial it for hours."""
    draw, n = Sampler.of_kind(world, "alarm"), world.scale(8)
    lines = draw.fixed_lines(n, exchange=8571, trunk=False, activation=-900)
    actor = world.book.add_honest_actors(lines, "alarm")
    guards = draw.rng.choice(unassigned_people(world), n)
    return concat_calls(
        [_alarm(draw, int(lines[k]), int(guards[k]), int(actor[k])) for k in range(n)]
    )


def _alarm(draw: Sampler, line: int, guard: int, actor: int) -> Calls:
    rng, days = draw.rng, draw.world.days
    test = np.arange(days) * DAY + 2 * HOUR + rng.integers(0, 60, days)
    faults = rng.choice(days, 2, replace=False)
    minute = np.arange(rng.integers(60, 200)) * 75 + rng.integers(0, 10)
    fault = (faults[:, None] * DAY + rng.integers(6, 20) * HOUR + minute).ravel()
    at = np.concatenate([test, fault])
    answered = np.where(np.arange(len(at)) < len(test), 1.0, 0.03)
    return build_calls(line, guard, at, draw.talk(len(at), answered, median=6), actor=actor)
