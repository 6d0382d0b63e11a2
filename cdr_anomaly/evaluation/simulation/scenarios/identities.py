"""Boxes of cards, changed identities, and home numbers from abroad, with their twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation import identifiers, phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import unassigned_people
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.scenarios.side import (
    DAY_AND_EVENING,
    EVENING_TOO,
    Scenario,
    Seats,
    Side,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import N_CELLS, Calls, Ints, concat_calls

if TYPE_CHECKING:
    from collections.abc import Callable


def sim_box(side: Side) -> Calls:
    """Hand calls from abroad on through a box of cards, each below thirty calls a day.

    Real people call real people, so most calls are answered; nobody calls the cards. Plain boxes
    have four serial numbers for thirty cards, worst ones one for each of ninety, in three cells.
    Limits of 29 are known: boxes are sold with such settings (domain.md on SIM boxes). The twin are
    drivers who wait at an airport, in one cell, and call passengers, who call them.
    """
    n, begin = side.of_grade(30, 60, 90), side.begin()
    rate = side.rates(n, (45, 70), (29, 45), (20, 29))
    answered = side.between((0.6, 0.7), (0.62, 0.75), (0.65, 0.8))
    lines = side.cards(n, before=0 if side.honest else begin)
    side.tell(lines, "box_card", "airport_driver")
    days = side.work_days(0 if side.honest else begin, until=7)
    cell = (side.rng.integers(N_CELLS) + np.arange(n) % side.of_grade(1, 1, 3)) % N_CELLS
    slots = lines if side.honest else side.handsets(side.of_grade(4, 15, 90))
    seats = Seats(
        lines, days, rate, answered, 90.0, EVENING_TOO, cell, slots[np.arange(n) % len(slots)]
    )
    if not side.honest:
        kin = side.strangers(int(rate.sum() * len(days) / 4), home_share=0.5)
        return place_calls(side, seats, lambda _, at: side.rng.choice(kin, len(at)))
    batch = place_calls(side, seats, lambda _, at: side.strangers(len(at), home_share=0.5))
    return side.with_call_backs(batch, side.rng.uniform(0.12, 0.25))


def changed_identity(side: Side) -> Calls:
    """Take over people's numbers with new cards, and call strangers and services for days.

    The owners fall silent. Plain thieves call thirty people a day, worst ones some, part of whom
    the owner knew. Swapped cards open accounts, and ask friends for money. The twin lost its
    telephone: a new card and a new handset, and the same friends.
    """
    n, begin = side.number((3, 4), (3, 5), (4, 6)), side.begin()
    rate = side.rates(n, (25, 45), (12, 22), (5, 10))
    known_share = side.between((0.05, 0.1), (0.2, 0.3), (0.3, 0.4))
    people, circle = unassigned_people(side.world), side.world.people
    people = people[np.diff(circle.begin)[people] >= 8]
    lines = np.sort(side.rng.choice(people, n, replace=False))
    day = side.rng.integers(begin, side.world.days - 4, n)
    change = {"id": lines, "day": day, "card": side.handsets(n)}
    side.world.book.card_changes.append(pl.DataFrame(change))
    side.tell(lines, "stolen_number", "replaced_card")
    actors = np.full(n, side.actor)
    length = side.of_grade(2, 3, 4)
    last = day + length - 1 if side.honest else np.full(n, side.world.last_day)
    side.world.book.add_quiet_spells(lines, day, last, 0.0, actors)
    days = np.arange(side.world.days)
    used = (days >= day[:, None]) & (days < (day + length)[:, None])
    answered = side.between((0.4, 0.5), (0.5, 0.6), (0.55, 0.7))
    seats = Seats(lines, days, rate[:, None] * used, answered, 60.0, DAY_AND_EVENING)
    batch = place_calls(side, seats, _friends_and_others(side, lines, known_share))
    redials = side.redials(batch, 0.15, answered=0.5, median=40)
    if side.honest:
        return concat_calls([redials, side.with_call_backs(batch, 0.15)])
    which = np.searchsorted(lines, batch.numpy("caller")[0])
    batch = batch.replace(cell=side.rng.integers(0, N_CELLS, n)[which])
    return concat_calls([batch, redials])


def _friends_and_others(
    side: Side, lines: Ints, known_share: float
) -> Callable[[Ints, Ints], Ints]:
    """Return whom numbers with a new card call: friends, services and strangers."""
    circle, services = side.world.people, shops_and_services(side.world)[1]
    outside = np.flatnonzero(side.world.book.column("outside"))[0]

    def called(which: Ints, at: Ints) -> Ints:
        line, chance = lines[which], side.rng.random(len(at))
        friend = circle.friend[
            circle.begin[line] + side.rng.integers(0, np.diff(circle.begin)[line])
        ]
        friend = np.where(friend < circle.n, friend, friend - circle.n + outside)
        others = np.where(chance > 0.9, side.rng.choice(services, len(at)), side.cold(len(at)))
        if side.honest:
            return np.where(chance < 0.7, friend, others)
        person = np.where(chance < known_share, friend, others)
        # a thief presses people: some are called twice
        pressed = (side.rng.random(len(at)) < 0.12) & (np.diff(which, prepend=-1) == 0)
        return np.where(pressed, np.roll(person, 1), person)

    return called


def home_numbers_from_abroad(side: Side) -> Calls:
    """Present numbers of this country on calls that come from abroad, a new one for each call.

    Plain crews present three numbers, worst ones each number once or twice, of a range that nobody
    abroad owns. Operators now bar or mark such calls; before, they looked like a bank's. The twin
    are our people abroad, who call their own, with numbers and families that stay the same.
    """
    n, begin = side.number((3, 4), (24, 36), (90, 130)), side.begin()
    low = side.of_grade(60.0, 5.0, 1.0)
    rate = side.rates(n, (60, 100), (5, 9), (1.0, 1.8))
    answered = side.between((0.4, 0.5), (0.5, 0.6), (0.5, 0.65))
    if side.honest:
        lines = side.staff(n)
    else:
        block = int(phone_numbers.VIRTUAL[side.k % 4])
        numbers = phone_numbers.batch(side.rng, block, n, offset=300 * (side.k // 4 % 3))
        lines = side.world.book.add(numbers, home=True, activation=-300)
    lines = np.sort(lines)
    side.tell(lines, "presented_number", "roaming_family")
    days = np.arange(begin, side.world.days)
    first = side.pair.integers(begin, side.world.days, n)
    stay = 10 if side.honest else side.of_grade(12, 4, 2)
    present = (days >= first[:, None]) & (days < (first + stay)[:, None])
    seats = Seats(lines, days, rate[:, None].clip(low) * present, answered, 60.0, EVENING_TOO)
    if side.honest:
        kin = side.strangers(16 * n, home_share=1.0).reshape(n, 16)
        batch = place_calls(
            side, seats, lambda which, at: kin[which, side.rng.integers(0, 16, len(at))]
        )
        actors = np.full(n, side.actor)
        last = np.minimum(first + stay, side.world.last_day)
        side.world.book.add_quiet_spells(lines, first, last, 0.0, actors)
    else:
        batch = place_calls(side, seats, lambda _, at: side.strangers(len(at), home_share=1.0))
    caller, at = batch.numpy("caller", "at")
    trunk = identifiers.international(side.rng, n)[np.searchsorted(lines, caller)]
    if not side.honest:
        trunk = np.full(len(at), identifiers.international(side.rng, 1)[0])
    return batch.replace(trunk_in=trunk)


SCENARIOS = (
    Scenario("sim_box", "airport_rank", sim_box, n=1),
    Scenario("changed_identity", "lost_telephone", changed_identity),
    Scenario("home_numbers_from_abroad", "roaming_families", home_numbers_from_abroad),
)
