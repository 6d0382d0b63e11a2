"""Honest lines: ordinary people, trades, institutions, groups and whoever looks alike."""

from cdr_anomaly.evaluation.simulation.honest import (
    forwarding,
    groups,
    institutions,
    long_talkers,
    ordinary,
    roaming,
    trades,
)

__all__ = ["forwarding", "groups", "institutions", "long_talkers", "ordinary", "roaming", "trades"]
