"""An invented city and its calls, with the truth about its lines; nothing else reads from here."""

from cdr_anomaly.evaluation.simulation.city import Sample, simulate, write_sample

__all__ = ["Sample", "simulate", "write_sample"]
