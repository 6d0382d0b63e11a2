"""Patterns in call records: a detector is one file, or a folder of one name."""

from cdr_anomaly.detectors.base import Detector
from cdr_anomaly.detectors.registry import ALL, MEASURES, NAMES, build, described
from cdr_anomaly.features.feed import Feed
from cdr_anomaly.features.tables import Tables

__all__ = [
    "ALL",
    "MEASURES",
    "NAMES",
    "Detector",
    "Feed",
    "Tables",
    "build",
    "described",
]
