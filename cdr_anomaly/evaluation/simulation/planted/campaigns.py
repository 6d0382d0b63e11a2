"""Planted teams that work through one list: agents with a quota of talk, and campaigns."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    start_times,
)
from cdr_anomaly.evaluation.simulation.planted import victims
from cdr_anomaly.evaluation.simulation.planted.diallers import OFFICE
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, Calls, Ints, concat_calls

ALL_DAY = ((9.0, 12.0, 3.0), (13.5, 18.5, 5.0), (18.5, 20.5, 1.0))
RETRY_DAYS = 3
MIN_RETRY_WAIT_S = 600


def retry_missed(
    rng: np.random.Generator,
    batch: Calls,
    *,
    share: float,
    by_other: float,
    in_turn: bool = False,
    listened: bool = False,
) -> Calls:
    """Let a share of the calls be to people who did not answer up to three days before.

    A share `by_other` of these is placed by another of the lines, with `in_turn` by the next one;
    with `listened` they are to people who did answer.
    """
    caller, called, at, talk = batch.numpy("caller", "called", "at", "talk")
    lines, who = np.unique(caller, return_inverse=True)
    span = int(at.max()) + (RETRY_DAYS + 1) * DAY
    is_retry = rng.random(len(batch)) < share
    slot = np.flatnonzero(is_retry)
    slot = slot[np.argsort(who[slot] * span + at[slot], kind="stable")]
    missed = rng.permutation(np.flatnonzero(~is_retry & ((talk > 0) == listened)))
    step = 1 if in_turn else rng.integers(1, max(len(lines), 2), len(missed))
    next_line = (who[missed] + step * (rng.random(len(missed)) < by_other)) % len(lines)
    key, due = who[slot] * span + at[slot], next_line * span + at[missed]
    low = np.searchsorted(key, due + MIN_RETRY_WAIT_S)
    n_slots = np.searchsorted(key, due + RETRY_DAYS * DAY) - low
    chosen = (low + rng.random(len(missed)) * n_slots).astype(np.int64)[n_slots > 0]
    chosen, first = np.unique(chosen, return_index=True)
    called = called.copy()
    called[slot[chosen]] = called[missed[n_slots > 0][first]]
    return batch.replace(called=called)


def deal_list(rng: np.random.Generator, at: Ints, listed: Ints) -> Ints:
    """Deal the list in order of time, and from its beginning, in another order, when it ends."""
    rounds = len(at) // len(listed) + 1
    order = np.concatenate([rng.permutation(listed) for _ in range(rounds)])
    called = np.empty_like(at)
    called[np.argsort(at, kind="stable")] = order[: len(at)]
    return called


def agent_shift(draw: Sampler) -> Calls:
    """Work 8 to 10.5 hours of talk a day at home, on a list that the team shares.

    Some of those who talked are called by their agent, or a second line, for days.
    """
    rng = draw.rng
    n = int(rng.integers(6, 15))
    lines = draw.new_mobiles(n + 1, activation=-rng.integers(20, 260, n + 1))
    agents, lead = lines[:n], lines[n:]
    which, at, seconds = _shifts(draw, n, draw.spell(8, 20, until=6))
    # as long as it must be for an agent not to get the same people again and again
    fewest = np.clip(int(len(at) / n / 0.4), 2_000, 8_000)
    listed = np.unique(draw.strangers(int(rng.integers(fewest, 8_001)), home_share=0.4))
    batch = draw.calls(agents[which], deal_list(rng, at, listed), at, seconds)
    batch = retry_missed(rng, batch, share=rng.uniform(0.25, 0.4), by_other=0.5)
    batch, captive = victims.choose_among_called(draw, batch, lead)
    batch = batch.drop(~victims.is_idle(batch, captive))
    for ids, kind in ((agents, "agent"), (lead, "agent_lead")):
        draw.world.book.add_truth(ids, kind, actor=draw.actor, pattern="agent_shift")
    return concat_calls([draw.with_call_backs(batch, rng.uniform(0, 0.03)), captive])


def _shifts(draw: Sampler, n: int, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the index of the agent, time and talk of each call in the shifts of n agents.

    Calls follow each other, with pauses; each agent begins at about the same time every day.
    """
    rng = draw.rng
    which, day = (a.ravel() for a in np.indices((n, len(days))))
    at_work = rng.random(len(which)) < 0.95
    which, day = which[at_work], days[day[at_work]]
    size = np.rint(rng.uniform(95, 210, n)[which] * rng.lognormal(0, 0.08, len(which)))
    size = size.clip(90, 220).astype(np.int64)
    begin = rng.uniform(7.5, 10, n)[which] + rng.normal(0, rng.uniform(10, 35, n)[which] / 60)
    hours = rng.uniform(8, 10.5, len(which))
    span = np.minimum(np.maximum(rng.uniform(10, 14, len(which)), hours + 1), 23.5 - begin)
    answers = rng.random(size.sum()) < np.repeat(rng.uniform(0.45, 0.7, n)[which], size)
    talk = draw.share_out(size, hours * HOUR, sigma=0.9, among=answers)
    pause = (span - hours).clip(0.8) * HOUR - 6 * size
    gap = 6 + draw.share_out(size, pause.clip(60), sigma=1.3)
    seconds = np.ceil(talk).astype(np.int64)
    at = start_times(day * DAY + begin * HOUR, size, seconds, gap)
    return np.repeat(which, size), at, seconds


def campaign(draw: Sampler) -> Calls:
    """Call people of a list from a team of lines; in turn one of three ways to divide it."""
    batch = (shared_list, dealt_numbers, handed_on)[draw.k % 3](draw)
    return draw.with_call_backs(batch, draw.rng.uniform(0, 0.03))


def _team(draw: Sampler, fewest: int, most: int) -> Ints:
    """Add so many lines with handsets of their own in scattered cells."""
    n = int(draw.rng.integers(fewest, most + 1))
    lines = draw.new_mobiles(n, activation=-draw.rng.integers(15, 200, n))
    draw.world.book.add_truth(lines, "campaign", actor=draw.actor, pattern="campaign")
    return lines


def _campaign_calls(draw: Sampler, caller: Ints, called: Ints, at: Ints) -> Calls:
    rng, n = draw.rng, len(at)
    seconds = draw.talk(n, rng.uniform(0.25, 0.5), median=rng.uniform(18, 60), sigma=1.0)
    return draw.calls(caller, called, at, seconds)


def shared_list(draw: Sampler) -> Calls:
    """Call from one list, a part of it dealt at random, the others to one line each."""
    rng, lines = draw.rng, _team(draw, 8, 15)
    days = draw.spell(6, 14, until=6)
    rate = rng.uniform(50, 110, len(lines))
    which, at = draw.schedule(len(lines), days, ALL_DAY, rate=rate)
    listed = np.unique(draw.strangers(int(rng.integers(1_500, 6_001)), home_share=0.35))
    at_random = rng.random(len(at)) < rng.uniform(0.3, 0.6)
    called = np.where(at_random, rng.choice(listed, len(at)), deal_list(rng, at, listed))
    batch = _campaign_calls(draw, lines[which], called, at)
    return retry_missed(rng, batch, share=rng.uniform(0.2, 0.4), by_other=0.5)


def dealt_numbers(draw: Sampler) -> Calls:
    """Call the numbers of one or two blocks in their order: each line takes every n-th."""
    rng, lines = draw.rng, _team(draw, 6, 12)
    days = draw.spell(6, 14, until=6)
    rate = rng.uniform(50, 110, len(lines))
    which, at = draw.schedule(len(lines), days, OFFICE, rate=rate)
    at, which = np.sort(at), rng.permutation(which)
    listed = _consecutive_numbers(draw, int(len(at) * rng.uniform(0.6, 0.95)))
    turn = np.empty_like(which)
    order = np.argsort(which, kind="stable")
    first = np.searchsorted(which[order], np.arange(len(lines)))
    turn[order] = np.arange(len(which)) - first[which[order]]
    called = listed[(which + turn * len(lines)) % len(listed)]
    batch = _campaign_calls(draw, lines[which], called, at)
    return retry_missed(rng, batch, share=0.15, by_other=0.5)


def _consecutive_numbers(draw: Sampler, n: int) -> Ints:
    """Add the numbers of a stretch of one or of two blocks of other operators."""
    book, rng = draw.world.book, draw.rng
    used = {str(number)[3:10] for number in book.column("number")}
    free = [b for b in rng.integers(1_830_000, 1_880_000, 50).tolist() if str(b) not in used]
    per_block = n // int(rng.integers(1, 3)) + 1
    begin = int(rng.integers(0, max(10_000 - per_block, 1)))
    tails = range(begin, min(begin + per_block, 10_000))
    numbers = [f"+86{b}{tail:04d}" for b in free for tail in tails]
    return book.add(numbers[:n])


def handed_on(draw: Sampler) -> Calls:
    """Split 1000 calls a day over ten lines; who does not answer is left to the next line."""
    rng, lines = draw.rng, _team(draw, 10, 10)
    days = draw.spell(5, 12, until=6)
    which, day = draw.call_days(len(lines), days, rate=100, spread=0.08)
    called = draw.strangers(len(day), home_share=0.35)
    batch = _campaign_calls(draw, lines[which], called, draw.call_times(day, ALL_DAY))
    return retry_missed(rng, batch, share=0.4, by_other=0.9, in_turn=True)


KINDS = (Kind("agent_shift", agent_shift, 2), Kind("campaign", campaign, 3, minimum=3))
