"""Subjects that are linked, directly or over others, are one actor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cdr_anomaly.features.components import number_components

NAMES = st.sampled_from("abcdefghijkl")
LINKS = st.lists(st.tuples(NAMES, NAMES), max_size=14)


def numbered(subjects: list[str], links: list[tuple[str, str]]) -> dict[str, int]:
    table = pl.DataFrame(links, schema={"one": pl.String, "other": pl.String}, orient="row")
    found = number_components(pl.Series(subjects, dtype=pl.String), table)
    assert found.schema == {"actor": pl.Int64, "subject": pl.String}
    assert found["subject"].is_unique().all()
    return {subject: actor for actor, subject in found.rows()}


def spread(subjects: list[str], links: list[tuple[str, str]]) -> dict[str, int]:
    """Hand the least number on from neighbour to neighbour, until nothing changes."""
    nodes = list(dict.fromkeys([*subjects, *(a for a, _ in links), *(b for _, b in links)]))
    number = {node: n for n, node in enumerate(nodes)}
    for _ in nodes:
        for one, other in links:
            number[one] = number[other] = min(number[one], number[other])
    rank = {least: n for n, least in enumerate(sorted(set(number.values())))}
    return {subject: rank[number[subject]] for subject in subjects}


@given(st.lists(NAMES, unique=True, max_size=8), LINKS)
def test_components_are_those_of_numbers_that_are_handed_on(
    subjects: list[str], links: list[tuple[str, str]]
) -> None:
    assert numbered(subjects, links) == spread(subjects, links)


@pytest.mark.parametrize("n_links", [50, 400, 2000])
def test_components_are_numbered_as_scipy_numbers_them(n_links: int) -> None:
    rng = np.random.default_rng(n_links)
    subjects = [f"s{n}" for n in range(500)]
    one, other = rng.integers(0, 500, n_links), rng.integers(0, 500, n_links)
    ends = [(f"s{a}", f"s{b}") for a, b in zip(one, other, strict=True)]
    graph = coo_array((np.ones(n_links), (one, other)), shape=(500, 500))
    actors = connected_components(graph, directed=False)[1].tolist()
    assert numbered(subjects, ends) == dict(zip(subjects, actors, strict=True))


def test_a_long_chain_in_any_order_is_one_actor() -> None:
    order = np.random.default_rng(1).permutation(3000)
    names = [f"s{n}" for n in order]
    chain = list(pairwise(names))
    assert set(numbered(sorted(names), chain[::-1]).values()) == {0}
