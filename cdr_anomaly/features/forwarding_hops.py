"""Forwarding legs to HOPS: who redirected whom, and which hops are one call's chain.

A hop follows another when the first one's target is the line that forwards next, within
``link_seconds`` (a no-reply timer runs up to 30 s) and 5 s of clock skew, for the same caller.
Pairs with the same call id go first, then the nearest in time; a hop has at most one hop before it
and one after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.int64]

SKEW_S = 5
_ORDER = ("start", "forwarder", "target", "caller", "reason", "call_id")


def hops(forwarded: pl.DataFrame, *, link_seconds: int) -> pl.DataFrame:
    """Return HOPS: each forwarding leg with the number of its chain and its position in it."""
    legs = (
        forwarded.rename({"line": "forwarder"})
        .sort(_ORDER, nulls_last=True)
        .with_row_index("hop")
        .with_columns(pl.col("hop").cast(pl.Int64))
    )
    links = _links(legs, link_seconds)
    placed = legs.join(_chains(links), on="hop", how="left", maintain_order="left")
    alone = {"chain": pl.col("hop"), "depth": 1, "hops": 1, "by_id": False}
    placed = placed.with_columns(pl.col(name).fill_null(value) for name, value in alone.items())
    return placed.select(
        "forwarder",
        "target",
        "caller",
        "start",
        "day",
        "reason",
        "answered",
        "chain",
        "depth",
        "hops",
        "by_id",
    )


def paths(hops: pl.LazyFrame) -> pl.LazyFrame:
    """Return the path of each chain, and count the calls of a day that took the same path.

    ``hops`` are HOPS with ``abroad``. Returns (line, day, path, hops, loop, abroad, n_calls,
    n_callers, n_by_id, start, end); ``line`` is the first line of the path. A loop passes a line
    twice.
    """
    chains = (
        hops.group_by("chain")
        .agg(
            pl.col("day").min(),
            pl.col("abroad").any(),
            pl.col("by_id").all(),
            forwarders=pl.col("forwarder").sort_by("depth"),
            last=pl.col("target").sort_by("depth").last(),
            caller=pl.col("caller").sort_by("depth").first(),
            hops=pl.len().cast(pl.Int64),
            start=pl.col("start").min(),
            end=pl.col("start").max(),
        )
        .with_columns(
            path=pl.concat_list("forwarders", "last"), line=pl.col("forwarders").list.first()
        )
    )
    loop = pl.col("path").list.n_unique() < pl.col("path").list.len()
    return (
        chains.with_columns(loop=loop)
        .group_by("line", "day", "path", "hops", "loop")
        .agg(
            pl.col("abroad").any(),
            n_calls=pl.len().cast(pl.Int64),
            n_callers=pl.col("caller").drop_nulls().n_unique().cast(pl.Int64),
            n_by_id=pl.col("by_id").sum().cast(pl.Int64),
            start=pl.col("start").min(),
            end=pl.col("end").max(),
        )
    )


def _links(legs: pl.DataFrame, link_seconds: int) -> pl.DataFrame:
    """Pair each hop with the hop that follows it: at most one before and one after each."""
    width = pl.duration(seconds=link_seconds + SKEW_S)
    slot = pl.col("start").to_physical() // width.to_physical()
    columns = ("hop", "forwarder", "target", "caller", "start", "call_id")
    slotted = legs.lazy().select(*columns, slot=slot)
    # Only hops into a line that forwards, or out of a line that is forwarded to, can have a link.
    ends = slotted.join(slotted, left_on="target", right_on="forwarder", how="semi")
    begins = slotted.join(slotted, left_on="forwarder", right_on="target", how="semi")
    near = pl.concat([ends.with_columns(slot=pl.col("slot") + step) for step in (-1, 0, 1)])
    gap = pl.col("start_next") - pl.col("start")
    same_id = (pl.col("call_id") == pl.col("call_id_next")).fill_null(value=False)
    same_caller = (pl.col("caller") == pl.col("caller_next")).fill_null(value=True)
    pairs = (
        near.join(
            begins.rename({c: f"{c}_next" for c in columns if c != "forwarder"}),
            left_on=["target", "slot"],
            right_on=["forwarder", "slot"],
        )
        .filter(
            pl.col("hop") != pl.col("hop_next"),
            gap.is_between(pl.duration(seconds=-SKEW_S), pl.duration(seconds=link_seconds)),
            same_id | same_caller,
        )
        .with_columns(same_id=same_id, apart=gap.abs())
        .sort(pl.col("same_id").not_(), "apart", "hop", "hop_next")
        .collect(engine="in-memory")
    )
    return pairs.filter(_free(pairs))


def _free(pairs: pl.DataFrame) -> pl.Series:
    """Return which pairs are linked when each pair in turn takes hops that are still free."""
    before: set[int] = set()
    after: set[int] = set()
    free = []
    for hop, hop_next in pairs.select("hop", "hop_next").iter_rows():
        free.append(hop not in before and hop_next not in after)
        if free[-1]:
            before.add(hop)
            after.add(hop_next)
    return pl.Series(free, dtype=pl.Boolean)


def _chains(links: pl.DataFrame) -> pl.DataFrame:
    """Return (hop, chain, depth, hops, by_id) of linked hops; a chain is named by its first hop."""
    import numpy as np

    linked = pl.concat([links["hop"], links["hop_next"]]).unique().sort()
    previous = np.full(len(linked), -1)
    previous[linked.search_sorted(links["hop_next"])] = linked.search_sorted(links["hop"])
    first, depth, ring = _find_starts(previous)
    # A ring has no first hop; the earliest one is taken (hops are in order of time).
    previous[first[ring]] = -1
    first, depth, _ = _find_starts(previous)
    placed = pl.DataFrame({"hop": linked, "chain": linked.gather(first), "depth": depth})
    ids = links.select(hop="hop_next", by_id="same_id")
    return placed.join(ids, on="hop", how="left").with_columns(
        hops=pl.len().over("chain").cast(pl.Int64), by_id=pl.col("by_id").all().over("chain")
    )


def _find_starts(previous: Places) -> tuple[Places, Places, NDArray[np.bool_]]:
    """Go back from each position to the first of its chain, by steps that double each time.

    ``previous`` is the position before, or -1. Returns the first position (in a ring, the
    smallest), its distance counted from 1, and whether the position is in a ring.
    """
    import numpy as np

    first = np.arange(len(previous))
    least, depth, ancestor = first.copy(), np.ones(len(previous), np.int64), previous.copy()
    for _ in range(len(previous).bit_length() + 1):
        up = np.flatnonzero(ancestor >= 0)
        back = ancestor[up]
        first[up], depth[up] = first[back], depth[up] + depth[back]
        least[up] = np.minimum(least[up], least[back])
        ancestor[up] = ancestor[back]
    ring = ancestor >= 0
    return np.where(ring, least, first), depth, ring
