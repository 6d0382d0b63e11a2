"""Lines that talk for a working day."""

from cdr_anomaly.detectors.agent_shift.detector import AgentShift

__all__ = ["AgentShift"]
