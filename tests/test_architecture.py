"""The house holds: imports go one way, heavy libraries have their doors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
HOUSE = TESTS.parent / "cdr_anomaly"
FILES = sorted(HOUSE.rglob("*.py"))

# A room imports from its own tier and from those to the left of it.
TIERS = (
    ("errors", "significance", "wording", "vocabulary", "schema"),
    ("settings", "storage", "numbering"),
    ("ingest",),
    ("engines",),
    ("features",),
    ("detectors",),
    ("alerts",),
    ("pipeline", "result"),
    ("nights",),
    ("reports",),
    ("privacy", "evaluation"),
    ("cli", "__init__", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(TIERS) for room in rooms}
MOST_LINES, MOST_LINES_OF_A_FUNCTION, MOST_ENTRIES = 400, 60, 24
MOST_LINES_OF_A_DETECTOR = 200

# Words that say nothing as the whole name of a function, a parameter, a class or a module.
BARE_NAMES = (
    "again alike also asked beside built carried dated doubt drawn each every found given held "
    "here judged kept known looked lost made mapped mended own place put said seen settled shown "
    "sought taken there together told wanted whole"
)

# Which rooms may open the door to a library.
DOORS = {
    "altair": set(),  # tests alone hold specifications of charts against it
    "deltalake": {"storage", "ingest", "nights"},
    "filelock": {"nights"},
    "jinja2": {"reports"},
    "networkx": {"reports"},
    "obstore": {"storage"},
    "polars_hash": {"privacy"},
    "prometheus_client": {"reports"},
    "pyarrow": {"ingest", "engines"},
    "pyiceberg": {"ingest"},
    "pyspark": {"engines"},
    "rich": {"cli", "reports"},
    "scipy": {"significance", "features"},
    "typer": {"cli"},
}


def room(file: Path) -> str:
    """Return the room of a file: its folder in the package, or itself."""
    return file.relative_to(HOUSE).with_suffix("").parts[0]


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
            found += [f"{node.module}.{name.name}" for name in node.names]
    return found


def test_the_package_has_few_rooms_and_each_has_a_tier() -> None:
    entries = {path.name for path in HOUSE.iterdir() if path.name != "__pycache__"}
    assert len(entries) <= MOST_ENTRIES
    assert {room(file) for file in FILES} == set(LEVEL)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_imports_go_one_way(file: Path) -> None:
    here = room(file)
    for path in imports(file):
        package, _, rest = path.partition(".")
        if package == "cdr_anomaly":
            there = rest.partition(".")[0]
            up = LEVEL.get(there, 0) > LEVEL[here]
            assert not up, f"{here} imports {path}"
        allowed = DOORS.get(package)
        assert allowed is None or here in allowed, f"{here} imports {path}"


def test_what_plants_is_known_to_its_command_alone() -> None:
    """A detector that knew how the planted are drawn would find nothing else."""
    for file in FILES:
        if file.relative_to(HOUSE).parts[:2] != ("evaluation", "simulation"):
            known = any("evaluation.simulation" in path for path in imports(file))
            assert not known or file.name == "evaluation.py", file


@pytest.mark.parametrize(
    "file", sorted(HOUSE.rglob("__init__.py")), ids=lambda file: file.parent.name
)
def test_an_init_is_a_face(file: Path) -> None:
    if file.parent == HOUSE:
        return  # loads its names when they are wanted
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert names or docstring or isinstance(node, ast.ImportFrom), ast.unparse(node)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_files_and_functions_are_of_a_size_to_read(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    is_detector = "detectors" in file.parts and file.name != "base.py"
    assert len(text.splitlines()) <= (MOST_LINES_OF_A_DETECTOR if is_detector else MOST_LINES)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert (node.end_lineno or 0) - first.lineno < MOST_LINES_OF_A_FUNCTION, node.name


def names(tree: ast.AST) -> list[str]:
    """List the names of functions, their parameters, classes and the fields of classes."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args
            found += [node.name, *(arg.arg for arg in (*arguments.args, *arguments.kwonlyargs))]
        if isinstance(node, ast.ClassDef):
            fields = [field for field in node.body if isinstance(field, ast.AnnAssign)]
            found += [node.name, *(ast.unparse(field.target) for field in fields)]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_no_name_is_a_bare_participle_pronoun_or_adverb(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    bare = {name.strip("_").lower() for name in (file.stem, *names(tree))}
    bare &= set(BARE_NAMES.split())
    assert not bare, f"{file.relative_to(HOUSE)} calls something {', '.join(sorted(bare))}"


def test_tests_import_from_helpers_and_never_from_a_test() -> None:
    for file in sorted(TESTS.rglob("*.py")):
        for path in imports(file):
            parts = path.split(".")
            assert parts[0] != "tests" or parts[1] == "helpers", f"{file} imports {path}"


def test_the_tree_of_tests_mirrors_the_package() -> None:
    folders = {file.parent.relative_to(TESTS) for file in TESTS.rglob("test_*.py")}
    rooms = {file.parent.relative_to(HOUSE) for file in FILES}
    assert folders - rooms == {Path("tools")}
