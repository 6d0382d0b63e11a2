"""Lines that call strangers in bursts."""

from cdr_anomaly.detectors.high_frequency.detector import HighFrequency

__all__ = ["HighFrequency"]
