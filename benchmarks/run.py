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
from benchmarks.measured import Cost, run

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


def middle(costs: list[Cost]) -> Cost:
    """Take the median of each figure."""
    figures = (statistics.median(each) for each in zip(*(cost[:3] for cost in costs), strict=True))
    return Cost(*figures, ended=all(cost.ended for cost in costs))


class Entry(NamedTuple):
    """A line of the table: what is run on how many calls, and with whose findings it must agree."""

    name: str
    command: list[str]
    calls: int
    like: Path | None = None
    once: bool = False


def entries(calls: int, place: Path, peers: str) -> list[Entry]:
    """List what is run; pandas gets a tenth of the calls, unless that is over two million."""
    folder, tenth = (HERE / "data" / str(n) for n in (calls, calls // 10))
    records.write(calls, folder)
    own, small = place / "scan", place / "small"
    duckdb = [peers, str(PEERS / "duckdb_peer.py")]
    told = [
        Entry("floor", [sys.executable, "-c", FLOOR, str(folder / "calls")], calls),
        Entry("scan", scan(folder, own), calls),
        Entry(
            "DuckDB, expert's SQL", [*duckdb, str(PEERS / "expert.sql"), str(folder)], calls, own
        ),
        Entry(
            "DuckDB, analyst's SQL",
            [*duckdb, str(PEERS / "analyst.sql"), str(folder)],
            calls,
            own,
            once=True,
        ),
    ]
    if calls > 20_000_000:
        return told
    records.write(calls // 10, tenth)
    pandas = [peers, str(PEERS / "pandas_peer.py"), str(tenth)]
    return [
        *told,
        Entry(f"scan of {calls // 10:,}", scan(tenth, small), calls // 10),
        Entry(f"pandas, {calls // 10:,}", pandas, calls // 10, small),
    ]


def scan(folder: Path, out: Path) -> list[str]:
    """Write the command that scans a folder of records."""
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


def compared(calls: int, times: int, limit_s: float, peers: str) -> str:
    """Time everything in turn, and write the section of the page."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        listed = entries(calls, place, peers)
        costs: dict[str, list[Cost]] = {entry.name: [] for entry in listed}
        for turn in range(times):
            for entry in listed:
                if turn == 0 or not entry.once:
                    cost = run(entry.command, place / f"{entry.name}.csv", limit_s)
                    costs[entry.name].append(cost)
                    sys.stderr.write(f"{entry.name}: {cost}\n")
        told = {entry.name: middle(costs[entry.name]) for entry in listed}
        rows = [_row(entry, told, place / f"{entry.name}.csv", calls) for entry in listed]
    low, whole = told["floor"], told["scan"]
    over, cpu = whole.wall_s / low.wall_s, whole.cpu_s / low.cpu_s
    head = (
        "| what | wall, s | CPU, s | peak, GiB | time a call, times the scan's | same findings |",
        "|---|---|---|---|---|---|",
    )
    ratio = f"Scan / floor: {over:.1f} times the wall time, {cpu:.1f} times the CPU time."
    title = f"### {calls:,} calls (synthetic)"
    return "\n".join([title, "", *head, *rows, "", f"{ratio} {_machine()}"])


def _row(entry: Entry, told: dict[str, Cost], output: Path, calls: int) -> str:
    cost = told[entry.name]
    ratio = (cost.wall_s / entry.calls) / (told["scan"].wall_s / calls)
    same = _same(output, entry.like) if entry.like and cost.ended else ""
    figures = (f"{cost.wall_s:.2f}", f"{cost.cpu_s:.1f}", f"{cost.peak_gib:.2f}", f"{ratio:.2f}")
    ended = "" if cost.ended else "did not end"
    return "| " + " | ".join([entry.name, *figures, ended or same]) + " |"


def _same(output: Path, scanned: Path) -> str:
    """Compare the findings (detector, subject) of a peer with those of the scan."""
    pairs = ["detector", "subject"]
    own = pl.read_parquet(scanned / "findings.parquet").select(pairs).unique()
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
    """Time, print, and put the section into the page in place of an older one of that size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1800, help="seconds, then a run is stopped")
    parser.add_argument("--peers", default=sys.executable, help="a Python with DuckDB and pandas")
    words = parser.parse_args()
    section = compared(words.calls, words.times, words.limit, words.peers)
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
