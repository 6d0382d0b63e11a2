"""Rooms of callers, and the offices that they resemble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation.planted.campaigns import deal_list, retry_missed
from cdr_anomaly.evaluation.simulation.scenarios.side import (
    Scenario,
    Seats,
    Side,
    calls_inward,
    calls_within,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import Calls, Ints, concat_calls

if TYPE_CHECKING:
    from collections.abc import Callable


def work_list(side: Side, seats: Seats, *, retried: float) -> Calls:
    """Work through one list of strangers in turn; a share of calls is to people tried before.

    Half of these missed a call, half listened to one, and mostly a colleague calls them.
    """
    batch = place_calls(side, seats, lambda _, at: side.cold(len(at)))
    for listened in (False, True):
        batch = retry_missed(side.rng, batch, share=retried / 2, by_other=0.7, listened=listened)
    return side.with_call_backs(batch, side.between((0, 0.03), (0.02, 0.05), (0.04, 0.08)))


def serve_register(side: Side, seats: Seats, *, times: float, inward: float = 0.5) -> Calls:
    """Call the people of a register again and again, over the weeks, whoever is on duty.

    They call in, too: so many calls for each one placed.
    """
    total = float(seats.rate.sum()) * len(seats.days)
    people = side.register(max(int(total / times), 60))
    batch = place_calls(side, seats, lambda _, at: side.rng.choice(people, len(at)))
    answers = calls_inward(side, seats.lines, seats.days, people, rate=inward * seats.rate)
    return concat_calls([side.with_call_backs(batch, side.rng.uniform(0.05, 0.1)), answers])


def exact_list_room(side: Side) -> Calls:
    """Call people of an exact list from one room: most answer, and talk is of any length.

    Who listened is called again by a colleague within three days. Hidden and worst crews have half
    of their cards from people who had a life with them. Hong Kong's fake customer service worked
    so, in rented units with lists of more than 10,000 people. The twin is a community office, or
    the enquiry desk of a courier firm: answered as readily, from a register of its own.
    """
    n, begin = side.number((8, 12), (8, 14), (9, 14)), side.begin()
    rate = side.rates(n, (55, 90), (34, 60), (16, 30))
    answered = side.between((0.72, 0.8), (0.74, 0.85), (0.76, 0.9))
    talk_s = side.between((25, 60), (30, 90), (40, 140))
    cell = side.room(n, spread=side.grade == 3)
    desk = ("community_desk", "courier_enquiry_desk")[side.k % 2]
    if side.honest:
        lines = side.cards(n)
        seats = Seats(lines, side.work_days(), rate, answered, talk_s, cell=cell)
        batch = serve_register(side, seats, times=side.rng.uniform(4, 8))
    else:
        lines, past = side.crew_cards(n, begin, past=side.of_grade(0.0, 0.5, 0.5))
        seats = Seats(lines, side.work_days(begin), rate, answered, talk_s, cell=cell)
        batch = concat_calls([past, work_list(side, seats, retried=0.25)])
    side.tell(lines, "room_seat", desk)
    return batch


def few_calls_room(side: Side) -> Calls:
    """Place few calls a line, from many lines of one floor, all from one list.

    Agents of the Shanghai case worked in teams of hundreds, with tasks dealt by a system. The twin
    is an open-plan office: each of its people calls a few strangers, contacts and colleagues.
    """
    n, begin = side.number((20, 26), (22, 30), (24, 34)), side.begin()
    rate = side.rates(n, (18, 29), (11, 18), (6, 11))
    answered = side.between((0.5, 0.6), (0.55, 0.7), (0.6, 0.75))
    talk_s, among = side.between((30, 60), (40, 80), (40, 100)), side.pair.uniform(0.08, 0.2)
    cell = side.room(n, spread=side.grade > 1)
    lines, past = side.crew_cards(
        n, 0 if side.honest else begin, past=0.0 if side.honest else side.of_grade(0.0, 0.4, 0.5)
    )
    days = side.work_days(0 if side.honest else begin)
    seats = Seats(lines, days, rate * (1 - among), answered, talk_s, cell=cell)
    outside = _own_contacts(side, seats) if side.honest else work_list(side, seats, retried=0.35)
    side.tell(lines, "floor_seat", "open_plan_desk")
    return concat_calls(
        [past, outside, calls_within(side, lines, days, rate=rate * among, cell=cell)]
    )


def _own_contacts(side: Side, seats: Seats) -> Calls:
    """Call contacts of one's own, who call, too, and strangers whom no colleague calls."""
    rng, n = side.rng, len(seats.lines)
    own = side.cold(60 * n).reshape(n, 60)
    familiar = rng.uniform(0.25, 0.5, n)

    def called(which: Ints, at: Ints) -> Ints:
        contact = own[which, rng.integers(0, 60, len(at))]
        return np.where(rng.random(len(at)) < familiar[which], contact, side.cold(len(at)))

    placed = side.with_call_backs(place_calls(side, seats, called), rng.uniform(0.06, 0.14))
    return concat_calls([placed, _calls_to_each(side, seats, own)])


def _calls_to_each(side: Side, seats: Seats, contacts: Ints) -> Calls:
    """Let each line's own contacts call it, at a third of the rate at which it calls."""
    n = len(seats.lines)
    which, day = side.call_days(n, seats.days, rate=0.3 * seats.rate, spread=0.4)
    caller = contacts[which, side.rng.integers(0, contacts.shape[1], len(day))]
    at = side.call_times(day, seats.hours)
    return side.calls(caller, seats.lines[which], at, side.talk(len(at), 0.85, median=60))


def list_under_new_numbers(side: Side) -> Calls:
    """Go on with one list under new numbers every few days.

    Plain crews keep the place and the handsets; hidden ones change the handsets, worst ones the
    place, too, and the numbers overlap or leave a gap. Rooms in Hong Kong moved so. The twin is a
    sales office whose people get new numbers once, and keep their customers and their callers.
    """
    n = side.number((4, 6), (4, 6), (4, 7))
    rate = side.rates(n, (50, 90), (30, 55), (15, 28))
    answered = side.between((0.45, 0.6), (0.5, 0.65), (0.6, 0.8))
    talk_s = side.between((20, 40), (25, 60), (30, 90))
    spans = _spans(side)
    people = side.register(int(n * rate.mean() * 20))
    cell, handset = side.room(n), side.handsets(n)
    batches = []
    for stage, (start, end) in enumerate(spans):
        if stage and not side.honest:
            cell = side.room(n) if side.grade == 3 else cell
            handset = side.handsets(n) if side.grade > 1 else handset
        past_share = 0.0 if side.honest else side.of_grade(0.0, 0.3, 0.5)
        lines, past = side.crew_cards(n, start, past=past_share)
        side.tell(lines, "list_seat", "renumbered_desk")
        days = np.arange(max(start, 0), min(end, side.world.days))
        seats = Seats(lines, days, rate, answered, talk_s, cell=cell, handset=handset)
        batch = place_calls(side, seats, _share_of_list(side, people, stage, len(spans)))
        batches += [past, side.with_call_backs(batch, 0.08 if side.honest else 0.04)]
        if side.honest:
            batches.append(calls_inward(side, lines, days, people, rate=0.4 * rate))
    return concat_calls(batches)


def _spans(side: Side) -> list[tuple[int, int]]:
    """Return from which to before which day each set of numbers is used."""
    length, begin = side.number((5, 6), (4, 5), (3, 5)), side.begin()
    if side.honest:
        return [(0, begin), (begin, side.world.days)]
    shift = side.rng.integers(-1, 3, 4) if side.grade == 3 else np.zeros(4, int)
    spans, start = [], begin
    for k in range(4):
        if start + 2 <= side.world.days:
            spans.append((start, start + length))
        start += length + int(shift[k])
    return spans


def _share_of_list(
    side: Side, people: Ints, stage: int, n_stages: int
) -> Callable[[Ints, Ints], Ints]:
    """Return whom numbers call: the next part of the list, and those whom others have called.

    A desk calls any of its customers.
    """
    parts = np.array_split(people, n_stages)
    before = np.concatenate(parts[: max(stage, 1)])
    share = side.of_grade(0.4, 0.35, 0.3) * (stage > 0)

    def called(_: Ints, at: Ints) -> Ints:
        if side.honest:
            return side.rng.choice(people, len(at))
        again = side.rng.random(len(at)) < share
        fresh = deal_list(side.rng, at, parts[stage])
        return np.where(again, side.rng.choice(before, len(at)), fresh)

    return called


def rented_desk(side: Side) -> Calls:
    """Dial from fixed lines that had an ordinary firm's life, in office hours, for two weeks.

    In the Fujian case an installer opened fixed lines in other people's names; here they are a
    firm's that lets them. The twin is a licensed desk, declared in every other city, that always
    placed as many calls to people whom it had not called before; nobody calls either back.
    """
    n, begin = side.number((1, 2), (2, 3), (3, 4)), side.begin()
    rate = side.rates(n, (300, 600), (120, 220), (60, 110))
    answered = side.between((0.35, 0.5), (0.45, 0.6), (0.5, 0.7))
    talk_s = side.between((20, 40), (25, 60), (30, 90))
    lines = side.fixed_lines(n, exchange=7200 + 2 * side.k + side.honest, activation=-500)
    side.tell(lines, "rented_seat", "licensed_desk")
    days = side.work_days(0 if side.honest else begin, until=5)
    work = place_calls(
        side, Seats(lines, days, rate, answered, talk_s), lambda _, at: side.cold(len(at))
    )
    if side.honest:
        if (side.k + side.world.seed) % 2:
            side.world.book.declare(lines, "licensed desk that calls customers of banks")
        return side.with_call_backs(work, 0.02)
    clients, before = side.register(40 * n), np.setdiff1d(side.work_days(until=5), days)
    firm = Seats(lines, before, side.rng.uniform(4, 14, n), 0.85, 70)
    past = place_calls(side, firm, lambda _, at: side.rng.choice(clients, len(at)), private=True)
    return concat_calls([past, side.with_call_backs(work, 0.02)])


SCENARIOS = (
    Scenario("exact_list_room", "register_desk", exact_list_room),
    Scenario("few_calls_room", "open_plan_office", few_calls_room),
    Scenario("list_under_new_numbers", "renumbered_office", list_under_new_numbers),
    Scenario("rented_desk", "licensed_desk", rented_desk),
)
