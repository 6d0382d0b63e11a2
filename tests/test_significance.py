from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, nbinom, poisson, t

from cdr_anomaly import significance
from tests.helpers import naive

P_VALUES = st.lists(st.floats(0, 1), max_size=12)
# Few different values, so that there are ties.
SCORE = st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.25, 2.0, 3.5])
SCORES = st.lists(SCORE, max_size=60)


def one(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([float(value)])


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


@given(count=st.integers(0, 100_000), mean=st.floats(0.01, 500), shape=st.floats(0.2, 100))
@settings(max_examples=200, deadline=None)
def test_the_logarithm_of_the_tail_is_right_however_far_out(
    count: int, mean: float, shape: float
) -> None:
    surprise = significance.log_tail(one(count), one(mean), one(shape))[0]
    direct = naive.log_negative_binomial_tail(count, mean, shape)
    assert surprise == pytest.approx(direct, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(
    ("count", "mean", "shape"), [(0, 3, 1), (1, 3, 1), (40, 3, 1), (400, 3, 1), (900, 60, 8)]
)
def test_the_logarithm_of_the_tail_is_that_of_scipy(count: int, mean: float, shape: float) -> None:
    surprise = significance.log_tail(one(count), one(mean), one(shape))[0]
    known = -nbinom.logsf(count - 1, shape, shape / (shape + mean)) / np.log(10)
    assert surprise == pytest.approx(known, rel=1e-6, abs=1e-12)


def test_there_is_no_step_where_floats_end() -> None:
    counts = np.arange(900.0, 3000.0)
    surprise = significance.log_tail(counts, np.full(2100, 2.0), np.full(2100, 1.5))
    assert surprise[0] < 280 < surprise[-1], "the border is among them"
    steps = np.diff(surprise)
    assert (steps > 0).all()
    assert np.abs(np.diff(steps)).max() < 1e-3


@given(
    count=st.integers(1, 3000),
    mean=st.floats(0.5, 200),
    factor=st.floats(0.1, 40),
    days=st.integers(7, 28),
    more=st.floats(1.01, 20),
    fewer=st.integers(0, 6),
)
@settings(max_examples=200, deadline=None)
def test_who_varies_more_or_is_known_less_is_not_found_rarer(
    count: int, mean: float, factor: float, days: int, more: float, fewer: int
) -> None:
    """Where it is rare at all: of a mean of 5 and a dispersion of 10 most days have no call.

    The wider they spread, the more have none: only counts beyond that spread grow likelier by it.
    """
    assume(count >= factor * more)

    def surprise(variance: float, of_days: int) -> float:
        means = np.array([mean, *[mean] * 5])
        variances = np.array([variance, *[mean * 2.0] * 5])
        of_all = np.array([of_days, *[28.0] * 5])
        whole = significance.past_tail(np.full(6, float(count)), means, variances, of_all)
        return float(whole[0])

    usual = max(surprise(mean * factor, days), 2.0)
    assert surprise(mean * factor * more, days) <= usual * 1.02
    # Who varies less than its peers is taken to vary as they do when little is known of it.
    assert surprise(mean * min(factor, 2.0), max(days - fewer, 1)) <= max(
        surprise(mean * min(factor, 2.0), days) * (1 + 1e-6), 2.0
    )


def test_counts_of_the_past_itself_are_as_rare_as_they_are_said_to_be() -> None:
    """28 days of 4000 lines with rates and dispersions of their own, and one day more of each."""
    random = np.random.default_rng(3)
    rates, shapes = random.gamma(2.0, 10.0, 4000) + 1, random.uniform(2.0, 8.0, 4000)
    drawn = random.poisson(random.gamma(shapes, rates / shapes, (29, 4000))).astype(float)
    past, today = drawn[:28], drawn[28]
    days = np.full(4000, 28.0)
    known = past.mean(axis=0) > 0
    surprise = significance.past_tail(
        today[known], past.mean(axis=0)[known], past.var(axis=0, ddof=1)[known], days[known]
    )
    assert 0.3 < (surprise >= 2).mean() / 1e-2 < 3


def test_of_no_lines_nothing_is_said() -> None:
    nothing = np.empty(0)
    assert len(significance.past_tail(nothing, nothing, nothing, nothing)) == 0


@given(distance=st.floats(-5, 60))
@settings(max_examples=100, deadline=None)
def test_a_robust_distance_has_the_tail_of_student(distance: float) -> None:
    surprise = significance.robust_tail(one(distance))[0]
    assert surprise == pytest.approx(-np.log10(t.sf(distance, 8)), rel=1e-9, abs=1e-12)


@given(shared=st.integers(0, 60), expected=st.floats(1e-6, 50))
@settings(max_examples=100, deadline=None)
def test_shared_numbers_have_the_tail_of_poisson(shared: int, expected: float) -> None:
    tail = significance.poisson_tail(one(shared), one(expected))
    assert tail[0] == pytest.approx(poisson.sf(shared - 1, expected))


@given(known=SCORES, value=st.sampled_from([-1.0, 0.0, 0.4, 1.0, 2.0, 9.0]))
@settings(max_examples=150, deadline=None)
def test_how_many_are_as_great(known: list[float], value: float) -> None:
    share = significance.rarity(one(value), np.array(known), among=np.array([False]))
    assert share[0] == naive.rarity(value, known, among=False)
    if known:
        values, own = np.array(known), np.full(len(known), fill_value=True)
        shares = significance.rarity(values, values, among=own)
        assert shares.tolist() == [naive.rarity(v, known, among=True) for v in known]
        assert shares.min() >= 1 / len(known), "nobody is rarer than one of all"


@given(known=SCORES, more=st.integers(0, 5000), value=st.sampled_from([0.0, 0.4, 1.0, 2.0, 9.0]))
@settings(max_examples=200, deadline=None)
def test_how_many_score_as_much(known: list[float], more: int, value: float) -> None:
    tested = len(known) + more
    scores, among = np.array([value, *known]), np.array([False, *[True] * len(known)])
    found = significance.calibrated(scores, np.array(known), tested, among=among)
    slowly = [
        naive.calibrated(score, known, tested, among=own)
        for score, own in zip(scores, among, strict=True)
    ]
    assert found.tolist() == pytest.approx(slowly)
    assert ((found > 0) & (found <= 1)).all()
    assert (found[scores == 0] == 1).all()


@given(data=st.data(), n_groups=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_groups_at_once_are_what_each_is_by_itself(data: st.DataObject, n_groups: int) -> None:
    group = st.integers(0, n_groups - 1)
    known = data.draw(st.lists(st.tuples(group, SCORE), max_size=150))
    own = data.draw(st.lists(st.tuples(group, SCORE, st.booleans()), max_size=20))
    of_values, values, among = (np.array([row[n] for row in own]) for n in range(3))
    of_values, values, among = of_values.astype(int), values.astype(float), among.astype(bool)
    reference = np.array([value for _, value in known] + values[among].tolist(), float)
    of_reference = np.array([n for n, _ in known] + of_values[among].tolist(), int)
    groups = significance.Groups(of_values, of_reference)
    tested, draw = 40 + 3000 * of_values, of_values % 2 == 0
    shares = significance.rarity(values, reference, among=among, groups=groups)
    found = significance.calibrated(
        values, reference, tested, among=among, draw=draw, groups=groups
    )
    for n in range(n_groups):
        at, of_group = of_values == n, reference[of_reference == n]
        alone = significance.rarity(values[at], of_group, among=among[at])
        assert shares[at].tolist() == alone.tolist()
        alone = significance.calibrated(
            values[at], of_group, 40 + 3000 * n, among=among[at], draw=n % 2 == 0
        )
        assert found[at].tolist() == alone.tolist()


@pytest.mark.parametrize("p", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("odd", [0, 20])
def test_exponential_scores_are_as_rare_as_they_are_said_to_be(p: float, odd: int) -> None:
    """200,000 scores of a week, one in ten thousand of them far out, and those of other nights."""
    random = np.random.default_rng(11)
    scale = 1 / np.log(10)
    known = random.exponential(scale, 200_000)
    known[:odd] = 30.0 + random.random(odd)
    clean = random.exponential(scale, 400_000)
    found = significance.calibrated(
        clean, known, len(known), among=np.zeros(len(clean), dtype=np.bool_)
    )
    assert 0.3 < (found <= p).mean() / p < 3


def test_it_is_tens_of_times_wrong_with_a_mean_where_a_few_are_far_out() -> None:
    """Why the scale is by the median: see calibrated()."""
    random = np.random.default_rng(11)
    known = random.exponential(1 / np.log(10), 200_000)
    known[:20] = 30.0
    start = np.sort(known)[-201]
    mean = (known[known > start] - start).mean()
    by_mean = 1e-3 * np.exp(-1 / mean)
    by_median = significance.calibrated(one(start + 1), known, 200_000, among=np.array([False]))[0]
    assert by_median == pytest.approx(1e-4, rel=0.5)
    assert by_mean > 5 * by_median


@pytest.mark.parametrize(
    ("score", "known", "tested", "p", "why"),
    [
        (0.0, [1.0, 2.0], 10, 1.0, "no score"),
        (-1.0, [], 0, 1.0, "less than none"),
        (5.0, [], 0, 1.0, "nobody is known"),
        (5.0, [], 99, 0.01, "one more than all of them"),
        (1e6, [1.0] * 15 + [2.0] * 10, 10_000, 1e-300, "never 0"),
        (2.0, [1.0] * 15 + [2.0] * 10, 10_000, None, "a tail is drawn out from 20 on"),
    ],
)
def test_the_ends_of_what_is_calibrated(
    score: float, known: list[float], tested: int, p: float | None, why: str
) -> None:
    found = significance.calibrated(one(score), np.array(known), tested, among=np.array([False]))
    expected = naive.calibrated(score, known, tested, among=False) if p is None else p
    assert found[0] == pytest.approx(expected), why


@given(known=st.lists(st.floats(0, 30), min_size=1, max_size=80), tested=st.integers(80, 90_000))
@settings(max_examples=150, deadline=None)
def test_who_scores_more_is_never_said_to_be_likelier(known: list[float], tested: int) -> None:
    scores = np.linspace(0, 40, 300)
    among = np.zeros(300, dtype=np.bool_)
    found = significance.calibrated(scores, np.array(known), tested, among=among)
    assert (np.diff(found) <= 1e-12).all()


def test_the_binomial_tail_is_that_of_scipy() -> None:
    count, tried = np.array([0, 1, 3, 8, 8]), np.array([4, 4, 3, 50, 8])
    chance = np.array([0.2, 0.2, 0.01, 0.03, 0.5])
    expected = binom.sf(count - 1, tried, chance)
    assert significance.binomial_tail(count, tried, chance) == pytest.approx(expected, rel=1e-12)


def test_false_discovery_is_weighed_by_day() -> None:
    rows = pl.DataFrame({"day": [2, 1, 2], "p_value": [0.02, 0.02, 0.01], "n": [4, 9, 4]})
    of_all = significance.by_day(rows, pl.first("n"))
    assert of_all.rows() == [(2, 0.02, 4, 0.04), (2, 0.01, 4, 0.04), (1, 0.02, 9, 0.18)]
    assert significance.by_day(rows, pl.len())["q_value"].to_list() == [0.02, 0.02, 0.02]
    assert significance.by_day(rows.clear(), pl.len()).schema == of_all.schema


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 4), st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=40
    )
)
@settings(max_examples=100, deadline=None)
def test_days_at_once_have_the_false_discovery_of_each(rows: list[tuple[int, float, int]]) -> None:
    frame = pl.DataFrame(rows, ["day", "p_value", "n"], orient="row")
    parts = [
        part.with_columns(
            q_value=significance.false_discovery(part["p_value"].to_numpy(), part["n"].max())
        )
        for part in frame.partition_by("day", maintain_order=True)
    ]
    assert significance.by_day(frame, pl.col("n").max()).equals(pl.concat(parts))


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 90), st.floats(0.5, 60), st.floats(0, 900),
            st.integers(10, 28),
        ),
        min_size=1, max_size=40,
    )
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_past_is_as_rare_among_the_peers_of_many_days(rows: list[tuple[float, ...]]) -> None:
    day, count, mean, variance, days = np.array(rows, float).T
    found = significance.past_tail(count, mean, variance, days, peers=day.astype(int))
    for each in np.unique(day):
        at = day == each
        alone = significance.past_tail(count[at], mean[at], variance[at], days[at])
        assert found[at].tolist() == alone.tolist()
