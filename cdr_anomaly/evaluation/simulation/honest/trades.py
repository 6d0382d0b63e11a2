"""Honest people who call strangers for a living: they deliver, let flats, and sell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    between,
    moments,
    redials,
    round_trip,
    strangers,
    talk,
    unnoticed,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.world import HOUR, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cdr_anomaly.evaluation.simulation.call_behaviour import Pair, Window
    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

N_CLIENTS = 120
BAD_DAYS = 0.03  # share of working days with more to call, fewer answers and fewer call-backs


@dataclass(frozen=True)
class Trade:
    """How people of a trade use the telephone; each line has its own values within the pairs.

    `windows` are the hours (from, to, weight), `rate` the calls placed a working day, `answered`
    the share with talk of `talk_s` seconds, `back` the share of the called who call back, `again`
    the share of calls to people called before, `cells` the length of a day's round, `until` the
    first weekday that is off.
    """

    kind: str
    windows: tuple[Window, ...]
    rate: Pair
    answered: Pair
    back: Pair
    again: Pair
    cells: tuple[int, int]
    talk_s: float
    until: int = 7


MORNING_TO_EVENING = ((8.5, 12.5, 5.0), (12.5, 18.5, 6.0))
MEALS = ((10.8, 13.3, 6.0), (16.8, 20.3, 6.0), (13.3, 16.8, 1.0))
OFFICE = ((9.0, 12.0, 4.0), (14.0, 19.0, 6.0))
SPRINTS = ((9.3, 10.8, 6.0), (14.5, 15.8, 3.0), (16.0, 18.5, 1.0))

COURIER = Trade(
    "courier", MORNING_TO_EVENING, (60, 260), (0.62, 0.88), (0.06, 0.4), (0.03, 0.25), (6, 22), 22
)
NEW_COURIER = replace(COURIER, kind="new_courier", rate=(60, 180))
RIDER = Trade("rider", MEALS, (50, 210), (0.62, 0.9), (0.08, 0.36), (0.02, 0.15), (2, 17), 20)
ESTATE_AGENT = Trade(
    "estate_agent", OFFICE, (40, 140), (0.4, 0.65), (0.08, 0.3), (0.2, 0.55), (2, 8), 50, until=6
)
SALES = Trade("sales", OFFICE, (35, 130), (0.35, 0.6), (0.0, 0.2), (0.1, 0.5), (1, 4), 50, until=6)


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all trades; the established keep their private calls besides."""
    own = world.rng("volunteers").permutation(unnoticed(world))
    n = [world.scaled(n) for n in (280, 180, 140, 40, 20)]
    couriers, riders, agents, sales, sprinters, _ = np.split(own, np.cumsum(n))
    return together(
        [
            practise(world, couriers, COURIER),
            practise(world, riders, RIDER),
            practise(world, agents, ESTATE_AGENT),
            practise(world, sales, SALES),
            practise(world, sprinters, replace(SALES, windows=SPRINTS)),
            practise(
                world,
                people.new_couriers,
                NEW_COURIER,
                first=people.activation[people.new_couriers],
            ),
        ]
    )


def practise(world: World, lines: Ints, trade: Trade, *, first: ArrayLike = 0) -> Calls:
    """Make the work of all lines of a trade, from the day `first` of each on."""
    rng, n = world.rng(f"{trade.kind} {trade.windows[0]}"), len(lines)
    actor = world.book.alone(lines, trade.kind)
    which, day, bad = _working_days(world, rng, trade, np.broadcast_to(first, n))
    shift = rng.normal(0, 0.5 * HOUR, n).astype(np.int64)
    at = moments(rng, day, trade.windows) + shift[which]
    again = rng.random(len(at)) < rng.uniform(*trade.again, n)[which]
    clients = strangers(world, rng, n * N_CLIENTS).reshape(n, N_CLIENTS)
    known = clients[which, rng.integers(0, N_CLIENTS, len(at))]
    called = np.where(again, known, strangers(world, rng, len(at)))
    answered = rng.uniform(*trade.answered, n)[which] * np.where(bad, 0.65, 1) + 0.08 * again
    seconds = talk(rng, len(at), answered, median=trade.talk_s, sigma=0.7)
    cell = round_trip(rng, at, which, rng.integers(*trade.cells, n))
    out = calls(lines[which], called, at, seconds, cell=cell, actor=actor[which])
    back = rng.uniform(*trade.back, n)[which] * np.where(bad, 0.4, 1)
    more = redials(rng, out, 0.12, answered=0.6, median=trade.talk_s)
    return together([with_call_backs(rng, out, back), more])


def _working_days(
    world: World, rng: np.random.Generator, trade: Trade, first: Ints
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Repeat (place of the line, day, whether that was a bad day) for each call placed."""
    days = world.weekdays(until=trade.until)
    bad = rng.random((len(first), len(days))) < BAD_DAYS
    usual = between(rng, trade.rate, len(first))[:, None] * np.where(bad, 1.4, 1)
    usual = usual * (days >= first[:, None])
    which, day = work(rng, len(first), days, rate=usual, off=1 / 10, spread=0.25)
    return which, day, bad[which, np.searchsorted(days, day)]
