"""Honest lines that call or receive a lot: each function makes one kind and tells the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import numbers
from .habits import between, moments, round_trip, strangers, talk, unnoticed, with_call_backs, work
from .world import DAY, HOUR, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .habits import Window
    from .ordinary import People
    from .world import World

    Ints = NDArray[np.int64]
    Pair = tuple[int, int]


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all honest kinds; declared lines are those of `DECLARED`."""
    own = iter(_volunteers(world))
    return together(
        [
            *(courier(world, next(own), k) for k in range(12)),
            *(rider(world, next(own), k) for k in range(6)),
            *(estate_agent(world, next(own), k) for k in range(5)),
            *(sales(world, next(own), k) for k in range(3)),
            new_courier(world, people),
            promotion(world, people),
            *(call_centre(world, k) for k in range(2)),
            hospital(world),
            *(school(world, people, k) for k in range(2)),
            taxi(world),
            *(alarm(world, k) for k in range(2)),
        ]
    )


DECLARED = {
    "call_centre": "licensed call centre",
    "hospital": "hospital appointment reminders",
    "voicemail": "voicemail platform of the operator",
}


def _volunteers(world: World) -> Ints:
    """Pick established subscribers; they keep their private calls besides their work."""
    return world.rng("volunteers").permutation(unnoticed(world))[:26]


def courier(world: World, line: int, k: int) -> Calls:
    """Call 80 to 250 strangers over ten hours, briefly, most answered, many call back; moving."""
    return _deliver(world, line, f"courier_{k + 1}", windows=((8.5, 12.5, 5), (12.5, 18.5, 6)))


def rider(world: World, line: int, k: int) -> Calls:
    """Do as couriers do, but crowded around the two meals."""
    meals = ((10.8, 13.3, 6), (16.8, 20.3, 6), (13.3, 16.8, 1))
    return _deliver(world, line, f"rider_{k + 1}", windows=meals)


def new_courier(world: World, people: People) -> Calls:
    """Do a courier's work from the first day of a new SIM, in the last week."""
    line, windows = people.new_courier, ((8.5, 12.5, 5), (12.5, 18.5, 6))
    return _deliver(world, line, "new_courier_1", windows=windows, first=world.last - 5)


def _deliver(
    world: World, line: int, name: str, *, windows: tuple[Window, ...], first: int = 0
) -> Calls:
    rng, actor = world.rng(name), world.book.actor(name)
    days = np.arange(max(first, 0), world.days)
    rate = between(rng, 85, 240, 1)
    caller, day = work(rng, np.array([line]), days, rate=rate, off=1 / 8)
    at = moments(rng, day, windows)
    cell = round_trip(rng, at, caller, (10, 19))
    seconds = talk(rng, len(at), rng.uniform(0.75, 0.85), median=22, sigma=0.6)
    out = calls(caller, strangers(world, rng, len(at)), at, seconds, cell=cell, actor=actor)
    world.book.tell(line, name.rsplit("_", 1)[0], honest=True, actor=actor)
    return with_call_backs(rng, out, rng.uniform(0.22, 0.38))


def estate_agent(world: World, line: int, k: int) -> Calls:
    """Call 60 to 120 a day, half answered; two in five are clients who were called before."""
    return _sell(world, line, f"estate_agent_{k + 1}", rate=(60, 120), back=0.2, n_cells=(3, 7))


def sales(world: World, line: int, k: int) -> Calls:
    """Call 40 to 80 a day from the same office; few call back."""
    return _sell(world, line, f"sales_{k + 1}", rate=(40, 80), back=0.12, n_cells=(2, 3))


def _sell(world: World, line: int, name: str, *, rate: Pair, back: float, n_cells: Pair) -> Calls:
    rng, actor = world.rng(name), world.book.actor(name)
    usual = between(rng, *rate, 1)
    caller, day = work(rng, np.array([line]), world.weekdays(until=6), rate=usual, off=0.05)
    at = moments(rng, day, ((9, 12, 4), (14, 19, 6)))
    clients = strangers(world, rng, 300)
    again = rng.random(len(at)) < 0.4
    called = np.where(again, rng.choice(clients, len(at)), strangers(world, rng, len(at)))
    seconds = talk(rng, len(at), 0.5 + 0.15 * again, median=50)
    cell = round_trip(rng, at, caller, n_cells)
    world.book.tell(line, name.rsplit("_", 1)[0], honest=True, actor=actor)
    out = calls(caller, called, at, seconds, cell=cell, actor=actor)
    return with_call_backs(rng, out, back)


def promotion(world: World, people: People) -> Calls:
    """Name the SIMs a shop sold in three days: one block, all new, and ordinary in use."""
    actor = world.book.actor("promotion_1")
    world.book.tell(people.promoted, "promotion", honest=True, actor=actor)
    # their calls are made with everyone's; here each asks the operator for its balance, twice
    first = people.activation[people.promoted]
    line = np.tile(people.promoted, 2)
    day = np.concatenate([first, np.full(len(first), world.last)])
    at = moments(world.rng("promotion"), day, ((10, 18, 1),))
    operator = int(np.flatnonzero(world.book.column("short"))[0])
    return calls(line, operator, at, 40, actor=actor)


def call_centre(world: World, k: int) -> Calls:
    """Dial 1200 to 2000 a working day on many seats at once; one short 95 number, one fixed."""
    name = f"call_centre_{k + 1}"
    rng, actor = world.rng(name), world.book.actor(name)
    short = k == 0
    listed = ["95134027"] if short else numbers.fixed(rng, 1, exchange=8702)
    line = world.book.add(listed, home=True, fixed=not short, trunk=True)
    caller, day = work(rng, line, world.weekdays(), rate=(1500, 1350)[k])
    at = moments(rng, day, ((9, 12, 4), (13, 18, 6), (18, 20, 1)))
    called = strangers(world, rng, len(at), own=0.12)
    seconds = talk(rng, len(at), 0.38, median=35, sigma=1.1)
    world.book.tell(line, "call_centre", honest=True, actor=actor)
    out = calls(caller, called, at, seconds, actor=actor)
    return out if short else with_call_backs(rng, out, 0.03)


def hospital(world: World) -> Calls:
    """Remind 150 to 300 patients each weekday; nearly all answer, a few ring back."""
    rng, actor = world.rng("hospital"), world.book.actor("hospital_1")
    line = world.book.add(numbers.fixed(rng, 1, exchange=8836), home=True, fixed=True, trunk=True)
    caller, day = work(rng, line, world.weekdays(), rate=215)
    at = moments(rng, day, ((8.5, 11.5, 2), (14, 17, 1)))
    patients = strangers(world, rng, 4_000, own=0.4)
    seconds = talk(rng, len(at), 0.85, median=28, sigma=0.5)
    world.book.tell(line, "hospital", honest=True, actor=actor)
    out = calls(caller, rng.choice(patients, len(at)), at, seconds, actor=actor)
    return with_call_backs(rng, out, 0.05)


def school(world: World, people: People, k: int) -> Calls:
    """Ring the same 300 to 400 parents once a week within two hours; parents ring back any day."""
    name = f"school_{k + 1}"
    rng, actor = world.rng(name), world.book.actor(name)
    line = world.book.add(numbers.fixed(rng, 1, exchange=8355), home=True, fixed=True, trunk=True)
    old = np.flatnonzero(people.activation < 0)
    parents = rng.choice(old, min(len(old), int(rng.integers(300, 401))), replace=False)
    weekly = np.array([d for d in world.weekdays() if world.weekday(d) == (3, 2)[k]], np.int64)
    day = np.repeat(weekly, len(parents))
    at = moments(rng, day, ((16.0, 17.8, 1),))
    seconds = talk(rng, len(at), 0.9, median=32, sigma=0.25)
    broadcast = calls(line[0], np.tile(parents, len(weekly)), at, seconds, actor=actor)
    caller, day = work(rng, line, world.weekdays(), rate=16)
    inward = rng.random(len(caller)) < 0.7
    parent, at = rng.choice(parents, len(caller)), moments(rng, day, ((7.5, 17, 1),))
    between_calls = calls(
        np.where(inward, parent, caller),
        np.where(inward, caller, parent),
        at,
        talk(rng, len(at), 0.8, median=70),
        actor=actor,
    )
    world.book.tell(line, "school", honest=True, actor=actor)
    return together([with_call_backs(rng, broadcast, 0.04), between_calls])


def taxi(world: World) -> Calls:
    """Receive 300 and more calls a day around the clock, and ring some drivers."""
    rng, actor = world.rng("taxi"), world.book.actor("taxi_1")
    line = world.book.add(numbers.fixed(rng, 1, exchange=8999), home=True, fixed=True, trunk=True)
    hours = ((0, 6, 1), (6, 10, 4), (10, 16, 3), (16, 24, 7))
    called, day = work(rng, line, np.arange(world.days), rate=340)
    at = moments(rng, day, hours)
    seconds = talk(rng, len(at), 0.9, median=25, sigma=0.5)
    orders = calls(strangers(world, rng, len(at), own=0.4), called, at, seconds, actor=actor)
    caller, day = work(rng, line, np.arange(world.days), rate=45)
    at = moments(rng, day, hours)
    drivers = strangers(world, rng, 30)
    seconds = talk(rng, len(at), 0.9, median=15, sigma=0.5)
    world.book.tell(line, "taxi", honest=True, actor=actor)
    return together([orders, calls(caller, rng.choice(drivers, len(at)), at, seconds, actor=actor)])


def alarm(world: World, k: int) -> Calls:
    """Send a test call each night to one number; after a fault redial it for hours."""
    name = f"alarm_{k + 1}"
    rng, actor = world.rng(name), world.book.actor(name)
    panel = world.book.add(
        numbers.fixed(rng, 1, exchange=8571), home=True, fixed=True, activation=-900
    )
    guard = rng.choice(unnoticed(world))
    test = np.arange(world.days) * DAY + 2 * HOUR + rng.integers(0, 60, world.days)
    faults = np.array([world.last - (2, 4)[k], world.last - 20], np.int64)
    minute = np.arange((180, 90)[k]) * 75 + rng.integers(0, 10, (180, 90)[k])
    fault = (faults[:, None] * DAY + 19 * HOUR + minute).ravel()
    at = np.concatenate([test, fault])
    answered = np.where(np.arange(len(at)) < len(test), 1.0, 0.03)
    world.book.tell(panel, "alarm", honest=True, actor=actor)
    return calls(panel[0], guard, at, talk(rng, len(at), answered, median=6), actor=actor)
