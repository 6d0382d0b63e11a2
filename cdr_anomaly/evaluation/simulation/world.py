"""The invented city: its calendar, its phone book, and the tables that hold calls in the making."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from cdr_anomaly.evaluation.simulation import phone_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Pair = tuple[float, float]
Window = tuple[float, float, float]  # from hour, to hour, weight

DAY = 86_400
HOUR = 3_600
N_CELLS = 240
ABSENT = -1  # a withheld caller, a cell not given, a call of no actor, a handset of one's own
CALLS_PER_LINE = 1.6  # placed a day by ordinary people, in the mean
FULL_SIZE = 20_000  # lines of the city that has as many actors of a kind as the kind's table says

FLAGS = ("home", "person", "outside", "fixed", "foreign", "short", "trunk", "visits")
OPTIONAL = ("cell", "actor", "trunk_in", "cause", "handset")
CALL_COLUMNS = dict.fromkeys(("caller", "called", "at", "talk", *OPTIONAL), pl.Int64) | {
    "trunk_in": pl.Int16,
    "cause": pl.Int16,
    "handset": pl.Int32,
}
HOP_COLUMNS = dict.fromkeys(("row", "line", "target", "reason", "delay", "actor"), pl.Int64) | {
    "reason": pl.String
}


@dataclass(frozen=True)
class Calls:
    """Calls by line id, and the hops of those that were forwarded.

    `rows.at` is in local seconds since the first midnight, `rows.talk` in seconds; `hops.row` is
    the position in `rows` of the call that was forwarded.
    """

    rows: pl.DataFrame
    hops: pl.DataFrame

    def __len__(self) -> int:
        return self.rows.height

    def numpy(self, *names: str) -> list[Ints]:
        """Return columns of the rows as arrays."""
        return [self.rows[name].to_numpy() for name in names]

    def replace(self, **columns: Ints) -> Calls:
        """Return the same calls with other values in some columns."""
        return Calls(
            self.rows.with_columns(pl.Series(n, v, CALL_COLUMNS[n]) for n, v in columns.items()),
            self.hops,
        )

    def drop(self, dropped: Bools) -> Calls:
        """Leave out the calls that `dropped` marks, and renumber the hops of the others."""
        position, row = np.cumsum(~dropped) - 1, self.hops["row"].to_numpy()
        hops = self.hops.with_columns(row=pl.Series(position[row], dtype=pl.Int64))
        return Calls(self.rows.filter(~dropped), hops.filter(~dropped[row]))

    def forward(
        self,
        row: Ints,
        line: ArrayLike,
        target: ArrayLike,
        reason: ArrayLike,
        *,
        actor: ArrayLike,
        delay: ArrayLike = 1,
    ) -> Calls:
        """Return the calls with one more hop for each position in `row`; `delay` in seconds."""
        values = zip(HOP_COLUMNS, (row, line, target, reason, delay, actor), strict=True)
        columns = {k: np.broadcast_to(np.asarray(v), row.shape) for k, v in values}
        columns["reason"] = columns["reason"].astype(object)
        return Calls(self.rows, pl.concat([self.hops, pl.DataFrame(columns, HOP_COLUMNS)]))


def build_calls(
    caller: ArrayLike, called: ArrayLike, at: Ints, talk: ArrayLike, **optional: ArrayLike
) -> Calls:
    """Return calls without hops, one for each value of `at`; single values are repeated.

    Optional are `cell`, `actor`, `trunk_in` (index of the trunk from another network), `cause` (of
    release) and `handset` (the line in whose handset the caller's card was).
    """
    values = {"caller": caller, "called": called, "at": at, "talk": talk}
    values |= {name: optional.get(name, ABSENT) for name in OPTIONAL}
    columns = {k: np.broadcast_to(np.asarray(v, np.int64), at.shape) for k, v in values.items()}
    return Calls(pl.DataFrame(columns, schema=CALL_COLUMNS), pl.DataFrame(schema=HOP_COLUMNS))


def concat_calls(batches: Sequence[Calls]) -> Calls:
    """Append batches of calls, and renumber their hops."""
    starts = np.cumsum([0, *(len(b) for b in batches)])
    hops = [
        b.hops.with_columns(row=pl.col("row") + int(s))
        for b, s in zip(batches, starts, strict=False)
    ]
    return Calls(pl.concat([b.rows for b in batches]), pl.concat(hops))


def delay_overlapping(batch: Calls, trunk: Bools) -> Calls:
    """Delay calls until the caller has hung up the call before; lines in `trunk` hold several.

    A call from another network does not wait: the line that it names did not place it here.
    """
    caller, at, talk, trunk_in = batch.numpy("caller", "at", "talk", "trunk_in")
    single = np.flatnonzero((caller != ABSENT) & ~trunk[caller] & (trunk_in == ABSENT))
    order = single[np.lexsort((at[single], caller[single]))]
    busy = talk[order] + 5
    # t[i] = max(t[i], t[i-1] + busy[i-1]): a running maximum once the busy time is taken off
    before = np.cumsum(busy) - busy
    apart = np.unique(caller[order], return_inverse=True)[1] * 10**10
    delayed = at.copy()
    delayed[order] = np.maximum.accumulate(at[order] - before + apart) - apart + before
    return batch.replace(at=delayed)


@dataclass(frozen=True)
class People:
    """Subscribers and their friends elsewhere, with the circle of each (a graph in CSR form).

    The friends of node i are `friend[begin[i]:begin[i + 1]]`, the closest first.
    """

    n: int
    promoted: list[Ints]  # the lines of each promotion
    new_couriers: Ints
    activation: Ints
    rate: Floats
    answers: Floats
    begin: Ints
    friend: Ints
    closeness: Floats


@dataclass
class Book:
    """The phone book: every line that can appear, in the order it was added, and the truth."""

    people: People = field(init=False, repr=False)
    columns: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    actors: list[str] = field(default_factory=list)
    truth: list[pl.DataFrame] = field(default_factory=list)
    declared: list[tuple[int, str]] = field(default_factory=list)
    victims: list[pl.DataFrame] = field(default_factory=list)  # id, actor, first_day, last_day
    quiet_spells: list[pl.DataFrame] = field(default_factory=list)  # and the share of calls kept
    captive_talks: list[pl.DataFrame] = field(default_factory=list)  # id, actor, begin, end
    card_changes: list[pl.DataFrame] = field(default_factory=list)  # id, day, card: a line's
    sales: list[pl.DataFrame] = field(default_factory=list)  # id, holder, dealer: else drawn
    scenarios: dict[int, tuple[str, int]] = field(default_factory=dict)  # pattern, grade of actors
    size: int = 0

    def add(self, numbers: Sequence[str], **facts: ArrayLike) -> Ints:
        """Add lines and return their ids.

        Facts: `home` (a subscriber of ours), `person` (an ordinary one), `outside` (of another
        operator), `fixed`, `foreign`, `short`, `trunk` (may hold several calls at once), `visits`
        (foreign, but used at our cells), `imsi` (how that of a visitor begins), `activation` (day
        number, negative before the first day), `cells` (n x 4, the usual cells; ABSENT for none),
        `handset` (the line whose handset it is used in).
        """
        n = len(numbers)
        default: dict[str, ArrayLike] = {"activation": -400, "cells": np.full((n, 4), ABSENT)}
        default |= dict.fromkeys(FLAGS, False) | {"handset": ABSENT, "imsi": "46000"}
        for name, value in ({"number": np.asarray(numbers, object)} | default | facts).items():
            shape = (n, 4) if name == "cells" else (n,)
            self.columns.setdefault(name, []).append(np.broadcast_to(np.asarray(value), shape))
        self.size += n
        return np.arange(self.size - n, self.size)

    def add_actor(self, name: str) -> int:
        """Add an actor and return its id; its calls carry the id, which gives its days."""
        self.actors.append(name)
        return len(self.actors) - 1

    def add_honest_actors(self, lines: Ints, kind: str) -> Ints:
        """Add an honest actor of that kind for each of the lines, and return the ids."""
        before = sum(name.rpartition("_")[0] == kind for name in self.actors)
        names = [f"{kind}_{before + k + 1}" for k in range(len(lines))]
        actors = np.array([self.add_actor(name) for name in names], np.int64)
        self.add_truth(lines, kind, actor=actors)
        return actors

    def add_truth(
        self, lines: ArrayLike, kind: str, *, actor: ArrayLike, pattern: str = ""
    ) -> None:
        """Record what some lines are; honest lines have no pattern."""
        ids = np.atleast_1d(np.asarray(lines, np.int64))
        actors = np.broadcast_to(np.asarray(actor, np.int64), ids.shape)
        rows = pl.DataFrame({"id": ids, "actor": actors}).with_columns(
            kind=pl.lit(kind), honest=pl.lit(not pattern), pattern=pl.lit(pattern)
        )
        self.truth.append(rows)

    def declare(self, lines: Ints, purpose: str) -> None:
        """Put lines on the operator's list of declared ones."""
        self.declared += [(int(line), purpose) for line in lines]

    def add_quiet_spells(
        self, lines: Ints, first_day: Ints, last_day: Ints, keep: ArrayLike, actor: Ints
    ) -> None:
        """Let lines place only the share `keep` of their calls on these days, but for `actor`'s."""
        spells = {"id": lines, "first_day": first_day, "last_day": last_day}
        spells |= {"keep": np.broadcast_to(np.asarray(keep, float), lines.shape), "exempt": actor}
        self.quiet_spells.append(pl.DataFrame(spells))

    def column(self, name: str) -> NDArray[Any]:
        """Return one fact of all lines, by line id."""
        return np.concatenate(self.columns[name])

    def numbers(self) -> pl.Series:
        """Return the number of each line, by line id."""
        return pl.Series(self.column("number").tolist(), dtype=pl.String)


@dataclass(frozen=True)
class World:
    """What is decided before anybody calls: the calendar, the size of the city, its lines."""

    seed: int
    start: date
    days: int
    n_lines: int
    book: Book = field(default_factory=Book)

    @property
    def calls_per_day(self) -> float:
        """The calls that ordinary people place on a day, in the mean."""
        return CALLS_PER_LINE * self.n_lines

    def scale(self, n: int, *, minimum: int = 1) -> int:
        """Return how many of a kind this city has when a city of full size has n."""
        return max(minimum, round(n * self.n_lines / FULL_SIZE))

    @property
    def people(self) -> People:
        """The ordinary people, once they are settled."""
        return self.book.people

    @property
    def last_day(self) -> int:
        """The number of the last day; the first is 0."""
        return self.days - 1

    def special_blocks(self) -> phone_numbers.Special:
        """Return the blocks of the shop's promotions, of the bridges and of the new diallers."""
        return phone_numbers.special(self.rng("special blocks"), self.scale(3), self.scale(2))

    def usual_blocks(self) -> Ints:
        """Return the other blocks that our subscribers have numbers of."""
        shut = np.concatenate(self.special_blocks())
        return phone_numbers.blocks(self.rng("blocks"), max(29, self.n_lines // 1_500), shut)

    def rng(self, name: str) -> np.random.Generator:
        """Return the random stream of a kind; a change to one kind leaves the others alone."""
        return np.random.default_rng([self.seed, crc32(name.encode())])

    def weekday(self, day: ArrayLike) -> Ints:
        """Return the day of the week; Monday is 0."""
        return (np.asarray(day, np.int64) + self.start.weekday()) % 7

    def weekdays(self, first: int = 0, *, until: int = 5) -> Ints:
        """Return the days from `first` on that are Monday to Friday (until=5), or Saturday (6)."""
        days = np.arange(max(first, 0), self.days)
        return days[self.weekday(days) < until]
