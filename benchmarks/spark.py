"""Time scans by Spark beside the local engine, and write the figures of docs/scale.md.

`make bench-spark SIZES="1_000_000"`. Every scan is a process of its own, in turn, once;
Spark's own log of events tells how long its jobs took, and how much they read, moved and brought
home. The records are synthetic (records.py) and stay in benchmarks/data/.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from benchmarks import records
from benchmarks.run import scan_command

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "scale.md"
ENGINES = {
    "local": (),
    "Spark, local[2]": ("--engine", "spark", "--master", "local[2]"),
    "Spark, two executors": ("--engine", "spark", "--master", "local-cluster[2,1,4096]"),
}
HEAD = (
    (
        "| engine | calls | wall, s | Spark's jobs, s | jobs, µs a call | tasks, µs a call "
        "| moved, bytes a call | brought home, bytes a call | same findings |"
    ),
    "|---|---|---|---|---|---|---|---|---|",
)


class Cost(NamedTuple):
    """What a scan took: the process, the jobs of Spark, their tasks, and the bytes they moved."""

    wall_s: float
    jobs_s: float = 0
    tasks_s: float = 0
    shuffled_bytes: int = 0
    result_bytes: int = 0


def time_scan(folder: Path, engine: str, out: Path) -> Cost:
    """Scan a folder of records by an engine, and return what it took."""
    command = [*scan_command(folder, out), *ENGINES[engine]]
    with tempfile.TemporaryDirectory() as events:
        settings = {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": f"file://{events}",
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
        }
        options = " ".join(f"--conf {name}={value}" for name, value in settings.items())
        env = os.environ | {"PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell"}
        begin = time.monotonic()
        subprocess.run(command, env=env, check=True, capture_output=True)
        wall = time.monotonic() - begin
        logs = [file for file in Path(events).iterdir() if file.is_file()]
        return read_event_log(logs[0], wall) if logs else Cost(wall)


def read_event_log(log: Path, wall_s: float) -> Cost:
    """Return the sums of what Spark has logged of its tasks."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    begins = {e["Job ID"]: e["Submission Time"] for e in events if _is(e, "JobStart")}
    jobs = [e["Completion Time"] - begins[e["Job ID"]] for e in events if _is(e, "JobEnd")]
    tasks: list[Any] = [e["Task Metrics"] for e in events if _is(e, "TaskEnd")]
    return Cost(
        wall_s,
        sum(jobs) / 1000,
        sum(task["Executor Run Time"] for task in tasks) / 1000,
        sum(task["Shuffle Write Metrics"]["Shuffle Bytes Written"] for task in tasks),
        sum(task["Result Size"] for task in tasks),
    )


def _is(event: dict[str, Any], what: str) -> bool:
    return event["Event"] == f"SparkListener{what}"


def format_row(engine: str, calls: int, cost: Cost, same: str) -> str:
    """Return a row of the table."""
    if engine == "local":
        figures = [f"{cost.wall_s:.1f}", "", "", "", "", "", ""]
    else:
        figures = [
            f"{cost.wall_s:.1f}",
            f"{cost.jobs_s:.1f}",
            f"{cost.jobs_s / calls * 1e6:.2f}",
            f"{cost.tasks_s / calls * 1e6:.2f}",
            f"{cost.shuffled_bytes / calls:.1f}",
            f"{cost.result_bytes / calls:.2f}",
            same,
        ]
    return "| " + " | ".join([engine, f"{calls:,}", *figures]) + " |"


def time_table(sizes: list[int]) -> str:
    """Scan records of every size by every engine."""
    rows = []
    for calls in sizes:
        folder = HERE / "data" / str(calls)
        records.write_records(calls, folder)
        with tempfile.TemporaryDirectory() as temporary:
            outs = {engine: Path(temporary) / str(n) for n, engine in enumerate(ENGINES)}
            for engine, out in outs.items():
                cost = time_scan(folder, engine, out)
                sys.stderr.write(f"{engine}, {calls:,}: {cost}\n")
                own, other = (
                    pl.read_parquet(output / "findings.parquet") for output in (outs["local"], out)
                )
                same = f"yes, {own.height:,}" if own.equals(other) else "no"
                rows.append(format_row(engine, calls, cost, same))
    return "\n".join([*HEAD, *rows])


def main() -> None:
    """Time, print, and put the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, nargs="+", default=[10_000_000, 50_000_000])
    figures = time_table(parser.parse_args().calls)
    sys.stdout.write(figures + "\n")
    page = PAGE.read_text(encoding="utf-8")
    marked = re.compile(r"(?<=<!-- figures -->\n).*?(?=\n<!-- end of figures -->)", re.DOTALL)
    PAGE.write_text(marked.sub(lambda _: figures, page), encoding="utf-8")


if __name__ == "__main__":
    main()
