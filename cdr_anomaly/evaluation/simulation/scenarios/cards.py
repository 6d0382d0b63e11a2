"""Cards with a past, a padded present or a changing handset, and the lines that resemble them."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.scenarios.rooms import work_list
from cdr_anomaly.evaluation.simulation.scenarios.side import (
    EVENING_TOO,
    Scenario,
    Seats,
    Side,
    calls_inward,
    calls_within,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import ABSENT, DAY, Bools, Calls, Ints, concat_calls


def sleeper(side: Side) -> Calls:
    """Wake cards that lay silent, or had somebody else's life until last week, and dial strangers.

    Worst crews wake them over days, in cells and handsets of their own, and place few calls. Part
    of the cards of every crew on record were bought or rented from students and the old. The twins
    are people who come home from abroad, called by those whom they call, and riders with a spare
    card, who call strangers all day in many cells and are called back.
    """
    n, begin = side.number((6, 8), (6, 9), (8, 11)), side.begin()
    rate = side.rates(n, (60, 110), (32, 60), (14, 27))
    answered = side.between((0.4, 0.55), (0.5, 0.65), (0.6, 0.8))
    wakes = begin + side.pair.integers(0, side.of_grade(1, 3, 6), n)
    handset: Ints | int = side.handsets(n) if side.grade == 1 and not side.honest else ABSENT
    lines, past = side.crew_cards(n, wakes, past=side.of_grade(0.0, 0.5, 0.6))
    side.tell(lines, "sleeper", "woken_card")
    days = np.arange(begin, side.world.days)
    awake = rate[:, None] * (days >= wakes[:, None]) * (side.world.weekday(days) < 6)
    seats = Seats(lines, days, awake, answered, side.between((15, 30), (20, 50), (25, 70)))
    seats = seats._replace(hours=EVENING_TOO, handset=handset)
    if side.honest:
        half = np.arange(n) < n // 2
        home, riders = (_only(seats, part) for part in (half, ~half))
        return concat_calls([past, _back_home(side, home), _on_the_road(side, riders)])
    if side.grade < 3:
        seats = seats._replace(cell=side.room(n))
    batch = place_calls(side, seats, lambda _, at: side.cold(len(at)))
    redials = side.redials(batch, 0.12, answered=0.5, median=30)
    return concat_calls([past, redials, side.with_call_backs(batch, 0.04)])


def _only(seats: Seats, part: Bools) -> Seats:
    return seats._replace(lines=seats.lines[part], rate=seats.rate[part])


def _back_home(side: Side, seats: Seats) -> Calls:
    """Call old friends, kin and offices, most of whom call, too, and some shops never called."""
    rng, n = side.rng, len(seats.lines)
    circle = side.register(200 * n).reshape(n, 200)

    def called(which: Ints, at: Ints) -> Ints:
        known = circle[which, rng.integers(0, 200, len(at))]
        return np.where(rng.random(len(at)) < 0.75, known, side.cold(len(at)))

    placed = place_calls(side, seats, called)
    redials = side.redials(placed, 0.12, answered=0.5, median=30)
    batch = concat_calls([redials, side.with_call_backs(placed, 0.15)])
    which, day = side.call_days(n, seats.days, rate=seats.rate * 0.35, spread=0.4)
    at = side.call_times(day, EVENING_TOO)
    caller = circle[which, rng.integers(0, 200, len(at))]
    seconds = side.talk(len(at), 0.85, median=90)
    return concat_calls([batch, side.calls(caller, seats.lines[which], at, seconds)])


def _on_the_road(side: Side, seats: Seats) -> Calls:
    """Call customers on a round through neighbouring cells; many of them call back."""
    batch = place_calls(side, seats, lambda _, at: side.cold(len(at)))
    caller, at = batch.numpy("caller", "at")
    which = np.searchsorted(seats.lines, caller)
    length = side.rng.integers(6, 18, len(seats.lines))
    batch = batch.replace(cell=side.round_trip(at, which, length))
    redials = side.redials(batch, 0.12, answered=0.5, median=20)
    return concat_calls([redials, side.with_call_backs(batch, side.rng.uniform(0.12, 0.3))])


def padded_pool(side: Side) -> Calls:
    """Let cards call each other, to look alive, while they dial strangers; helpers call them back.

    Plain pools are in one box; hidden ones have helpers; worst ones lie over the town in handsets
    of their own. Boxes that make artificial calls and texts are sold for it (domain.md on boxes).
    The twin is a depot's couriers or a market's stalls: colleagues, and customers who call back.
    """
    n, begin = side.number((8, 10), (8, 12), (9, 13)), side.begin()
    rate = side.rates(n, (45, 75), (28, 48), (14, 26))
    answered, talk_s = side.between((0.45, 0.6), (0.55, 0.7), (0.65, 0.85)), 35.0
    among = side.between((0.1, 0.2), (0.15, 0.25), (0.2, 0.3))
    back = side.between((0.02, 0.04), (0.1, 0.15), (0.15, 0.25))
    past_share = 0.0 if side.honest else side.of_grade(0.0, 0.4, 0.5)
    lines, past = side.crew_cards(n, 0 if side.honest else begin, past=past_share)
    side.tell(lines, "padded_card", ("depot_runner", "market_stall")[side.k % 2])
    days = side.work_days(0 if side.honest else begin, until=7)
    at_home = side.honest or side.grade == 3
    cell: Ints | int = ABSENT if at_home else side.room(n)
    seats = Seats(lines, days, rate * (1 - among), answered, talk_s, EVENING_TOO, cell)
    within = calls_within(side, lines, days, rate=rate * among, cell=cell)
    if side.honest:
        people = side.register(int(rate.sum() * len(days) / 5))
        batch = place_calls(side, seats, lambda _, at: side.rng.choice(people, len(at)))
        returns = calls_inward(side, lines, days, people, rate=rate * 0.2)
    else:
        batch = work_list(side, seats, retried=0.1)
        returns = side.call_backs(batch, 0.02)
    helpers = side.cards(side.number((1, 2), (4, 6), (6, 9)))
    side.tell(helpers, "helper", "supplier")
    by_helpers = calls_inward(side, lines, days, helpers, rate=rate * back)
    return concat_calls([past, within, returns, by_helpers, batch])


def changing_handsets(side: Side) -> Calls:
    """Put each card into another handset every day, out of a drawer of them.

    Handsets are what lists of suspects and blocked devices name, so crews change them, or have
    boxes write new serial numbers. The twin is a repair shop, whose few cards are tried in the
    handsets of customers, and call these customers, who call the shop.
    """
    n, begin = side.number((5, 8), (5, 8), (5, 8)), side.begin()
    rate = side.rates(n, (45, 80), (25, 45), (11, 22))
    answered, talk_s = side.between((0.4, 0.55), (0.5, 0.65), (0.6, 0.8)), 35.0
    drawer = side.handsets(side.number((12, 20), (20, 35), (30, 50)))
    past_share = 0.0 if side.honest else side.of_grade(0.0, 0.3, 0.5)
    lines, past = side.crew_cards(n, 0 if side.honest else begin, past=past_share)
    side.tell(lines, "card_in_turn", "repair_card")
    days = side.work_days(0 if side.honest else begin)
    cell: Ints | int = side.room(n) if side.honest or side.grade < 3 else ABSENT
    seats = Seats(lines, days, rate, answered, talk_s, EVENING_TOO, cell)
    batch = serve_customers(side, seats) if side.honest else work_list(side, seats, retried=0.15)
    caller, at = batch.numpy("caller", "at")
    mine = np.isin(caller, lines)
    turn = np.searchsorted(lines, caller.clip(lines[0], lines[-1])) * 17 + at // DAY * 7
    handset = np.where(mine, drawer[turn % len(drawer)], ABSENT)
    return concat_calls([past, batch.replace(handset=handset)])


def serve_customers(side: Side, seats: Seats) -> Calls:
    """Call customers who came to the shop, each a few times within days; they call it, too."""
    people = side.register(int(seats.rate.sum() * len(seats.days) / 3))

    def called(_: Ints, at: Ints) -> Ints:
        # those whose repairs are under way in these days
        middle = at / (side.world.days * DAY) * len(people)
        near = middle + side.rng.normal(0, 0.15 * len(people), len(at))
        return people[near.astype(np.int64) % len(people)]

    batch = side.with_call_backs(place_calls(side, seats, called), side.rng.uniform(0.1, 0.2))
    return concat_calls(
        [batch, calls_inward(side, seats.lines, seats.days, people, rate=0.3 * seats.rate)]
    )


SCENARIOS = (
    Scenario("sleeper", "woken_cards", sleeper),
    Scenario("padded_pool", "colleagues", padded_pool),
    Scenario("changing_handsets", "handset_repair", changing_handsets),
)
