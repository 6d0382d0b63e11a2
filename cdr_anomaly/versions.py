"""The versions that a result depends on."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version


@cache
def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("cdr-anomaly", "polars", "pyarrow", "scipy", "numpy")
    return {name: version(name) for name in names} | {"python": sys.version.split()[0]}
