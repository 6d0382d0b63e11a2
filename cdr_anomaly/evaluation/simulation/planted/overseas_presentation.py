"""Planted numbers that look foreign, or come from abroad though they are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import identifiers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    moments,
    places,
    strangers,
    talk,
    unnoticed,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.planted.diallers import OFFICE, act
from cdr_anomaly.evaluation.simulation.world import Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.planted.diallers import Actor
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

PATTERN = "overseas_presentation"
# how numbers of some cities abroad begin, and how many digits are left
RANGES = {
    "+4420": 8, "+1646": 7, "+8523": 7, "+85523": 6, "+9594": 8, "+6328": 7, "+3314": 7,
    "+4989": 7,
}  # fmt: skip
NOBODYS = (210, 214, 215, 217, 219, 259, 280, 801, 837, 893, 999)  # codes of no country
LONG_DAY = ((8.5, 12.0, 3.0), (13.0, 18.5, 5.0), (18.5, 20.5, 1.0))


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them; the shapes take turns."""
    n = world.scaled(6, least=4)
    return together([_shape(world, people, k) for k in range(n)])


def _shape(world: World, people: People, k: int) -> Calls:
    actor = act(world, "overseas", k)
    if k % 4 == 3:
        return spoofed(world, actor, people)
    return (pool, looks_foreign, impossible)[k % 4](world, actor)


def _tell(world: World, lines: Ints, kind: str, actor: Actor) -> None:
    world.book.tell(lines, kind, actor=actor.id, pattern=PATTERN)


def _days(world: World, actor: Actor, fewest: int, most: int) -> Ints:
    return world.spell(actor.rng, int(actor.rng.integers(fewest, most + 1)), within=28)


def _called(world: World, actor: Actor, day: Ints, answered: float) -> dict[str, ArrayLike]:
    """Draw whom of our subscribers is called when, out of a list, and how long they listen."""
    rng, n = actor.rng, len(day)
    listed = strangers(world, rng, max(int(n * rng.uniform(0.5, 1.2)), 20), own=1.0)
    seconds = talk(rng, n, answered, median=rng.uniform(15, 45), sigma=1.0)
    return {"called": rng.choice(listed, n), "talk": seconds, "actor": actor.id}


def pool(world: World, actor: Actor) -> Calls:
    """Draw the number of each call from a pool of neighbours, on a trunk of the country."""
    rng = actor.rng
    lines = world.book.add(_neighbours(rng), foreign=True, trunk=True)
    days = _days(world, actor, 4, 12)
    _, day = work(rng, 1, days, rate=rng.uniform(150, 700), spread=0.2)
    shown = rng.choice(lines, len(day), p=rng.dirichlet(np.full(len(lines), 4.0)))
    trunks = identifiers.domestic(rng, int(rng.integers(1, 3)))
    rest = _called(world, actor, day, rng.uniform(0.35, 0.55))
    _tell(world, lines, "foreign_pool", actor)
    at = moments(rng, day, OFFICE)
    out = calls(shown, at=at, trunk_in=rng.choice(trunks, len(at)), **rest)
    return with_call_backs(rng, out, rng.uniform(0, 0.02))


def _neighbours(rng: np.random.Generator) -> list[str]:
    """Write 8 to 25 numbers that are equal but for the last two or three digits."""
    n, digits = int(rng.integers(8, 26)), int(rng.integers(2, 4))
    city = str(rng.choice(list(RANGES)))
    first = city + "".join(map(str, rng.integers(1, 10, RANGES[city] - digits)))
    return [f"{first}{s:0{digits}d}" for s in np.sort(rng.choice(10**digits, n, replace=False))]


def looks_foreign(world: World, actor: Actor) -> Calls:
    """Show a number from abroad on calls of a home card, in a handset, at our cells."""
    rng = actor.rng
    city = str(rng.choice(list(RANGES)))
    shown = (
        f"{city}{rng.integers(1, 10)}{rng.integers(10 ** (RANGES[city] - 1)):0{RANGES[city] - 1}d}"
    )
    line = world.book.add([shown], foreign=True, visits=True, cells=places(rng, 1))
    days = _days(world, actor, 3, 10)
    _, day = work(rng, 1, days, rate=rng.uniform(40, 150))
    _tell(world, line, "foreign_mask", actor)
    rest = _called(world, actor, day, rng.uniform(0.3, 0.55))
    out = calls(line[0], at=moments(rng, day, LONG_DAY), **rest)
    return with_call_backs(rng, out, rng.uniform(0, 0.02))


def impossible(world: World, actor: Actor) -> Calls:
    """Show a handful of numbers of no country, on trunks from abroad."""
    rng, n = actor.rng, int(actor.rng.integers(3, 8))
    code, tail = rng.choice(NOBODYS, n), rng.integers(10**6, 10**9, n)
    listed = [f"+{c}{t}" for c, t in zip(code.tolist(), tail.tolist(), strict=True)]
    lines = world.book.add(listed, foreign=True, trunk=True)
    days = _days(world, actor, 3, 10)
    _, day = work(rng, 1, days, rate=rng.uniform(30, 120))
    _tell(world, lines, "impossible_number", actor)
    rest = _called(world, actor, day, rng.uniform(0.25, 0.5))
    via = rng.choice(identifiers.international(rng, 2), len(day))
    return calls(rng.choice(lines, len(day)), at=moments(rng, day, LONG_DAY), trunk_in=via, **rest)


def spoofed(world: World, actor: Actor, people: People) -> Calls:
    """Show numbers of our subscribers on a trunk from abroad while they are used at home."""
    rng = actor.rng
    free = unnoticed(world)
    active = free[np.argsort(-people.rate[free], kind="stable")[: max(len(free) // 6, 3)]]
    lines = rng.choice(active, min(int(rng.integers(1, 4)), len(active)), replace=False)
    days = _days(world, actor, 2, 6)
    which, day = work(rng, len(lines), days, rate=rng.uniform(30, 120, len(lines)))
    _tell(world, lines, "spoofed_number", actor)
    rest = _called(world, actor, day, rng.uniform(0.35, 0.6))
    via = rng.choice(identifiers.international(rng, 1), len(day))
    out = calls(lines[which], at=moments(rng, day, LONG_DAY), trunk_in=via, **rest)
    return with_call_backs(rng, out, rng.uniform(0, 0.06))
