"""What shows on the called side or in destinations: bursts, one ring, far countries by night."""

from __future__ import annotations

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation.call_behaviour import unassigned_people
from cdr_anomaly.evaluation.simulation.scenarios.side import (
    OFFICE,
    Scenario,
    Seats,
    Side,
    calls_inward,
    own_life,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import ABSENT, DAY, HOUR, Calls, Ints, concat_calls

FAR = ("+25290{:07d}", "+3712{:07d}", "+23276{:06d}", "+5352{:06d}", "+881935{:06d}")
NEAR = ("+4930{:08d}", "+9714{:07d}", "+551133{:06d}", "+27115{:06d}", "+39026{:06d}")


def called_burst(side: Side) -> Calls:
    """Fall upon one line within an hour from many numbers, so that nobody else gets through.

    Plain attackers call thirty times each, worst ones two to four times, mostly from other
    networks, and another victim every few days. Callers are hired so to hide a bank's own call, or
    to extort. The twin is a phone-in, which has the same hour every week day, and the same callers.
    """
    n, begin = side.number((10, 14), (12, 16), (14, 18)), side.begin()
    n_outside = side.of_grade(30, 50, 70)
    rate = side.rates(n, (20, 40), (8, 14), (2, 4.4))
    lines, past = side.crew_cards(n, begin, past=side.of_grade(0.0, 0.5, 1.0))
    side.tell(lines, "burst_caller", "listener")
    elsewhere = side.cold(6 * n_outside)
    if side.honest:
        called = np.repeat(side.fixed_lines(1, exchange=7310 + side.k), side.world.days)
        days, hour = side.work_days(until=5), np.full(side.world.days, 20.0)
        side.tell(called[:1], "", "phone_in")
    else:
        days = side.work_days(begin, until=5)
        victims = side.rng.choice(unassigned_people(side.world), len(days), replace=False)
        turn = np.searchsorted(days, np.arange(side.world.days))
        called = victims[turn.clip(max=len(days) - 1)]
        hour = side.rng.uniform(9, 20, side.world.days)
        side.tell(victims, "bombed_line", "")
        spans = {"id": victims, "actor": np.full(len(days), side.actor), "first_day": days}
        side.world.book.victims.append(pl.DataFrame(spans | {"last_day": days}))
    there = side.rng.random((n, len(days))) < 0.6
    which, day = side.call_days(n, days, rate=rate[:, None] * there, spread=0.25)
    most = side.call_days(1, days, rate=n_outside * rate.mean(), spread=0.1)[1]
    caller = np.append(lines[which], side.rng.choice(elsewhere, len(most)))
    day = np.append(day, most)
    at = day * DAY + ((hour[day] + side.rng.random(len(day))) * HOUR).astype(np.int64)
    seconds = side.talk(len(at), side.between((0.02, 0.05), (0.05, 0.1), (0.1, 0.2)), median=60)
    lives = own_life(side, lines, begin, side.world.days)
    return concat_calls([past, lives, side.calls(caller, called[day], at, seconds)])


def one_ring(side: Side) -> Calls:
    """Ring people once with numbers abroad, and wait for those who call back.

    Plain crews ring hundreds a day with three numbers, worst ones eight to fourteen with each of
    forty, most people twice. Call-backs are the harm: they cost, and are kept long. The twins are
    drivers of school buses from over the border, who ring the same families before the door.
    """
    n, begin = side.number((2, 3), (12, 18), (34, 44)), side.begin()
    rate = side.rates(n, (200, 350), (24, 40), (8, 14))
    range_of = 20 + 10 * (side.k % 7) + side.honest
    tails = np.sort(side.rng.choice(10_000, n, replace=False))
    numbers = [f"+85263{range_of:02d}{t:04d}" for t in tails.tolist()]
    lines = side.world.book.add(numbers, foreign=True, trunk=True)
    side.tell(lines, "ring_caller", "bus_driver")
    days = side.work_days(0 if side.honest else begin, until=5)
    doors = ((6.5, 8.3, 1.0), (15.5, 17.5, 1.0))
    seats = Seats(lines, days, rate, 0.0, 5.0, doors if side.honest else OFFICE)
    # whom a line rings on a day: a driver the same families, a crew others each day
    size, n_days = max(int(rate.mean() * 1.4), 8), 1 if side.honest else side.world.days
    homes = side.strangers(len(lines) * n_days * size, home_share=1.0)
    homes = homes.reshape(len(lines), n_days, size)

    def called(which: Ints, at: Ints) -> Ints:
        person: Ints = homes[which, at // DAY % n_days, side.rng.integers(0, size, len(at))]
        return person

    batch = place_calls(side, seats, called)
    if side.honest:
        return batch
    rows = batch.rows.filter(side.rng.random(len(batch)) < side.rng.uniform(0.1, 0.2))
    at = rows["at"].to_numpy() + side.rng.integers(60, 5_400, len(rows))
    seconds = side.talk(len(rows), 0.9, median=110)
    back = side.calls(rows["called"].to_numpy(), rows["caller"].to_numpy(), at, seconds)
    return concat_calls([batch, back])


def exchange_by_night(side: Side) -> Calls:
    """Call far countries by night through a firm's exchange, which goes on with its own calls.

    Plain intruders place sixty and more a night, worst ones eight to sixteen, on a few nights,
    within office volumes. Hacked exchanges are the dearest fraud of all (Sahin and Francillon,
    NDSS 2021, on calls to premium ranges). The twin is an export firm, which has always called
    customers there at night.
    """
    begin, n = side.begin(), side.number((1, 2), (1, 2), (2, 3))
    by_night = side.between((60, 110), (25, 45), (8, 16))
    by_day = side.rates(n, (25, 50), (25, 50), (25, 50))
    lines = side.fixed_lines(n, exchange=7330 + 2 * side.k + side.honest, activation=-900)
    side.tell(lines, "hacked_exchange", "export_firm")
    clients, days = side.register(120), side.work_days(until=5)
    seats = Seats(lines, days, by_day, 0.75, 80.0)
    private = not side.honest
    work = place_calls(
        side, seats, lambda _, at: side.rng.choice(clients, len(at)), private=private
    )
    inward = calls_inward(side, lines, days, clients, rate=0.5 * by_day)
    if not side.honest:
        inward = inward.replace(actor=np.full(len(inward), ABSENT))
    plans, size = (NEAR, 50) if side.honest else (FAR, side.of_grade(12, 25, 40))
    nights = days if side.honest else days[days >= begin][: side.of_grade(8, 7, 6)]
    chosen = side.rng.permutation(len(plans))[:3]
    numbers = [plans[k].format(int(side.rng.integers(10**6))) for k in np.resize(chosen, size)]
    abroad = side.world.book.add(list(dict.fromkeys(numbers)), foreign=True)
    which, day = side.call_days(n, nights, rate=by_night, spread=0.25)
    at = side.call_times(day, ((0.0, 5.0, 1.0), (22.5, 24.0, 1.0)))
    seconds = side.talk(len(at), 0.75, median=side.between((300, 600), (200, 500), (150, 400)))
    far = side.calls(lines[which], side.rng.choice(abroad, len(at)), at, seconds)
    return concat_calls([work, inward, far])


SCENARIOS = (
    Scenario("called_burst", "phone_in_hour", called_burst),
    Scenario("one_ring", "ring_before_the_door", one_ring),
    Scenario("exchange_by_night", "export_by_night", exchange_by_night),
)
