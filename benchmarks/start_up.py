"""The cost of starting: small scans and help beside the imports that they cannot do without.

Run `python benchmarks/start_up.py` from the root of the repository. Every figure is the least of
several runs in turn, in processor seconds, and stands beside its reference in the same run, as the
speed of a shared machine changes from one minute to the next.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks import process_cost, records
from benchmarks.run import write_section

ROOT = Path(__file__).resolve().parent.parent
CALLS = ROOT / "sample_data" / "calls"
ENTITIES = ROOT / "sample_data" / "entities.csv"
LINE = "+8613503389039"  # a line of the sample that is found
LIMIT_S = 600
READING, TYPING = "import polars, pyarrow.parquet", "import typer, rich"
# The last of some scans in one process; its CPU seconds go to standard output.
WARM = """
import sys, time
import polars, pyarrow.parquet
from cdr_anomaly import Settings, scan
seconds = []
for _ in range(6):
    begin = time.process_time()
    scan([sys.argv[1]], Settings(tz="Asia/Shanghai"))
    seconds.append(time.process_time() - begin)
print(min(seconds))
"""


class Row(NamedTuple):
    """What was run, its CPU seconds, and how many times its reference that is."""

    what: str
    cpu_s: float
    ratio: float


class Run(NamedTuple):
    """A command, the one that it is compared with, and whether it prints its own CPU seconds."""

    what: str
    command: list[str]
    reference: str
    prints_cpu: bool = False


def list_runs(folder: Path) -> list[Run]:
    """List what is run; ``folder`` gets the records and the results."""
    small = folder / "small"
    records.write_records(1_000, small)
    tool = [sys.executable, "-m", "cdr_anomaly"]
    zone = ["--tz", "Asia/Shanghai"]
    scan = [*tool, "scan", str(small / "calls"), *zone]
    sample = [str(CALLS), *zone]
    of_sample = [*tool, "scan", *sample, "--entities", str(ENTITIES), "--out", str(folder / "out")]
    return [
        Run(READING, [sys.executable, "-c", READING], READING),
        Run(TYPING, [sys.executable, "-c", TYPING], TYPING),
        Run("--help", [*tool, "--help"], TYPING),
        Run("1,000 calls, a process", scan, READING),
        Run(
            "1,000 calls, warm",
            [sys.executable, "-c", WARM, str(small / "calls")],
            READING,
            prints_cpu=True,
        ),
        Run("1,000 calls, with page", [*scan, "--out", str(folder / "small_out")], READING),
        Run("explain, sample", [*tool, "explain", LINE, *sample], READING),
        Run("sample, with page", of_sample, READING),
    ]


def measure(times: int = 3, only: str = "") -> list[Row]:
    """Run everything in turn, and return the least CPU seconds of each, beside its reference.

    With ``only`` those whose name contains it are run, and the references.
    """
    least: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        runs = [run for run in list_runs(folder) if only in run.what or run.what[0] == "i"]
        for _ in range(times):
            for run in runs:
                cpu_s = _cpu_seconds(run, folder / "printed")
                least[run.what] = min(cpu_s, least.get(run.what, cpu_s))
    return [Row(run.what, least[run.what], least[run.what] / least[run.reference]) for run in runs]


def _cpu_seconds(run: Run, output: Path) -> float:
    cost = process_cost.measure(run.command, output, LIMIT_S)
    if not cost.ended:
        msg = f"'{run.what}' did not end without an error."
        raise RuntimeError(msg)
    return float(output.read_text(encoding="utf-8")) if run.prints_cpu else cost.cpu_s


def main() -> None:
    """Measure and print; all rows together replace those in the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", default="", help="a part of the name of what is run")
    arguments = parser.parse_args()
    head = ["### Small runs (synthetic)", "", "| what | CPU, s | times its reference |"]
    rows = [
        f"| {row.what} | {row.cpu_s:.2f} | {row.ratio:.2f} |"
        for row in measure(arguments.times, arguments.only)
    ]
    section = "\n".join([*head, "|---|---|---|", *rows])
    sys.stdout.write(section + "\n")
    if not arguments.only:
        write_section(section)


if __name__ == "__main__":
    main()
