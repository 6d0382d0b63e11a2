"""Finds suspicious lines in call records, and says why.

It finds mass diallers, high-frequency callers, forwarding chains, new-SIM bursts, overseas
presentation, agent shifts, campaigns, sites and hand-offs.

``scan`` judges files and remembers nothing, ``nightly`` judges a day with a state; ``Settings`` is
what they can be told; ``Detector`` is the interface of a pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Detector", "Settings", "__version__", "nightly", "scan"]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cdr_anomaly.detectors import Detector
    from cdr_anomaly.nights.run import nightly
    from cdr_anomaly.pipeline import scan
    from cdr_anomaly.settings import Settings


def __getattr__(name: str) -> object:
    # Heavy libraries are loaded when they are wanted, so that --help answers at once.
    from importlib import import_module

    homes = {
        "scan": "pipeline",
        "nightly": "nights.run",
        "Settings": "settings",
        "Detector": "detectors",
    }
    if name not in homes:
        msg = f"module 'cdr_anomaly' has no attribute '{name}'"
        raise AttributeError(msg)
    return getattr(import_module(f"cdr_anomaly.{homes[name]}"), name)
