"""Settings of the detector of hand-offs."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting


@dataclass(frozen=True, config=STRICT)
class HandOffSettings(Detector):
    """What makes a finding of hand-offs."""

    people: int = setting(3, "people handed over to a line on a day that make a finding", ge=2)
    opened: int = setting(2, "people that an opener had handed over, from which it is found", ge=1)
    talk_s: int = setting(60, "seconds of talk with the opener, at least", ge=1)
    within_s: int = setting(900, "seconds after that talk in which the closer calls", ge=1, le=3600)
    overlap_s: int = setting(120, "seconds before its end in which it may call", ge=0, le=3600)
    fdr: float = setting(0.01, "false-discovery rate over all lines tested", gt=0, le=0.5)
