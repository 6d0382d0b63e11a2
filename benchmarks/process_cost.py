"""The cost of a process: wall time, processor time, and its own peak of memory."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Cost(NamedTuple):
    """What one run of a process took, and whether it ended without an error in time."""

    wall_s: float
    cpu_s: float
    peak_gib: float
    ended: bool = True


def measure(command: list[str], output: Path, limit_s: float) -> Cost:
    """Run a command in a child of a fresh process, so that its peak memory is its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (command, output, limit_s))


def _measure(command: list[str], output: Path, limit_s: float) -> Cost:
    # An installed package is compiled; without this a machine may compile it at every start.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    begin = time.monotonic()
    with output.open("w") as out:
        try:
            finished = subprocess.run(
                command,
                stdout=out,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=limit_s,
                env=environment,
            )
            ended = finished.returncode == 0
        except subprocess.TimeoutExpired:
            ended = False
    wall = time.monotonic() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, ended)
