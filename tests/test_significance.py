from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly import significance
from tests import naive

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


@given(
    count=st.integers(0, 400),
    mean=st.floats(0.01, 200),
    shape=st.floats(0.2, 100),
)
@settings(max_examples=200, deadline=None)
def test_the_tail_is_that_of_the_negative_binomial(count: int, mean: float, shape: float) -> None:
    tail = significance.negative_binomial_tail(
        np.array([float(count)]), np.array([mean]), np.array([shape])
    )
    assert tail[0] == pytest.approx(naive.negative_binomial_tail(count, mean, shape), rel=1e-6)


def test_the_tail_is_exact_where_one_minus_cdf_is_rounding() -> None:
    tail = significance.negative_binomial_tail(np.array([300.0]), np.array([0.5]), np.array([4.0]))
    assert 0 < tail[0] < 1e-200


def test_nothing_seen_has_a_tail_of_one() -> None:
    tail = significance.negative_binomial_tail(np.zeros(2), np.array([0.1, 90.0]), np.ones(2))
    assert tail.tolist() == [1.0, 1.0]


@given(p_values=P_VALUES, more=st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_q_values_are_those_of_the_step_up_procedure(p_values: list[float], more: int) -> None:
    tested = len(p_values) + more
    q_values = significance.false_discovery(np.array(p_values), tested)
    assert q_values.tolist() == pytest.approx(naive.benjamini_hochberg(p_values, tested))


@given(p_values=P_VALUES, cut=st.integers(0, 12))
@settings(max_examples=100, deadline=None)
def test_leaving_out_those_that_cannot_pass_changes_no_q(p_values: list[float], cut: int) -> None:
    whole = significance.false_discovery(np.array(p_values + [1.0] * cut), len(p_values) + cut)
    part = significance.false_discovery(np.array(p_values), len(p_values) + cut)
    assert part.tolist() == pytest.approx(whole[: len(p_values)].tolist())


@pytest.mark.parametrize(
    ("counts", "least", "most", "why"),
    [
        ([], 1.0, 1.0, "nothing to compare"),
        ([5.0, 9.0], 1.0, 1.0, "two are too few to say"),
        ([3.0] * 40, 100.0, 100.0, "all alike: as good as Poisson"),
        ([0.0] * 30 + [60.0] * 10, 0.2, 0.5, "very unlike"),
        ([3.0] * 40 + [500.0], 100.0, 100.0, "the one burst that is looked for is left out"),
    ],
)
def test_the_shape_says_how_unlike_the_rates_are(
    counts: list[float], least: float, most: float, why: str
) -> None:
    seen = np.array(counts)
    expected = np.full(len(seen), np.median(seen) if len(seen) and np.median(seen) else 15.0)
    assert least <= significance.gamma_shape(seen, expected) <= most, why


@pytest.mark.parametrize(
    ("excess", "kept", "why"),
    [
        ([], [], "none of none"),
        ([7.0], [], "one alone may be the burst"),
        ([1.0, 9.0, 2.0], [0, 2], "the largest is left out"),
        ([float(n) for n in range(100)], list(range(97)), "and 2 % more"),
    ],
)
def test_the_usual_ones_are_all_but_the_largest(
    excess: list[float], kept: list[int], why: str
) -> None:
    assert significance.usual_ones(np.array(excess)).tolist() == kept, why


def test_the_shape_is_found_again() -> None:
    random = np.random.default_rng(7)
    means = np.full(20_000, 4.0)
    counts = random.poisson(random.gamma(2.0, means / 2.0)).astype(float)
    assert significance.gamma_shape(counts, means, trim=0.0) == pytest.approx(2.0, rel=0.1)
