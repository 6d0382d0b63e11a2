"""Score line-days by PyOD's IsolationForest and ECOD: pyod_peer.py MEASURES SCORES (Parquet).

Each night is scored by a model with default settings that was fitted on the seven nights before.
A measure that a line-day lacks is the median of those nights.
"""

from __future__ import annotations

import sys
import warnings
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODELS = {"PyOD IsolationForest": lambda: IForest(random_state=1), "PyOD ECOD": ECOD}
NIGHTS = 7


def score_line_days(measures: pl.DataFrame) -> pl.DataFrame:
    """Score the line-days of every night that has seven before it."""
    days = measures["day"].unique().sort().to_list()
    return pl.concat(
        [_score_night(measures, day) for day in days if day - timedelta(days=NIGHTS) in days]
    )


def _score_night(measures: pl.DataFrame, day: date) -> pl.DataFrame:
    before = measures.filter(
        pl.col("day").is_between(day - timedelta(days=NIGHTS), day, closed="left")
    )
    night = measures.filter(pl.col("day") == day)
    names = [name for name in measures.columns if name not in {"line", "day"}]
    middle = np.nan_to_num(before.select(pl.col(names).median()).to_numpy().astype(np.float64))
    fit, evaluated = (_fill(frame.select(names), middle) for frame in (before, night))
    return pl.concat(
        [
            night.select("line", "day").with_columns(
                model=pl.lit(name), score=pl.Series(model().fit(fit).decision_function(evaluated))
            )
            for name, model in MODELS.items()
        ]
    )


def _fill(frame: pl.DataFrame, middle: NDArray[np.float64]) -> NDArray[np.float64]:
    values = frame.to_numpy().astype(np.float64)
    return np.where(np.isnan(values), middle, values)


if __name__ == "__main__":
    # A measure that is the same all week has no skewness; ECOD takes it for none.
    warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
    score_line_days(pl.read_parquet(sys.argv[1])).write_parquet(sys.argv[2])
