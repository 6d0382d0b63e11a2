"""Digital Sichuan 2020: real lines ranked by our measures, without use of their labels.

One row a line, with sums over its months. Ranked are the columns that correspond to what we measure
of a day's dispersion and reciprocity; volume is left out, as it accuses nobody. Whether a measure
is odd where it is great or where it is little is as in the detectors. The labels are used once, to
score the ranks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.alerts.peer_scoring import MAX_RARITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Distinct numbers per call is the inverse of calls per contact: the two are one measure.
MEASURES = {
    "distinct numbers per call (= few calls per contact)": (
        pl.col("opposite_unique") / pl.col("opposite_count")
    ),
    "share of outgoing calls": pl.col("voc_calltype1"),
    "handsets per line": pl.col("imeis"),
    "few counties called from": -pl.col("county_name_call"),
    "few seconds of talk on average": -pl.col("call_dur_mean"),
}
SAMPLES = 1000


class Score(NamedTuple):
    """How well a ranking does, with intervals of 90 %."""

    name: str
    auc: tuple[float, float, float]
    average_precision: tuple[float, float, float]


class Sample(NamedTuple):
    """How many lines there are, how many are labelled, and how well each ranking does."""

    lines: int
    labelled: int
    combined: list[Score]
    single: list[Score]


def rank_sample(file: Path) -> Sample:
    """Rank the lines of the file, and score the ranks by the labels."""
    rows = pl.read_parquet(file)
    labels = rows["label"].to_numpy() == 1
    values = rows.select(
        expression.cast(pl.Float64).alias(name) for name, expression in MEASURES.items()
    )
    # What is not known of a line is neither odd nor usual.
    columns = [values[name].fill_null(values[name].median()).to_numpy() for name in MEASURES]
    ways = {
        "unweighted sum of ranks": sum(_ranks(each) for each in columns),
        f"sum of -log10 of the share of lines as odd, {MAX_RARITY:.0f} at most, as in a night": sum(
            _surprise(each) for each in columns
        ),
    }
    return Sample(
        len(labels),
        int(labels.sum()),
        [_score(name, np.asarray(total), labels) for name, total in ways.items()],
        [_score(name, each, labels) for name, each in zip(MEASURES, columns, strict=True)],
    )


def auc(scores: Floats, labels: NDArray[np.bool_]) -> float:
    """Return the chance that a labelled line scores higher than another; ties count half."""
    labelled, others = int(labels.sum()), int((~labels).sum())
    above = _ranks(scores)[labels].sum() - labelled * (labelled + 1) / 2
    return float(above / (labelled * others))


def average_precision(scores: Floats, labels: NDArray[np.bool_]) -> float:
    """Return the mean precision at each labelled line; of equal scores all come at once."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(labels[order])[last]
    precision = found / (np.flatnonzero(last) + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / labels.sum())


def _ranks(values: Floats) -> Floats:
    """Rank from the least odd, 1, up; equals share the mean of their ranks."""
    ranks: Floats = pl.Series(values).rank("average").to_numpy()
    return ranks


def _surprise(values: Floats) -> Floats:
    every = np.ones(len(values), dtype=bool)
    share = significance.rarity(values, values, among=every)
    return np.minimum(-np.log10(share), MAX_RARITY)


def _score(name: str, scores: Floats, labels: NDArray[np.bool_]) -> Score:
    return Score(name, *(_with_interval(f, scores, labels) for f in (auc, average_precision)))


def _with_interval(
    figure: Callable[[Floats, NDArray[np.bool_]], float],
    scores: Floats,
    labels: NDArray[np.bool_],
) -> tuple[float, float, float]:
    """Return the figure and its interval over samples of as many lines as there are."""
    random = np.random.default_rng(1)
    drawn = (random.integers(0, len(labels), len(labels)) for _ in range(SAMPLES))
    low, high = np.quantile([figure(scores[pick], labels[pick]) for pick in drawn], (0.05, 0.95))
    return figure(scores, labels), float(low), float(high)
