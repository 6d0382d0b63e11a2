"""Those whom a planted actor keeps on the telephone for days, and what it does to their calls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    start_times,
    unassigned_people,
)
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    HOUR,
    Bools,
    Calls,
    Ints,
    Pair,
    World,
    build_calls,
    concat_calls,
    delay_overlapping,
)

BUSY_CAUSE = 17  # ITU-T Q.850
MIN_FRIENDS = 6  # of a victim, so that some of them miss it


class Captives(NamedTuple):
    """People who are held on the telephone: by which line, from which day, how many days."""

    captor: Ints
    victim: Ints
    first: Ints
    n_days: Ints
    actor: Ints


def choose_victims(draw: Sampler, n: int) -> Ints:
    """Pick up to n established people with friends; a small city has few to lose."""
    ids, people = unassigned_people(draw.world), draw.world.people
    ids = ids[np.diff(people.begin)[ids] >= MIN_FRIENDS]
    return draw.rng.choice(ids, min(n, max(len(ids) // 10, 1)), replace=False)


def choose_among_called(draw: Sampler, batch: Calls, others: Ints) -> tuple[Calls, Calls]:
    """Let some who talked be victims, held from the next day on by that line or one of `others`.

    Returns the calls, some of which are now to the victims, and the calls that hold the victims.
    """
    rng = draw.rng
    caller, called, at, talk = batch.numpy("caller", "called", "at", "talk")
    day = at // DAY
    talked = np.flatnonzero((talk >= 60) & (day < draw.world.last_day - 1))
    victim = choose_victims(draw, min(int(rng.integers(6, 21)), len(talked)))
    row = rng.choice(talked, len(victim), replace=False)
    called = called.copy()
    called[row] = victim
    second = rng.choice(others, len(row))
    captor = np.where(rng.random(len(row)) < 0.5, caller[row], second)
    return batch.replace(called=called), hold(draw, captor, victim, day[row] + 1)


def hold(
    draw: Sampler,
    captor: Ints,
    victim: Ints,
    first: Ints,
    *,
    days: tuple[int, int] = (2, 4),
    minutes: Pair = (25, 150),
) -> Calls:
    """Hold people from a day on, for some days and some minutes a day, and record who they are.

    Returns the calls that hold them, those of friends who find them busy, and their call-backs.
    """
    rng, book = draw.rng, draw.world.book
    n_days = rng.integers(days[0], days[1] + 1, len(victim)).clip(max=draw.world.days - first)
    captives = Captives(captor, victim, first, n_days, np.full(len(victim), draw.actor))
    talks, last = captive_calls(draw, captives, minutes), first + n_days - 1
    spans = {"id": victim, "actor": captives.actor, "first_day": first, "last_day": last}
    book.victims.append(pl.DataFrame(spans))
    book.add_quiet_spells(victim, first, last, rng.uniform(0, 0.4, len(victim)), captives.actor)
    vain = vain_calls(draw, talks, (2, 6))
    return concat_calls([talks, vain, _calls_to_captor(draw, captives)])


def captive_calls(draw: Sampler, captives: Captives, minutes: Pair) -> Calls:
    """Call each captive one to four times a day, so many minutes in all."""
    rng, book = draw.rng, draw.world.book
    captor, victim, first, n_days, actor = captives
    which = np.repeat(np.arange(len(victim)), n_days)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(n_days) - n_days, n_days)
    size = rng.integers(1, 5, len(which))
    talk = draw.share_out(size, rng.uniform(*minutes, len(which)) * 60, sigma=0.5)
    seconds = np.ceil(talk).astype(np.int64)
    begin = (first[which] + offset) * DAY + rng.uniform(8.3, 16.5, len(which)) * HOUR
    gap = 120 + rng.exponential(1_200, size.sum())
    at, of = start_times(begin, size, seconds, gap), np.repeat(which, size)
    batch = build_calls(captor[of], victim[of], at, seconds, actor=actor[of])
    batch = delay_overlapping(batch, np.zeros(book.size, bool))
    end = pl.col("at") + pl.col("talk")
    book.captive_talks.append(batch.rows.select(id="called", actor="actor", begin="at", end=end))
    return batch


def vain_calls(draw: Sampler, talks: Calls, number: tuple[int, int]) -> Calls:
    """Let the closest friends of each captive ring so often while it is on the telephone."""
    rng, people = draw.rng, draw.world.people
    rows = talks.rows.sort("called", maintain_order=True)
    called, at, seconds = (rows[c].to_numpy() for c in ("called", "at", "talk"))
    victim, begin, count = np.unique(called, return_index=True, return_counts=True)
    n = rng.integers(number[0], number[1] + 1, len(victim))
    of = np.repeat(np.arange(len(victim)), n)
    row = begin[of] + (rng.random(len(of)) * count[of]).astype(np.int64)
    when = at[row] + (rng.uniform(0.03, 0.97, len(of)) * seconds[row]).astype(np.int64)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    friends = np.diff(people.begin)[victim[of]]
    friend = people.friend[people.begin[victim[of]] + rank % friends]
    return build_calls(friend, victim[of], when, 0, cause=BUSY_CAUSE)


def _calls_to_captor(draw: Sampler, captives: Captives) -> Calls:
    """Let one captive in three ring back once or twice in the evening."""
    rng, n = draw.rng, len(captives.victim)
    times = rng.choice([0, 1, 2], n, p=[2 / 3, 1 / 6, 1 / 6])
    of = np.repeat(np.arange(n), times)
    day = captives.first[of] + (rng.random(len(of)) * captives.n_days[of]).astype(np.int64)
    at = draw.call_times(day, ((19.5, 22, 1),))
    seconds = draw.talk(len(at), 0.8, median=180)
    return draw.calls(captives.victim[of], captives.captor[of], at, seconds)


def is_idle(batch: Calls, busy: Calls) -> Bools:
    """Mark the calls that begin and end while their caller places none of the calls in `busy`."""
    span = 10**9  # longer than any simulation
    rows = busy.rows.sort("caller", "at")
    begins = rows["caller"].to_numpy() * span + rows["at"].to_numpy()
    ends = np.maximum.accumulate(begins + rows["talk"].to_numpy() + 5)
    caller, at, seconds = batch.numpy("caller", "at", "talk")
    key = caller * span + at
    n_before = np.searchsorted(begins, key + seconds + 5)
    idle: Bools = np.concatenate([[0], ends])[n_before] <= key
    return idle


def captor(draw: Sampler) -> Calls:
    """Hold one to three people in turn for hours on three days; the line is otherwise ordinary.

    Every other one is new, with a handful of calls a day.
    """
    world, rng = draw.world, draw.rng
    victim = choose_victims(draw, int(rng.integers(1, 4)) if world.days > 14 else 1)
    n = len(victim)
    start = int(rng.integers(max(world.days - 28, 1), max(world.days - 4 * n, 2)))
    first = start + 4 * np.arange(n)
    few = []
    if draw.k % 2:
        line = draw.new_mobiles(1, activation=start - 3)[0]
        few.append(_few_calls(draw, line, start))
    else:
        line = rng.choice(np.setdiff1d(unassigned_people(world), victim), 1)[0]
    world.book.add_truth(line, "captor", actor=draw.actor, pattern="captor")
    at = draw.call_times(first - 1, ((9, 17, 1),))
    opening = draw.calls(line, victim, at, rng.integers(240, 2_400, n))
    captive = hold(draw, np.full(n, line), victim, first, days=(3, 3), minutes=(90, 260))
    few = [calls.drop(~is_idle(calls, captive)) for calls in few]
    return concat_calls([opening, captive, *few])


def _few_calls(draw: Sampler, line: int, start: int) -> Calls:
    """Return the few other calls of a new line."""
    rng = draw.rng
    days = np.arange(max(start - 3, 0), draw.world.days)
    _, day = draw.call_days(1, days, rate=rng.uniform(2, 6), spread=0.4)
    friends = draw.strangers(6, home_share=0.5)
    at = draw.call_times(day, ((8, 22, 1),))
    return draw.calls(line, rng.choice(friends, len(at)), at, draw.talk(len(at), 0.6, median=50))


def apply_captivity(world: World, batch: Calls) -> Calls:
    """Take back the calls that captives did not place, and those that could not reach them."""
    return _find_busy(world, _keep_quiet(world, batch))


def _keep_quiet(world: World, batch: Calls) -> Calls:
    """Leave out most calls that people would else place on the days on which they are quiet."""
    if not world.book.quiet_spells:
        return batch
    rng, quiet = world.rng("quiet"), pl.concat(world.book.quiet_spells)
    rows = batch.rows.with_row_index("row").filter(pl.col("caller").is_in(quiet["id"].to_list()))
    of = rows.join(quiet, left_on="caller", right_on="id", maintain_order="left").filter(
        (pl.col("at") // DAY).is_between("first_day", "last_day"),
        pl.col("actor") != pl.col("exempt"),
    )
    dropped = np.zeros(len(batch), bool)
    dropped[of["row"].to_numpy()[rng.random(of.height) >= of["keep"].to_numpy()]] = True
    return batch.drop(dropped)


def _find_busy(world: World, batch: Calls) -> Calls:
    """Let others find captives busy while they are held; in this time they place no calls."""
    if not world.book.captive_talks:
        return batch
    spans = pl.concat(world.book.captive_talks).rename({"actor": "captive_of"})
    ids, rows = spans["id"].unique().to_list(), batch.rows.with_row_index("row")
    at, end = pl.col("at"), pl.col("at") + pl.col("talk")
    during = {
        side: rows.filter(pl.col(side).is_in(ids))
        .join(spans, left_on=side, right_on="id", maintain_order="left")
        .filter(at < pl.col("end"), begins, pl.col("actor") != pl.col("captive_of"))["row"]
        .unique()
        .to_numpy()
        for side, begins in (("caller", end >= pl.col("begin")), ("called", at >= pl.col("begin")))
    }
    busy, dropped = np.zeros(len(batch), bool), np.zeros(len(batch), bool)
    busy[np.setdiff1d(during["called"], batch.hops["row"].to_numpy())] = True
    dropped[during["caller"]] = True
    talk, cause = batch.numpy("talk", "cause")
    cause, talk = np.where(busy, BUSY_CAUSE, cause), np.where(busy, 0, talk)
    return batch.replace(talk=talk, cause=cause).drop(dropped)


KINDS = (Kind("captor", captor, 4),)
