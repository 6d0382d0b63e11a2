"""What a start costs: libraries come in where they are used, and shipped tables are read once."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import numbering, settings, significance
from cdr_anomaly.alerts import unlike_peers
from cdr_anomaly.cli import app
from cdr_anomaly.errors import SettingError
from cdr_anomaly.features import components, shared_targets
from cdr_anomaly.ingest import files, layouts
from cdr_anomaly.numbering import caller_id
from cdr_anomaly.schema import EVIDENCE, LINKS, empty
from cdr_anomaly.storage import paths
from tests.helpers.builders import SHANGHAI, feed, line
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SOME_TIMES = {
    "altair",
    "deltalake",
    "jsonschema",
    "moto",
    "narwhals",
    "networkx",
    "obstore",
    "pandas",
    "polars_hash",
    "prometheus_client",
    "pyiceberg",
    "pyspark",
    "scipy.stats",
}
READING = {"polars", "pyarrow", "numpy", "scipy", *SOME_TIMES}
LATER = {"scipy", "jinja2", *SOME_TIMES}


def loaded(statement: str) -> set[str]:
    """Name every module that a fresh process has loaded after a statement."""
    code = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(ran.stdout.splitlines()[-1]))


def of_command(*words: object) -> str:
    """Write the statement that runs a command and goes on when it has ended."""
    told = ["cdr-anomaly", *(str(word) for word in words)]
    return (
        f"import sys; sys.argv = {told}\nfrom cdr_anomaly.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import cdr_anomaly", {"typer", "rich", "pydantic", "zoneinfo", *READING}),
        ("import cdr_anomaly.cli", {"rich", "jinja2", "pydantic", "zoneinfo", *READING}),
        (of_command("--help"), {"rich", "jinja2", "pydantic", "zoneinfo", *READING}),
        (of_command("scan", "--help"), {"rich", "jinja2", *READING}),
        ("from cdr_anomaly import scan, Settings", {"typer", "rich", *LATER}),
        ("from cdr_anomaly import nightly", {"typer", *LATER}),
    ],
)
def test_a_statement_loads_no_library_that_it_has_no_use_for(
    statement: str, absent: Iterable[str]
) -> None:
    assert loaded(statement) & set(absent) == set()


def test_a_scan_that_writes_its_page_loads_no_library_of_other_commands(tmp_path: Path) -> None:
    feed(line("+8613800000001").dials(900, on="2026-05-04", gap_s=20)).write_parquet(
        tmp_path / "calls.parquet"
    )
    out = tmp_path / "out"
    modules = loaded(of_command("scan", tmp_path, "--tz", SHANGHAI, "--out", out, "--rows", 1))
    assert (out / "report.html").is_file()
    assert "polars" in modules
    assert modules & SOME_TIMES == set()


def test_a_scan_that_writes_no_files_loads_no_templates(tmp_path: Path) -> None:
    feed(line("+8613800000001").dials(9, on="2026-05-04")).write_parquet(tmp_path / "calls.parquet")
    modules = loaded(of_command("scan", tmp_path, "--tz", SHANGHAI))
    assert modules & {"cdr_anomaly.reports.html", "rich.progress", *LATER} == set()


def test_linked_subjects_are_joined_without_scipy() -> None:
    statement = (
        "import polars as pl\nfrom cdr_anomaly.features.components import number_components\n"
        "number_components(pl.Series(['a', 'b']), pl.DataFrame({'one': ['a'], 'other': ['b']}))"
    )
    assert not loaded(statement) & LATER


def test_tests_without_rows_have_tails_without_rows() -> None:
    none = np.empty(0)
    tails = (
        significance.negative_binomial_tail(none, none, none),
        significance.log_tail(none, none, none),
        significance.past_tail(none, none, none, none),
        significance.robust_tail(none),
        significance.poisson_tail(none, none),
        significance.binomial_tail(none, none, none),
    )
    assert [(tail.shape, tail.dtype) for tail in tails] == [((0,), np.float64)] * len(tails)


def test_subjects_without_links_are_actors_by_themselves() -> None:
    subjects = pl.Series(["b", "a", "c"])
    none = pl.DataFrame(schema={"one": pl.String, "other": pl.String})
    away = pl.DataFrame({"one": ["x"], "other": ["y"]})
    alone = components.number_components(subjects, none)
    assert alone.rows() == [(0, "b"), (1, "a"), (2, "c")]
    assert_frame_equal(alone, components.number_components(subjects, away))


def test_one_line_has_no_link_and_nobody_is_unlike() -> None:
    day = date(2026, 5, 4)
    calls = {"line": [8613800000001], "day": [day], "counterpart": [4930000001]}
    lists = pl.DataFrame(calls)
    assert_frame_equal(shared_targets.links(lists, lists.clear(), [day]), empty(LINKS, pl.Int64()))
    nobody = unlike_peers.unlike_sentences(
        empty(EVIDENCE), empty(EVIDENCE).select("line", "day"), {}
    )
    texts = dict.fromkeys(("unlike", "unlike_values"), pl.String)
    assert nobody.schema == {"line": pl.String, "day": pl.Date} | texts


def test_a_zone_that_ships_is_valid_without_a_walk_through_the_zone_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def walk() -> set[str]:
        pytest.fail("the zone files were walked through")

    known = settings.available_timezones() - {"Factory", "localtime"}
    monkeypatch.setattr(settings, "available_timezones", walk)
    for name in sorted(known):
        assert settings.zone(name).key == name
    assert settings.load_settings(tz=SHANGHAI).tz == SHANGHAI


@pytest.mark.parametrize("name", ["Factory", "localtime", "posix/UTC", "../UTC", "utc ", ""])
def test_what_is_no_zone_is_refused_though_a_file_of_that_name_may_be_there(name: str) -> None:
    with pytest.raises(SettingError, match="is not a time zone that is known here"):
        settings.zone(name)


def test_of_the_shipped_layouts_only_the_one_that_is_named_is_validated() -> None:
    for words in (None, "cisco"), ("cisco", "asterisk"):
        layouts._shipped_layout.cache_clear()
        for word in words:
            layouts.find_layout(word)
        assert layouts._shipped_layout.cache_info().currsize == len(words)
    assert {layouts.find_layout(name).name for name in layouts.shipped_layouts()} == set(
        layouts.shipped_layouts()
    )


def test_tables_of_numbers_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> None:
        home = numbering.home_plan("GB")
        caller_id._home_lengths(home)
        numbering.number_class(pl.lit("+442079460000"), home)

    read()
    monkeypatch.setattr(pl, "read_parquet", lambda *_: pytest.fail("read again"))
    read()


def test_one_file_is_opened_without_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(line("+8613800000001").dials(9, on="2026-05-04")).write_parquet(tmp_path / "calls.parquet")
    monkeypatch.setattr(paths, "ThreadPoolExecutor", lambda *_: pytest.fail("a thread"))
    assert [file.rows for file in files.find_files([tmp_path])] == [9]


def test_garbage_is_collected_as_usual_once_a_start_is_over(run: Any, tmp_path: Path) -> None:
    usual = gc.get_threshold()
    feed(line("+8613800000001").dials(9, on="2026-05-04")).write_parquet(tmp_path / "calls.parquet")
    for words in (("check", tmp_path, "--tz", SHANGHAI), ("check", tmp_path / "nowhere")):
        run(*words)
        assert gc.get_threshold() == usual
        assert app._end_start not in gc.callbacks
    statement = (
        f"{of_command('check', tmp_path, '--tz', SHANGHAI)}\nimport gc\n"
        f"assert gc.get_threshold() == {usual}, gc.get_threshold()"
    )
    assert loaded(statement)


def test_the_first_collection_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, seen = gc.get_threshold(), []

    def command() -> None:
        seen.append(gc.get_threshold()[0])
        gc.collect()
        seen.append(gc.get_threshold())

    monkeypatch.setattr(app, "app", command)
    monkeypatch.setattr("sys.argv", ["cdr-anomaly"])
    app.main()
    assert seen == [app.START_OBJECTS, usual]
