"""The invented city: its calendar, its phone book, and the tables that hold calls while made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation import phone_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

DAY = 86_400
HOUR = 3_600
N_CELLS = 240
NOBODY = -1  # a withheld caller, a cell not given, a call of no actor, a handset of one's own
CALLS_PER_LINE = 1.6  # placed a day by ordinary people, in the mean
FULL_SIZE = 20_000  # lines of the city whose kinds are as many as their functions say

FLAGS = ("home", "person", "outside", "fixed", "foreign", "short", "trunk", "visits")
ROWS = {
    "caller": pl.Int64,
    "called": pl.Int64,
    "at": pl.Int64,
    "talk": pl.Int64,
    "cell": pl.Int64,
    "actor": pl.Int64,
    "trunk_in": pl.Int16,
    "cause": pl.Int16,
    "handset": pl.Int32,
}
OPTIONAL = ("cell", "actor", "trunk_in", "cause", "handset")
HOPS = {
    "row": pl.Int64,
    "line": pl.Int64,
    "target": pl.Int64,
    "reason": pl.String,
    "delay": pl.Int64,
    "actor": pl.Int64,
}


@dataclass(frozen=True)
class Calls:
    """Calls by line id, `at` in local seconds since the first midnight, and who forwarded them.

    `hops.row` is the position in `rows` of the call that was forwarded.
    """

    rows: pl.DataFrame
    hops: pl.DataFrame

    def __len__(self) -> int:
        return self.rows.height


def calls(
    caller: ArrayLike,
    called: ArrayLike,
    at: Ints,
    talk: ArrayLike,
    **more: ArrayLike,
) -> Calls:
    """Put columns together as calls that nobody forwarded; single values are repeated.

    `cell`, `actor`, `trunk_in` (it came in from another network), `cause` (of its release) and
    `handset` (the line whose handset it was placed with) may be given.
    """
    given = {"caller": caller, "called": called, "at": at, "talk": talk}
    given |= {name: more.get(name, NOBODY) for name in OPTIONAL}
    columns = {k: np.broadcast_to(np.asarray(v, np.int64), at.shape) for k, v in given.items()}
    return Calls(pl.DataFrame(columns, schema=ROWS), pl.DataFrame(schema=HOPS))


def forwarded(
    batch: Calls,
    row: Ints,
    line: ArrayLike,
    target: ArrayLike,
    reason: ArrayLike,
    **more: ArrayLike,
) -> Calls:
    """Add one forwarding leg to each of the rows named; `delay` and `actor` may be given."""
    given = {"row": row, "line": line, "target": target, "reason": reason}
    given |= {"delay": more.get("delay", 1), "actor": more.get("actor", NOBODY)}
    columns = {k: np.broadcast_to(np.asarray(v), row.shape) for k, v in given.items()}
    columns["reason"] = columns["reason"].astype(object)
    new = pl.DataFrame(columns, schema=HOPS)
    return Calls(batch.rows, pl.concat([batch.hops, new]))


def together(batches: Sequence[Calls]) -> Calls:
    """Append batches, moving the rows that their hops point at."""
    starts = np.cumsum([0, *(len(b) for b in batches)])
    hops = [
        b.hops.with_columns(row=pl.col("row") + int(s))
        for b, s in zip(batches, starts, strict=False)
    ]
    return Calls(pl.concat([b.rows for b in batches]), pl.concat(hops))


def without(batch: Calls, gone: NDArray[np.bool_]) -> Calls:
    """Leave calls out, and move what the hops of the others point at."""
    place, of = np.cumsum(~gone) - 1, batch.hops["row"].to_numpy()
    hops = batch.hops.with_columns(row=pl.Series(place[of], dtype=pl.Int64)).filter(~gone[of])
    return Calls(batch.rows.filter(~gone), hops)


@dataclass
class Book:
    """The phone book: every line that can appear, in the order it was added."""

    columns: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    actors: list[str] = field(default_factory=list)
    truth: list[pl.DataFrame] = field(default_factory=list)
    declared: list[tuple[int, str]] = field(default_factory=list)
    victims: list[pl.DataFrame] = field(default_factory=list)  # id, actor, first_day, last_day
    quiet: list[pl.DataFrame] = field(default_factory=list)  # and the share of calls they keep
    engaged: list[pl.DataFrame] = field(default_factory=list)  # id, actor, begin, end
    size: int = 0

    def add(self, numbers: Sequence[str], **facts: ArrayLike) -> Ints:
        """Add lines and return their ids.

        Facts: `home` (a subscriber of ours), `person` (an ordinary one), `outside` (of another
        operator), `fixed`, `foreign`, `short`, `trunk` (may hold several calls at once), `visits`
        (foreign, but used at our cells), `imsi` (how that of a visitor begins), `activation` (day
        number, negative before the first day), `cells` (n x 4, the places it is used at; NOBODY
        for none), `handset` (the line whose handset it is used in).
        """
        n = len(numbers)
        default: dict[str, ArrayLike] = {"activation": -400, "cells": np.full((n, 4), NOBODY)}
        default |= dict.fromkeys(FLAGS, False) | {"handset": NOBODY, "imsi": "46000"}
        for name, value in ({"number": np.asarray(numbers, object)} | default | facts).items():
            shape = (n, 4) if name == "cells" else (n,)
            self.columns.setdefault(name, []).append(np.broadcast_to(np.asarray(value), shape))
        self.size += n
        return np.arange(self.size - n, self.size)

    def actor(self, name: str) -> int:
        """Name an actor; the calls that carry its tag tell on which days it acted."""
        self.actors.append(name)
        return len(self.actors) - 1

    def alone(self, lines: Ints, kind: str) -> Ints:
        """Name an honest actor for each of the lines, which are of that kind."""
        before = sum(name.rpartition("_")[0] == kind for name in self.actors)
        names = [f"{kind}_{before + k + 1}" for k in range(len(lines))]
        actors = np.array([self.actor(name) for name in names], np.int64)
        self.tell(lines, kind, actor=actors)
        return actors

    def tell(self, lines: ArrayLike, kind: str, *, actor: ArrayLike, pattern: str = "") -> None:
        """Write down the truth about some lines; those that are honest show no pattern."""
        ids = np.atleast_1d(np.asarray(lines, np.int64))
        of = np.broadcast_to(np.asarray(actor, np.int64), ids.shape)
        rows = pl.DataFrame({"id": ids, "actor": of}).with_columns(
            kind=pl.lit(kind), honest=pl.lit(not pattern), pattern=pl.lit(pattern)
        )
        self.truth.append(rows)

    def declare(self, lines: Ints, purpose: str) -> None:
        """Put lines on the operator's list of known ones."""
        self.declared += [(int(line), purpose) for line in lines]

    def column(self, name: str) -> NDArray[Any]:
        """Return one fact of all lines, by line id."""
        return np.concatenate(self.columns[name])


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

    def scaled(self, n: int, *, least: int = 1) -> int:
        """Tell how many of a kind there are here when a city of full size has n."""
        return max(least, round(n * self.n_lines / FULL_SIZE))

    @property
    def last(self) -> int:
        """The number of the last day; the first is 0."""
        return self.days - 1

    def special_blocks(self) -> phone_numbers.Special:
        """Tell in which blocks the shop's promotions, the bridges and the new diallers lie."""
        return phone_numbers.special(self.rng("special blocks"), self.scaled(3), self.scaled(2))

    def blocks(self) -> Ints:
        """List the other blocks that our subscribers have numbers of."""
        shut = np.concatenate(self.special_blocks())
        return phone_numbers.blocks(self.rng("blocks"), max(29, self.n_lines // 1_500), shut)

    def rng(self, name: str) -> np.random.Generator:
        """Give each kind its own stream, so that a change to one leaves the others alone."""
        return np.random.default_rng([self.seed, crc32(name.encode())])

    def weekday(self, day: ArrayLike) -> Ints:
        """Monday is 0."""
        return (np.asarray(day, np.int64) + self.start.weekday()) % 7

    def weekdays(self, first: int = 0, *, until: int = 5) -> Ints:
        """Days from `first` on that are Monday to Friday (until=5) or Saturday (until=6)."""
        days = np.arange(max(first, 0), self.days)
        return days[self.weekday(days) < until]

    def spell(self, rng: np.random.Generator, length: int, *, within: int, until: int = 7) -> Ints:
        """Draw a run of `length` days somewhere in the last `within` days, weekends left out.

        Those left out (all from weekday `until` on) do not count for its length.
        """
        days = self.weekdays(self.days - within, until=until)
        begin = int(rng.integers(0, max(len(days) - length, 0) + 1))
        return days[begin : begin + length]


def one_at_a_time(batch: Calls, trunk: NDArray[np.bool_]) -> Calls:
    """Delay calls until the caller has hung up the one before; trunk lines hold several.

    What came in from another network did not wait for the line that it names.
    """
    rows = batch.rows
    caller, at = rows["caller"].to_numpy(), rows["at"].to_numpy()
    ours = (rows["trunk_in"] == NOBODY).to_numpy()
    single = np.flatnonzero((caller != NOBODY) & ~trunk[caller] & ours)
    order = single[np.lexsort((at[single], caller[single]))]
    busy = rows["talk"].to_numpy()[order] + 5
    # t[i] = max(t[i], t[i-1] + busy[i-1]): a running maximum once the busy time is taken off
    before = np.cumsum(busy) - busy
    apart = np.unique(caller[order], return_inverse=True)[1] * 10**10
    moved = at.copy()
    moved[order] = np.maximum.accumulate(at[order] - before + apart) - apart + before
    return Calls(rows.with_columns(at=pl.Series(moved)), batch.hops)
