"""The interface of a detector, and the shape of what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from pydantic import ConfigDict, Field

from cdr_anomaly.schema import FINDINGS, TESTS, empty, require
from cdr_anomaly.wording import sentence_columns, sentence_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.detectors.grading import Grading
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.needs import Needs
    from cdr_anomaly.features.peer_measures import Measure
    from cdr_anomaly.features.tables import Tables
    from cdr_anomaly.wording import Sentence, Text


STRICT = ConfigDict(extra="forbid", strict=True)


def setting(default: Any, description: str, **bounds: Any) -> Any:
    """Declare a setting of a detector: its default, its meaning, and the bounds of its value."""
    return Field(default=default, description=description, **bounds)


class Detector:
    """One pattern: what it needs of a feed, and what of that is a finding.

    A subclass is a frozen dataclass: its fields are its settings, its docstring its help. Its
    ``name`` is its file, its settings section and its word in every table; it never changes.
    Its ``title`` is what it finds, in the plural, as README and help say it.
    Detectors of one ``family`` measure related things and are not independent evidence. Its
    ``measures``, by family, are what ``tests`` compares lines by. Findings by a ``fixed_limit``
    keep their severity, however usual that is among the line's peers; those of ``persistent``
    behaviour keep it, however usual that is for the line.
    Its ``limits`` are the settings that say from how many on something is a finding, the ones to
    try other values of. ``story_limits`` maps those that a line's story draws to the column of the
    count that they limit.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[str]
    fixed_limit: ClassVar[bool] = True
    persistent: ClassVar[bool] = False
    measures: ClassVar[Mapping[str, tuple[Measure, ...]]] = {}
    limits: ClassVar[tuple[str, ...]] = ()
    story_limits: ClassVar[Mapping[str, str]] = {}
    gradings: ClassVar[tuple[Grading, ...]] = ()

    def needs(self) -> Needs:
        """Return what it needs of a feed; what it does not name may be missing."""
        raise NotImplementedError

    def not_applicable(self, feed: Feed) -> Text | None:
        """Say why this feed cannot be judged, or nothing when it can."""
        del feed
        return None

    def find(self, tables: Tables) -> pl.LazyFrame:
        """Return FINDINGS, lazily; ``tables`` holds the legs of every watched line."""
        raise NotImplementedError

    def tests(self, tables: Tables) -> pl.LazyFrame | None:
        """Return TESTS, lazily: every line-day that is compared with its peers, found or not.

        A line-day that is left out must be one of which no finding is made, or that no p is given.
        """
        del tables
        return None

    def compared(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Put the measures of ``rows`` (line, day, peers, and a column each) below each other."""
        told = [
            rows.select(
                "line",
                "day",
                "peers",
                family=pl.lit(family),
                measure=pl.lit(measure.name),
                value=pl.col(measure.name).cast(pl.Float64),
            )
            for family, measures in self.measures.items()
            for measure in measures
        ]
        long = pl.concat(told).filter(pl.col("value").is_finite())
        return require(long, TESTS, f"tests of {self.name}")

    def finding(
        self,
        tables: Tables,
        frame: pl.LazyFrame,
        *,
        reason: Sentence,
        would_clear_if: Sentence,
        **columns: pl.Expr | str | float | None,
    ) -> pl.LazyFrame:
        """Shape a frame into FINDINGS from expressions, texts and numbers; the rest is empty.

        ``evidence`` is a struct. By default the subject is the ``line`` of the frame, which takes
        part alone, and the window is its local ``day``.
        """
        nothing = empty(FINDINGS)
        day = pl.col("day")

        def shape(rows: pl.DataFrame) -> pl.DataFrame:
            if rows.is_empty():  # sentences make a large plan, which costs as much for nobody
                return nothing
            defaults: dict[str, pl.Expr | str | float | None] = {
                "detector": self.name,
                "subject_kind": "line",
                "subject": columns.get("subject", tables.written(pl.col("line"))),
                "day": day,
                "window_start": tables.opens(day),
                "window_end": tables.closes(day),
                "fixed_limit": self.fixed_limit,
                "persistent": self.persistent,
            }
            values = {
                name: value if isinstance(value, pl.Expr) else pl.lit(value)
                for name, value in (defaults | columns).items()
            }
            values |= sentence_columns(reason=reason, would_clear_if=would_clear_if)
            values["reason_id"] = sentence_id(reason.values)
            values.setdefault("members", pl.concat_list(values["subject"]))
            values["evidence"] = values["evidence"].struct.json_encode()
            return rows.select(
                values.get(name, pl.lit(None)).cast(column.dtype or pl.String).alias(name)
                for name, column in FINDINGS.items()
            )

        return frame.map_batches(
            shape,
            schema=nothing.schema,
            predicate_pushdown=False,
            projection_pushdown=False,
            slice_pushdown=False,
        )


def no_findings() -> pl.LazyFrame:
    """Return FINDINGS without rows: a plan that finds nobody costs as much as one that does."""
    return empty(FINDINGS).lazy()
