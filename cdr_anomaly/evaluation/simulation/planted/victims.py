"""Those whom a planted actor keeps on the telephone for days, and what it does to their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    fresh_sims,
    in_a_row,
    moments,
    share_out,
    strangers,
    talk,
    unnoticed,
    work,
)
from cdr_anomaly.evaluation.simulation.planted.diallers import act
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    HOUR,
    Calls,
    calls,
    one_at_a_time,
    together,
    without,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.planted.diallers import Actor
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Pair = tuple[float, float]

BUSY = 17  # ITU-T Q.850
KNOWN = 6  # friends that a person has at least, to be missed by some of them


class Held(NamedTuple):
    """Who is held by which line, from which day on, for how many days, by which actor."""

    line: Ints
    whom: Ints
    first: Ints
    n_days: Ints
    actor: Ints


def prey(world: World, people: People, rng: np.random.Generator, n: int) -> Ints:
    """Pick some established people with friends; a small city has few to lose."""
    ids = unnoticed(world)
    ids = ids[np.diff(people.begin)[ids] >= KNOWN]
    return rng.choice(ids, min(n, max(len(ids) // 10, 1)), replace=False)


def chosen(
    world: World, people: People, actor: Actor, batch: Calls, others: Ints
) -> tuple[Calls, Calls]:
    """Let some who talked be victims, held from the next day on by that line or one of `others`.

    Given back are the calls, which are now to the victims, and those that hold them.
    """
    rng, rows = actor.rng, batch.rows
    day = rows["at"].to_numpy() // DAY
    talked = np.flatnonzero((rows["talk"] >= 60).to_numpy() & (day < world.last - 1))
    whom = prey(world, people, rng, min(int(rng.integers(6, 21)), len(talked)))
    row = rng.choice(talked, len(whom), replace=False)
    called = rows["called"].to_numpy().copy()
    called[row] = whom
    caller = rows["caller"].to_numpy()[row]
    second = rng.choice(others, len(row))
    line = np.where(rng.random(len(row)) < 0.5, caller, second)
    held = groom(world, people, actor, (line, whom, day[row] + 1))
    return Calls(rows.with_columns(called=pl.Series(called)), batch.hops), held


def groom(
    world: World, people: People, actor: Actor, who: tuple[Ints, Ints, Ints], **more: Pair
) -> Calls:
    """Hold people (by line, whom, from which day) for two to four days; tell who they are.

    `days` (fewest, most) and `minutes` a day may be given.
    """
    rng, (line, whom, first) = actor.rng, who
    fewest, most = more.get("days", (2, 4))
    n_days = rng.integers(int(fewest), int(most) + 1, len(whom)).clip(max=world.days - first)
    held = Held(line, whom, first, n_days, np.full(len(whom), actor.id))
    talks = holding(world, rng, held, more.get("minutes", (25, 150)))
    world.book.victims.append(
        pl.DataFrame(
            {"id": whom, "actor": held.actor, "first_day": first, "last_day": first + n_days - 1}
        )
    )
    hush(world, held, rng.uniform(0, 0.4, len(whom)))
    vain = tried_in_vain(rng, people, talks, (2, 6))
    return together([talks, vain, _called_back(rng, held)])


def holding(world: World, rng: np.random.Generator, held: Held, minutes: Pair) -> Calls:
    """Call each of the held one to four times a day, so many minutes in all."""
    which = np.repeat(np.arange(len(held.whom)), held.n_days)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(held.n_days) - held.n_days, held.n_days)
    size = rng.integers(1, 5, len(which))
    parts = share_out(rng, size, rng.uniform(*minutes, len(which)) * 60, sigma=0.5)
    seconds = np.ceil(parts).astype(np.int64)
    begin = (held.first[which] + offset) * DAY + rng.uniform(8.3, 16.5, len(which)) * HOUR
    gap = 120 + rng.exponential(1_200, size.sum())
    at, of = in_a_row(begin, size, seconds, gap), np.repeat(which, size)
    batch = calls(held.line[of], held.whom[of], at, seconds, actor=held.actor[of])
    batch = one_at_a_time(batch, np.zeros(world.book.size, bool))
    spans = batch.rows.select(
        id="called", actor="actor", begin="at", end=pl.col("at") + pl.col("talk")
    )
    world.book.engaged.append(spans)
    return batch


def hush(world: World, held: Held, keep: ArrayLike) -> None:
    """Let people place only a share of their other calls on these days."""
    world.book.quiet.append(
        pl.DataFrame(
            {
                "id": held.whom,
                "first_day": held.first,
                "last_day": held.first + held.n_days - 1,
                "keep": np.broadcast_to(np.asarray(keep, float), held.whom.shape),
                "exempt": held.actor,
            }
        )
    )


def tried_in_vain(
    rng: np.random.Generator, people: People, talks: Calls, how_many: tuple[int, int]
) -> Calls:
    """Let the closest friends of each of the held ring while they are on the telephone."""
    rows = talks.rows.sort("called", maintain_order=True)
    called, at, seconds = (rows[c].to_numpy() for c in ("called", "at", "talk"))
    whom, begin, count = np.unique(called, return_index=True, return_counts=True)
    n = rng.integers(how_many[0], how_many[1] + 1, len(whom))
    of = np.repeat(np.arange(len(whom)), n)
    row = begin[of] + (rng.random(len(of)) * count[of]).astype(np.int64)
    when = at[row] + (rng.uniform(0.03, 0.97, len(of)) * seconds[row]).astype(np.int64)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    friends = np.diff(people.begin)[whom[of]]
    friend = people.friend[people.begin[whom[of]] + rank % friends]
    return calls(friend, whom[of], when, 0, cause=BUSY)


def _called_back(rng: np.random.Generator, held: Held) -> Calls:
    """Let one in three ring back once or twice in the evening."""
    times = rng.choice([0, 1, 2], len(held.whom), p=[2 / 3, 1 / 6, 1 / 6])
    of = np.repeat(np.arange(len(held.whom)), times)
    day = held.first[of] + (rng.random(len(of)) * held.n_days[of]).astype(np.int64)
    at = moments(rng, day, ((19.5, 22, 1),))
    seconds = talk(rng, len(at), 0.8, median=180)
    return calls(held.whom[of], held.line[of], at, seconds, actor=held.actor[of])


def not_while(batch: Calls, taken: Calls) -> Calls:
    """Leave out the calls that a line cannot place because it is on the telephone already."""
    return without(batch, ~free(batch, taken))


def free(batch: Calls, taken: Calls) -> Bools:
    """Tell which calls begin and end while their line places none of those taken."""
    span = 10**9  # longer than any time made
    busy = taken.rows.sort("caller", "at")
    begins = busy["caller"].to_numpy() * span + busy["at"].to_numpy()
    ends = np.maximum.accumulate(begins + busy["talk"].to_numpy() + 5)
    caller, at, seconds = (batch.rows[c].to_numpy() for c in ("caller", "at", "talk"))
    key = caller * span + at
    n_before = np.searchsorted(begins, key + seconds + 5)
    idle: Bools = np.concatenate([[0], ends])[n_before] <= key
    return idle


def captors(world: World, people: People) -> Calls:
    """Make the calls of lone lines that hold one person after the other for three days."""
    return together([captor(world, people, k) for k in range(world.scaled(4))])


def captor(world: World, people: People, k: int) -> Calls:
    """Hold one to three people in turn for hours on three days; the line is otherwise ordinary.

    Every other one is new, with a handful of calls a day.
    """
    actor = act(world, "captor", k)
    rng = actor.rng
    whom = prey(world, people, rng, int(rng.integers(1, 4)) if world.days > 14 else 1)
    length = 4 * len(whom)
    start = int(rng.integers(max(world.days - 28, 1), max(world.days - length, 2)))
    first = start + 4 * np.arange(len(whom))
    if k % 2:
        line, small = fresh_sims(world, rng, 1, activation=start - 3), _few(world, actor, start)
    else:
        line, small = rng.choice(np.setdiff1d(unnoticed(world), whom), 1), None
    world.book.tell(line, "captor", actor=actor.id, pattern="captor")
    holder = np.full(len(whom), line[0])
    at = moments(rng, first - 1, ((9, 17, 1),))
    opening = calls(line[0], whom, at, rng.integers(240, 2_400, len(whom)), actor=actor.id)
    held = groom(world, people, actor, (holder, whom, first), days=(3, 3), minutes=(90, 260))
    own = [] if small is None else [calls(line[0], *small, actor=actor.id)]
    return together([opening, held, *(not_while(part, held) for part in own)])


def _few(world: World, actor: Actor, start: int) -> tuple[Ints, Ints, Ints]:
    """Draw the few other calls of a new line: whom, when, and how long."""
    rng = actor.rng
    days = np.arange(max(start - 3, 0), world.days)
    _, day = work(rng, 1, days, rate=rng.uniform(2, 6), spread=0.4)
    friends = strangers(world, rng, 6, own=0.5)
    at = moments(rng, day, ((8, 22, 1),))
    return rng.choice(friends, len(at)), at, talk(rng, len(at), 0.6, median=50)


def settled(world: World, batch: Calls) -> Calls:
    """Take back the calls that people did not place, and those that could not reach them."""
    return _reached(world, _placed(world, batch))


def _placed(world: World, batch: Calls) -> Calls:
    """Leave out most calls that people would else place on the days on which they are quiet."""
    if not world.book.quiet:
        return batch
    rng, quiet = world.rng("quiet"), pl.concat(world.book.quiet)
    rows = batch.rows.with_row_index("row").filter(pl.col("caller").is_in(quiet["id"].to_list()))
    of = rows.join(quiet, left_on="caller", right_on="id", maintain_order="left").filter(
        (pl.col("at") // DAY).is_between("first_day", "last_day"),
        pl.col("actor") != pl.col("exempt"),
    )
    gone = np.zeros(len(batch), bool)
    gone[of["row"].to_numpy()[rng.random(of.height) >= of["keep"].to_numpy()]] = True
    return without(batch, gone)


def _reached(world: World, batch: Calls) -> Calls:
    """Let others find people busy while they are held; in this time they place no calls."""
    if not world.book.engaged:
        return batch
    spans = pl.concat(world.book.engaged).rename({"actor": "with"})
    ids, rows = spans["id"].unique().to_list(), batch.rows.with_row_index("row")
    at, end = pl.col("at"), pl.col("at") + pl.col("talk")
    during = {
        side: rows.filter(pl.col(side).is_in(ids))
        .join(spans, left_on=side, right_on="id", maintain_order="left")
        .filter(at < pl.col("end"), begins, pl.col("actor") != pl.col("with"))["row"]
        .unique()
        .to_numpy()
        for side, begins in (("caller", end >= pl.col("begin")), ("called", at >= pl.col("begin")))
    }
    busy, gone = np.zeros(len(batch), bool), np.zeros(len(batch), bool)
    busy[np.setdiff1d(during["called"], batch.hops["row"].to_numpy())] = True
    gone[during["caller"]] = True
    cause = np.where(busy, BUSY, batch.rows["cause"].to_numpy())
    seconds = np.where(busy, 0, batch.rows["talk"].to_numpy())
    told = batch.rows.with_columns(talk=pl.Series(seconds), cause=pl.Series(cause, dtype=pl.Int16))
    return without(Calls(told, batch.hops), gone)
