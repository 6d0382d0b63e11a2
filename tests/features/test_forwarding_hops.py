from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import starmap
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly.features import forwarding_hops
from cdr_anomaly.schema import HOPS, require
from tests.helpers import naive

if TYPE_CHECKING:
    from collections.abc import Sequence

T0 = datetime(2026, 5, 4, 15, 59, 50, tzinfo=UTC)  # ten seconds before midnight in Shanghai
SCHEMA = {
    "line": pl.String, "day": pl.Date, "target": pl.String, "caller": pl.String,
    "start": pl.Datetime("us", "UTC"), "duration_s": pl.Int64, "answered": pl.Boolean,
    "reason": pl.String, "call_id": pl.String,
}  # fmt: skip


def hop(
    forwarder: str, target: str, at_s: float, *, caller: str | None = "a", call: str | None = None
) -> naive.Hop:
    return naive.Hop(forwarder, target, caller, T0 + timedelta(seconds=at_s), call)


def linked(hops: Sequence[naive.Hop], link_seconds: int = 35) -> pl.DataFrame:
    rows = [
        (
            h.forwarder,
            (h.start + timedelta(hours=8)).date(),
            h.target,
            h.caller,
            h.start,
            30,
            True,
            "cfu",
            h.call_id,
        )
        for h in hops
    ]
    made = forwarding_hops.hops(pl.DataFrame(rows, SCHEMA, orient="row"), link_seconds=link_seconds)
    require(made.lazy(), HOPS, "hops")
    return made


def walked(made: pl.DataFrame) -> list[list[tuple[str, str, float]]]:
    """List the chains, each with its hops in order: forwarder, target, seconds."""
    seconds = (pl.col("start") - T0).dt.total_microseconds() / 1e6
    ordered = made.with_columns(at=seconds).sort("chain", "depth")
    by_chain = ordered.group_by("chain", maintain_order=True).agg(
        pl.struct("forwarder", "target", "at").alias("path")
    )
    return sorted([tuple(h.values()) for h in path] for path in by_chain["path"].to_list())


ONE, TWO, THREE = hop("b", "c", 0), hop("c", "d", 8), hop("d", "e", 16)


@pytest.mark.parametrize(
    ("hops", "lengths", "by_id", "why"),
    [
        ([], [], [], "no hops, no chains"),
        ([ONE], [1], [False], "one hop is no chain, and held together by nothing"),
        ([ONE, TWO], [2], [False], "two hops without a shared id, by time"),
        ([ONE, TWO, THREE], [3], [False], "three hops by time"),
        ([TWO, THREE, ONE], [3], [False], "the order of the rows is no matter"),
        (
            [hop("b", "c", 0, call="x"), hop("c", "d", 300, call="x")],
            [1, 1],
            [False, False],
            "a shared id links no hops five minutes apart",
        ),
        (
            [hop("b", "c", 0, call="x"), hop("c", "d", 8, call="x")],
            [2],
            [True],
            "two hops by id",
        ),
        (
            [hop("b", "c", 0, call="x"), hop("c", "d", 8, call="x"), hop("d", "e", 16)],
            [3],
            [False],
            "as certain as the weakest link",
        ),
        ([ONE, hop("c", "d", 8, caller="z")], [1, 1], [False, False], "of another caller: a decoy"),
        ([ONE, hop("c", "d", 8, caller=None)], [2], [False], "a withheld caller may be the same"),
        (
            [ONE, hop("c", "y", 8, caller="z"), TWO],
            [1, 2],
            [False, False],
            "the decoy stays alone, the true hop is linked",
        ),
        ([ONE, hop("c", "d", 35)], [2], [False], "as late as the link may be"),
        ([ONE, hop("c", "d", 36)], [1, 1], [False, False], "too late"),
        ([hop("c", "d", 0), hop("b", "c", 5)], [2], [False], "5 s early: clocks differ"),
        ([hop("c", "d", 0), hop("b", "c", 6)], [1, 1], [False, False], "clocks differ less"),
        ([ONE, hop("x", "y", 8)], [1, 1], [False, False], "elsewhere"),
        ([ONE, hop("c", "b", 8)], [2], [False], "a loop of two: back to the first line"),
        (
            [ONE, hop("c", "d", 1), hop("d", "b", 2)],
            [3],
            [False],
            "a ring: each hop could follow another, the earliest is the first",
        ),
        ([hop("b", "b", 0), hop("b", "b", 1)], [2], [False], "a line that forwards to itself"),
        (
            [
                hop("b", "c", 0, caller=None),
                hop("b", "c", 1, caller=None),
                hop("c", "d", 1, caller=None),
                hop("c", "d", 2, caller=None),
            ],
            [2, 2],
            [False, False],
            "two calls at once from withheld callers: no hop is left over",
        ),
        (
            [hop("b", "c", 0, call="x"), hop("c", "d", 1, call="y"), hop("c", "e", 20, call="x")],
            [1, 2],
            [False, True],
            "the same id goes before the nearer in time",
        ),
        ([ONE, hop("c", "voicemail", 20)], [2], [False], "voicemail as the last hop is a hop here"),
    ],
)
def test_hops_are_linked(
    hops: list[naive.Hop], lengths: list[int], by_id: list[bool], why: str
) -> None:
    made = linked(hops)
    chains = made.group_by("chain").agg(pl.len(), pl.col("hops", "by_id").first())
    assert sorted(chains["len"].to_list()) == lengths, why
    assert chains["len"].to_list() == chains["hops"].to_list(), why
    assert sorted(chains["by_id"].to_list()) == sorted(by_id), why


def test_a_ring_begins_with_its_earliest_hop() -> None:
    made = linked([hop("b", "c", 0), hop("c", "d", 1), hop("d", "b", 2)])
    assert [step[0] for step in walked(made)[0]] == ["b", "c", "d"]


HOP = st.builds(
    hop,
    st.sampled_from("bcde"),
    st.sampled_from("bcde"),
    st.integers(0, 60),
    caller=st.sampled_from(["a", "z", None]),
    call=st.sampled_from([None, None, "x", "y"]),
)


@given(hops=st.lists(HOP, max_size=14))
@settings(max_examples=200, deadline=None)
def test_chains_equal_those_walked_by_hand(hops: list[naive.Hop]) -> None:
    ordered = sorted(hops, key=_place)
    chains = naive.chains(ordered, 35)
    want = sorted([_told(ordered[i]) for i in chain] for chain in chains)
    assert walked(linked(hops)) == want


@given(hops=st.lists(HOP, max_size=10), seed=st.randoms())
@settings(max_examples=50, deadline=None)
def test_row_order_does_not_matter(hops: list[naive.Hop], seed: object) -> None:
    mixed = list(hops)
    seed.shuffle(mixed)  # type: ignore[attr-defined]
    assert linked(hops).equals(linked(mixed))


def test_a_long_chain_has_its_depths() -> None:
    names = [f"{i:03}" for i in range(101)]
    hops = list(starmap(hop, zip(names, names[1:], range(100), strict=False)))
    assert linked(hops, 1)["depth"].to_list() == list(range(1, 101))


def test_paths_tell_the_way_and_who_took_it() -> None:
    hops = [
        *(ONE, TWO),
        *(hop("b", "c", 1, caller="z"), hop("c", "d", 9, caller="z")),
        *(hop("x", "y", 0), hop("y", "x", 8)),
    ]
    table = linked(hops).lazy().with_columns(abroad=pl.col("target") == "d")
    told = forwarding_hops.paths(table).sort("line").collect().to_dicts()
    straight, loop = told
    assert (straight["path"], straight["hops"], straight["n_calls"]) == (["b", "c", "d"], 2, 2)
    assert not straight["loop"]
    assert straight["abroad"]
    assert (loop["path"], loop["loop"], loop["abroad"]) == (["x", "y", "x"], True, False)


def test_the_calls_of_one_day_and_path_are_counted_together() -> None:
    hops = [
        h
        for i in range(4)
        for h in (
            hop("b", "c", 20 + 100 * i, caller=f"a{i % 3}"),
            hop("c", "d", 25 + 100 * i, caller=f"a{i % 3}"),
        )
    ]
    table = linked(hops).lazy().with_columns(abroad=pl.lit(value=False))
    (told,) = forwarding_hops.paths(table).collect().to_dicts()
    assert (told["n_calls"], told["n_callers"], told["n_by_id"]) == (4, 3, 0)


def _place(each: naive.Hop) -> tuple[object, ...]:
    nothing_last = (each.caller is None, each.caller or "")
    return (
        each.start,
        each.forwarder,
        each.target,
        nothing_last,
        (each.call_id is None, each.call_id or ""),
    )


def _told(each: naive.Hop) -> tuple[str, str, float]:
    return each.forwarder, each.target, (each.start - T0).total_seconds()
