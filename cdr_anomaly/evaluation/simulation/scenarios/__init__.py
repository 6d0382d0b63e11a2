"""Patterns that are hard to find, each drawn beside the honest life that resembles it."""

from cdr_anomaly.evaluation.simulation.scenarios.catalogue import SCENARIOS, all_calls
from cdr_anomaly.evaluation.simulation.scenarios.side import GRADES

__all__ = ["GRADES", "SCENARIOS", "all_calls"]
