"""Planted patterns, each as it is publicly described."""

from cdr_anomaly.evaluation.simulation.planted import (
    campaigns,
    diallers,
    evasions,
    forwarding,
    hand_offs,
    overseas_presentation,
    sites,
    victims,
)

__all__ = [
    "campaigns",
    "diallers",
    "evasions",
    "forwarding",
    "hand_offs",
    "overseas_presentation",
    "sites",
    "victims",
]
