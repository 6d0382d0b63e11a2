"""Severities by conditions, and the numbers in these, which docs/detectors.md prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping


class Grading(float):
    """A number that decides a severity, with what it means; it is no setting."""

    __slots__ = ("meaning",)
    meaning: str

    def __new__(cls, value: float, meaning: str) -> Self:
        grading = super().__new__(cls, value)
        grading.meaning = meaning
        return grading


def ladder(steps: Mapping[str, pl.Expr], default: str) -> pl.Expr:
    """Grade by the first condition that holds."""
    graded = (pl.when(holds).then(pl.lit(severity)) for severity, holds in steps.items())
    return pl.coalesce(*graded, pl.lit(default))
