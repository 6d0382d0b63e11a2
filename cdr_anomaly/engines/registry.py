"""Engines by name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from cdr_anomaly.engines.base import Engine, FirstLook
from cdr_anomaly.engines.local import Local
from cdr_anomaly.errors import SettingError

if TYPE_CHECKING:
    from cdr_anomaly.settings import Settings

__all__ = ["Engine", "FirstLook", "Local", "built"]


def built(told: Settings) -> Engine:
    """Build the engine that the settings name."""
    if told.engine == "local":
        return Local(told.memory)
    for library in ("pyspark", "pandas"):
        if find_spec(library) is None:
            msg = f"--engine spark needs {library}; pip install 'cdr-anomaly[spark]'."
            raise SettingError(msg)
    from cdr_anomaly.engines.spark import Spark
    from cdr_anomaly.engines.spark_cluster import Cluster

    return Spark(Cluster(told.master, told.memory))
