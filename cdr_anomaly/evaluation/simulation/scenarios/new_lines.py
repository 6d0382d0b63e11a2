"""Bursts of new lines and many cards of one holder, and who gets many lines at once honestly."""

from __future__ import annotations

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation import identifiers, phone_numbers
from cdr_anomaly.evaluation.simulation.scenarios.rooms import work_list
from cdr_anomaly.evaluation.simulation.scenarios.side import (
    DAY_AND_EVENING,
    EVENING_TOO,
    Scenario,
    Seats,
    Side,
    calls_inward,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import ABSENT, DAY, HOUR, Calls, Ints, concat_calls


def new_line_burst(side: Side) -> Calls:
    """Begin to dial with 12 to 24 new cards at once, bought from one shop or from several.

    Plain crews begin around one midnight, hidden ones within two days, worst ones within three,
    with cards of scattered blocks from four shops, and few calls each. People from other provinces
    came to Panzhihua so, to open cards of one block. The twins are a firm that moves and gives its
    people new cards, students who arrive, and a range of numbers ported from another network.
    """
    n = side.number((12, 18), (14, 20), (16, 24))
    rate = side.rates(n, (40, 80), (20, 38), (9, 17))
    answered = side.between((0.45, 0.6), (0.55, 0.7), (0.62, 0.8))
    born = side.world.days - int(side.pair.integers(5, 9))
    first = born + side.pair.integers(0, side.of_grade(1, 2, 3), n)
    lines = _new_cards(side, first)
    days = np.arange(born, side.world.days)
    awake = rate[:, None] * (days >= first[:, None])
    talk_s = side.between((15, 30), (20, 50), (30, 70))
    cell: Ints | int = side.room(n) if side.grade < 3 else ABSENT
    seats = Seats(lines, days, awake, answered, talk_s, EVENING_TOO, cell)
    shape = (side.k + side.world.seed) % len(TWINS)
    side.tell(lines, "burst_card", TWINS[shape])
    if side.honest:
        return (_moved_firm, _students, _ported_range)[shape](side, seats)
    batch = work_list(side, seats, retried=0.12)
    if side.grade > 1:
        return concat_calls([batch, side.redials(batch, 0.1, answered=0.5, median=30)])
    # the evening before midnight and the small hours count, too
    at, caller = batch.numpy("at", "caller")
    early = np.isin(caller, lines) & (at // DAY == born)
    return batch.replace(at=np.where(early, at + 6 * HOUR, at))


AMONG_SHARE = 0.15  # of the calls of people of one firm or school, to one another
TWINS = ("moved_firm", "student", "ported_line")


def _new_cards(side: Side, first: Ints) -> Ints:
    """Add new cards of one block, or of the blocks that people have, from one shop or several."""
    n, world = len(first), side.world
    block = int(side.pair.choice(world.usual_blocks()))
    if side.grade == 1:
        offset = 520 + 60 * ((2 * side.k + side.honest) % 7)
        numbers = phone_numbers.batch(side.rng, block, n, offset=offset)
        lines = world.book.add(numbers, home=True, activation=first, cells=side.usual_cells(n))
    else:
        lines = side.new_mobiles(n, activation=first)
    shops = side.pair.permutation(40)[: side.of_grade(1, 2, 4)]
    dealer = [f"D{k + 1:03d}" for k in side.rng.choice(shops, n)]
    sell(side, lines, lines, dealer)
    return lines


def sell(side: Side, lines: Ints, holder: Ints, dealer: list[str]) -> None:
    """Record who holds lines, named by a line of the holder's, and which shops sold them."""
    side.world.book.sales.append(pl.DataFrame({"id": lines, "holder": holder, "dealer": dealer}))


def _moved_firm(side: Side, seats: Seats) -> Calls:
    """Call customers and colleagues, who knew the people and call the new numbers."""
    people = side.register(int(side.rng.uniform(18, 30) * seats.rate.mean()))

    def called(which: Ints, at: Ints) -> Ints:
        return _among(side, seats, which, at, side.rng.choice(people, len(at)))

    batch = place_calls(side, seats, called)
    inward = calls_inward(side, seats.lines, seats.days, people, rate=0.4 * seats.rate)
    return concat_calls([side.with_call_backs(batch, 0.08), inward])


def _among(side: Side, seats: Seats, which: Ints, at: Ints, others: Ints) -> Ints:
    """Return whom lines call: now and then another of the lines, if it is there, else `others`."""
    n, rng = len(seats.lines), side.rng
    another = (which + rng.integers(1, n, len(which))) % n
    first = seats.days[(seats.rate > 0).argmax(axis=1)]
    there = (at // DAY >= first[another]) & (rng.random(len(at)) < AMONG_SHARE)
    return np.where(there, seats.lines[another], others)


def _students(side: Side, seats: Seats) -> Calls:
    """Call fellow students, home, and many shops, banks and couriers never called before."""
    rng, n = side.rng, len(seats.lines)
    home, campus = side.cold(12 * n).reshape(n, 12), side.register(500)

    def called(which: Ints, at: Ints) -> Ints:
        kin = home[which, rng.integers(0, 12, len(at))]
        choices = np.stack([kin, rng.choice(campus, len(at)), side.cold(len(at))])
        others = choices[rng.choice(3, len(at), p=[0.25, 0.45, 0.3]), np.arange(len(at))]
        return _among(side, seats, which, at, others)

    batch = side.with_call_backs(place_calls(side, seats, called), 0.08)
    which, day = side.call_days(n, seats.days, rate=0.25 * seats.rate, spread=0.5)
    at = side.call_times(day, DAY_AND_EVENING)
    caller = home[which, rng.integers(0, 12, len(at))]
    seconds = side.talk(len(at), 0.8, median=120)
    return concat_calls([batch, side.calls(caller, seats.lines[which], at, seconds)])


def _ported_range(side: Side, seats: Seats) -> Calls:
    """Go on as before, with the same customers, but as lines of ours from the day of the change.

    Before it their calls came in from another network: the activation is later than the first
    call that the records have of the line.
    """
    rng = side.rng
    people = side.register(int(20 * seats.rate.mean() * 2))
    first = seats.days[(seats.rate > 0).argmax(axis=1)]
    days = np.arange(side.world.days)
    usual = seats.rate.max(axis=1)[:, None] * np.ones(len(days))
    whole = seats._replace(days=days, rate=usual, cell=ABSENT)
    batch = place_calls(side, whole, lambda _, at: rng.choice(people, len(at)))
    caller, at = batch.numpy("caller", "at")
    before = at // DAY < first[np.searchsorted(seats.lines, caller)]
    # of calls from there to other networks nothing is seen here
    home = side.world.book.column("home").astype(bool)[batch.numpy("called")[0]]
    trunk = np.where(before, identifiers.domestic(rng, 1)[0], ABSENT)
    actor = np.where(before, ABSENT, side.actor)
    batch = batch.replace(trunk_in=trunk, actor=actor).drop(before & ~home)
    inward = calls_inward(side, seats.lines, seats.days, people, rate=0.4 * seats.rate)
    return concat_calls([side.with_call_backs(batch, 0.06), inward])


def cards_of_one_holder(side: Side) -> Calls:
    """Hold many cards in one name, and use a few of them at a time, each for some days.

    Worst crews have three holders of ten cards each, all within what a shop may sell to one. The
    Fujian lines were opened in other people's names. The twin is a firm's fleet: cards of vans,
    of which those are used that drive on a day, to call customers, who call back.
    """
    n_holders, size = side.of_grade(1, 2, 3), side.of_grade(30, 15, 10)
    n = n_holders * size
    begin, rate = side.begin(), side.rates(n, (45, 80), (26, 46), (11, 24))
    answered = side.between((0.4, 0.55), (0.5, 0.65), (0.6, 0.82))
    at_once, stay = side.number((5, 7), (5, 7), (6, 9)), side.number((3, 5), (3, 4), (2, 4))
    first = 0 if side.honest else begin
    lines = side.new_mobiles(n, activation=first - side.rng.integers(20, 90, n))
    holder = lines[np.arange(n) // size * size]
    shops = side.pair.permutation(40)[:n_holders]
    sell(side, lines, holder, [f"D{shops[k // size] + 1:03d}" for k in range(n)])
    days = side.work_days(first)
    turn = (np.arange(len(days)) // stay)[None, :] * at_once
    used = (np.arange(n)[:, None] - turn) % n < at_once
    cell: Ints | int = side.room(n) if side.grade < 3 and not side.honest else ABSENT
    seats = Seats(lines, days, rate[:, None] * used, answered, 35.0, EVENING_TOO, cell)
    side.tell(lines[used.any(axis=1)], "held_card", "fleet_card")
    if not side.honest:
        return work_list(side, seats, retried=0.12)
    people = side.register(int(used.mean() * rate.sum() * len(days) / 4))
    batch = place_calls(side, seats, lambda _, at: side.rng.choice(people, len(at)))
    caller, at = batch.numpy("caller", "at")
    which = np.searchsorted(lines, caller)
    batch = batch.replace(cell=side.round_trip(at, which, side.rng.integers(6, 18, n)))
    inward = calls_inward(side, lines, days, people, rate=0.15 * seats.rate)
    return concat_calls([side.with_call_backs(batch, 0.12), inward])


SCENARIOS = (
    Scenario("new_line_burst", "new_lines_at_once", new_line_burst),
    Scenario("cards_of_one_holder", "fleet", cards_of_one_holder),
)
