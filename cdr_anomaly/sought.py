"""Lines that are looked at twice for where they are from: by their number, and by a trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import presented

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.engines.base import Engine, FirstLook
    from cdr_anomaly.ingest import Source


def elsewhere(source: Source) -> pl.Expr:
    """Tell which lines (line) are presented as of elsewhere than the home region."""
    return presented.elsewhere(pl.col("line"), source.plan, as_text=source.as_text)


def by_calls(
    engine: Engine, source: Source, look: FirstLook, built: Iterable[Detector]
) -> pl.DataFrame:
    """Find the lines (line) that placed calls which some detector seeks; between the looks."""
    told = [detector.seeks(look.traffic) for detector in built]
    wanted = [calls for calls in told if calls is not None]
    none = pl.Series(dtype=source.line_type)
    lines = engine.callers(source, pl.any_horizontal(wanted)) if wanted else none
    return lines.alias("line").to_frame()
