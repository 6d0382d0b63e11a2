"""Planted teams that work through one list: agents with a quota of talk, and campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    fresh_sims,
    in_a_row,
    moments,
    share_out,
    strangers,
    talk,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.planted import victims
from cdr_anomaly.evaluation.simulation.planted.diallers import OFFICE, act
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.planted.diallers import Actor
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

ALL_DAY = ((9.0, 12.0, 3.0), (13.5, 18.5, 5.0), (18.5, 20.5, 1.0))
RETRY_DAYS = 3
SOONEST = 600  # seconds until somebody is tried again


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them."""
    shapes = (shared_list, dealt_numbers, handed_on)
    return together(
        [
            *(agent_shift(world, people, k) for k in range(world.scaled(2))),
            *(shapes[k % 3](world, k) for k in range(world.scaled(3, least=3))),
        ]
    )


def tried_again(
    rng: np.random.Generator,
    batch: Calls,
    *,
    share: float,
    other: float,
    in_turn: bool = False,
) -> Calls:
    """Let a share of the calls be to people who did not answer up to three days before.

    A share `other` of these is placed by another of the lines, with `in_turn` by the next one.
    """
    rows = batch.rows
    called = rows["called"].to_numpy().copy()
    lines, who = np.unique(rows["caller"].to_numpy(), return_inverse=True)
    at = rows["at"].to_numpy()
    span = int(at.max()) + (RETRY_DAYS + 1) * DAY
    again = rng.random(len(rows)) < share
    slot = np.flatnonzero(again)
    slot = slot[np.argsort(who[slot] * span + at[slot], kind="stable")]
    missed = rng.permutation(np.flatnonzero(~again & (rows["talk"] == 0).to_numpy()))
    step = 1 if in_turn else rng.integers(1, max(len(lines), 2), len(missed))
    next_line = (who[missed] + step * (rng.random(len(missed)) < other)) % len(lines)
    key, due = who[slot] * span + at[slot], next_line * span + at[missed]
    low = np.searchsorted(key, due + SOONEST)
    n_slots = np.searchsorted(key, due + RETRY_DAYS * DAY) - low
    place = (low + rng.random(len(missed)) * n_slots).astype(np.int64)[n_slots > 0]
    taken, first = np.unique(place, return_index=True)
    called[slot[taken]] = called[missed[n_slots > 0][first]]
    return Calls(rows.with_columns(called=pl.Series(called)), batch.hops)


def dealt(rng: np.random.Generator, at: Ints, listed: Ints) -> Ints:
    """Deal the list in order of time, and from its beginning, in another order, when it ends."""
    rounds = len(at) // len(listed) + 1
    order = np.concatenate([rng.permutation(listed) for _ in range(rounds)])
    called = np.empty_like(at)
    called[np.argsort(at, kind="stable")] = order[: len(at)]
    return called


def agent_shift(world: World, people: People, k: int) -> Calls:
    """Work 8 to 10.5 hours of talk a day at home, on a list that the team shares.

    Some of those who talked are called by their agent, or a second line, for days.
    """
    actor = act(world, "agent_shift", k)
    rng, n = actor.rng, int(actor.rng.integers(6, 15))
    lines = fresh_sims(world, rng, n + 1, activation=-rng.integers(20, 260, n + 1))
    agents, lead = lines[:n], lines[n:]
    days = world.spell(rng, int(rng.integers(8, 21)), within=world.days, until=6)
    which, at, seconds = _shifts(rng, n, days)
    # as long as it must be for an agent not to get the same people again and again
    fewest = np.clip(int(len(at) / n / 0.4), 2_000, 8_000)
    listed = np.unique(strangers(world, rng, int(rng.integers(fewest, 8_001)), own=0.4))
    called = dealt(rng, at, listed)
    batch = calls(agents[which], called, at, seconds, actor=actor.id)
    batch = tried_again(rng, batch, share=rng.uniform(0.25, 0.4), other=0.5)
    batch, held = victims.chosen(world, people, actor, batch, lead)
    batch = victims.not_while(batch, held)
    for told, kind in ((agents, "agent"), (lead, "agent_lead")):
        world.book.tell(told, kind, actor=actor.id, pattern="agent_shift")
    return together([with_call_backs(rng, batch, rng.uniform(0, 0.03)), held])


def _shifts(rng: np.random.Generator, n: int, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Lay out the shifts of n agents: place of the agent, time and talk of each call.

    Calls follow each other, with pauses; each agent begins at about the same time every day.
    """
    which, day = (a.ravel() for a in np.indices((n, len(days))))
    at_work = rng.random(len(which)) < 0.95
    which, day = which[at_work], days[day[at_work]]
    size = np.rint(rng.uniform(95, 210, n)[which] * rng.lognormal(0, 0.08, len(which)))
    size = size.clip(90, 220).astype(np.int64)
    begin = rng.uniform(7.5, 10, n)[which] + rng.normal(0, rng.uniform(10, 35, n)[which] / 60)
    hours = rng.uniform(8, 10.5, len(which))
    span = np.minimum(np.maximum(rng.uniform(10, 14, len(which)), hours + 1), 23.5 - begin)
    answers = rng.random(size.sum()) < np.repeat(rng.uniform(0.45, 0.7, n)[which], size)
    parts = share_out(rng, size, hours * HOUR, sigma=0.9, among=answers)
    pause = (span - hours).clip(0.8) * HOUR - 6 * size
    gap = 6 + share_out(rng, size, pause.clip(60), sigma=1.3)
    seconds = np.ceil(parts).astype(np.int64)
    at = in_a_row((day * DAY + begin * HOUR), size, seconds, gap)
    return np.repeat(which, size), at, seconds


def _team(world: World, actor: Actor, fewest: int, most: int) -> Ints:
    """Add so many lines with handsets of their own in scattered cells."""
    n = int(actor.rng.integers(fewest, most + 1))
    lines = fresh_sims(world, actor.rng, n, activation=-actor.rng.integers(15, 200, n))
    world.book.tell(lines, "campaign", actor=actor.id, pattern="campaign")
    return lines


def _days(world: World, rng: np.random.Generator, fewest: int = 6, most: int = 14) -> Ints:
    return world.spell(rng, int(rng.integers(fewest, most + 1)), within=world.days, until=6)


def _campaign(actor: Actor, caller: Ints, called: Ints, at: Ints) -> Calls:
    rng = actor.rng
    seconds = talk(rng, len(at), rng.uniform(0.25, 0.5), median=rng.uniform(18, 60), sigma=1.0)
    return calls(caller, called, at, seconds, actor=actor.id)


def shared_list(world: World, k: int) -> Calls:
    """Call from one list, a part of it dealt at random, the others to one line each."""
    actor = act(world, "campaign", k)
    rng, lines = actor.rng, _team(world, actor, 8, 15)
    which, day = work(rng, len(lines), _days(world, rng), rate=rng.uniform(50, 110, len(lines)))
    at = moments(rng, day, ALL_DAY)
    listed = np.unique(strangers(world, rng, int(rng.integers(1_500, 6_001)), own=0.35))
    drawn = rng.random(len(at)) < rng.uniform(0.3, 0.6)
    called = np.where(drawn, rng.choice(listed, len(at)), dealt(rng, at, listed))
    batch = _campaign(actor, lines[which], called, at)
    batch = tried_again(rng, batch, share=rng.uniform(0.2, 0.4), other=0.5)
    return with_call_backs(rng, batch, rng.uniform(0, 0.03))


def dealt_numbers(world: World, k: int) -> Calls:
    """Call the numbers of one or two blocks in their order: each line takes every n-th."""
    actor = act(world, "campaign", k)
    rng, lines = actor.rng, _team(world, actor, 6, 12)
    days = _days(world, rng)
    which, day = work(rng, len(lines), days, rate=rng.uniform(50, 110, len(lines)))
    at = np.sort(moments(rng, day, OFFICE))
    which = rng.permutation(which)
    wanted = int(len(at) * rng.uniform(0.6, 0.95))
    listed = _consecutive(world, rng, wanted)
    turn = np.empty_like(which)
    order = np.argsort(which, kind="stable")
    first = np.searchsorted(which[order], np.arange(len(lines)))
    turn[order] = np.arange(len(which)) - first[which[order]]
    called = listed[(which + turn * len(lines)) % len(listed)]
    batch = _campaign(actor, lines[which], called, at)
    batch = tried_again(rng, batch, share=0.15, other=0.5)
    return with_call_backs(rng, batch, rng.uniform(0, 0.03))


def _consecutive(world: World, rng: np.random.Generator, n: int) -> Ints:
    """Add the numbers of a stretch of one or of two blocks of other operators."""
    used = {str(number)[3:10] for number in world.book.column("number")}
    free = [b for b in rng.integers(1_830_000, 1_880_000, 50).tolist() if str(b) not in used]
    per_block = n // int(rng.integers(1, 3)) + 1
    begin = int(rng.integers(0, max(10_000 - per_block, 1)))
    tails = range(begin, min(begin + per_block, 10_000))
    listed = [f"+86{b}{tail:04d}" for b in free for tail in tails]
    return world.book.add(listed[:n])


def handed_on(world: World, k: int) -> Calls:
    """Split 1000 calls a day over ten lines; who does not answer is left to the next line."""
    actor = act(world, "campaign", k)
    rng, lines = actor.rng, _team(world, actor, 10, 10)
    which, day = work(rng, len(lines), _days(world, rng, 5, 12), rate=100, spread=0.08)
    called = strangers(world, rng, len(day), own=0.35)
    batch = _campaign(actor, lines[which], called, moments(rng, day, ALL_DAY))
    batch = tried_again(rng, batch, share=0.4, other=0.9, in_turn=True)
    return with_call_backs(rng, batch, rng.uniform(0, 0.03))
