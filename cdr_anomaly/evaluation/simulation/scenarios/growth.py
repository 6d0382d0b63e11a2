"""Volumes that no day shows: they grow slowly, and lie evenly under every peak."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.scenarios.side import (
    Scenario,
    Seats,
    Side,
    calls_inward,
    own_life,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import Calls, Ints, concat_calls

ALL_DAY = ((7.8, 20.8, 1.0),)


def slow_ramp(side: Side) -> Calls:
    """Call a few more strangers each day, spread over thirteen hours, so that no hour is a peak.

    Each card keeps its owner's few calls besides. Plain crews grow by 9 % a day to 120 and more,
    worst ones by 6 % to some 40. Operators that cut lines on volume are answered so. The twin is a
    shop that grows as fast: the customers of before call again, and are called again.
    """
    n = side.number((2, 3), (3, 4), (4, 6))
    peak = side.rates(n, (120, 200), (60, 100), (32, 55))
    answered = side.between((0.45, 0.6), (0.5, 0.65), (0.6, 0.8))
    growth, days = side.of_grade(1.09, 1.08, 1.06), np.arange(side.world.days)
    rate = peak[:, None] * growth ** (days - side.world.last_day)
    lines = side.cards(n)
    side.tell(lines, "ramp", "growing_shop")
    seats = Seats(lines, days, rate, answered, side.between((20, 40), (25, 60), (30, 80)), ALL_DAY)
    private = own_life(side, lines, 0, side.world.days)
    people = side.register(int(rate.sum() / 2.5) if side.honest else 1)

    def called(_: Ints, at: Ints) -> Ints:
        if not side.honest:
            return side.cold(len(at))
        # customers come one after the other, and stay
        known = 100 + at / at.max() * (len(people) - 101)
        chosen: Ints = people[(side.rng.random(len(at)) ** 0.5 * known).astype(np.int64)]
        return chosen

    batch = place_calls(side, seats, called)
    redials = side.redials(batch, 0.1 if side.honest else 0.17, answered=0.5, median=30)
    parts = [private, redials, side.with_call_backs(batch, 0.1 if side.honest else 0.04)]
    if side.honest:
        parts.append(calls_inward(side, lines, days, people, rate=0.3 * rate))
    return concat_calls(parts)


def openers_and_closers(side: Side) -> Calls:
    """Let openers find who listens, and a closer call these: at once, within two hours, next day.

    In the Hong Kong case a first caller handed the victim over to a "bank clerk". Closers of worst
    crews have a life and other calls. The twin is an enquiry desk whose specialists call customers
    back as soon as they are free: customers of a register, who call the desk.
    """
    n_open, n_close = side.number((4, 6), (4, 6), (5, 8)), side.number((1, 2), (2, 3), (2, 4))
    rate = side.rates(n_open, (55, 90), (30, 55), (15, 28))
    answered = side.between((0.5, 0.65), (0.6, 0.75), (0.74, 0.88))
    begin = side.begin()
    past_share = 0.0 if side.honest else side.of_grade(0.0, 0.4, 0.5)
    start = 0 if side.honest else begin
    lines, past = side.crew_cards(n_open + n_close, start, past=past_share)
    openers, closers = lines[:n_open], lines[n_open:]
    side.tell(openers, "opening_seat", "enquiry_seat")
    side.tell(closers, "closing_seat", "specialist")
    days = side.work_days(start)
    cell = side.room(n_open, spread=True)
    seats = Seats(
        openers, days, rate, answered, side.between((20, 40), (30, 60), (40, 90)), cell=cell
    )
    if side.honest:
        people = side.register(int(rate.sum() * len(days) / 4))
        opened = place_calls(side, seats, lambda _, at: side.rng.choice(people, len(at)))
        inward = calls_inward(side, openers, days, people, rate=0.5 * rate)
    else:
        opened = place_calls(side, seats, lambda _, at: side.cold(len(at)))
        inward = side.call_backs(opened, 0.04)
    closed = _call_listeners(side, opened, closers)
    own = own_life(side, closers, begin if side.grade < 3 else 0, side.world.days)
    return concat_calls([past, opened, inward, closed, own])


def _call_listeners(side: Side, opened: Calls, closers: Ints) -> Calls:
    """Call a share of those who talked for longest, in a while that depends on the grade."""
    rng, rows = side.rng, opened.rows.filter(opened.rows["talk"] >= 45)
    share = side.between((0.3, 0.4), (0.2, 0.3), (0.12, 0.2))
    rows = rows.filter(rng.random(len(rows)) < share)
    low, high = side.of_grade((60, 900), (120, 4_500), (300, 7_200))
    wait = np.exp(rng.uniform(np.log(low), np.log(high), len(rows))).astype(np.int64)
    next_day = rng.random(len(rows)) < side.of_grade(0.0, 0.1, 0.2)
    at = (rows["at"] + rows["talk"]).to_numpy() + np.where(next_day, 86_400 - wait // 2, wait)
    seconds = side.talk(len(rows), 0.85, median=side.between((600, 900), (400, 800), (200, 600)))
    return side.calls(rng.choice(closers, len(rows)), rows["called"].to_numpy(), at, seconds)


SCENARIOS = (
    Scenario("slow_ramp", "growing_shops", slow_ramp),
    Scenario("openers_and_closers", "desk_and_specialists", openers_and_closers),
)
