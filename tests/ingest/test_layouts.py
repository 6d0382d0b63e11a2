"""Every shipped layout on a small frame in its vendor's form gives calls written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly.ingest import layouts, validate
from tests.helpers.layout_cases import CASES, Case
from tests.helpers.paths import ROOT
from tests.helpers.raw_feeds import columns, opened, used, written

if TYPE_CHECKING:
    from pathlib import Path

CALLMINE = ROOT.parent / "shared" / "data" / "callmine" / "calls.parquet"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layout)
def test_a_layout_maps_its_vendors_rows_to_calls(tmp_path: Path, case: Case) -> None:
    file = written(tmp_path, pl.DataFrame(case.rows), case.file)
    told = {"layout": case.layout, **case.told}
    for source in (opened(file, **told), opened(file, **told).with_text()):
        assert columns(used(source), *case.wanted) == case.calls


def test_every_shipped_layout_has_a_case_and_a_title() -> None:
    assert {case.layout for case in CASES} == set(layouts.shipped_layouts())
    assert all(layout.title for layout in layouts.shipped_layouts().values())


def test_rows_that_are_no_calls_are_left_out_and_counted_not_lost(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.layout == "bandicoot")
    source = opened(
        written(tmp_path, pl.DataFrame(case.rows), case.file), layout="bandicoot", tz="UTC"
    )
    assert sorted(
        validate.verdicts(source.map_rows().collect(), source.settings.max_duration_s)
    ) == [
        0,
        0,
        9,
        9,
    ]
    assert source.refused_rows().collect().is_empty()


@pytest.mark.skipif(not CALLMINE.exists(), reason="shared/data is not beside this checkout")
def test_the_callmine_sample_is_read_whole_with_its_layout() -> None:
    source = opened(CALLMINE, layout="callmine")
    calls = used(source.with_text())
    assert calls.height == 11_000
    assert calls["start_time"].dt.date().n_unique() == 5
    assert calls["calling_number"].null_count() == 0
