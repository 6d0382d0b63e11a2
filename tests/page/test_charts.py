"""What draws is of one kind with what writes what is to be drawn."""

from __future__ import annotations

import re
from pathlib import Path

import altair as alt
import pytest

from cdr_anomaly.page import charts, sheet

VENDOR = Path(sheet.__file__).parent / "vendor"


def test_the_script_that_draws_is_of_the_version_that_altair_writes_for() -> None:
    text = (VENDOR / "vega-lite.min.js").read_text(encoding="utf-8")
    assert f'"{alt.SCHEMA_VERSION.removeprefix("v")}"' in text


@pytest.mark.parametrize("name", [*sheet.SCRIPTS, *sheet.STYLES])
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
