"""Tail probabilities and false-discovery control; knows nothing of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def gamma_shape(counts: Floats, expected: Floats, *, trim: float = 0.02) -> float:
    """Estimate the shape of the gamma distribution that the rates behind counts are drawn from.

    By moments: Var(x) = m + m^2 / shape. The share ``trim`` of the largest excesses, and one more,
    is left out so that the bursts that are looked for do not widen the null that they are judged
    by. Between 0.2 (very unlike) and 100 (as good as alike); 1 where there is nothing to compare.
    """
    if len(counts) < 3:
        return 1.0
    excess = (counts - expected) ** 2 - expected
    kept = usual_ones(excess, trim=trim)
    spread = float(excess[kept].sum())
    square = float((expected[kept] ** 2).sum())
    return float(np.clip(square / spread, 0.2, 100.0)) if spread > 0 else 100.0


def usual_ones(excess: Floats, *, trim: float = 0.02) -> NDArray[np.intp]:
    """Return the places of all but the share ``trim`` of the largest excesses, and one more."""
    most = max(len(excess) - 1 - int(trim * len(excess)), 0)
    return np.argsort(excess, kind="stable")[:most]


def negative_binomial_tail(count: Floats, mean: Floats, shape: Floats) -> Floats:
    """Return P(X >= count) for a negative binomial of that mean and shape; 1 where count is 0.

    By the incomplete beta function, exact far into the tail where 1 - cdf is all rounding
    (Johnson, Kemp, Kotz: Univariate Discrete Distributions, 5.6).
    """
    from scipy.special import betainc

    tail = betainc(np.maximum(count, 1), shape, mean / (mean + shape))
    return np.where(count >= 1, tail, 1.0)


def false_discovery(p_values: Floats, tested: int) -> Floats:
    """Return Benjamini-Hochberg q-values of p-values of which ``tested`` were looked at.

    Those not given were cut by a guard that no finding can pass, and have p = 1: leaving them out
    of ``tested`` would promise far too much.
    """
    order = np.argsort(p_values, kind="stable")
    ranked = p_values[order] * max(tested, len(p_values)) / np.arange(1, len(p_values) + 1)
    q_values = np.empty_like(ranked)
    q_values[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(q_values, 1.0)
