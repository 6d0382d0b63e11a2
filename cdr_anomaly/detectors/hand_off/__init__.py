"""People who are handed over from one line to another."""

from cdr_anomaly.detectors.hand_off.detector import HandOff

__all__ = ["HandOff"]
