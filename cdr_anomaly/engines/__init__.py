"""Engines by name."""

from __future__ import annotations

from cdr_anomaly.engines.base import Engine, FirstLook
from cdr_anomaly.engines.local import Local

__all__ = ["Engine", "FirstLook", "Local"]
