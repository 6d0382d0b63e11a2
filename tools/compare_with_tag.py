"""Compare what the working tree finds with what a tagged commit finds, frame by frame.

    make compare                                  # all runs
    python -m tools.compare_with_tag sample       # only the runs that are named

The tagged commit is installed into `.venv-tagged`, from its own lock file. Both versions run as
processes on the same feeds: the sample, three simulated cities, and fourteen nights. The results
of the tagged commit are kept in `.net`, so only the first comparison runs both. Git worktrees share
the two folders of the main checkout. The exit code is 1 if anything differs.

A change that is wanted, such as a new public name, is entered in the tables of compare_frames.py.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import polars as pl
from deltalake import DeltaTable
from filelock import FileLock

from tools.compare_frames import RENAMED_TABLES, compare_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TAG = "before-house"
COMMIT = "e397ad0"  # for a clone that lacks the tag

OUTPUTS = ("findings", "alerts", "evidence", "victims", "refused")
LEDGER = "ledger"
# Options of the command line that the working tree calls by another name.
RENAMED_OPTIONS: dict[str, str] = {}

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = "tree/sample_data"
LISTS = ("--entities", "{feed}/entities.csv", "--subscribers", "{feed}/subscribers.csv")
CITIES = {"city-101": ("101",), "city-102": ("102", "--sides", "both"), "city-103": ("103",)}
FIRST_NIGHT, NIGHTS = date(2026, 5, 23), 14
# What is said of alerts between two nights: after which night, of which line.
VERDICTS = {FIRST_NIGHT: (("+8613185839359", "confirmed"), ("+8613314239000", "cleared"))}

Command = tuple[str, ...]


def runs() -> dict[str, list[Command]]:
    """Return the commands of each run; `{results}` is the folder of the run."""
    sample = (f"{SAMPLE}/calls", "--entities", f"{SAMPLE}/entities.csv")
    scans: dict[str, list[Command]] = {"sample": [("scan", *sample, "--out", "{results}/scan")]}
    for city in CITIES:
        lists = tuple(word.format(feed=f"feeds/{city}") for word in LISTS)
        scans[city] = [("scan", f"feeds/{city}/calls", *lists, "--out", "{results}/scan")]
    return {"nights": list(night_commands()), **scans}


def night_commands() -> Iterator[Command]:
    """Yield the nights in order, with the verdicts between them."""
    state = ("--state", "{results}/state")
    lists = tuple(word.format(feed=SAMPLE) for word in LISTS)
    for number in range(NIGHTS):
        day = FIRST_NIGHT + timedelta(days=number)
        out = ("--date", str(day), "--out", f"{{results}}/{day}")
        yield ("nightly", f"{SAMPLE}/calls", *state, *lists, *out)
        for line, verdict in VERDICTS.get(day, ()):
            note = ("--date", str(day), "--note", "from the net")
            yield ("feedback", line, verdict, *state, *note)


@dataclass(frozen=True)
class Side:
    """One of the two versions: how it is started, and where its results are."""

    name: str
    python: Path
    feeds: Path
    results: Path
    env: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)

    def call(self, command: Sequence[str]) -> None:
        """Run one command of the command line; exit with its last words if it fails."""
        words = [self.options.get(word, word) for word in command]
        self._process("-m", "cdr_anomaly", *words)

    def versions(self) -> tuple[Path, str]:
        """Return the file of the package that is imported, and the version of Polars."""
        code = (
            "import cdr_anomaly, polars; print(cdr_anomaly.__file__, polars.__version__, sep=';')"
        )
        file, polars = self._process("-c", code).strip().split(";")
        return Path(file), polars

    def run(self, name: str, commands: Sequence[Command]) -> tuple[Path, float]:
        """Run the commands into a folder that is there only if all of them succeeded."""
        place, began = self.place(name, commands), monotonic()
        part = place.with_name(f"{place.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for command in commands:
            self.call([word.format(results=part) for word in command])
        shutil.rmtree(place, ignore_errors=True)
        part.replace(place)
        return place, monotonic() - began

    def place(self, name: str, commands: Sequence[Command]) -> Path:
        """Return the folder of a run; other commands have another folder."""
        return self.results / f"{name}-{sha256(repr(commands).encode()).hexdigest()[:8]}"

    def _process(self, *words: str) -> str:
        done = subprocess.run(
            [self.python, *words],
            cwd=self.feeds,
            env=dict(self.env),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{self.name}: {' '.join(words)}\n{done.stderr[-4000:]}")
        return done.stdout


def git(*words: str) -> str:
    """Return the output of git in this repository, empty if it fails."""
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def tag_commit() -> str:
    """Return the full hash of the tagged commit."""
    by_tag = git("rev-parse", "--verify", "--quiet", f"refs/tags/{TAG}^{{commit}}")
    by_hash = git("rev-parse", "--verify", "--quiet", f"{COMMIT}^{{commit}}")
    if by_tag and by_tag != by_hash:
        print(f"The tag {TAG} is {by_tag}, not {COMMIT} as {Path(__file__).name} says.")
    return by_tag or by_hash or sys.exit(f"Neither the tag {TAG} nor {COMMIT} is in this clone.")


def main_checkout() -> Path:
    """Return the main checkout, whose folders all worktrees share."""
    common = git("rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(common).parent if common.endswith("/.git") else ROOT


def unpack(commit: str, folder: Path) -> None:
    """Write the files of a commit into a folder, unless they are there."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    archive, part = folder.with_suffix(".tar"), folder.with_suffix(".part")
    subprocess.run(["git", "-C", ROOT, "archive", f"--output={archive}", commit], check=True)
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(archive) as packed:
        packed.extractall(part, filter="data")
    archive.unlink()
    part.replace(folder)


def install(commit: str, tree: Path, venv: Path) -> Path:
    """Install a commit from its own lock file; return the interpreter."""
    python, mark = venv / "bin" / "python", venv / "commit"
    if mark.exists() and mark.read_text() == commit:
        return python
    print(f"installing {commit[:12]} into {venv} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    lock = tree / "requirements.lock"
    subprocess.run([*pip, "--require-hashes", "--requirement", str(lock)], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(tree)], check=True)
    mark.write_text(commit)
    return python


def tag_side(commit: str, folder: Path) -> Side:
    """Return the tagged version, installed, with the feeds that both sides read."""
    cache = folder / ".net" / commit[:12]
    unpack(commit, cache / "tree")
    python = install(commit, cache / "tree", folder / ".venv-tagged")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    side = Side("tag", python, cache, cache / "tag", env)
    for city, words in CITIES.items():
        feed = cache / "feeds" / city
        if not feed.exists():
            part = feed.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            seed, *others = words
            size = ("--lines", "2000", "--days", "20", "--seed", seed)
            side.call(["simulate", "--out", str(part), *size, *others])
            part.replace(feed)
    return side


def working_side(feeds: Path) -> Side:
    """Return the working tree, run by the interpreter that runs this script."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    results = ROOT / ".net" / "working"
    return Side("working", Path(sys.executable), feeds, results, env, RENAMED_OPTIONS)


def read_results(place: Path) -> dict[str, pl.DataFrame]:
    """Read the frames of a run: of a scan, or of all nights and of the state after the last."""
    if (place / "scan").exists():
        return {name: pl.read_parquet(place / "scan" / f"{name}.parquet") for name in OUTPUTS}
    nights = sorted(folder for folder in place.iterdir() if folder.name != "state")
    frames = {
        name: pl.concat(
            pl.read_parquet(night / f"{name}.parquet").with_columns(night=pl.lit(night.name))
            for night in nights
        )
        for name in OUTPUTS
    }
    return frames | {f"state/{name}": frame for name, frame in read_state(place / "state").items()}


def read_state(place: Path) -> dict[str, pl.DataFrame]:
    """Read each table of a state, at the version that the ledger names last."""
    ledger = pl.scan_delta(DeltaTable(place / LEDGER)).sort("number").collect()
    versions: dict[str, int] = json.loads(ledger["tables"].drop_nulls()[-1])
    frames = {
        RENAMED_TABLES.get(name, name): pl.scan_delta(DeltaTable(place / name, version)).collect()
        for name, version in versions.items()
    }
    return {LEDGER: ledger, **frames}


def compare_runs(runs_of: Mapping[str, Sequence[Command]], tag: Side, jobs: int) -> int:
    """Run the working tree, print a line for each table; return how many tables differ."""
    working, different = working_side(tag.feeds), 0
    (file, polars), (_, tag_polars) = working.versions(), tag.versions()
    if not file.is_relative_to(ROOT):
        sys.exit(f"The working side would run {file}, which is not below {ROOT}.")
    if polars != tag_polars:
        print(f"Polars is {polars} here and {tag_polars} at the tag.")
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(working.run, runs_of, runs_of.values())
        for name, (place, seconds) in zip(runs_of, results, strict=True):
            print(f"{name}: {seconds:.0f} s", flush=True)
            before, after = read_results(tag.place(name, runs_of[name])), read_results(place)
            for table, rows, notes, differences in compare_tables(before, after):
                word = "DIFFERENT" if differences else "equal"
                print(f"  {table:<24} {rows:>9,} rows  {word}", *notes, sep="  ")
                print(*(f"      {text}\n" for text in differences), sep="", end="", flush=True)
                different += bool(differences)
    return different


def main() -> None:
    """Run the tag where its results are missing, then the working tree, and compare."""
    every = runs()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"of {', '.join(every)}; else all")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time")
    options = parser.parse_args()
    if unknown := set(options.runs) - set(every):
        parser.error(f"there is no run {', '.join(sorted(unknown))}")
    chosen = {name: every[name] for name in options.runs or every}
    commit, shared = tag_commit(), main_checkout()
    (shared / ".net").mkdir(exist_ok=True)
    began = monotonic()
    with FileLock(shared / ".net" / ".lock"), ThreadPoolExecutor(options.jobs) as pool:
        tag = tag_side(commit, shared)
        missing = {n: c for n, c in chosen.items() if not tag.place(n, c).exists()}
        list(pool.map(tag.run, missing, missing.values()))
    print(
        f"{TAG}, {commit[:12]}: {len(missing)} run(s) made, {monotonic() - began:.0f} s", flush=True
    )
    began = monotonic()
    (ROOT / ".net").mkdir(exist_ok=True)
    with FileLock(ROOT / ".net" / ".lock-working"):
        different = compare_runs(chosen, tag, options.jobs)
    print(f"{different or 'no'} table(s) differ; {monotonic() - began:.0f} s", flush=True)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
