"""Time a whole scan beside the floor and its peers; `make bench N=10_000_000`.

The floor merely reads the columns that a scan needs. The peers find the same lines, as others
would write it: DuckDB SQL by an analyst and by an expert, and pandas (on a tenth of the calls).
Every run is a process of its own, in turn; medians. The findings of each peer are compared with
those of the scan.
The table goes to docs/performance.md. The records are synthetic (records.py) and stay in
benchmarks/data/.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks import records
from benchmarks.process_cost import Cost, measure

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
PAGE = HERE.parent / "docs" / "performance.md"

# The floor reads every column that a scan needs and computes sums, as a stream.
FLOOR = """
import sys, polars as pl
text = ("calling_number", "called_number", "record_type", "redirecting_number")
pl.scan_parquet(sys.argv[1] + "/*.parquet").select(
    pl.col(text).str.len_bytes().cast(pl.Int64).sum(), pl.col("duration_s").sum(),
    pl.col("start_time").max(),
).collect(engine="streaming")
"""


def median_cost(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    figures = (statistics.median(each) for each in zip(*(cost[:3] for cost in costs), strict=True))
    return Cost(*figures, ended=all(cost.ended for cost in costs))


class Entry(NamedTuple):
    """A line of the table: a command, its number of calls, and the scan to compare it with."""

    name: str
    command: list[str]
    calls: int
    scan_out: Path | None = None
    once: bool = False


def list_entries(calls: int, outputs: Path, peers: str) -> list[Entry]:
    """List what is run; pandas gets a tenth of the calls, unless that is over two million."""
    folder, tenth = (HERE / "data" / str(n) for n in (calls, calls // 10))
    records.write_records(calls, folder)
    full_out, tenth_out = outputs / "scan", outputs / "small"
    duckdb = [peers, str(PEERS / "duckdb_peer.py")]
    entries = [
        Entry("floor", [sys.executable, "-c", FLOOR, str(folder / "calls")], calls),
        Entry("scan", scan_command(folder, full_out), calls),
        Entry(
            "DuckDB, expert's SQL",
            [*duckdb, str(PEERS / "expert.sql"), str(folder)],
            calls,
            full_out,
        ),
        Entry(
            "DuckDB, analyst's SQL",
            [*duckdb, str(PEERS / "analyst.sql"), str(folder)],
            calls,
            full_out,
            once=True,
        ),
    ]
    if calls > 20_000_000:
        return entries
    records.write_records(calls // 10, tenth)
    pandas = [peers, str(PEERS / "pandas_peer.py"), str(tenth)]
    return [
        *entries,
        Entry(f"scan of {calls // 10:,}", scan_command(tenth, tenth_out), calls // 10),
        Entry(f"pandas, {calls // 10:,}", pandas, calls // 10, tenth_out),
    ]


def scan_command(folder: Path, out: Path) -> list[str]:
    """Return the command that scans a folder of records."""
    return [
        sys.executable,
        "-m",
        "cdr_anomaly",
        "scan",
        str(folder / "calls"),
        "--tz",
        "Asia/Shanghai",
        "--subscribers",
        str(folder / "subscribers.parquet"),
        "--format",
        "csv",
        "--out",
        str(out),
    ]


def compare(calls: int, times: int, limit_s: float, peers: str) -> str:
    """Time everything in turn, and return the section of the page."""
    with tempfile.TemporaryDirectory() as temporary:
        outputs = Path(temporary)
        entries = list_entries(calls, outputs, peers)
        costs: dict[str, list[Cost]] = {entry.name: [] for entry in entries}
        for turn in range(times):
            for entry in entries:
                if turn == 0 or not entry.once:
                    cost = measure(entry.command, outputs / f"{entry.name}.csv", limit_s)
                    costs[entry.name].append(cost)
                    sys.stderr.write(f"{entry.name}: {cost}\n")
        medians = {entry.name: median_cost(costs[entry.name]) for entry in entries}
        rows = [
            _format_row(entry, medians, outputs / f"{entry.name}.csv", calls) for entry in entries
        ]
    floor, full = medians["floor"], medians["scan"]
    wall, cpu = full.wall_s / floor.wall_s, full.cpu_s / floor.cpu_s
    head = (
        "| what | wall, s | CPU, s | peak, GiB | time a call, times the scan's | same findings |",
        "|---|---|---|---|---|---|",
    )
    ratio = f"Scan / floor: {wall:.1f} times the wall time, {cpu:.1f} times the CPU time."
    title = f"### {calls:,} calls (synthetic)"
    return "\n".join([title, "", *head, *rows, "", f"{ratio} {_machine()}"])


def _format_row(entry: Entry, medians: dict[str, Cost], output: Path, calls: int) -> str:
    cost = medians[entry.name]
    ratio = (cost.wall_s / entry.calls) / (medians["scan"].wall_s / calls)
    same = _compare_findings(output, entry.scan_out) if entry.scan_out and cost.ended else ""
    figures = (f"{cost.wall_s:.2f}", f"{cost.cpu_s:.1f}", f"{cost.peak_gib:.2f}", f"{ratio:.2f}")
    ended = "" if cost.ended else "did not end"
    return "| " + " | ".join([entry.name, *figures, ended or same]) + " |"


def _compare_findings(output: Path, scan_out: Path) -> str:
    """Compare the findings (detector, subject) of a peer with those of the scan."""
    pairs = ["detector", "subject"]
    own = pl.read_parquet(scan_out / "findings.parquet").select(pairs).unique()
    other = pl.read_csv(output, infer_schema=False).select(pairs).unique()
    missing, more = own.join(other, on=pairs, how="anti"), other.join(own, on=pairs, how="anti")
    if missing.is_empty() and more.is_empty():
        return f"yes, {own.height:,}"
    return f"no: {missing.height} missing, {more.height} more"


def _machine() -> str:
    return (
        f"{os.cpu_count()} processors, {platform.machine()}, "
        f"Python {platform.python_version()}, Polars {pl.__version__}."
    )


def main() -> None:
    """Time and print; the section replaces an older one of that size in the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1800, help="seconds, then a run is stopped")
    parser.add_argument("--peers", default=sys.executable, help="a Python with DuckDB and pandas")
    arguments = parser.parse_args()
    section = compare(arguments.calls, arguments.times, arguments.limit, arguments.peers)
    sys.stdout.write(section + "\n")
    page = PAGE.read_text(encoding="utf-8")
    title = re.escape(section.splitlines()[0])
    old = re.compile(rf"{title}\n.*?(?=\n(?:##|<!--)|\Z)", re.DOTALL)
    if old.search(page):
        page = old.sub(lambda _: section + "\n", page)
    else:
        page = page.replace("<!-- next table -->", f"{section}\n\n<!-- next table -->")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
