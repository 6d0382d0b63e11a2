"""Tail probabilities, their calibration, and false-discovery control; knows nothing of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Truths = NDArray[np.bool_]
    Counts = NDArray[np.int64]


# Beyond the one in a thousand that score most, tails are not counted but drawn out; of fewer than
# twenty nothing can be drawn.
RARE, FEWEST = 1e-3, 20
# So many of its peers' days a line's own past is drawn towards their dispersion by.
PEER_DAYS = 14.0


class Groups(NamedTuple):
    """The groups of values, and those of the reference values that they are compared with."""

    of_values: Counts
    of_reference: Counts

    @classmethod
    def one(cls, values: Floats, reference: Floats) -> Groups:
        """Put all of them in one group."""
        return cls(np.zeros(len(values), np.int64), np.zeros(len(reference), np.int64))


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
    if not np.size(count):  # scipy takes a while to load
        return np.empty(0)
    from scipy.special import betainc

    tail = betainc(np.maximum(count, 1), shape, mean / (mean + shape))
    return np.where(count >= 1, tail, 1.0)


def log_tail(count: Floats, mean: Floats, shape: Floats) -> Floats:
    """Return -log10 P(X >= count) of that negative binomial, however far into the tail.

    Where the incomplete beta function is below what a float holds, the first term of the sum,
    times the geometric series that bounds the others (exact to 4 digits there).
    """
    if not np.size(count):
        return np.empty(0)
    from scipy.special import betaln, xlog1py, xlogy

    tail = negative_binomial_tail(count, mean, shape)
    share = mean / (mean + shape)
    at_least = np.maximum(count, 1)
    # ln pmf, with C(n + k - 1, k) = 1 / (k B(n, k)).
    first = xlog1py(shape, -share) + xlogy(at_least, share)
    first -= np.log(at_least) + betaln(shape, at_least)
    falling = share * (at_least + shape) / (at_least + 1)
    deep = first - np.log1p(-np.minimum(falling, 1 - 1e-12))
    held = tail > 1e-280
    whole: Floats = np.where(held, np.log(np.where(held, tail, 1.0)), deep) / -np.log(10)
    return whole


def past_tail(
    count: Floats, mean: Floats, variance: Floats, days: Floats, *, peers: Counts | None = None
) -> Floats:
    """Return -log10 P(X >= count) of a line's day, by its own past of so many ``days``.

    A negative binomial about the past mean. Its dispersion (variance - mean) / mean^2 is drawn
    towards the median of all lines that are given, or of those of the same ``peers``, and never
    under half of it: few days say little of how much a line varies (algorithms, section 2.0).
    """
    dispersion = np.maximum((variance - mean) / mean**2, 0.0)
    groups = np.zeros(len(mean), np.int64) if peers is None else peers
    usual = np.maximum(_medians(dispersion, groups), 0.05)
    drawn = (days * dispersion + PEER_DAYS * usual) / (days + PEER_DAYS)
    spread = (mean + np.maximum(drawn, 0.5 * usual) * mean**2) * (1 + 1 / days)
    return log_tail(count, mean, mean**2 / (spread - mean))


def _medians(values: Floats, groups: Counts) -> Floats:
    """Return for each value the median of its group."""
    order = np.lexsort((values, groups))
    _, begin, place, size = np.unique(
        groups[order], return_index=True, return_inverse=True, return_counts=True
    )
    middle = (values[order[begin + (size - 1) // 2]] + values[order[begin + size // 2]]) / 2
    medians = np.empty_like(values)
    medians[order] = middle[place]
    return medians


def robust_tail(distance: Floats) -> Floats:
    """Return -log10 of the tail of a robust distance: Student's t of 8 degrees of freedom.

    For medians and median absolute deviations on the Anscombe scale, where a normal tail is tens of
    times too thin (algorithms, section 2.0).
    """
    if not np.size(distance):
        return np.empty(0)
    from scipy.special import stdtr

    tail: Floats = stdtr(8, -distance)
    surprise: Floats = -np.log10(np.maximum(tail, 1e-300))
    return surprise


def poisson_tail(count: Floats, mean: Floats) -> Floats:
    """Return P(X >= count) for a Poisson of that mean; 1 where count is 0."""
    if not np.size(count):
        return np.empty(0)
    from scipy.special import gammainc

    tail: Floats = gammainc(np.maximum(count, 1), mean)
    return np.where(count >= 1, tail, 1.0)


def binomial_tail(count: Floats, tries: Floats, share: Floats) -> Floats:
    """Return P(X >= count) of so many tries, each with that share; 1 where count is 0."""
    if not np.size(count):
        return np.empty(0)
    from scipy.special import betainc

    least = np.maximum(count, 1)
    tail = betainc(least, np.maximum(tries - least + 1, 1), share)
    return np.where(count >= 1, tail, 1.0)


def rarity(
    values: Floats, reference: Floats, *, among: Truths, groups: Groups | None = None
) -> Floats:
    """Return the share of ``reference`` values that are as great, counting each value as one more.

    ``among`` says which of the values are themselves in the reference. With ``groups`` each value
    is compared with the reference of its own group.
    """
    reaching, size = _reaching(values, reference, groups)
    itself = among.astype(np.int64)
    return (1 + reaching - itself) / (1 + size - itself)


def calibrated(
    scores: Floats,
    reference: Floats,
    tested: int | Counts,
    *,
    among: Truths,
    draw: bool | Truths = True,
    groups: Groups | None = None,
) -> Floats:
    """Return the share of ``tested`` lines with such a score, by ``reference`` scores; 0 is none.

    Counted up to the one in a thousand that score most, and beyond as an exponential tail whose
    scale is the *median* excess over that point / ln 2: a few odd reference scores move a mean, and
    with it all findings, but hardly a median (algorithms, section 0.4). Scores are sums of
    -log10 p, and no tail is taken to fall faster than that of one. ``among`` says which of the
    scores are themselves in the reference, and do not count for themselves. Without ``draw`` there
    is no tail. With ``groups`` each score is compared with the reference of its own group; then
    ``tested`` and ``draw`` may be told of each score, alike in a group.
    """
    groups = groups or Groups.one(scores, reference)
    reaching, size = _reaching(scores, reference, groups)
    counted = (1 + reaching - among.astype(np.int64)) / (1 + tested)
    rare = np.maximum(FEWEST, np.ceil(RARE * np.asarray(tested))).astype(np.int64)
    far = draw & (size > rare)
    for group in np.unique(groups.of_values[far]) if far.any() else ():
        at = groups.of_values == group
        lines, most = (int(np.broadcast_to(each, at.shape)[at][0]) for each in (tested, rare))
        ordered = np.sort(reference[groups.of_reference == group])
        counted[at] = _with_tail(counted[at], scores[at], ordered, lines, most)
    return np.where(scores > 0, np.clip(counted, 1e-300, 1.0), 1.0)


def _with_tail(counted: Floats, scores: Floats, ordered: Floats, tested: int, rare: int) -> Floats:
    """Draw the shares of scores beyond the ``rare`` ones of an ordered reference from its tail."""
    start = ordered[-rare - 1]
    excess = ordered[ordered > start] - start
    if not len(excess):
        return counted
    scale = max(float(np.median(excess)) / np.log(2), 1 / np.log(10))
    tail = len(excess) / tested * np.exp(-(scores - start) / scale)
    return np.where(scores > start, tail, counted)


def _reaching(
    values: Floats, reference: Floats, groups: Groups | None
) -> tuple[Counts, int | Counts]:
    """Count for each value the reference values that are as great, and all those of its group."""
    ordered = np.sort(reference)
    place = np.searchsorted(ordered, values, side="left")
    if groups is None:
        return len(ordered) - place, len(ordered)
    # The groups one after the other, and in each the places of its values in the common order.
    step = len(ordered) + 1
    keys = np.sort(groups.of_reference * step + np.searchsorted(ordered, reference, side="left"))
    begin = groups.of_values * step
    first, found, end = (np.searchsorted(keys, key) for key in (begin, begin + place, begin + step))
    return end - found, end - first


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


def by_day(rows: pl.DataFrame, tested: pl.Expr) -> pl.DataFrame:
    """Add the q_value of rows (day, p_value, ...), of which so many were ``tested`` on their day.

    ``tested`` is one value of a day's rows, such as ``pl.len()``.
    """
    by_day = rows.with_row_index("row of all").group_by("day", maintain_order=True)
    days = by_day.agg("row of all", tested=tested)
    rows = rows[days["row of all"].explode()]
    ends = days["row of all"].list.len().cum_sum().to_numpy()
    parts = map(false_discovery, np.split(rows["p_value"].to_numpy(), ends[:-1]), days["tested"])
    return rows.with_columns(q_value=pl.Series(np.concatenate([np.empty(0), *parts])))
