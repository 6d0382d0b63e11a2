"""Time a whole scan beside the floor and its peers; `make bench N=10_000_000`.

The floor merely reads the columns that a scan needs. The peers find the same lines, as others
would write it: DuckDB SQL by an analyst and by an expert, and pandas (on a tenth of the calls).
Every run is a process of its own, in turn; medians. There are three feeds (records.py); the peers
read E.164 only, so feed B, which writes some numbers of feed A in other forms, is beside the floor
alone. The findings of each peer, and those of feed B, are compared with those of the scan.
The tables go to docs/performance.md. The records are synthetic and stay in benchmarks/data/.
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

TITLES = {
    "plain": "calls (synthetic)",
    "A": "calls of feed A: 50 files of the same day, nobody calls back, cells (synthetic)",
    "B": "calls of feed B: as A, one number in twenty in another form (synthetic)",
}
PAIR = ["detector", "subject"]
MAX_CALLS_OF_PANDAS = 20_000_000
# The detectors that the peers stand for.
PEER_DETECTORS = ("forwarding_chain", "high_frequency", "mass_dialler", "new_sim_burst")


def median_cost(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    figures = (statistics.median(each) for each in zip(*(cost[:3] for cost in costs), strict=True))
    return Cost(*figures, ended=all(cost.ended for cost in costs))


class Entry(NamedTuple):
    """A line of a table: a command, its number of calls, and the scan to compare it with."""

    name: str
    command: list[str]
    calls: int
    scan_out: Path | None = None
    once: bool = False


def list_entries(
    calls: int, feed: str, outputs: Path, peers: str, before: str | None
) -> list[Entry]:
    """List what is run on a feed; pandas gets a tenth of the calls, unless these are very many.

    ``before`` is a Python with an older version of the package, to time it beside this one.
    """
    folder = folder_of(calls, feed)
    out = outputs / f"scan-{feed}"
    entries = [
        Entry("floor", [sys.executable, str(HERE / "floor.py"), str(folder / "calls")], calls),
        Entry("scan", scan_command(folder, out), calls),
    ]
    if before:
        # Alone, so that it does not find this version in the path.
        command = [before, "-I", *scan_command(folder, outputs / "before")[1:]]
        entries.append(Entry("scan, the version before", command, calls))
    if feed == "B":
        return entries
    duckdb = [peers, str(PEERS / "duckdb_peer.py")]
    expert, analyst = (
        [*duckdb, str(PEERS / f"{who}.sql"), str(folder)] for who in ("expert", "analyst")
    )
    entries += [
        Entry("DuckDB, expert's SQL", expert, calls, out),
        Entry("DuckDB, analyst's SQL", analyst, calls, out, once=True),
    ]
    if feed != "plain" or calls > MAX_CALLS_OF_PANDAS:
        return entries
    tenth, tenth_out = folder_of(calls // 10, feed), outputs / "small"
    pandas = [peers, str(PEERS / "pandas_peer.py"), str(tenth)]
    scan = scan_command(tenth, tenth_out)
    return [
        *entries,
        Entry(f"scan of {calls // 10:,}", scan, calls // 10),
        Entry(f"pandas, {calls // 10:,}", pandas, calls // 10, tenth_out),
    ]


def folder_of(calls: int, feed: str) -> Path:
    """Return the folder of a feed, which is written once."""
    folder = HERE / "data" / (str(calls) if feed == "plain" else f"{calls}-{feed}")
    records.write_records(calls, folder, feed)
    return folder


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


def compare(arguments: argparse.Namespace) -> list[str]:
    """Time everything in turn, and return the sections of the page, one for each feed."""
    calls = arguments.calls
    with tempfile.TemporaryDirectory() as temporary:
        outputs = Path(temporary)
        sections = [_compare_feed(feed, outputs, arguments) for feed in arguments.feeds]
        if {"A", "B"} <= set(arguments.feeds):
            scans = [
                pl.read_parquet(outputs / f"scan-{feed}" / "findings.parquet").select(PAIR)
                for feed in "AB"
            ]
            same = scans[0].unique().sort(PAIR).equals(scans[1].unique().sort(PAIR))
            sentence = "The same" if same else "Not the same"
            sections[-1] += f" {sentence} lines are found in feeds A and B of {calls:,} calls."
    return sections


def _compare_feed(feed: str, outputs: Path, arguments: argparse.Namespace) -> str:
    calls = arguments.calls
    entries = list_entries(calls, feed, outputs, arguments.peers, arguments.before)
    costs: dict[str, list[Cost]] = {entry.name: [] for entry in entries}
    for turn in range(arguments.times):
        for entry in entries:
            if turn == 0 or not entry.once:
                cost = measure(entry.command, outputs / f"{entry.name}.csv", arguments.limit)
                costs[entry.name].append(cost)
                sys.stderr.write(f"{feed}, {entry.name}: {cost}\n")
    medians = {entry.name: median_cost(costs[entry.name]) for entry in entries}
    rows = [_format_row(entry, medians, outputs / f"{entry.name}.csv", calls) for entry in entries]
    floor, full = medians["floor"], medians["scan"]
    wall, cpu = full.wall_s / floor.wall_s, full.cpu_s / floor.cpu_s
    head = (
        "| what | wall, s | CPU, s | peak, GiB | time a call, times the scan's | same findings |",
        "|---|---|---|---|---|---|",
    )
    ratio = f"Scan / floor: {wall:.1f} times the wall time, {cpu:.1f} times the CPU time."
    title = f"### {calls:,} {TITLES[feed]}"
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
    findings = pl.read_parquet(scan_out / "findings.parquet").select(PAIR).unique()
    own = findings.filter(pl.col("detector").is_in(PEER_DETECTORS))
    other = pl.read_csv(output, infer_schema=False).select(PAIR).unique()
    missing, more = own.join(other, on=PAIR, how="anti"), other.join(own, on=PAIR, how="anti")
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
    parser.add_argument("--before", help="a Python with an older version, to time it as well")
    parser.add_argument("--feeds", nargs="+", choices=records.FEEDS, default=records.FEEDS)
    arguments = parser.parse_args()
    for section in compare(arguments):
        sys.stdout.write(section + "\n")
        write_section(section)


def write_section(section: str) -> None:
    """Put a section into the page, in place of an older one of that title."""
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
