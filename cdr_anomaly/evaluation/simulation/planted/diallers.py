"""Planted lines that dial strangers, as the press reports describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    unassigned_people,
)
from cdr_anomaly.evaluation.simulation.world import ABSENT, HOUR, N_CELLS, Calls, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

OFFICE = ((9.0, 12.0, 1.0), (13.0, 18.0, 1.0))


def dial(
    draw: Sampler,
    line: ArrayLike,
    at: Ints,
    *,
    cell: ArrayLike = ABSENT,
    home_share: float = 0.35,
    long_talks: bool = False,
) -> Calls:
    """Dial strangers at these times; a third or so answer, briefly, and hardly any call back.

    `home_share` is the share of our subscribers among the called; with `long_talks` one in eighty
    answers and talks for a quarter of an hour.
    """
    rng, n = draw.rng, len(at)
    seconds = draw.talk(n, rng.uniform(0.3, 0.5), median=rng.uniform(13, 24), sigma=0.8)
    if long_talks:
        seconds = np.maximum(seconds, draw.talk(n, 0.012, median=900, sigma=0.5))
    batch = draw.calls(line, draw.strangers(n, home_share=home_share), at, seconds, cell=cell)
    return draw.with_call_backs(batch, rng.uniform(0, 0.03))


def mass_dialler(draw: Sampler) -> Calls:
    """Place 1000 calls and more a day from one line; in turn each of another class of number."""
    line, batch = SHAPES[draw.k % len(SHAPES)](draw)
    draw.world.book.add_truth(line, "mass_dialler", actor=draw.actor, pattern="mass_dialler")
    return batch


def _mass_days(draw: Sampler, most: int, *, until: int = 7) -> Ints:
    """Repeat one to five days, each as often as the line dials on it."""
    days = draw.spell(1, 5, within=28, until=until)
    n = 1_050 + ((most - 1_050) * draw.rng.beta(1, 2.2, len(days))).astype(np.int64)
    return np.repeat(days, n)


def from_fixed(draw: Sampler) -> tuple[Ints, Calls]:
    """Dial 1050 to 3000 a day from one fixed line in office hours, several calls at once."""
    day = _mass_days(draw, 3_000, until=5)
    line = draw.fixed_lines(1, exchange=7700 + draw.k, activation=int(day.min()) - 9)
    return line, dial(draw, line[0], draw.call_times(day, OFFICE), long_talks=True)


def through_the_night(draw: Sampler) -> tuple[Ints, Calls]:
    """Dial 520 to 680 before and as many after midnight from one mobile, one after another."""
    rng = draw.rng
    line = draw.new_mobiles(1, activation=-45)
    eves = draw.spell(1, 3, within=28)
    eves = eves - (eves[-1] == draw.world.last_day)  # the last night has a morning, too
    n = rng.integers(520, 680, 2 * len(eves))
    evening = draw.call_times(np.repeat(eves, n[: len(eves)]), ((19.5, 24, 1),))
    morning = draw.call_times(np.repeat(eves + 1, n[len(eves) :]), ((0, 4.2, 1),))
    at = np.concatenate([evening, morning])
    return line, dial(draw, line[0], at, cell=rng.integers(N_CELLS))


def from_abroad(draw: Sampler) -> tuple[Ints, Calls]:
    """Call 1050 to 2200 of our subscribers a day with a number that looks foreign."""
    line = draw.world.book.add([f"+44203555{164 + 37 * draw.k:04d}"], foreign=True, trunk=True)
    at = draw.call_times(_mass_days(draw, 2_200), OFFICE)
    return line, dial(draw, line[0], at, home_share=1.0, long_talks=True)


def from_virtual(draw: Sampler) -> tuple[Ints, Calls]:
    """Dial 1050 to 1600 a day from one number of a virtual operator, one call after another."""
    book = draw.world.book
    number = phone_numbers.free(np.array([book.size]), phone_numbers.VIRTUAL)
    line = book.add(number, home=True, activation=-30)
    at = draw.call_times(_mass_days(draw, 1_600), ((8.5, 20.5, 1),))
    return line, dial(draw, line[0], at, cell=draw.rng.integers(N_CELLS))


def from_short_code(draw: Sampler) -> tuple[Ints, Calls]:
    """Dial 1050 to 3000 a day from a 95 number that the operator was not told of."""
    line = draw.world.book.add([phone_numbers.short_code(draw.k, 7)], home=True, trunk=True)
    at = draw.call_times(_mass_days(draw, 3_000), OFFICE)
    return line, dial(draw, line[0], at, home_share=0.2, long_talks=True)


SHAPES = (from_fixed, through_the_night, from_abroad, from_virtual, from_short_code)


def burst_dialler(draw: Sampler) -> Calls:
    """Call 60 to 250 strangers within one to three hours from one or two cells.

    Two lines in five had a human user before; about half act on one day, the others on up to five
    of the last three weeks.
    """
    world, rng = draw.world, draw.rng
    if draw.k % 5 in {0, 3}:
        line = rng.choice(unassigned_people(world), 1)
    else:
        line = draw.new_mobiles(1, activation=-50)
    weeks = world.weekdays(world.days - 21, until=7)
    n_days = 1 if rng.random() < 0.5 else int(rng.integers(2, 6))
    days = np.sort(rng.choice(weeks, min(n_days, len(weeks)), replace=False))
    usual = 65 + 185 * rng.beta(1.2, 1.8)
    n = rng.poisson(usual, len(days)).clip(60, 250)
    hours = float(np.clip(usual / rng.uniform(60, 110), 1, 3))
    begin = np.repeat(rng.uniform(9, 19.5, len(days)), n)
    at = draw.call_times(np.repeat(days, n), ((0, hours, 1),)) + (begin * HOUR).astype(np.int64)
    cells = rng.integers(0, N_CELLS, rng.integers(1, 3))
    world.book.add_truth(line, "burst_dialler", actor=draw.actor, pattern="high_frequency")
    return dial(draw, line[0], at, cell=rng.choice(cells, len(at)))


def new_sim_block(draw: Sampler) -> Calls:
    """Dial 60 to 150 strangers a day from 12 to 20 SIMs of one block, from their first hours on.

    They are sold within two days of the last week and used in one or two rooms.
    """
    world, rng = draw.world, draw.rng
    n = int(rng.integers(12, 21))
    first = world.last_day - int(rng.integers(2, 7)) + (rng.random(n) < 0.3)
    cells = np.tile(rng.integers(0, N_CELLS, 2), (n, 2))
    block = int(world.special_blocks().dialler[draw.k])
    numbers = phone_numbers.batch(rng, block, n, offset=300)
    lines = world.book.add(numbers, home=True, activation=first, cells=cells)
    days = np.arange(max(first.min(), 0), world.days)
    which, day = draw.call_days(n, days, rate=rng.uniform(60, 150, n))
    born = day >= first[which]
    at = draw.call_times(day[born], OFFICE)
    world.book.add_truth(lines, "new_sim_dialler", actor=draw.actor, pattern="block_burst")
    return dial(draw, lines[which[born]], at)


def lone_new_sim(draw: Sampler) -> Calls:
    """Dial 90 to 210 strangers on each of the first two or three days of a SIM."""
    world, rng = draw.world, draw.rng
    first = max(world.last_day - int(rng.integers(1, 7)), 0)
    line = draw.new_mobiles(1, activation=first)
    days = np.arange(first, min(first + int(rng.integers(2, 4)), world.days))
    _, at = draw.schedule(1, days, ((9.5, 18.5, 1),), rate=rng.uniform(100, 190))
    world.book.add_truth(line, "new_sim_dialler", actor=draw.actor, pattern="new_sim")
    return dial(draw, line[0], at)


KINDS = (
    Kind("mass_dialler", mass_dialler, len(SHAPES), minimum=len(SHAPES)),
    Kind("burst_dialler", burst_dialler, 10, minimum=4),
    Kind("new_sim_block", new_sim_block, 2),
    Kind("lone_new_sim", lone_new_sim, 5),
)
