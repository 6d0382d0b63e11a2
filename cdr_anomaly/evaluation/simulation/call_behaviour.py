"""Small habits that all kinds share: when one calls, whether it is answered, who calls back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.world import (
    ABSENT,
    DAY,
    HOUR,
    N_CELLS,
    Bools,
    Calls,
    Floats,
    Ints,
    Window,
    World,
    build_calls,
    concat_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl
    from numpy.typing import ArrayLike

CALL_BACK_WITHIN = 2 * HOUR


@dataclass(frozen=True)
class Sampler:
    """The random stream of a kind or of one actor, and the habits that are drawn from it."""

    world: World
    rng: np.random.Generator
    actor: int = ABSENT
    k: int = 0  # index of the actor among those of its kind

    @classmethod
    def of_kind(cls, world: World, kind: str) -> Sampler:
        """Return the stream of a kind of line; its lines may be actors of their own."""
        return cls(world, world.rng(kind))

    @classmethod
    def of_actor(cls, world: World, kind: str, k: int) -> Sampler:
        """Add the k-th actor of a kind, and return its stream."""
        name = f"{kind}_{k + 1}"
        return cls(world, world.rng(name), world.book.add_actor(name), k)

    # ---- lines ----

    def usual_cells(self, n: int) -> Ints:
        """Return four cells for each of n lines, home first; who uses fewer has home again."""
        home = self.rng.integers(0, N_CELLS, n)
        others = self.rng.integers(0, N_CELLS, (n, 3))
        used = np.arange(3) < self.rng.integers(0, 4, n)[:, None]
        return np.column_stack([home, np.where(used, others, home[:, None])])

    def new_mobiles(self, n: int, *, activation: ArrayLike, **facts: ArrayLike) -> Ints:
        """Add mobiles that nobody used before the actor, in blocks that people have lines of."""
        book = self.world.book
        ids = np.arange(book.size, book.size + n)
        usual = {"cells": self.usual_cells(n), "activation": activation}
        numbers = phone_numbers.free(ids, self.world.usual_blocks())
        return book.add(numbers, home=True, **(usual | facts))

    def fixed_lines(self, n: int, *, exchange: int, **facts: ArrayLike) -> Ints:
        """Add fixed lines of the city; each holds several calls at once, unless facts say no."""
        numbers = phone_numbers.fixed(self.rng, n, exchange=exchange)
        usual: dict[str, ArrayLike] = dict.fromkeys(("home", "fixed", "trunk"), True)
        return self.world.book.add(numbers, **(usual | facts))

    def staff(self, n: int) -> Ints:
        """Return n people who keep their private calls; a small city adds n new mobiles."""
        free = unassigned_people(self.world)
        if len(free) < 4 * n:
            return self.new_mobiles(n, activation=-self.rng.integers(60, 600, n))
        return self.rng.choice(free, n, replace=False)

    def strangers(self, n: int, *, home_share: float = 0.3) -> Ints:
        """Return n people whom the caller does not know, a share of them our subscribers."""
        column, rng = self.world.book.column, self.rng
        old = np.flatnonzero(column("person") & (column("activation") < 0))
        outside = np.flatnonzero(column("outside"))
        return np.where(rng.random(n) < home_share, rng.choice(old, n), rng.choice(outside, n))

    # ---- times ----

    def spell(self, fewest: int, most: int, *, within: int | None = None, until: int = 7) -> Ints:
        """Return a run of `fewest` to `most` days in the last `within` days (None: in all).

        Days from weekday `until` on are left out, and do not count for its length.
        """
        length = int(self.rng.integers(fewest, most + 1))
        first = 0 if within is None else self.world.days - within
        days = self.world.weekdays(first, until=until)
        begin = int(self.rng.integers(0, max(len(days) - length, 0) + 1))
        return days[begin : begin + length]

    def call_times(self, day: Ints, windows: Sequence[Window]) -> Ints:
        """Return one time on each day, drawn from windows of hours."""
        low, high, weight = np.array(windows, float).T
        which = self.rng.choice(len(low), len(day), p=weight / weight.sum())
        hours = low[which] + self.rng.random(len(day)) * (high - low)[which]
        at: Ints = day * DAY + (hours * HOUR).astype(np.int64)
        return at

    def call_days(
        self, n: int, days: Ints, *, rate: ArrayLike, off: float = 0.0, spread: float = 0.12
    ) -> tuple[Ints, Ints]:
        """Return (index of the line, day), repeated as often as each of n lines calls that day.

        `rate` is the usual number of calls, one for all, one a line, or one a line and day; `off`
        the share of days without work; `spread` how far (sigma of a lognormal) a day's number is
        from the usual.
        """
        rates = np.asarray(rate, float)
        usual = np.broadcast_to(rates[:, None] if rates.ndim == 1 else rates, (n, len(days)))
        at_work = self.rng.random(usual.shape) >= off
        number = usual * self.rng.lognormal(0, spread, usual.shape) * at_work
        repeats = np.rint(number).astype(np.int64).ravel()
        which, day = (a.ravel() for a in np.indices(usual.shape))
        return np.repeat(which, repeats), np.repeat(days[day], repeats)

    def schedule(
        self,
        n: int,
        days: Ints,
        windows: Sequence[Window],
        *,
        rate: ArrayLike,
        off: float = 0.0,
        spread: float = 0.12,
    ) -> tuple[Ints, Ints]:
        """Return (index of the line, time) of each call that n lines place on their days."""
        which, day = self.call_days(n, days, rate=rate, off=off, spread=spread)
        return which, self.call_times(day, windows)

    def round_trip(self, at: Ints, which: Ints, length: Ints) -> Ints:
        """Return the cells of lines that go round neighbouring cells in the course of the day.

        `which` is the index of each call's line, `length` has the cells of each line's round.
        """
        first = self.rng.integers(0, N_CELLS, len(length))[which]
        share = (at % DAY - 7 * HOUR).clip(0) / (14 * HOUR)
        step = (share * length[which] * 2).astype(np.int64) + self.rng.integers(0, 3, len(at))
        cell: Ints = (first + step % length[which]) % N_CELLS
        return cell

    # ---- talk ----

    def talk(self, n: int, answered: ArrayLike, *, median: ArrayLike, sigma: float = 0.9) -> Ints:
        """Return seconds of talk, lognormal; 0 where nobody answered."""
        seconds = np.ceil(np.exp(self.rng.normal(np.log(median), sigma, n))).clip(1, 10_800)
        return np.where(self.rng.random(n) < np.asarray(answered), seconds, 0).astype(np.int64)

    def share_out(
        self, size: Ints, total: ArrayLike, *, sigma: float, among: ArrayLike = 1.0
    ) -> Floats:
        """Divide the total of each run of `size` calls over its calls, or over `among` alone."""
        weight = self.rng.lognormal(0, sigma, size.sum()) * np.asarray(among, float)
        sums = np.add.reduceat(weight, np.cumsum(size) - size).clip(1e-9)
        parts: Floats = weight * np.repeat(np.asarray(total, float) / sums, size)
        return parts

    # ---- calls ----

    def calls(
        self,
        caller: ArrayLike,
        called: ArrayLike,
        at: Ints,
        talk: ArrayLike,
        **optional: ArrayLike,
    ) -> Calls:
        """Return calls of this actor, or of the one named; see `build_calls`."""
        return build_calls(caller, called, at, talk, **({"actor": self.actor} | optional))

    def call_backs(self, batch: Calls, share: ArrayLike, *, answered: float = 0.85) -> Calls:
        """Let a share of the called call back within two hours, more of those who missed it."""
        rows, rng = batch.rows, self.rng
        missed = rows["talk"].to_numpy() == 0
        weight = np.where(missed, 2.5, 0.8)
        chosen = rng.random(len(rows)) * weight.sum() < np.asarray(share) * weight * len(rows)
        back = rows.filter(chosen & (rows["caller"] != ABSENT).to_numpy())
        wait = 20 + rng.exponential(1_500, len(back)) % (CALL_BACK_WITHIN - 200)
        at = (back["at"] + back["talk"]).to_numpy() + wait.astype(np.int64)
        seconds = self.talk(len(back), answered, median=35)
        caller, called, actor = (back[c].to_numpy() for c in ("called", "caller", "actor"))
        return build_calls(caller, called, at, seconds, actor=actor)

    def with_call_backs(self, batch: Calls, share: ArrayLike) -> Calls:
        """Return the calls and their call-backs."""
        return concat_calls([batch, self.call_backs(batch, share)])

    def missed(self, batch: Calls, share: float) -> Bools:
        """Mark a share of the unanswered calls."""
        unanswered: Bools = (batch.rows["talk"] == 0).to_numpy()
        return unanswered & (self.rng.random(len(batch)) < share)

    def redial_rows(self, batch: Calls, share: float) -> tuple[pl.DataFrame, Ints]:
        """Return a share of the unanswered calls, and when each is dialled again: minutes later."""
        rows = batch.rows.filter(self.missed(batch, share))
        wait = 30 + self.rng.exponential(240, len(rows)).astype(np.int64)
        return rows, rows["at"].to_numpy() + wait

    def redials(self, batch: Calls, share: float, *, answered: float, median: float) -> Calls:
        """Call again within minutes after a share of the unanswered calls."""
        rows, at = self.redial_rows(batch, share)
        caller, called, cell, actor = (
            rows[c].to_numpy() for c in ("caller", "called", "cell", "actor")
        )
        seconds = self.talk(len(rows), answered, median=median)
        return build_calls(caller, called, at, seconds, cell=cell, actor=actor)


class Kind(NamedTuple):
    """A kind of actor: its name, what one does, and how many a city of full size has."""

    name: str
    behaviour: Callable[[Sampler], Calls]
    n: int
    minimum: int = 1


def calls_of_actors(world: World, *kinds: Kind) -> Calls:
    """Return the calls of the actors of some kinds, each drawn from a stream of its own."""
    return concat_calls(
        [
            kind.behaviour(Sampler.of_actor(world, kind.name, k))
            for kind in kinds
            for k in range(world.scale(kind.n, minimum=kind.minimum))
        ]
    )


def start_times(begin: ArrayLike, size: Ints, seconds: Ints, gap: Floats) -> Ints:
    """Return when each call of a run begins: a gap after the call before has ended."""
    step = seconds + gap
    run = np.cumsum(step) - step
    since = run - np.repeat(run[np.cumsum(size) - size], size)
    at: Ints = (np.repeat(np.asarray(begin, float), size) + since).astype(np.int64)
    return at


def crowded_cell(world: World) -> int:
    """Return the cell in which most people live: there is a mall, to which others go, too."""
    home = world.book.column("cells")[world.book.column("person").astype(bool), 0]
    return int(np.bincount(home, minlength=N_CELLS).argmax())


def unassigned_people(world: World) -> Ints:
    """Return established subscribers whom no kind has taken yet, and who are no victims."""
    person, activation = world.book.column("person"), world.book.column("activation")
    for rows in [*world.book.truth, *world.book.victims]:
        person[rows["id"].to_numpy()] = False
    return np.flatnonzero(person & (activation < 0))
