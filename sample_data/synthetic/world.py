"""The invented city: its calendar, its phone book, and the tables that hold calls while made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

DAY = 86_400
HOUR = 3_600
N_CELLS = 240
NOBODY = -1  # a withheld caller, a cell not given, a call of no actor

FLAGS = ("home", "person", "outside", "fixed", "foreign", "short", "trunk")
ROWS = {
    "caller": pl.Int64,
    "called": pl.Int64,
    "at": pl.Int64,
    "talk": pl.Int64,
    "cell": pl.Int64,
    "actor": pl.Int64,
}
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
    *,
    cell: ArrayLike = NOBODY,
    actor: int = NOBODY,
) -> Calls:
    """Put columns together as CALLS without forwarding; single values are repeated."""
    given = {"caller": caller, "called": called, "at": at, "talk": talk, "cell": cell}
    columns = {k: np.broadcast_to(np.asarray(v, np.int64), at.shape) for k, v in given.items()}
    columns["actor"] = np.full(at.shape, actor)
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


@dataclass
class Book:
    """The phone book: every line that can appear, in the order it was added."""

    columns: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    actors: list[str] = field(default_factory=list)
    truth: list[pl.DataFrame] = field(default_factory=list)
    size: int = 0

    def add(self, numbers: Sequence[str], **facts: ArrayLike) -> Ints:
        """Add lines and return their ids.

        Facts: `home` (a subscriber of ours), `person` (an ordinary one), `outside` (of another
        operator), `fixed`, `foreign`, `short`, `trunk` (may hold several calls at once),
        `activation` (day number, negative before the first day), `cells` (n x 4, the places it
        is used at; NOBODY for none).
        """
        n = len(numbers)
        default: dict[str, ArrayLike] = {"activation": -400, "cells": np.full((n, 4), NOBODY)}
        default |= dict.fromkeys(FLAGS, False)
        for name, value in ({"number": np.asarray(numbers, object)} | default | facts).items():
            shape = (n, 4) if name == "cells" else (n,)
            self.columns.setdefault(name, []).append(np.broadcast_to(np.asarray(value), shape))
        self.size += n
        return np.arange(self.size - n, self.size)

    def actor(self, name: str) -> int:
        """Name an actor; the calls that carry its tag tell on which days it acted."""
        self.actors.append(name)
        return len(self.actors) - 1

    def tell(self, lines: ArrayLike, kind: str, *, honest: bool, actor: int) -> None:
        """Write down the truth about some lines."""
        ids = np.atleast_1d(np.asarray(lines, np.int64))
        rows = pl.DataFrame({"id": ids}).with_columns(
            kind=pl.lit(kind), honest=pl.lit(honest), actor=pl.lit(actor, pl.Int64)
        )
        self.truth.append(rows)

    def column(self, name: str) -> NDArray[Any]:
        """Return one fact of all lines, by line id."""
        return np.concatenate(self.columns[name])


@dataclass(frozen=True)
class World:
    """What is decided before anybody calls: the calendar, the size of the city, its lines."""

    seed: int
    start: date
    days: int
    calls_per_day: int
    n_lines: int
    book: Book = field(default_factory=Book)

    @property
    def last(self) -> int:
        """The number of the last day; the first is 0."""
        return self.days - 1

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


def one_at_a_time(batch: Calls, trunk: NDArray[np.bool_]) -> Calls:
    """Delay calls until the caller has hung up the one before; trunk lines hold several."""
    rows = batch.rows
    caller, at = rows["caller"].to_numpy(), rows["at"].to_numpy()
    single = np.flatnonzero((caller != NOBODY) & ~trunk[caller])
    order = single[np.lexsort((at[single], caller[single]))]
    busy = rows["talk"].to_numpy()[order] + 5
    # t[i] = max(t[i], t[i-1] + busy[i-1]): a running maximum once the busy time is taken off
    before = np.cumsum(busy) - busy
    apart = np.unique(caller[order], return_inverse=True)[1] * 10**10
    moved = at.copy()
    moved[order] = np.maximum.accumulate(at[order] - before + apart) - apart + before
    return Calls(rows.with_columns(at=pl.Series(moved)), batch.hops)
