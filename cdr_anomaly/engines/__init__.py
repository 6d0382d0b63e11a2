"""CALLS to PROFILE and LEGS: engines that move the rows of a feed and count them."""

from cdr_anomaly.engines.base import Engine
from cdr_anomaly.engines.first_pass import FirstLook
from cdr_anomaly.engines.local import Local
from cdr_anomaly.engines.registry import build_engine

__all__ = ["Engine", "FirstLook", "Local", "build_engine"]
