"""Planted fraud: each function makes one kind as the press reports describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import numbers
from .habits import moments, places, strangers, talk, unnoticed, with_call_backs, work
from .world import N_CELLS, Calls, calls, forwarded, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ordinary import People
    from .world import World

    Ints = NDArray[np.int64]

FREE_BLOCK = 1368_417  # old numbers of no notice: dialling, dormant or forwarding lines


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all planted actors."""
    return together(
        [
            office_hours(world),
            night_run(world),
            from_abroad(world, people),
            *(burst_dialler(world, k) for k in range(5)),
            bridge(world),
            relay(world),
            hub(world),
            new_sims(world),
            *(lone_new_sim(world, k) for k in range(2)),
            self_call(world),
        ]
    )


def office_hours(world: World) -> Calls:
    """Dial 1100 to 1600 a day from one fixed line, several calls at once, for a few days."""
    rng, actor = world.rng("mass_1"), world.book.actor("mass_dialler_1")
    line = world.book.add(
        numbers.fixed(rng, 1, exchange=7703), home=True, fixed=True, trunk=True, activation=-9
    )
    days = world.weekdays(world.last - 5)[-4:]
    n = rng.integers(1_120, 1_580, len(days))
    at = moments(rng, np.repeat(days, n), ((9, 12, 1), (13.5, 17.5, 1)))
    seconds = np.maximum(
        talk(rng, len(at), 0.33, median=18, sigma=0.8),
        talk(rng, len(at), 0.012, median=900, sigma=0.5),
    )
    world.book.tell(line, "mass_dialler", honest=False, actor=actor)
    out = calls(line[0], strangers(world, rng, len(at), own=0.35), at, seconds, actor=actor)
    return with_call_backs(rng, out, 0.015)


def night_run(world: World) -> Calls:
    """Dial 500 to 700 before and as many after midnight from one mobile, one call after another."""
    rng, actor = world.rng("mass_2"), world.book.actor("mass_dialler_2")
    line = _sim(world, rng, 1, activation=-45)
    eves = np.array([world.last - 5, world.last - 2], np.int64)
    n = rng.integers(520, 680, 4)
    evening = moments(rng, np.repeat(eves, n[:2]), ((19.5, 24, 1),))
    morning = moments(rng, np.repeat(eves + 1, n[2:]), ((0, 4.2, 1),))
    at = np.concatenate([evening, morning])
    seconds = talk(rng, len(at), 0.3, median=14, sigma=0.6)
    world.book.tell(line, "mass_dialler", honest=False, actor=actor)
    called = strangers(world, rng, len(at), own=0.4)
    return calls(line[0], called, at, seconds, cell=17, actor=actor)


def from_abroad(world: World, people: People) -> Calls:
    """Call 1000 and more of the home subscribers a day with a number that looks foreign."""
    rng, actor = world.rng("mass_3"), world.book.actor("mass_dialler_3")
    line = world.book.add(["+442035550164"], foreign=True, trunk=True)
    old = np.flatnonzero(people.activation < 0)
    days = np.array([world.last - 1, world.last], np.int64)
    n = min(len(old), 1_260)
    called = np.concatenate([rng.choice(old, n, replace=False) for _ in days])
    at = moments(rng, np.repeat(days, n), ((9, 12, 1), (13, 19, 1)))
    seconds = talk(rng, len(at), 0.35, median=25, sigma=1.0)
    world.book.tell(line, "mass_dialler", honest=False, actor=actor)
    return calls(line[0], called, at, seconds, actor=actor)


def burst_dialler(world: World, k: int) -> Calls:
    """Call 60 to 250 strangers within one to three hours from one cell; hardly any call back.

    Two lines were used by a human before, three were never seen; the third acted in mid-period,
    the fourth on two days.
    """
    name = f"burst_dialler_{k + 1}"
    rng, actor = world.rng(name), world.book.actor(name)
    quiet = unnoticed(world)
    line = rng.choice(quiet, 1) if k < 2 else _sim(world, rng, 1, activation=-50)
    days = np.array([(0, 3), (1,), (17,), (2, 1), (4,)][k], np.int64)
    n, hours = ((170, 2.5), (95, 1.2), (240, 2.9), (130, 2.0), (70, 1.0))[k]
    begin = rng.uniform(9, 19.5)
    day = np.repeat(world.last - days, rng.poisson(n, len(days)).clip(60, 250))
    at = moments(rng, day, ((begin, begin + hours, 1),))
    seconds = talk(rng, len(at), rng.uniform(0.32, 0.48), median=15, sigma=0.8)
    called = strangers(world, rng, len(at), own=0.4)
    world.book.tell(line, "burst_dialler", honest=False, actor=actor)
    out = calls(line[0], called, at, seconds, cell=rng.integers(N_CELLS), actor=actor)
    return with_call_backs(rng, out, 0.02)


def bridge(world: World) -> Calls:
    """Forward strangers' calls from 14 new SIMs of one block to 2 targets, and on abroad.

    The phones are off and never call; SIMs are activated over three days.
    """
    rng, actor = world.rng("bridge"), world.book.actor("bridge_1")
    first = world.last - 6 + np.sort(np.arange(14) % 3)
    listed = numbers.batch(rng, numbers.BRIDGE_BLOCK, 14, at=100)
    sims = world.book.add(listed, home=True, activation=first)
    targets = _sim(world, rng, 2, activation=world.last - 8)
    far = world.book.add(["+959425550137"], foreign=True, trunk=True)
    days = np.arange(max(world.last - 6, 0), world.days)
    called, day = work(rng, sims, days, rate=rng.uniform(9, 26, 14))
    called, day = (a[day >= first[called - sims[0]]] for a in (called, day))
    at = moments(rng, day, ((8.5, 12, 2), (13, 21, 3)))
    through = rng.random(len(at)) < 0.95
    seconds = talk(rng, len(at), 0.72, median=170, sigma=1.2) * through
    batch = calls(strangers(world, rng, len(at), own=0.5), called, at, seconds, actor=actor)
    row = np.flatnonzero(through)
    reason = np.where(called[row] % 5 == 0, "cfu", "cfnrc")
    target = targets[called[row] % 2]
    batch = forwarded(batch, row, called[row], target, reason, delay=1, actor=actor)
    onward = rng.random(len(row)) < 0.93
    batch = forwarded(batch, row[onward], target[onward], far[0], "cfu", delay=3, actor=actor)
    world.book.tell(sims, "bridge_forwarder", honest=False, actor=actor)
    world.book.tell(targets, "bridge_target", honest=False, actor=actor)
    return batch


def relay(world: World) -> Calls:
    """Set another forward target before nearly every call: one caller reaches many through it."""
    rng, actor = world.rng("relay"), world.book.actor("relay_1")
    line = _sim(world, rng, 1, activation=world.last - 4)
    caller = world.book.add(["+855235550118"], foreign=True, trunk=True)
    called, day = work(rng, line, np.arange(max(world.last - 3, 0), world.days), rate=26)
    at = moments(rng, day, ((9, 12, 1), (14, 20, 1)))
    victim = strangers(world, rng, len(at), own=0.5)
    victim = np.where(np.arange(len(at)) % 9 == 8, np.roll(victim, 1), victim)
    batch = calls(caller[0], called, at, talk(rng, len(at), 0.5, median=110), actor=actor)
    world.book.tell(line, "relay", honest=False, actor=actor)
    return forwarded(batch, np.arange(len(at)), called, victim, "cfu", actor=actor)


def hub(world: World) -> Calls:
    """Forward from eight old and otherwise dormant lines to one target, for two weeks."""
    rng, actor = world.rng("hub"), world.book.actor("hub_1")
    lines = _sim(world, rng, 8, activation=-260)
    target = _sim(world, rng, 1, activation=-120)
    days = np.arange(max(world.last - 22, 0), max(world.last - 7, 0))
    called, day = work(rng, lines, days, rate=rng.uniform(3, 8, 8))
    at = moments(rng, day, ((9, 21, 1),))
    seconds = talk(rng, len(at), 0.7, median=140, sigma=1.1)
    batch = calls(strangers(world, rng, len(at), own=0.5), called, at, seconds, actor=actor)
    world.book.tell(lines, "hub_forwarder", honest=False, actor=actor)
    world.book.tell(target, "hub_target", honest=False, actor=actor)
    return forwarded(batch, np.arange(len(at)), called, target[0], "cfnrc", actor=actor)


def new_sims(world: World) -> Calls:
    """Dial from 12 SIMs of one block, sold within a day, from their first hour on."""
    rng, actor = world.rng("new_sims"), world.book.actor("new_sims_1")
    first = max(world.last - 4, 0)
    listed = numbers.batch(rng, numbers.DIALLER_BLOCK, 12, at=300)
    rooms = np.tile(rng.integers(0, N_CELLS, 2), (12, 2))
    lines = world.book.add(listed, home=True, activation=first, cells=rooms)
    caller, day = work(rng, lines, np.arange(first, world.days), rate=rng.uniform(70, 135, 12))
    at = moments(rng, day, ((9, 12, 1), (13, 19, 1)))
    seconds = talk(rng, len(at), 0.38, median=20)
    called = strangers(world, rng, len(at), own=0.35)
    world.book.tell(lines, "new_sim_dialler", honest=False, actor=actor)
    return with_call_backs(rng, calls(caller, called, at, seconds, actor=actor), 0.02)


def lone_new_sim(world: World, k: int) -> Calls:
    """Dial 120 and more strangers on each of the first two days of a SIM."""
    name = f"lone_new_sim_{k + 1}"
    rng, actor = world.rng(name), world.book.actor(name)
    first = max(world.last - (1, 5)[k], 0)
    line = _sim(world, rng, 1, activation=first)
    caller, day = work(rng, line, np.array([first, first + 1]), rate=(190, 165)[k])
    at = moments(rng, day, ((9.5, 18, 1),))
    seconds = talk(rng, len(at), 0.42, median=20)
    called = strangers(world, rng, len(at), own=0.35)
    world.book.tell(line, "new_sim_dialler", honest=False, actor=actor)
    return with_call_backs(rng, calls(caller, called, at, seconds, actor=actor), 0.03)


def self_call(world: World) -> Calls:
    """Call the own number, which forwards to a target: A calls A, and somebody else answers."""
    rng, actor = world.rng("self_call"), world.book.actor("self_call_1")
    line = _sim(world, rng, 1, activation=-35)
    called, day = work(rng, line, np.arange(max(world.last - 9, 0), world.days), rate=6)
    at = moments(rng, day, ((9, 20, 1),))
    target = rng.choice(strangers(world, rng, 12, own=0.3), len(at))
    batch = calls(called, called, at, talk(rng, len(at), 0.75, median=400), actor=actor)
    world.book.tell(line, "self_call", honest=False, actor=actor)
    return forwarded(batch, np.arange(len(at)), called, target, "cfu", actor=actor)


def _sim(world: World, rng: np.random.Generator, n: int, *, activation: int) -> Ints:
    """Add mobiles of different blocks that nobody used before the actor did."""
    block = FREE_BLOCK + rng.choice(1_000, n, replace=False)
    listed = numbers.mobiles(block, numbers.RESERVED + rng.integers(0, 999, n))
    return world.book.add(listed, home=True, activation=activation, cells=places(rng, n))
