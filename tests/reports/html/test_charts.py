"""What draws is of one kind with what writes what is to be drawn, and each spec is a sound one."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import pytest
from jsonschema import ValidationError

from cdr_anomaly.reports.html import charts, template

if TYPE_CHECKING:
    from collections.abc import Iterator

VENDOR = Path(template.__file__).parent / "vendor"


def test_the_script_that_draws_is_of_the_version_that_specs_are_checked_by() -> None:
    text = (VENDOR / "vega-lite.min.js").read_text(encoding="utf-8")
    assert f'"{alt.SCHEMA_VERSION.removeprefix("v")}"' in text
    assert alt.SCHEMA_URL == charts.SCHEMA


@pytest.mark.parametrize("kind", charts.specifications(str))
def test_a_spec_is_one_of_vega_lite(kind: str) -> None:
    """The schema knows every word, so that a misspelt one or a wrong value fails here."""
    spec = deepcopy(charts.specifications(str)[kind])
    # Nothing behind a picture is null, which Vega knows and its schema does not.
    assert spec["config"].pop("background") is None
    with alt.theme.enable("none"):
        assert alt.Chart.from_dict(spec).to_dict() == json.loads(json.dumps(spec))


@pytest.mark.parametrize("path", ["mark", "encoding", "encoding.x", "encoding.x.axis", "height"])
def test_a_misspelt_word_in_a_spec_is_refused(path: str) -> None:
    spec = part = deepcopy(charts.specifications(str)["grid"] | {"config": {}})
    for name in path.split("."):
        part = part[name]
    part["misspelt"] = 1
    with pytest.raises(ValidationError):
        alt.Chart.from_dict(spec).to_dict()


def test_every_column_of_a_picture_that_a_spec_names_is_in_its_rows() -> None:
    rows = {
        "grid": {"day", "hour", "n"},
        "lines": {"day", "line", "n"},
        "used": {"day", "name", "n"},
        "hours": {"hour", "n", "usual"},
        "days": {"day", "n", "usual", "limit"},
        "births": {"day", "n", "usual"},
        "volume": {"hour", "n", "usual"},
        "graph": {"name", "x", "y", "x2", "y2", "n"},
        "severity": {"day", "severity", "n", "place"},
        "found": {"day", "detector", "severity"},
        "detector": {"day", "detector", "n"},
    }
    specs = charts.specifications(str)
    assert {kind: set(_fields(spec)) for kind, spec in specs.items()} == rows


def _fields(part: Any) -> Iterator[str]:
    """List the columns of the rows that a part of a spec names."""
    inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and "field" in part:
        yield part["field"]
    for each in inside:
        yield from _fields(each)


@pytest.mark.parametrize("name", [*template.SCRIPTS, *template.STYLES])
def test_every_script_has_its_licence_beside_it(name: str) -> None:
    text = (VENDOR / name).read_text(encoding="utf-8")
    package = re.split(r"[.]min|[.]", name.lower())[0]
    licences = [file.name.lower() for file in VENDOR.glob("*.LICENSE")]
    assert package in " ".join(licences) or "copyright" in text[:400].lower()


def test_no_picture_holds_rows_or_asks_for_any() -> None:
    for kind, spec in charts.specifications(lambda word: word).items():
        assert "http" not in str({name: part for name, part in spec.items() if name != "$schema"})
        assert "datasets" not in spec, kind
        assert spec["width"] == "container"
