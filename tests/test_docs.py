"""README and docs name every command, option, detector, setting, default and layout."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

import cdr_anomaly
from cdr_anomaly import cli, detectors
from cdr_anomaly.ingest import layouts
from cdr_anomaly.settings import Settings
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf-8")


def written_pages() -> dict[Path, str]:
    """Write the reference pages from the code, as `make docs` does."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[Path, str] = module.pages()
    return pages


def test_reference_pages_are_those_that_the_code_writes() -> None:
    for path, text in written_pages().items():
        assert path.read_text(encoding="utf-8") == text, f"run make docs: {path.name} is old"


@pytest.mark.parametrize("command", [c.callback.__name__ for c in cli.app.app.registered_commands])
def test_readme_names_every_command(command: str) -> None:
    assert f"cdr-anomaly {command}" in README


@pytest.mark.parametrize("name", [detector.name for detector in detectors.ALL])
def test_detector_page_has_every_setting_and_default(name: str) -> None:
    page = (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8")
    section = page.split(f"## {name}\n")[1].split("\n## ")[0]
    for setting, default, _ in detectors.described()[name][1].iter_rows():
        assert f"| `{setting}` | `{default}` |" in section


def test_tables_page_has_every_setting_and_layout() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in Settings.model_fields)
    assert all(f"| `{name}` |" in page for name in layouts.shipped_layouts())


def test_what_detectors_find_is_listed_alike_everywhere() -> None:
    *titles, last = (detector.title for detector in detectors.ALL)
    patterns = f"{', '.join(titles)} and {last}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in (README, cdr_anomaly.__doc__, cli.app.app.info.help, project["description"]):
        assert patterns in " ".join(str(text).split())


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_settings_that_the_readme_shows_are_settings() -> None:
    known = {f"{name}.{s}" for name, (_, t) in detectors.described().items() for s in t["setting"]}
    shown = set(re.findall(r"--set ([a-z_]+\.[a-z_0-9]+)=", README))
    assert shown
    assert shown <= known


def test_two_commands_do_all_the_set_up() -> None:
    block = README.split("## Try it")[1].split("```")[1]
    assert re.findall(r"^make \w+", block, flags=re.MULTILINE) == ["make demo", "make test"]
