"""Planted numbers that look foreign, or come from abroad though they are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import identifiers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    unassigned_people,
)
from cdr_anomaly.evaluation.simulation.planted.diallers import OFFICE

if TYPE_CHECKING:
    from cdr_anomaly.evaluation.simulation.world import Calls, Ints

# how numbers of some cities abroad begin, and how many digits are left
RANGES = {
    "+4420": 8, "+1646": 7, "+8523": 7, "+85523": 6, "+9594": 8, "+6328": 7, "+3314": 7,
    "+4989": 7,
}  # fmt: skip
UNASSIGNED_CODES = (210, 214, 215, 217, 219, 259, 280, 801, 837, 893, 999)  # of no country
LONG_DAY = ((8.5, 12.0, 3.0), (13.0, 18.5, 5.0), (18.5, 20.5, 1.0))


def overseas_presentation(draw: Sampler) -> Calls:
    """Call with numbers that look foreign or come from abroad; the shapes take turns."""
    return (pool, looks_foreign, impossible, spoofed)[draw.k % 4](draw)


def _add_truth(draw: Sampler, lines: Ints, kind: str) -> None:
    book = draw.world.book
    book.add_truth(lines, kind, actor=draw.actor, pattern="overseas_presentation")


def _called_and_talk(draw: Sampler, n: int, answered: float) -> tuple[Ints, Ints]:
    """Draw whom of our subscribers is called, out of a list, and how long they listen."""
    rng = draw.rng
    listed = draw.strangers(max(int(n * rng.uniform(0.5, 1.2)), 20), home_share=1.0)
    seconds = draw.talk(n, answered, median=rng.uniform(15, 45), sigma=1.0)
    return rng.choice(listed, n), seconds


def pool(draw: Sampler) -> Calls:
    """Draw the number of each call from a pool of neighbours, on a trunk of the country."""
    rng = draw.rng
    lines = draw.world.book.add(_neighbours(rng), foreign=True, trunk=True)
    days = draw.spell(4, 12, within=28)
    _, day = draw.call_days(1, days, rate=rng.uniform(150, 700), spread=0.2)
    presented = rng.choice(lines, len(day), p=rng.dirichlet(np.full(len(lines), 4.0)))
    trunks = identifiers.domestic(rng, int(rng.integers(1, 3)))
    called, talk = _called_and_talk(draw, len(day), rng.uniform(0.35, 0.55))
    _add_truth(draw, lines, "foreign_pool")
    at = draw.call_times(day, OFFICE)
    batch = draw.calls(presented, called, at, talk, trunk_in=rng.choice(trunks, len(at)))
    return draw.with_call_backs(batch, rng.uniform(0, 0.02))


def _neighbours(rng: np.random.Generator) -> list[str]:
    """Return 8 to 25 numbers that are equal but for the last two or three digits."""
    n, digits = int(rng.integers(8, 26)), int(rng.integers(2, 4))
    city = str(rng.choice(list(RANGES)))
    first = city + "".join(map(str, rng.integers(1, 10, RANGES[city] - digits)))
    return [f"{first}{s:0{digits}d}" for s in np.sort(rng.choice(10**digits, n, replace=False))]


def looks_foreign(draw: Sampler) -> Calls:
    """Present a number from abroad on calls of a home card, in a handset, at our cells."""
    rng = draw.rng
    city = str(rng.choice(list(RANGES)))
    left = RANGES[city] - 1
    number = f"{city}{rng.integers(1, 10)}{rng.integers(10**left):0{left}d}"
    cells = draw.usual_cells(1)
    line = draw.world.book.add([number], foreign=True, visits=True, cells=cells)
    _, day = draw.call_days(1, draw.spell(3, 10, within=28), rate=rng.uniform(40, 150))
    _add_truth(draw, line, "foreign_mask")
    called, talk = _called_and_talk(draw, len(day), rng.uniform(0.3, 0.55))
    batch = draw.calls(line[0], called, draw.call_times(day, LONG_DAY), talk)
    return draw.with_call_backs(batch, rng.uniform(0, 0.02))


def impossible(draw: Sampler) -> Calls:
    """Present a handful of numbers of no country, on trunks from abroad."""
    rng = draw.rng
    n = int(rng.integers(3, 8))
    code, tail = rng.choice(UNASSIGNED_CODES, n), rng.integers(10**6, 10**9, n)
    numbers = [f"+{c}{t}" for c, t in zip(code.tolist(), tail.tolist(), strict=True)]
    lines = draw.world.book.add(numbers, foreign=True, trunk=True)
    _, day = draw.call_days(1, draw.spell(3, 10, within=28), rate=rng.uniform(30, 120))
    _add_truth(draw, lines, "impossible_number")
    called, talk = _called_and_talk(draw, len(day), rng.uniform(0.25, 0.5))
    trunk = rng.choice(identifiers.international(rng, 2), len(day))
    caller, at = rng.choice(lines, len(day)), draw.call_times(day, LONG_DAY)
    return draw.calls(caller, called, at, talk, trunk_in=trunk)


def spoofed(draw: Sampler) -> Calls:
    """Present numbers of our subscribers on a trunk from abroad while they are used at home."""
    world, rng = draw.world, draw.rng
    free = unassigned_people(world)
    busiest = np.argsort(-world.people.rate[free], kind="stable")
    active = free[busiest[: max(len(free) // 6, 3)]]
    lines = rng.choice(active, min(int(rng.integers(1, 4)), len(active)), replace=False)
    n, days = len(lines), draw.spell(2, 6, within=28)
    which, day = draw.call_days(n, days, rate=rng.uniform(30, 120, n))
    _add_truth(draw, lines, "spoofed_number")
    called, talk = _called_and_talk(draw, len(day), rng.uniform(0.35, 0.6))
    trunk = rng.choice(identifiers.international(rng, 1), len(day))
    at = draw.call_times(day, LONG_DAY)
    batch = draw.calls(lines[which], called, at, talk, trunk_in=trunk)
    return draw.with_call_backs(batch, rng.uniform(0, 0.06))


KINDS = (Kind("overseas", overseas_presentation, 6, minimum=4),)
