"""Calls that are passed on by night or by rented lines, and the switchboards and platforms."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.scenarios.side import (
    DAY_AND_EVENING,
    Scenario,
    Side,
    own_life,
)
from cdr_anomaly.evaluation.simulation.world import DAY, Calls, Ints, concat_calls

NIGHT = ((19.0, 24.0, 3.0), (0.0, 6.0, 1.0))


def night_chain(side: Side) -> Calls:
    """Pass calls on by night over three lines, of which the middle one changes.

    Plain chains end abroad with new lines; hidden ones end here; the middle of worst ones is one of
    six cards with a life, another each day. Relay chains hide the first number from the operator
    (Panzhihua: bridges for callers abroad). The twin is a switchboard's night chain: each night the
    same path to the guard and on to the engineer on duty.
    """
    world, rng = side.world, side.rng
    n_middle = side.number((3, 4), (4, 5), (5, 7))
    calls_a_night = side.between((12, 25), (7, 14), (4, 8))
    n_middle = 1 if side.honest else n_middle
    start = 0 if side.honest else side.begin()
    entry = side.cards(1)[0]
    middle, past = side.crew_cards(
        n_middle, start, past=0.0 if side.honest else side.of_grade(0.0, 0.5, 1.0)
    )
    end = side.cards(1)[0]
    side.tell(np.array([entry]), "chain_entry", "switchboard")
    side.tell(middle, "chain_middle", "night_guard")
    if side.grade == 1 and not side.honest:
        end = world.book.add([f"+95942{int(rng.integers(10**7)):07d}"], foreign=True)[0]
    side.tell(np.array([end]), "chain_end", "duty_engineer")
    nights = np.arange(start, world.days)
    _, day = side.call_days(1, nights, rate=calls_a_night, spread=0.35)
    at = side.call_times(day, NIGHT)
    known = side.register(40 if side.honest else 400)
    caller = rng.choice(known, len(at))
    seconds = side.talk(len(at), 0.8, median=120)
    batch = side.calls(caller, entry, at, seconds)
    day = at // DAY
    turn = middle[(day * 5 + day // 3) % n_middle]
    row = np.arange(len(at))
    batch = batch.forward(row, entry, turn, "cfu", actor=side.actor)
    batch = batch.forward(row, turn, end, "cfu", delay=2, actor=side.actor)
    lives = own_life(side, np.array([entry]), start, world.days, rate=(0.5, 1.6))
    return concat_calls([past, batch, lives])


def relay_pool(side: Side) -> Calls:
    """Pass few people's calls on to strangers over a pool of cards, another target each time.

    Plain pools serve two callers, worst ones fifteen of this country, and each card passes on a
    handful of calls a day. Calls of the Shanghai case came in over such lines. The twin is the
    pool of masked numbers of a platform for rides: each passes on two parties to one another for
    an hour, and then two others (AXB numbers, domain.md).
    """
    rng = side.rng
    n, days = side.number((8, 12), (14, 20), (20, 30)), np.arange(side.begin(), side.world.days)
    if side.honest:
        days = np.arange(side.world.days)
    rate = side.rates(n, (14, 26), (8, 14), (4, 8))
    answered = side.between((0.5, 0.6), (0.6, 0.7), (0.65, 0.8))
    past_share = 0.0 if side.honest else side.of_grade(0.0, 0.3, 0.4)
    lines, past = side.crew_cards(n, int(days[0]), past=past_share)
    side.tell(lines, "relay_card", "masked_number")
    which, day = side.call_days(n, days, rate=rate, spread=0.3)
    at = side.call_times(day, DAY_AND_EVENING)
    order = np.lexsort((at, which))
    which, at = which[order], at[order]
    if side.honest:
        caller, target = _masked_pairs(side, which)
    else:
        callers = side.cold(side.number((2, 2), (5, 7), (12, 18)))
        target = side.cold(len(at))
        again = (rng.random(len(at)) < 0.26) & (np.diff(which, prepend=-1) == 0)
        caller, target = rng.choice(callers, len(at)), np.where(again, np.roll(target, 1), target)
    batch = side.calls(caller, lines[which], at, side.talk(len(at), answered, median=40))
    row = np.arange(len(at))
    return concat_calls([past, batch.forward(row, lines[which], target, "cfu", actor=side.actor)])


def _masked_pairs(side: Side, which: Ints) -> tuple[Ints, Ints]:
    """Return who calls a masked number, and whom it reaches: driver and passenger, either way."""
    rng, n = side.rng, len(which)
    drivers = side.register(120)
    # one or two calls belong to a ride, some of them back from the passenger
    fresh = (rng.random(n) < 0.65) | (np.diff(which, prepend=-1) != 0)
    ride = np.cumsum(fresh) - 1
    driver = rng.choice(drivers, ride[-1] + 1)[ride]
    passenger = side.cold(int(ride[-1]) + 1)[ride]
    back = ~fresh & (rng.random(n) < 0.6)
    return np.where(back, passenger, driver), np.where(back, driver, passenger)


SCENARIOS = (
    Scenario("night_chain", "switchboard_by_night", night_chain),
    Scenario("relay_pool", "masked_numbers", relay_pool),
)
