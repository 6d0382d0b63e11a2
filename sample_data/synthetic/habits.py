"""Small habits that all kinds share: when one calls, whether it is answered, who calls back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .world import DAY, HOUR, N_CELLS, NOBODY, Calls, calls, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from .world import World

    Ints = NDArray[np.int64]
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
    rng: np.random.Generator, lines: Ints, days: Ints, *, rate: ArrayLike, off: float = 0.0
) -> tuple[Ints, Ints]:
    """Repeat (line, day) as often as the line calls that day: its usual number, give or take."""
    line, day = (a.ravel() for a in np.meshgrid(lines, days, indexing="ij"))
    usual = np.repeat(np.broadcast_to(np.asarray(rate, float), lines.shape), len(days))
    at_work = rng.random(len(line)) >= off
    n = np.rint(usual * rng.lognormal(0, 0.12, len(line)) * at_work).astype(np.int64)
    return np.repeat(line, n), np.repeat(day, n)


def between(rng: np.random.Generator, low: float, high: float, n: int) -> NDArray[np.float64]:
    """Draw usual daily numbers; the lower end is the more common one."""
    return low + (high - low) * rng.beta(1.2, 2.5, n)


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
    actor = int(back["actor"][0]) if len(back) else NOBODY
    return calls(back["called"].to_numpy(), back["caller"].to_numpy(), at, seconds, actor=actor)


def with_call_backs(rng: np.random.Generator, batch: Calls, share: ArrayLike) -> Calls:
    """Append the call-backs to the calls."""
    return together([batch, call_backs(rng, batch, share)])


def places(rng: np.random.Generator, n: int) -> Ints:
    """Draw the places of n lines: one to four cells, home first; one cell fills empty columns."""
    home = rng.integers(0, N_CELLS, n)
    others = rng.integers(0, N_CELLS, (n, 3))
    used = np.arange(3) < rng.integers(0, 4, n)[:, None]
    return np.column_stack([home, np.where(used, others, home[:, None])])


def round_trip(rng: np.random.Generator, at: Ints, line: Ints, n_cells: tuple[int, int]) -> Ints:
    """Move a caller through its own round of neighbouring cells in the course of the day."""
    ids, which = np.unique(line, return_inverse=True)
    first = rng.integers(0, N_CELLS, len(ids))[which]
    length = rng.integers(*n_cells, len(ids))[which]
    share = (at % DAY - 7 * HOUR).clip(0) / (14 * HOUR)
    step = (share * length * 2).astype(np.int64) + rng.integers(0, 3, len(at))
    return (first + step % length) % N_CELLS


def unnoticed(world: World) -> Ints:
    """List established subscribers that no kind has taken yet."""
    person, activation = world.book.column("person"), world.book.column("activation")
    person[[i for told in world.book.truth for i in told["id"]]] = False
    return np.flatnonzero(person & (activation < 0))


def strangers(world: World, rng: np.random.Generator, n: int, *, own: float = 0.3) -> Ints:
    """Draw people the caller does not know: a share `own` of our subscribers, others elsewhere."""
    person, activation = world.book.column("person"), world.book.column("activation")
    old = np.flatnonzero(person & (activation < 0))
    outside = np.flatnonzero(world.book.column("outside"))
    return np.where(rng.random(n) < own, rng.choice(old, n), rng.choice(outside, n))
