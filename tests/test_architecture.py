"""The house holds: imports go down its floors, and heavy libraries have their doors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "cdr_anomaly"
FILES = sorted(HOUSE.rglob("*.py"))

DETECTORS = [
    f"detectors.{f.stem}"
    for f in HOUSE.glob("detectors/[a-z]*.py")
    if f.stem not in {"base", "feed"}
]

# A file imports only from lower floors; siblings never import each other.
FLOORS = (
    ("errors", "rolling", "significance", "sieve", "actors", "mask", "tokens", "wording"),
    ("trouble",),
    ("stores",),
    ("schema", "keys", "numbering", "settings", "profile", "sheets", "lock", "delta"),
    ("evidence", "overlap", "traffic", "presented", "subscribed"),
    ("subjects", "busy", "bridges", "unlike", "outbound", "rooms", "shifts", "pools", "trunks",
     "held", "results", "feed"),
    ("ingest", "legs", "forwarding", "births", "measures", "declared",
     "alerts", "report", "story", "detectors.base", "engines.base", "header", "ledger", "volume",
     "truth", "sought", "titled"),
    ("holders",),
    (*DETECTORS, "engines.tally", "engines.pieces", "pseudonyms", "state", "forewarned",
     "calibration", "edges"),
    ("engines.looks", "engines.cluster"),
    ("engines.local", "engines.spark"),
    ("detectors", "engines", "derived", "simulate", "victims", "evaluation"),
    ("tables",),
    ("judging", "memory", "metrics", "warned", "page"),
    ("pipeline",),
    ("inputs", "recall", "tuning", "ranking"),
    ("one_night",),
    ("desk",),
    ("cli.options", "cli.talk"),
    ("cli.answers",),
    ("cli.records", "cli.desk", "cli.nights", "cli.privacy", "cli.quality"),
    ("cli",),
    ("__main__", "__init__"),
)  # fmt: skip

# Which rooms may open the door to a library.
DOORS = {
    "numpy": {
        "actors",
        "busy",
        "evidence",
        "forwarding",
        "overlap",
        "sieve",
        "significance",
        "simulate",
        "evaluation",
        "truth",
    },
    "altair": set(),
    "jinja2": {"page"},
    "networkx": {"edges"},
    "scipy": {"significance", "actors", "overlap"},
    "typer": {
        "cli",
        "cli.desk",
        "cli.options",
        "cli.answers",
        "cli.records",
        "cli.nights",
        "cli.privacy",
        "cli.quality",
    },
    "rich": {"cli.talk", "report"},
    "pyspark": {"engines.cluster"},
    "pyarrow": {"ingest", "engines.pieces"},
    "deltalake": {"state", "delta", "ingest"},
    "filelock": {"lock"},
    "pyiceberg": {"ingest"},
    "obstore": {"stores"},
    "polars_hash": {"keys"},
    "prometheus_client": {"metrics"},
}


def room(file: Path) -> str:
    """Name a file's room: its module below the package; a folder's files are one room."""
    parts = file.relative_to(HOUSE).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__") or "__init__"
    return of_folder(name)


def of_folder(name: str) -> str:
    """Name the room of a module: all files of some folders are one."""
    first = name.partition(".")[0]
    return (
        first if first in {"ingest", "page", "pseudonyms", "schema", "simulate", "story"} else name
    )


def imports(file: Path) -> list[str]:
    """List what a file imports when it runs, inside functions too, but not for types alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        if isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{name.name}" for name in node.names}
            rooms = {path.removeprefix("cdr_anomaly.") for path in inside}
            known = {room(other) for other in FILES}
            found += [f"cdr_anomaly.{path}" for path in rooms & known] or [str(node.module)]
    return found


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def test_every_room_stands_on_a_floor() -> None:
    assert {room(file) for file in FILES} == {name for rooms in FLOORS for name in rooms}


@pytest.mark.parametrize("file", FILES, ids=room)
def test_imports_go_down(file: Path) -> None:
    mine = room(file)
    for path in imports(file):
        if not path.startswith("cdr_anomaly."):
            continue
        other = of_folder(path.removeprefix("cdr_anomaly."))
        assert other == mine or floor(other) < floor(mine), f"{mine} imports {other}"


@pytest.mark.parametrize("file", FILES, ids=room)
def test_libraries_come_in_by_their_doors(file: Path) -> None:
    for path in imports(file):
        allowed = DOORS.get(path.partition(".")[0])
        assert allowed is None or room(file) in allowed, f"{room(file)} imports {path}"


@pytest.mark.parametrize("file", FILES, ids=room)
def test_what_plants_is_known_to_its_command_alone(file: Path) -> None:
    """A detector that knew how the planted are drawn would find nothing else."""
    if room(file) not in {"simulate", "cli.quality"}:
        assert not any(path.startswith("cdr_anomaly.simulate") for path in imports(file))


def test_no_room_outgrows_itself() -> None:
    long = {room(f): n for f in FILES if (n := len(f.read_text().splitlines())) > 400}
    assert not long
