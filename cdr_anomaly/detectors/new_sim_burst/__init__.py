"""New lines: single ones that dial or forward at once, and blocks with a surge of them."""

from cdr_anomaly.detectors.new_sim_burst.detector import NewSimBurst

__all__ = ["NewSimBurst"]
