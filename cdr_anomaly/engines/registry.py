"""Engines by name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from cdr_anomaly.engines.local import Local
from cdr_anomaly.errors import SettingError

if TYPE_CHECKING:
    from cdr_anomaly.engines.base import Engine
    from cdr_anomaly.settings import Settings


def build_engine(settings: Settings) -> Engine:
    """Build the engine of the settings; raises SettingError if its libraries are missing."""
    if settings.engine == "local":
        return Local(settings.memory)
    for library in ("pyspark", "pandas"):
        if find_spec(library) is None:
            msg = f"--engine spark needs {library}; pip install 'cdr-anomaly[spark]'."
            raise SettingError(msg)
    from cdr_anomaly.engines.spark import Spark
    from cdr_anomaly.engines.spark_cluster import Cluster

    return Spark(Cluster(settings.master, settings.memory))
