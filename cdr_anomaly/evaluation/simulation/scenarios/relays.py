"""Two telephones that relay one talk, and lines that are newly forwarded, with their twins."""

from __future__ import annotations

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation.call_behaviour import unassigned_people
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.planted.victims import MIN_FRIENDS
from cdr_anomaly.evaluation.simulation.scenarios.side import (
    EVENING_TOO,
    OFFICE,
    Scenario,
    Seats,
    Side,
    own_life,
    place_calls,
)
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    HOUR,
    Calls,
    Ints,
    build_calls,
    concat_calls,
)

WARNING_SHARE = 0.6  # of victims whom the warning number calls, in vain


def two_handsets(side: Side) -> Calls:
    """Lay two telephones side by side: what one hears the other says, call by call.

    The controller calls the first, seconds later the second calls a stranger, and both hang up
    within seconds. The controller of plain crews is abroad; that of worst ones at home, under
    changing numbers, and the telephones have calls of their own. (One who talks by data leaves no
    record at all.) Such pairs were found in rented rooms after the boxes. The twin is an
    interpreter, who puts clients through to people whom both know.
    """
    n, begin = side.number((2, 3), (2, 4), (3, 5)), side.begin()
    rate = side.rates(n, (14, 24), (8, 14), (4, 8))
    start = 0 if side.honest else begin
    past_share = 0.0 if side.honest else side.of_grade(0.0, 0.3, 0.5)
    lines, past = side.crew_cards(2 * n, start, past=past_share)
    ear, mouth = lines[:n], lines[n:]
    side.tell(ear, "relay_ear", "interpreter")
    side.tell(mouth, "relay_mouth", "interpreter_second")
    days = side.work_days(start)
    which, at = side.schedule(n, days, EVENING_TOO, rate=rate, off=0.06, spread=0.3)
    if side.honest:
        controllers, known = side.register(10), side.register(60)
        called = side.rng.choice(known, len(at))
    else:
        controllers, called = _controllers(side), side.cold(len(at))
    controller = controllers[(which + at // (3 * DAY)) % len(controllers)]
    seconds = side.talk(len(at), side.between((0.6, 0.7), (0.6, 0.75), (0.65, 0.8)), median=170)
    heard = side.calls(controller, ear[which], at, seconds + 8)
    wait = side.rng.integers(3, side.of_grade(8, 12, 18), len(at))
    said = side.calls(mouth[which], called, at + wait, (seconds - 3).clip(0) * (seconds > 0))
    lives = own_life(
        side, lines, start, side.world.days, rate=side.of_grade((0.2, 0.5), (0.5, 1.5), (1, 3))
    )
    return concat_calls([past, heard, said, lives])


def _controllers(side: Side) -> Ints:
    """Add the controller's numbers: abroad in plain crews, else of other networks here."""
    if side.grade == 1:
        tail = side.rng.choice(10**6, 2, replace=False)
        numbers = [f"+855236{t:06d}" for t in tail.tolist()]
        return side.world.book.add(numbers, foreign=True, trunk=True)
    return side.cold(side.number((2, 2), (2, 3), (4, 6)))


def newly_forwarded(side: Side) -> Calls:
    """Talk people into forwarding their line, to a number that they never met, for some hours.

    A stranger talks with each for long; then its missed calls reach the crew, the warning number's,
    too, while the person goes on calling. Codes for it are dictated as a way to "cancel a service".
    Worst crews talk for less long, take fewer calls, and another target for each. The twin is a
    care agency, after whose first long call a person's missed calls go to a carer, whom it calls.
    """
    n, n_people = side.number((2, 2), (2, 3), (3, 4)), side.number((6, 8), (6, 8), (6, 8))
    begin, rate = side.begin(), side.rates(n, (30, 50), (16, 30), (7, 14))
    answered = side.between((0.5, 0.6), (0.55, 0.7), (0.6, 0.8))
    talks = side.between((1_800, 3_600), (1_200, 2_400), (600, 1_300))
    calls_each = side.between((8, 14), (5, 9), (3, 6))
    past_share = side.of_grade(0.0, 0.5, 0.5)
    callers, past = side.crew_cards(n, begin, past=0.0 if side.honest else past_share)
    n_targets = n_people if side.grade == 3 or side.honest else n
    targets, lived = side.crew_cards(n_targets, begin, past=past_share)
    side.tell(callers, "forward_talker", "care_agency")
    side.tell(targets, "forward_target", "carer")
    seats = Seats(callers, side.work_days(begin), rate, answered, 60.0, OFFICE)
    work = place_calls(side, seats, lambda _, at: side.cold(len(at)))
    people = _people_with_friends(side, n_people)
    day = np.sort(side.rng.choice(np.arange(begin, side.world.last_day), n_people))
    at = side.call_times(day, ((9.0, 15.0, 1.0),))
    seconds = (talks * side.rng.lognormal(0, 0.25, n_people)).astype(np.int64)
    opening = side.calls(callers[np.arange(n_people) % n], people, at, seconds)
    target = targets[np.arange(n_people) % n_targets]
    passed_on = _missed_calls(side, people, target, at + seconds, calls_each)
    _record(side, people, day)
    lives = own_life(side, targets, begin, side.world.days, rate=(1.0, 3.0))
    parts = [past, lived, lives, work, opening, passed_on]
    if side.honest:
        parts.append(_care(side, people, target, day))
    return concat_calls(parts)


def _people_with_friends(side: Side, n: int) -> Ints:
    ids, people = unassigned_people(side.world), side.world.people
    return side.rng.choice(ids[np.diff(people.begin)[ids] >= MIN_FRIENDS], n, replace=False)


def _missed_calls(side: Side, people: Ints, target: Ints, since: Ints, calls_each: float) -> Calls:
    """Let friends call each person within hours, and its missed calls go on to the target.

    The first is the operator's warning, for a share of a crew's victims.
    """
    rng, circle = side.rng, side.world.people
    n = np.rint(calls_each * rng.lognormal(0, 0.2, len(people))).astype(np.int64).clip(2)
    of = np.repeat(np.arange(len(people)), n)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    friends = np.diff(circle.begin)[people[of]]
    caller = circle.friend[circle.begin[people[of]] + rank % friends]
    outside = np.flatnonzero(side.world.book.column("outside"))[0]
    caller = np.where(caller < circle.n, caller, caller - circle.n + outside)
    if not side.honest:
        warned = (rank == 0) & (rng.random(len(of)) < WARNING_SHARE)
        caller = np.where(warned, shops_and_services(side.world)[1][4], caller)
    hours = side.of_grade(3.0, 5.0, 7.0)
    at = since[of] + rng.uniform(300, hours * HOUR, len(of)).astype(np.int64)
    seconds = side.talk(len(of), 0.6, median=45)
    reached = side.calls(caller, people[of], at, seconds)
    row, reason = np.arange(len(of)), side.of_grade("cfu", "cfnrc", "cfnry")
    return reached.forward(row, people[of], target[of], reason, actor=side.actor, delay=12)


def _record(side: Side, people: Ints, day: Ints) -> None:
    """Record whom a crew has forwarded, as victims; the people of a twin as honest lines."""
    if side.honest:
        side.world.book.add_truth(people, "cared_for", actor=side.actor)
        return
    spans = {"id": people, "actor": np.full(len(people), side.actor), "first_day": day}
    side.world.book.victims.append(pl.DataFrame(spans | {"last_day": day}))


def _care(side: Side, people: Ints, carer: Ints, day: Ints) -> Calls:
    """Let a person and its carer call each other from the day on, a few times a week."""
    days = np.arange(side.world.days)
    rate = np.full((len(people), 1), 0.9) * (days >= day[:, None])
    which, when = side.call_days(len(people), days, rate=rate, spread=0.6)
    at, outward = side.call_times(when, EVENING_TOO), side.rng.random(len(when)) < 0.5
    caller = np.where(outward, people[which], carer[which])
    called = np.where(outward, carer[which], people[which])
    return build_calls(caller, called, at, side.talk(len(at), 0.85, median=60), actor=side.actor)


SCENARIOS = (
    Scenario("two_handsets", "interpreters", two_handsets),
    Scenario("newly_forwarded", "care_at_home", newly_forwarded),
)
