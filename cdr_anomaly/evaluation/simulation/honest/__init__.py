"""Honest lines: ordinary people, trades, institutions, groups and whoever looks alike."""

from cdr_anomaly.evaluation.simulation.honest import (
    districts,
    forwarding,
    groups,
    institutions,
    long_talkers,
    ordinary,
    roaming,
    trades,
)

__all__ = [
    "districts",
    "forwarding",
    "groups",
    "institutions",
    "long_talkers",
    "ordinary",
    "roaming",
    "trades",
]
