"""Honest people who call strangers for a living: they deliver, let flats, and sell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler, unassigned_people
from cdr_anomaly.evaluation.simulation.world import (
    HOUR,
    Calls,
    Floats,
    Ints,
    Pair,
    Window,
    World,
    build_calls,
    concat_calls,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

N_CLIENTS = 120
BAD_DAY_SHARE = 0.03  # share of working days with more to call, fewer answers and fewer call-backs


@dataclass(frozen=True)
class Trade:
    """How people of a trade use the telephone; each line has its own values within the pairs.

    `windows` are the hours (from, to, weight), `rate` the calls placed a working day, `answered`
    the share with talk of `talk_s` seconds, `called_back` the share of the called who call back,
    `known_share` that of calls to people called before, `cells` the length of a day's round,
    `until` the first weekday that is off.
    """

    kind: str
    windows: tuple[Window, ...]
    rate: Pair
    answered: Pair
    called_back: Pair
    known_share: Pair
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


def all_calls(world: World) -> Calls:
    """Return the calls of all trades; the established keep their private calls besides."""
    free, people = world.rng("volunteers").permutation(unassigned_people(world)), world.people
    sizes = [world.scale(n) for n in (280, 180, 140, 40, 20)]
    *groups, _ = np.split(free, np.cumsum(sizes))
    trades = (COURIER, RIDER, ESTATE_AGENT, SALES, replace(SALES, windows=SPRINTS))
    batches = [trade_calls(world, *pair) for pair in zip(groups, trades, strict=True)]
    first = people.activation[people.new_couriers]
    batches.append(trade_calls(world, people.new_couriers, NEW_COURIER, first=first))
    return concat_calls(batches)


def trade_calls(world: World, lines: Ints, trade: Trade, *, first: ArrayLike = 0) -> Calls:
    """Return the calls of all lines of a trade, from the day `first` of each on."""
    draw, n = Sampler.of_kind(world, f"{trade.kind} {trade.windows[0]}"), len(lines)
    rng, actor = draw.rng, world.book.add_honest_actors(lines, trade.kind)
    days = world.weekdays(until=trade.until)
    bad_days = rng.random((n, len(days))) < BAD_DAY_SHARE
    rate = _usual_rates(rng, trade.rate, n)[:, None] * np.where(bad_days, 1.4, 1)
    rate = rate * (days >= np.broadcast_to(first, n)[:, None])
    which, day = draw.call_days(n, days, rate=rate, off=1 / 10, spread=0.25)
    bad = bad_days[which, np.searchsorted(days, day)]
    shift = rng.normal(0, 0.5 * HOUR, n).astype(np.int64)
    at = draw.call_times(day, trade.windows) + shift[which]
    known = rng.random(len(at)) < rng.uniform(*trade.known_share, n)[which]
    clients = draw.strangers(n * N_CLIENTS).reshape(n, N_CLIENTS)
    client = clients[which, rng.integers(0, N_CLIENTS, len(at))]
    called = np.where(known, client, draw.strangers(len(at)))
    answered = rng.uniform(*trade.answered, n)[which] * np.where(bad, 0.65, 1) + 0.08 * known
    seconds = draw.talk(len(at), answered, median=trade.talk_s, sigma=0.7)
    cell = draw.round_trip(at, which, rng.integers(*trade.cells, n))
    batch = build_calls(lines[which], called, at, seconds, cell=cell, actor=actor[which])
    back = rng.uniform(*trade.called_back, n)[which] * np.where(bad, 0.4, 1)
    redials = draw.redials(batch, 0.12, answered=0.6, median=trade.talk_s)
    return concat_calls([draw.with_call_backs(batch, back), redials])


def _usual_rates(rng: np.random.Generator, bounds: Pair, n: int) -> Floats:
    """Draw usual daily numbers; the lower end is the more common one."""
    return bounds[0] + (bounds[1] - bounds[0]) * rng.beta(1.2, 2.5, n)
