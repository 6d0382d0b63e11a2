"""Small habits that all kinds share: when one calls, whether it is answered, who calls back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.world import (
    DAY,
    HOUR,
    N_CELLS,
    NOBODY,
    Calls,
    calls,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Pair = tuple[float, float]
    Window = tuple[float, float, float]

SOON = 2 * HOUR


def moments(rng: np.random.Generator, day: Ints, windows: Sequence[Window]) -> Ints:
    """Draw one time of each day from windows (from hour, to hour, weight)."""
    low, high, weight = np.array(windows, float).T
    which = rng.choice(len(low), len(day), p=weight / weight.sum())
    hours = low[which] + rng.random(len(day)) * (high - low)[which]
    at: Ints = day * DAY + (hours * HOUR).astype(np.int64)
    return at


def talk(
    rng: np.random.Generator, n: int, answered: ArrayLike, *, median: ArrayLike, sigma: float = 0.9
) -> Ints:
    """Draw seconds of talk, lognormal; 0 where nobody answered."""
    seconds = np.ceil(np.exp(rng.normal(np.log(median), sigma, n))).clip(1, 10_800)
    return np.where(rng.random(n) < np.asarray(answered), seconds, 0).astype(np.int64)


def work(
    rng: np.random.Generator,
    n: int,
    days: Ints,
    *,
    rate: ArrayLike,
    off: float = 0.0,
    spread: float = 0.12,
) -> tuple[Ints, Ints]:
    """Repeat (place of the line, day) as often as each of n lines calls that day.

    `rate` is the usual number, one for all, one a line, or one a line and day; `off` the share of
    days without work; `spread` how far (sigma of a lognormal) a day's number is from the usual.
    """
    given = np.asarray(rate, float)
    usual = np.broadcast_to(given[:, None] if given.ndim == 1 else given, (n, len(days)))
    at_work = rng.random(usual.shape) >= off
    number = np.rint(usual * rng.lognormal(0, spread, usual.shape) * at_work).astype(np.int64)
    which, place = (a.ravel() for a in np.indices(usual.shape))
    return np.repeat(which, number.ravel()), np.repeat(days[place], number.ravel())


def between(rng: np.random.Generator, bounds: Pair, n: int) -> Floats:
    """Draw usual daily numbers; the lower end is the more common one."""
    return bounds[0] + (bounds[1] - bounds[0]) * rng.beta(1.2, 2.5, n)


def call_backs(
    rng: np.random.Generator, batch: Calls, share: ArrayLike, *, answered: float = 0.85
) -> Calls:
    """Let a share of the called call back within two hours, more of those who missed the call."""
    rows = batch.rows
    missed = rows["talk"].to_numpy() == 0
    weight = np.where(missed, 2.5, 0.8)
    chosen = rng.random(len(rows)) * weight.sum() < np.asarray(share) * weight * len(rows)
    back = rows.filter(chosen & (rows["caller"] != NOBODY).to_numpy())
    wait = 20 + rng.exponential(1_500, len(back)) % (SOON - 200)
    at = (back["at"] + back["talk"]).to_numpy() + wait.astype(np.int64)
    seconds = talk(rng, len(back), answered, median=35)
    caller, called, actor = (back[c].to_numpy() for c in ("called", "caller", "actor"))
    return calls(caller, called, at, seconds, actor=actor)


def with_call_backs(rng: np.random.Generator, batch: Calls, share: ArrayLike) -> Calls:
    """Append the call-backs to the calls."""
    return together([batch, call_backs(rng, batch, share)])


def redials(
    rng: np.random.Generator, batch: Calls, share: float, *, answered: float, median: float
) -> Calls:
    """Call again within minutes after a share of the unanswered calls."""
    missed = (batch.rows["talk"] == 0).to_numpy() & (rng.random(len(batch)) < share)
    rows = batch.rows.filter(missed)
    at = rows["at"].to_numpy() + 30 + rng.exponential(240, len(rows)).astype(np.int64)
    caller, called, cell, actor = (
        rows[c].to_numpy() for c in ("caller", "called", "cell", "actor")
    )
    seconds = talk(rng, len(rows), answered, median=median)
    return calls(caller, called, at, seconds, cell=cell, actor=actor)


def places(rng: np.random.Generator, n: int) -> Ints:
    """Draw the places of n lines: one to four cells, home first; one cell fills empty columns."""
    home = rng.integers(0, N_CELLS, n)
    others = rng.integers(0, N_CELLS, (n, 3))
    used = np.arange(3) < rng.integers(0, 4, n)[:, None]
    return np.column_stack([home, np.where(used, others, home[:, None])])


def round_trip(rng: np.random.Generator, at: Ints, which: Ints, length: Ints) -> Ints:
    """Move each line through its own round of neighbouring cells in the course of the day.

    `which` is the place of a call's line among the lines, `length` has the cells of each line.
    """
    first = rng.integers(0, N_CELLS, len(length))[which]
    share = (at % DAY - 7 * HOUR).clip(0) / (14 * HOUR)
    step = (share * length[which] * 2).astype(np.int64) + rng.integers(0, 3, len(at))
    cell: Ints = (first + step % length[which]) % N_CELLS
    return cell


def crowded_cell(world: World) -> int:
    """Tell in which cell most people live: there is a mall, to which others go, too."""
    home = world.book.column("cells")[world.book.column("person").astype(bool), 0]
    return int(np.bincount(home, minlength=N_CELLS).argmax())


def fresh_sims(
    world: World, rng: np.random.Generator, n: int, *, activation: ArrayLike, **facts: ArrayLike
) -> Ints:
    """Add mobiles, in blocks that people have lines of, that nobody used before the actor did."""
    ids = np.arange(world.book.size, world.book.size + n)
    usual = {"cells": places(rng, n), "activation": activation}
    return world.book.add(phone_numbers.free(ids, world.blocks()), home=True, **(usual | facts))


def unnoticed(world: World) -> Ints:
    """List established subscribers that no kind has taken yet, and nobody has held."""
    person, activation = world.book.column("person"), world.book.column("activation")
    for told in [*world.book.truth, *world.book.victims]:
        person[told["id"].to_numpy()] = False
    return np.flatnonzero(person & (activation < 0))


def staff(world: World, rng: np.random.Generator, n: int) -> Ints:
    """Pick n people who keep their private calls; a small city sends new ones without a past."""
    free = unnoticed(world)
    if len(free) < 4 * n:
        return fresh_sims(world, rng, n, activation=-rng.integers(60, 600, n))
    return rng.choice(free, n, replace=False)


def strangers(world: World, rng: np.random.Generator, n: int, *, own: float = 0.3) -> Ints:
    """Draw people the caller does not know: a share `own` of our subscribers, others elsewhere."""
    person, activation = world.book.column("person"), world.book.column("activation")
    old = np.flatnonzero(person & (activation < 0))
    outside = np.flatnonzero(world.book.column("outside"))
    return np.where(rng.random(n) < own, rng.choice(old, n), rng.choice(outside, n))


def share_out(
    rng: np.random.Generator, size: Ints, total: ArrayLike, *, sigma: float, among: ArrayLike = 1.0
) -> Floats:
    """Divide the total of each run (of `size` calls) over its calls, over those `among` alone."""
    weight = rng.lognormal(0, sigma, size.sum()) * np.asarray(among, float)
    whole = np.add.reduceat(weight, np.cumsum(size) - size).clip(1e-9)
    parts: Floats = weight * np.repeat(np.asarray(total, float) / whole, size)
    return parts


def in_a_row(begin: ArrayLike, size: Ints, seconds: Ints, gap: Floats) -> Ints:
    """Tell when each call of a run begins: a gap after the one before has ended."""
    step = seconds + gap
    run = np.cumsum(step) - step
    since = run - np.repeat(run[np.cumsum(size) - size], size)
    at: Ints = (np.repeat(np.asarray(begin, float), size) + since).astype(np.int64)
    return at
