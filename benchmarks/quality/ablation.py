"""The same records judged with less: what each family of measures and each detector adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import detectors
from cdr_anomaly.alerts import detect, peer_scoring, unlike_peers

if TYPE_CHECKING:
    from cdr_anomaly.alerts.detect import Detection
    from cdr_anomaly.result import Result
    from cdr_anomaly.settings import Settings

RULES_ALONE = "without any evidence: rules alone"
FAMILIES = sorted({name for detector in detectors.ALL for name in detector.measures})


@dataclass(frozen=True)
class StoredDetector:
    """What a detector found and which line-days it tests, worked out once."""

    name: str
    findings: pl.DataFrame
    rows: pl.DataFrame | None

    def find(self, tables: detectors.Tables) -> pl.LazyFrame:
        """Return FINDINGS."""
        del tables
        return self.findings.lazy()

    def tests(self, tables: detectors.Tables) -> pl.LazyFrame | None:
        """Return TESTS."""
        del tables
        return None if self.rows is None else self.rows.lazy()

    def without(self, family: str) -> StoredDetector:
        """Leave out the measures of a family."""
        if self.rows is None:
            return self
        kept = self.rows.filter(pl.col("family") != family)
        return StoredDetector(self.name, self.findings, kept)


def judge_variants(result: Result, settings: Settings) -> dict[str, Detection]:
    """Judge the tables of a scan again, each time without one part; return them by what is left."""
    tables = result.tables
    tested = result.evidence.group_by("day").agg(pl.col("tested").max())
    line_type = tables.profile.collect_schema()["line"]
    nothing = peer_scoring.PastNights.nothing(line_type, dict(tested.iter_rows()))

    def judge(some: list[StoredDetector]) -> Detection:
        return detect.detect(some, tables, nothing, settings.fdr)  # type: ignore[arg-type]

    stored = [
        _stored(detector, result)
        for detector in detectors.build(settings)
        if detector.name not in result.not_applicable
    ]
    variants = {
        f"without the measures of {family}": judge([each.without(family) for each in stored])
        for family in FAMILIES
    }
    variants[RULES_ALONE] = judge([StoredDetector(s.name, s.findings, None) for s in stored])
    for left_out in stored:
        variants[f"without {left_out.name}"] = judge([s for s in stored if s is not left_out])
    findings = result.findings.filter(pl.col("detector") != unlike_peers.NAME)
    without = detect.Detection(findings, result.evidence, result.evidence)
    return variants | {f"without {unlike_peers.NAME}": without}


def _stored(detector: detectors.Detector, result: Result) -> StoredDetector:
    rows = detector.tests(result.tables)
    return StoredDetector(
        detector.name,
        detector.find(result.tables).collect(),
        None if rows is None else rows.collect(),
    )
