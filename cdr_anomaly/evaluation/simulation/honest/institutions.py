"""Honest lines of firms and machines that call or receive a lot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    moments,
    strangers,
    talk,
    unnoticed,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

ROUND_THE_CLOCK = ((0.0, 6.0, 1.0), (6.0, 10.0, 4.0), (10.0, 16.0, 3.0), (16.0, 24.0, 7.0))


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them."""
    return together(
        [
            promotions(world, people),
            call_centres(world),
            hospitals(world),
            schools(world, people),
            taxis(world),
            alarms(world),
        ]
    )


def promotions(world: World, people: People) -> Calls:
    """Name the SIMs a shop sold in three days: one block, all new, and ordinary in use."""
    rng, made = world.rng("promotion"), []
    operator = shops_and_services(world)[1][0]
    for k, lines in enumerate(people.promoted):
        actor = world.book.actor(f"promotion_{k + 1}")
        world.book.tell(lines, "promotion", actor=actor)
        # their calls are made with everyone's; here each asks the operator for its balance, twice
        first = people.activation[lines]
        day = np.concatenate([first, np.full(len(first), world.last)])
        at = moments(rng, day, ((10, 18, 1),))
        made.append(calls(np.tile(lines, 2), operator, at, 40, actor=actor))
    return together(made)


def call_centres(world: World) -> Calls:
    """Dial 800 to 2200 a working day on many seats at once; short 95 numbers and fixed ones."""
    rng, n = world.rng("call_centre"), world.scaled(5)
    short = np.arange(n) % 2 == 0
    fixed = phone_numbers.fixed(rng, n, exchange=8702)
    listed = [_short_code(k, 1) if s else fixed[k] for k, s in enumerate(short)]
    lines = world.book.add(listed, home=True, fixed=~short, trunk=True)
    actor = world.book.alone(lines, "call_centre")
    world.book.declare(lines, "licensed call centre")
    which, day = work(rng, n, world.weekdays(), rate=rng.uniform(800, 2_200, n))
    at = moments(rng, day, ((9, 12, 4), (13, 18, 6), (18, 20, 1)))
    called = strangers(world, rng, len(at), own=0.12)
    seconds = talk(rng, len(at), rng.uniform(0.3, 0.5, n)[which], median=35, sigma=1.1)
    out = calls(lines[which], called, at, seconds, actor=actor[which])
    return with_call_backs(rng, out, np.where(short, 0, rng.uniform(0.01, 0.05, n))[which])


def _short_code(k: int, kind: int) -> str:
    """Write the k-th 95 number; those of kind 1 are licensed, others are nobody's."""
    return f"95{130 + kind}{(4_027 + k * 373) % 1_000:03d}"


def unlicensed_code(k: int) -> str:
    """Write the k-th 95 number that the operator was not told of."""
    return _short_code(k, 7)


def hospitals(world: World) -> Calls:
    """Remind 120 to 350 patients each weekday; most answer, a few ring back; half are declared."""
    rng, n = world.rng("hospital"), world.scaled(6)
    listed = phone_numbers.fixed(rng, n, exchange=8836)
    lines = world.book.add(listed, home=True, fixed=True, trunk=True)
    actor = world.book.alone(lines, "hospital")
    world.book.declare(lines[::2], "hospital appointment reminders")
    which, day = work(rng, n, world.weekdays(), rate=rng.uniform(120, 350, n))
    at = moments(rng, day, ((8.5, 11.5, 2), (14, 17, 1)))
    patients = strangers(world, rng, 4_000 * n, own=0.4).reshape(n, 4_000)
    called = patients[which, rng.integers(0, 4_000, len(at))]
    seconds = talk(rng, len(at), rng.uniform(0.75, 0.9, n)[which], median=28, sigma=0.5)
    out = calls(lines[which], called, at, seconds, actor=actor[which])
    return with_call_backs(rng, out, rng.uniform(0.02, 0.08, n)[which])


def schools(world: World, people: People) -> Calls:
    """Ring the same 150 to 450 parents once a week within two hours; parents ring back any day."""
    rng, n = world.rng("school"), world.scaled(15)
    listed = phone_numbers.fixed(rng, n, exchange=8355)
    lines = world.book.add(listed, home=True, fixed=True, trunk=True)
    actor = world.book.alone(lines, "school")
    old = np.flatnonzero(people.activation < 0)
    return together([_school(world, rng, (lines[k], actor[k]), old) for k in range(n)])


def _school(
    world: World, rng: np.random.Generator, line_actor: tuple[int, int], old: Ints
) -> Calls:
    line, actor = line_actor
    parents = rng.choice(old, min(len(old), int(rng.integers(150, 451))), replace=False)
    weekly = world.weekdays()[world.weekday(world.weekdays()) == rng.integers(5)]
    day = np.repeat(weekly, len(parents))
    begin = rng.uniform(15.5, 17.5)
    at = moments(rng, day, ((begin, begin + rng.uniform(0.8, 2), 1),))
    seconds = talk(rng, len(at), rng.uniform(0.8, 0.92), median=32, sigma=0.25)
    broadcast = calls(line, np.tile(parents, len(weekly)), at, seconds, actor=actor)
    _, day = work(rng, 1, world.weekdays(), rate=16)
    inward = rng.random(len(day)) < 0.7
    parent, at = rng.choice(parents, len(day)), moments(rng, day, ((7.5, 17, 1),))
    caller, called = np.where(inward, parent, line), np.where(inward, line, parent)
    between = calls(caller, called, at, talk(rng, len(at), 0.8, median=70), actor=actor)
    return together([with_call_backs(rng, broadcast, 0.04), between])


def taxis(world: World) -> Calls:
    """Receive 150 to 450 calls a day around the clock, and ring some drivers."""
    rng, n = world.rng("taxi"), world.scaled(5)
    listed = phone_numbers.fixed(rng, n, exchange=8999)
    lines = world.book.add(listed, home=True, fixed=True, trunk=True)
    actor, days = world.book.alone(lines, "taxi"), np.arange(world.days)
    rate = rng.uniform(150, 450, n)
    which, day = work(rng, n, days, rate=rate)
    at = moments(rng, day, ROUND_THE_CLOCK)
    seconds = talk(rng, len(at), 0.9, median=25, sigma=0.5)
    guests = strangers(world, rng, len(at), own=0.4)
    orders = calls(guests, lines[which], at, seconds, actor=actor[which])
    which, day = work(rng, n, days, rate=rate * rng.uniform(0.08, 0.2, n))
    at = moments(rng, day, ROUND_THE_CLOCK)
    drivers = strangers(world, rng, 30 * n).reshape(n, 30)[which, rng.integers(0, 30, len(at))]
    seconds = talk(rng, len(at), 0.9, median=15, sigma=0.5)
    return together([orders, calls(lines[which], drivers, at, seconds, actor=actor[which])])


def alarms(world: World) -> Calls:
    """Send a test call each night to one number; after a fault redial it for hours."""
    rng, n = world.rng("alarm"), world.scaled(8)
    listed = phone_numbers.fixed(rng, n, exchange=8571)
    lines = world.book.add(listed, home=True, fixed=True, activation=-900)
    actor = world.book.alone(lines, "alarm")
    guards = rng.choice(unnoticed(world), n)
    return together(
        [calls(lines[k], guards[k], *_alarm(world, rng), actor=actor[k]) for k in range(n)]
    )


def _alarm(world: World, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw when one panel calls, and how long it is listened to, in seconds."""
    test = np.arange(world.days) * DAY + 2 * HOUR + rng.integers(0, 60, world.days)
    faults = rng.choice(world.days, 2, replace=False)
    minute = np.arange(rng.integers(60, 200)) * 75 + rng.integers(0, 10)
    fault = (faults[:, None] * DAY + rng.integers(6, 20) * HOUR + minute).ravel()
    at: Ints = np.concatenate([test, fault])
    return at, talk(rng, len(at), np.where(np.arange(len(at)) < len(test), 1.0, 0.03), median=6)
