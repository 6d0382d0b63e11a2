"""Planted pairs of roles: openers find those who listen, closers call these within minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    fresh_sims,
    moments,
    strangers,
    talk,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.planted import victims
from cdr_anomaly.evaluation.simulation.planted.diallers import act
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    N_CELLS,
    NOBODY,
    Calls,
    calls,
    one_at_a_time,
    together,
    without,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.planted.diallers import Actor
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

SHIFT = ((9.0, 12.0, 3.0), (13.3, 18.5, 5.0))
HOLDS = 6  # people whom one closer can hold beside his other work
FREE_WITHIN = 4  # tries to find a closer who is free


class Roles(NamedTuple):
    """The two kinds of lines of an actor, and in which cell each of them is on a day."""

    openers: Ints
    closers: Ints
    days: Ints
    rate: tuple[float, float]
    rooms: Ints  # of each day that is made; NOBODY where each line has its own
    silent: Ints  # days on which none of them calls anybody


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them."""
    return together([hand_off(world, people, k) for k in range(world.scaled(3))])


def hand_off(world: World, people: People, k: int) -> Calls:
    """Let three to six openers work for one to three closers; every third actor's at home."""
    actor = act(world, "hand_off", k)
    rng = actor.rng
    n_open, n_close = int(rng.integers(3, 7)), int(rng.integers(1, 4))
    lines = fresh_sims(world, rng, n_open + n_close, activation=-int(rng.integers(10, 150)))
    roles = Roles(
        lines[:n_open],
        lines[n_open:],
        world.spell(rng, int(rng.integers(7, 17)), within=min(world.days, 33), until=6),
        (70, 160),
        np.full(world.days, NOBODY if k % 3 == 1 else rng.integers(N_CELLS)),
        np.array([], np.int64),
    )
    return worked(world, people, actor, roles, "hand_off")


def worked(world: World, people: People, actor: Actor, roles: Roles, pattern: str) -> Calls:
    """Make the calls of openers and closers, and of those whom the closers hold after that."""
    for told, kind in ((roles.openers, "opener"), (roles.closers, "closer")):
        world.book.tell(told, kind, actor=actor.id, pattern=pattern)
    opened, kept = _opened(world, actor, roles)
    opened, row, whom = _victims(world, people, actor, (opened, kept), roles)
    day = opened.rows["at"].to_numpy()[row] // DAY
    held = victims.groom(
        world, people, actor, (actor.rng.choice(roles.closers, len(row)), whom, day + 1)
    )
    over = _handed_over(actor, roles, opened.rows[kept], held)
    few = victims.not_while(_few(world, actor, roles), together([held, over]))
    batch = _in_rooms(roles, together([opened, over, few, held]))
    return with_call_backs(actor.rng, batch, 0.003)


def _opened(world: World, actor: Actor, roles: Roles) -> tuple[Calls, Ints]:
    """Call strangers; a few percent of those who answer stay on the line for 1 to 12 minutes.

    Given back are also the places of the calls of these.
    """
    rng, lines = actor.rng, roles.openers
    rate = rng.uniform(*roles.rate, len(lines))
    which, day = work(rng, len(lines), roles.days, rate=rate, off=0.04)
    at = moments(rng, day, SHIFT)
    seconds = talk(rng, len(at), rng.uniform(0.4, 0.6), median=rng.uniform(14, 30), sigma=0.8)
    stays = (seconds > 0) & (rng.random(len(at)) < rng.uniform(0.03, 0.08))
    longer = np.exp(rng.uniform(np.log(60), np.log(720), len(at))).astype(np.int64)
    called = strangers(world, rng, len(at), own=rng.uniform(0.3, 0.6))
    batch = calls(lines[which], called, at, np.where(stays, longer, seconds), actor=actor.id)
    return one_at_a_time(batch, np.zeros(world.book.size, bool)), np.flatnonzero(stays)


def _victims(
    world: World, people: People, actor: Actor, opened: tuple[Calls, Ints], roles: Roles
) -> tuple[Calls, Ints, Ints]:
    """Let some of those who stayed be people who are held from the next day on."""
    (batch, kept), rng = opened, actor.rng
    day = batch.rows["at"].to_numpy()[kept] // DAY
    held_on = day[:, None] + np.arange(1, 5)
    early = kept[(day < world.last - 1) & ~np.isin(held_on, roles.silent).any(axis=1)]
    most = min(HOLDS * len(roles.closers), len(early))
    whom = victims.prey(world, people, rng, min(int(rng.integers(6, 21)), most))
    row = rng.choice(early, len(whom), replace=False)
    called = batch.rows["called"].to_numpy().copy()
    called[row] = whom
    return Calls(batch.rows.with_columns(called=pl.Series(called)), batch.hops), row, whom


def _handed_over(actor: Actor, roles: Roles, stayed: pl.DataFrame, held: Calls) -> Calls:
    """Let a closer call 60 to 85 % of those who stayed; whoever is free does it.

    Those whom nobody is free for within a quarter of an hour are not called.
    """
    share, still_on = actor.rng.uniform(0.6, 0.85), actor.rng.uniform(0, 0.2)
    left = stayed.filter(actor.rng.random(len(stayed)) < share)
    made: list[Calls] = []
    for _ in range(FREE_WITHIN):
        tried = _takes_over(actor, roles, left, still_on)
        can = victims.free(tried, together([held, *made])) & _unhurried(tried)
        made.append(without(tried, ~can))
        left = left.filter(~can)
    return together(made)


def _takes_over(actor: Actor, roles: Roles, rows: pl.DataFrame, still_on: float) -> Calls:
    """Call 1 to 14 minutes after the opener, or before it hung up, and talk 8 to 60 minutes."""
    rng, n = actor.rng, len(rows)
    wait = np.where(rng.random(n) < still_on, -rng.uniform(5, 50, n), rng.uniform(60, 840, n))
    at = (rows["at"] + rows["talk"]).to_numpy() + wait.astype(np.int64)
    seconds = np.exp(rng.normal(np.log(1_200), 0.6, n)).clip(480, 3_600)
    closer = rng.choice(roles.closers, n)
    return calls(closer, rows["called"].to_numpy(), at, seconds, actor=actor.id)


def _unhurried(batch: Calls) -> NDArray[np.bool_]:
    """Tell which calls a line need not wait for because it is on the one before."""
    caller, at, seconds = (batch.rows[c].to_numpy() for c in ("caller", "at", "talk"))
    order = np.lexsort((at, caller))
    key = (caller * 10**9 + at)[order]
    ends = np.maximum.accumulate(key + seconds[order] + 5)
    idle = np.ones(len(key), bool)
    idle[order[1:]] = key[1:] > ends[:-1]
    return idle


def _few(world: World, actor: Actor, roles: Roles) -> Calls:
    """Place the few other calls of closers."""
    rng, lines = actor.rng, roles.closers
    which, day = work(rng, len(lines), roles.days, rate=rng.uniform(1, 6, len(lines)), spread=0.4)
    at = moments(rng, day, ((8.5, 20, 1),))
    called = strangers(world, rng, len(at), own=0.5)
    seconds = talk(rng, len(at), 0.7, median=60)
    batch = calls(lines[which], called, at, seconds, actor=actor.id)
    return without(batch, ~_unhurried(batch))


def _in_rooms(roles: Roles, batch: Calls) -> Calls:
    """Place the calls of the actor's lines in its room of that day."""
    own = batch.rows["caller"].is_in(np.concatenate([roles.openers, roles.closers]).tolist())
    day = (batch.rows["at"].to_numpy() // DAY).clip(0, len(roles.rooms) - 1)
    cell = np.where(own.to_numpy(), roles.rooms[day], batch.rows["cell"].to_numpy())
    return Calls(batch.rows.with_columns(cell=pl.Series(cell)), batch.hops)
