"""Scans by Spark in a process of its own, maybe kills an executor meanwhile, and writes findings.

Words: folder of calls, master, file for the findings, "kill" or "leave".
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from pyspark import SparkContext

from cdr_anomaly import pipeline, settings
from tests.helpers.builders import SHANGHAI


def executors(port: str) -> list[int]:
    """List the processes of executors whose driver listens on a port."""
    listed = subprocess.run(
        ["/bin/ps", "-wweo", "pid,args"], capture_output=True, text=True, check=True
    )
    lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [
        int(pid)
        for pid, words in lines
        if "CoarseGrainedExecutorBackend" in words and f":{port} " in f"{words} "
    ]


def kill_one(killed: list[int]) -> None:
    """Kill an executor once some tasks are done.

    That is when a stage with ended tasks is seen, or a second stage: one alone may be too short to
    be met between its first and its last task.
    """
    stages: set[int] = set()
    while not killed:
        time.sleep(0.02)
        # The driver is asked while it starts and works; what it cannot answer is asked again.
        with contextlib.suppress(Exception):
            context = SparkContext._active_spark_context
            tracker = context.statusTracker()
            active = [tracker.getStageInfo(n) for n in tracker.getActiveStageIds()]
            stages |= {stage.stageId for stage in active if stage}
            if len(stages) > 1 or any(stage and stage.numCompletedTasks for stage in active):
                victim = executors(context.getConf().get("spark.driver.port"))[0]
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)


def main() -> None:
    folder, master, out, what = sys.argv[1:]
    killed: list[int] = []
    if what == "kill":
        threading.Thread(target=kill_one, args=(killed,), daemon=True).start()
    told = settings.load_settings(tz=SHANGHAI, engine="spark", master=master)
    result = pipeline.scan([folder], told)
    for name in ("findings", "evidence", "alerts", "victims"):
        getattr(result, name).write_parquet(Path(out) / f"{name}.parquet")
    (Path(out) / "killed.json").write_text(json.dumps(killed))


if __name__ == "__main__":
    main()
