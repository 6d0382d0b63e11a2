"""Planted pairs of roles: openers find those who listen, closers call these within minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import Kind, Sampler
from cdr_anomaly.evaluation.simulation.planted import victims
from cdr_anomaly.evaluation.simulation.world import (
    ABSENT,
    DAY,
    N_CELLS,
    Bools,
    Calls,
    Ints,
    Pair,
    concat_calls,
    delay_overlapping,
)

if TYPE_CHECKING:
    import polars as pl

SHIFT = ((9.0, 12.0, 3.0), (13.3, 18.5, 5.0))
CAPTIVES_PER_CLOSER = 6  # people whom one closer can hold beside his other work
TRIES = 4  # to find a closer who is free


class Roles(NamedTuple):
    """The two kinds of lines of an actor, and in which cell each of them is on a day."""

    openers: Ints
    closers: Ints
    days: Ints
    rate: Pair
    cells: Ints  # of each day of the simulation; ABSENT where each line has its own
    silent: Ints  # days on which none of them calls anybody


def hand_off(draw: Sampler) -> Calls:
    """Let three to six openers work for one to three closers; every third actor's at home."""
    world, rng = draw.world, draw.rng
    n_open, n_close = int(rng.integers(3, 7)), int(rng.integers(1, 4))
    lines = draw.new_mobiles(n_open + n_close, activation=-int(rng.integers(10, 150)))
    roles = Roles(
        lines[:n_open],
        lines[n_open:],
        draw.spell(7, 16, within=min(world.days, 33), until=6),
        (70, 160),
        np.full(world.days, ABSENT if draw.k % 3 == 1 else rng.integers(N_CELLS)),
        np.array([], np.int64),
    )
    return calls_of_roles(draw, roles, "hand_off")


def calls_of_roles(draw: Sampler, roles: Roles, pattern: str) -> Calls:
    """Return the calls of openers and closers, and of those whom the closers hold after that."""
    for lines, kind in ((roles.openers, "opener"), (roles.closers, "closer")):
        draw.world.book.add_truth(lines, kind, actor=draw.actor, pattern=pattern)
    opened, stayed = _openings(draw, roles)
    opened, row, victim = _choose_victims(draw, opened, stayed, roles)
    day = opened.rows["at"].to_numpy()[row] // DAY
    captor = draw.rng.choice(roles.closers, len(row))
    captive = victims.hold(draw, captor, victim, day + 1)
    closed = _closings(draw, roles, opened.rows[stayed], captive)
    few = _few_calls(draw, roles)
    few = few.drop(~victims.is_idle(few, concat_calls([captive, closed])))
    batch = _in_cells(roles, concat_calls([opened, closed, few, captive]))
    return draw.with_call_backs(batch, 0.003)


def _openings(draw: Sampler, roles: Roles) -> tuple[Calls, Ints]:
    """Call strangers; a few percent of those who answer stay on the line for 1 to 12 minutes.

    Returns the calls, and the rows of those who stayed.
    """
    rng, lines = draw.rng, roles.openers
    rate = rng.uniform(*roles.rate, len(lines))
    which, at = draw.schedule(len(lines), roles.days, SHIFT, rate=rate, off=0.04)
    n = len(at)
    seconds = draw.talk(n, rng.uniform(0.4, 0.6), median=rng.uniform(14, 30), sigma=0.8)
    stays = (seconds > 0) & (rng.random(n) < rng.uniform(0.03, 0.08))
    longer = np.exp(rng.uniform(np.log(60), np.log(720), n)).astype(np.int64)
    called = draw.strangers(n, home_share=rng.uniform(0.3, 0.6))
    batch = draw.calls(lines[which], called, at, np.where(stays, longer, seconds))
    single = np.zeros(draw.world.book.size, bool)
    return delay_overlapping(batch, single), np.flatnonzero(stays)


def _choose_victims(
    draw: Sampler, batch: Calls, stayed: Ints, roles: Roles
) -> tuple[Calls, Ints, Ints]:
    """Let some of those who stayed be people who are held from the next day on.

    Returns the calls, now to the victims, their rows, and the victims.
    """
    rng = draw.rng
    called, at = batch.numpy("called", "at")
    day = at[stayed] // DAY
    captive_days = day[:, None] + np.arange(1, 5)
    unbroken = ~np.isin(captive_days, roles.silent).any(axis=1)
    early = stayed[(day < draw.world.last_day - 1) & unbroken]
    most = min(CAPTIVES_PER_CLOSER * len(roles.closers), len(early))
    victim = victims.choose_victims(draw, min(int(rng.integers(6, 21)), most))
    row = rng.choice(early, len(victim), replace=False)
    called = called.copy()
    called[row] = victim
    return batch.replace(called=called), row, victim


def _closings(draw: Sampler, roles: Roles, stayed: pl.DataFrame, captive: Calls) -> Calls:
    """Let a closer call 60 to 85 % of those who stayed; whoever is free does it.

    Those whom nobody is free for within a quarter of an hour are not called.
    """
    rng = draw.rng
    share, still_on = rng.uniform(0.6, 0.85), rng.uniform(0, 0.2)
    left = stayed.filter(rng.random(len(stayed)) < share)
    closed: list[Calls] = []
    for _ in range(TRIES):
        tried = _closing_calls(draw, roles, left, still_on)
        possible = victims.is_idle(tried, concat_calls([captive, *closed])) & _is_in_time(tried)
        closed.append(tried.drop(~possible))
        left = left.filter(~possible)
    return concat_calls(closed)


def _closing_calls(draw: Sampler, roles: Roles, rows: pl.DataFrame, still_on: float) -> Calls:
    """Call 1 to 14 minutes after the opener, or before it hung up, and talk 8 to 60 minutes."""
    rng, n = draw.rng, len(rows)
    wait = np.where(rng.random(n) < still_on, -rng.uniform(5, 50, n), rng.uniform(60, 840, n))
    at = (rows["at"] + rows["talk"]).to_numpy() + wait.astype(np.int64)
    seconds = np.exp(rng.normal(np.log(1_200), 0.6, n)).clip(480, 3_600)
    closer = rng.choice(roles.closers, n)
    return draw.calls(closer, rows["called"].to_numpy(), at, seconds)


def _is_in_time(batch: Calls) -> Bools:
    """Mark the calls that their caller need not delay because of the call before."""
    caller, at, seconds = batch.numpy("caller", "at", "talk")
    order = np.lexsort((at, caller))
    key = (caller * 10**9 + at)[order]
    ends = np.maximum.accumulate(key + seconds[order] + 5)
    in_time = np.ones(len(key), bool)
    in_time[order[1:]] = key[1:] > ends[:-1]
    return in_time


def _few_calls(draw: Sampler, roles: Roles) -> Calls:
    """Return the few other calls of closers."""
    rng, lines = draw.rng, roles.closers
    rate = rng.uniform(1, 6, len(lines))
    which, at = draw.schedule(len(lines), roles.days, ((8.5, 20, 1),), rate=rate, spread=0.4)
    called = draw.strangers(len(at), home_share=0.5)
    batch = draw.calls(lines[which], called, at, draw.talk(len(at), 0.7, median=60))
    return batch.drop(~_is_in_time(batch))


def _in_cells(roles: Roles, batch: Calls) -> Calls:
    """Set the cell of the actor's calls to that of its lines on that day."""
    lines = np.concatenate([roles.openers, roles.closers])
    caller, at, cell = batch.numpy("caller", "at", "cell")
    day = (at // DAY).clip(0, len(roles.cells) - 1)
    return batch.replace(cell=np.where(np.isin(caller, lines), roles.cells[day], cell))


KINDS = (Kind("hand_off", hand_off, 3),)
