"""Settings of the detector of overseas presentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting
from cdr_anomaly.features import rolling
from cdr_anomaly.wording import Sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables


@dataclass(frozen=True, config=STRICT)
class OverseasPresentationSettings(Detector):
    """What makes a finding of overseas presentation."""

    contacts: int = setting(20, "home subscribers called in a day that make a finding", ge=1)
    known_share: float = setting(0.2, "share called in 28 days before, up to which", ge=0, le=1)
    call_backs: float = setting(0.05, "share calling back, up to which", ge=0, le=1)
    answered: float = setting(0.5, "share of its calls answered, up to which", ge=0, le=1)
    mismatch_calls: int = setting(5, "calls in a day that contradict the number", ge=1)
    mismatch_contacts: int = setting(10, "different numbers called that make it high", ge=1)
    home_mcc: tuple[str, ...] = setting(
        (), 'mobile country codes of home, as in ["460"]; by default of --home', strict=False
    )
    domestic_trunks: tuple[str, ...] = setting((), "trunks for calls of home numbers", strict=False)
    international_trunks: tuple[str, ...] = setting((), "trunks from abroad", strict=False)
    domestic_share: float = setting(0.95, "share from home, from which others are", gt=0.5, le=1)
    international_share: float = setting(0.5, "share from abroad, likewise", gt=0, le=1)
    trunk_calls: int = setting(200, "calls in a day from which that is judged", ge=1)
    seen_hours: int = setting(2, "hours between a call from abroad and one at home", ge=1, le=23)
    pool_numbers: int = setting(5, "neighbouring numbers that make a pool", ge=2)
    pool_contacts: int = setting(50, "home subscribers that they call in a day", ge=1)
    pool_digits: int = setting(3, "last digits in which they differ", ge=1, le=4)
    pool_fdr: float = setting(0.01, "false-discovery rate over all prefixes", gt=0, lt=1)

    def of_number(
        self,
        tables: Tables,
        days: pl.LazyFrame,
        *,
        reason: Sentence,
        would_clear_if: Sentence,
        **columns: pl.Expr | str | float | None,
    ) -> pl.LazyFrame:
        """Shape findings about a ``number``, whose window are its calls."""
        return self.finding(
            tables,
            days,
            subject=pl.col("number"),
            window_start=rolling.just_before(pl.col("first")),
            window_end=pl.col("last"),
            reason=reason,
            would_clear_if=would_clear_if,
            **columns,
        )

    def mismatch(
        self,
        tables: Tables,
        days: pl.LazyFrame,
        *,
        reason: Sentence,
        **columns: pl.Expr | str | float | None,
    ) -> pl.LazyFrame:
        """Shape findings about ``mismatch_calls`` calls that contradict their number."""
        return self.of_number(
            tables,
            days.filter(pl.col("n_calls") >= self.mismatch_calls),
            observed=pl.col("n_calls"),
            threshold=self.mismatch_calls,
            reason=reason,
            would_clear_if=sentence(
                "overseas_presentation.clear_calls",
                "fewer than {calls} such calls in a day",
                calls=self.mismatch_calls,
            ),
            **columns,
        )
