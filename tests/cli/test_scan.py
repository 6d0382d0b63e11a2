from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import cli
from cdr_anomaly.schema import ALERTS, FINDINGS
from cdr_anomaly.storage import csv as storage_csv
from tests.helpers.command_feeds import LOWERED, dialled, written

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = [
    "alerts.csv",
    "alerts.jsonl",
    "alerts.parquet",
    "evidence.parquet",
    "findings.parquet",
    "refused.parquet",
    "report.html",
    "run.json",
    "victims.csv",
    "victims.parquet",
]


@pytest.mark.parametrize("command", ["", "scan", "explain", "check", "detectors"])
def test_every_command_has_help(run: Any, command: str) -> None:
    ran = run(*command.split(), "--help")
    assert ran.code == 0
    assert "Usage:" in ran.out
    assert ran.err == ""


def test_every_command_and_option_says_what_it_is_for() -> None:
    import typer

    group = typer.main.get_command(cli.app.app)
    for command in group.commands.values():  # type: ignore[attr-defined]
        assert command.help
        assert all(getattr(option, "help", None) for option in command.params)


def test_the_help_lists_every_command_below_its_panel(run: Any) -> None:
    ran = run("--help")
    panels = {text.partition(":")[0]: text for text in ran.out.split("\n\n")}
    for panel, commands in cli.app.PANELS.items():
        listed = [line.split()[0] for line in panels[panel].splitlines() if line[2:3].strip()]
        assert listed[1:] == [command.__name__ for command in commands]
        for command in commands:
            text = " ".join((command.__doc__ or "").partition("\n\n")[0].split())
            assert text in " ".join(panels[panel].split())


ODD = {
    "zero rows": dialled().clear(),
    "one row": dialled(1),
    "a column that is all null": dialled(called_number=pl.lit(None, pl.String)),
    "a column without a type": dialled(called_number=pl.lit(None)),
    "times without a type": dialled(start_time=pl.lit(None)),
    "integers as numbers": dialled(9).cast({"calling_number": pl.Int64}),
    "nothing but refused rows": dialled(duration_s=-1),
}


@pytest.mark.parametrize("case", ODD)
def test_a_feed_with_little_in_it_is_a_result(tmp_path: Path, run: Any, case: str) -> None:
    out = tmp_path / "out"
    ran = run("scan", written(tmp_path, ODD[case]), "--out", out)
    assert (ran.code, ran.out) == (0, "Nothing reached a limit.\n")
    assert sorted(file.name for file in out.iterdir()) == RESULTS
    for name, table in (("findings", FINDINGS), ("alerts", ALERTS)):
        found = pl.read_parquet(out / f"{name}.parquet")
        assert found.is_empty()
        assert found.schema == {column: kind.dtype for column, kind in table.items()}
    assert (out / "alerts.jsonl").read_text() == ""
    assert (out / "alerts.csv").read_text() == ",".join(ALERTS) + "\n"
    rows = json.loads((out / "run.json").read_text())["counts"]
    assert rows["read"] == ODD[case].height == rows["used"] + sum(rows["refused"].values())
    assert pl.read_parquet(out / "refused.parquet").height == sum(rows["refused"].values())


def test_check_and_explain_take_a_feed_of_zero_rows(tmp_path: Path, run: Any) -> None:
    file = written(tmp_path, dialled().clear())
    assert run("check", file).code == 0
    ran = run("explain", "13800000001", file)
    assert ran == (2, "", "cdr-anomaly: '13800000001' has no call in these files.\n")


def test_standard_output_is_data_and_standard_error_is_talk(tmp_path: Path, run: Any) -> None:
    ran = run("scan", written(tmp_path), *LOWERED)
    assert ran.code == 0
    assert "+8613800000001" in ran.out
    assert not re.search(r"Rows:|Time:|\x1b", ran.out)
    assert "Rows: 60 read, 60 calls used" in ran.err
    assert "Time:" in ran.err


def test_csv_and_jsonl_on_standard_output_parse_back(tmp_path: Path, run: Any) -> None:
    file, out = written(tmp_path), tmp_path / "out"
    as_csv = run("scan", file, *LOWERED, "--format", "csv").out
    as_jsonl = run("scan", file, *LOWERED, "--format", "jsonl", "--out", out).out
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    alerts = [json.loads(line) for line in as_jsonl.splitlines()]
    assert [list(row) for row in (*rows, *alerts)] == [list(ALERTS)] * (2 * len(rows))
    assert [row["subject"] for row in rows] == ["'+8613800000001"]
    assert [alert["subject"] for alert in alerts] == ["+8613800000001"]
    assert (out / "alerts.jsonl").read_text() == as_jsonl
    assert (out / "alerts.csv").read_text() == as_csv


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_detectors_can_be_listed_as_data(run: Any, form: str) -> None:
    ran = run("detectors", "--format", form)
    assert ran.code == 0
    if form == "jsonl":
        assert all(json.loads(line) for line in ran.out.splitlines())
    else:
        assert "calls_60min" in ran.out


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("+8613800000001", "'+8613800000001"),
        ("=1+2", "'=1+2"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\t=1", "'\t=1"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("\uff1d1", "'\uff1d1"),
        ("fine\n=1", "fine\n'=1"),
        ("95588", "95588"),
        ("a+b", "a+b"),
        (None, None),
    ],
)
def test_no_cell_can_be_run_as_a_formula(text: str | None, harmless: str | None) -> None:
    table = pl.DataFrame({"cell": [text]}, {"cell": pl.String})
    assert storage_csv.escape_formulas(table).item() == harmless


def test_alerts_csv_is_safe_to_open_in_a_spreadsheet(tmp_path: Path, run: Any) -> None:
    caller = '=HYPERLINK("http://x")'
    file = written(tmp_path, dialled(calling_number=pl.lit(caller)))
    run("scan", file, *LOWERED, "--out", tmp_path / "out")
    with (tmp_path / "out" / "alerts.csv").open(newline="") as opened:
        row = next(csv.DictReader(opened))
    assert (row["subject"], row["members"]) == (f"'{caller}", f"'{caller}")
    assert all(not cell.startswith(("=", "+", "@", "\t", "\r")) for cell in row.values())


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_results_are_for_their_owner_only(tmp_path: Path, run: Any) -> None:
    out = tmp_path / "new" / "out"
    assert run("scan", written(tmp_path), "--out", out).code == 0
    modes = {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_results_replace_those_of_an_earlier_run_and_leave_other_files(
    tmp_path: Path, run: Any
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "alerts.csv").write_text("old")
    (out / "mine.txt").write_text("kept")
    assert run("scan", written(tmp_path), "--out", out).code == 0
    assert sorted(file.name for file in out.iterdir()) == sorted([*RESULTS, "mine.txt"])
    assert (out / "alerts.csv").read_text().startswith("rank,")


def test_two_runs_write_the_same_bytes(tmp_path: Path, run: Any) -> None:
    rows = pl.concat([dialled(300), dialled(30).with_columns(duration_s=pl.lit(-1, pl.Int64))])
    file = written(tmp_path, rows.sample(fraction=1, shuffle=True, seed=3))
    outs = [tmp_path / name for name in ("one", "two")]
    printed = [run("scan", file, *LOWERED, "--format", "csv", "--out", out).out for out in outs]
    assert printed[0] == printed[1]
    for name in RESULTS:
        one, two = ((out / name).read_bytes() for out in outs)
        assert one == two, name


def test_the_order_of_rows_and_files_changes_no_alert(tmp_path: Path, run: Any) -> None:
    rows = dialled(300)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    written(tmp_path / "one", rows)
    written(tmp_path / "two", rows[:100].reverse(), "z.parquet")
    written(tmp_path / "two", rows[100:].reverse(), "a.parquet")
    one, two = (
        run("scan", tmp_path / name, *LOWERED, "--format", "jsonl").out for name in ("one", "two")
    )
    assert one == two != ""


@pytest.mark.parametrize(("grade", "code"), [("low", 3), ("critical", 0)])
def test_fail_on_is_exit_code_3_when_an_alert_is_as_grave(
    tmp_path: Path, run: Any, grade: str, code: int
) -> None:
    words = ("--set", "high_frequency.calls_60min=40", "--fail-on", grade)
    ran = run("scan", written(tmp_path), *words)
    assert ran.code == code
    assert ran.out


def test_fail_on_is_0_when_nothing_is_found(tmp_path: Path, run: Any) -> None:
    assert run("scan", written(tmp_path, dialled(3)), "--fail-on", "low").code == 0


def test_a_declared_entity_is_listed_as_set_aside(tmp_path: Path, run: Any) -> None:
    entities = tmp_path / "entities.csv"
    entities.write_text("line,purpose\n0086 138 0000 0001,hotline\n")
    file = written(tmp_path)
    ran = run("scan", file, *LOWERED, "--entities", entities, "--out", tmp_path / "out")
    assert ran.code == 0
    assert ran.out == "Nothing is on the list: all that reached a limit is set aside.\n"
    alerts = pl.read_parquet(tmp_path / "out" / "alerts.parquet")
    assert alerts.select("rank", "suppressed_by").rows() == [(None, "hotline")]


def test_since_and_until_narrow_what_is_read(tmp_path: Path, run: Any) -> None:
    ran = run("scan", written(tmp_path), "--since", "2026-05-02")
    assert "there is no call to judge" in ran.err
    ran = run("scan", written(tmp_path), "--since", "2026-05-01", "--until", "2026-05-01")
    assert "60 calls used" in ran.err


@pytest.mark.parametrize("form", ["13800000001", "+86 138 0000 0001", "0086-13800000001"])
def test_explain_takes_a_line_in_any_form(tmp_path: Path, run: Any, form: str) -> None:
    ran = run("explain", form, written(tmp_path))
    assert ran.code == 0
    assert "2026-05-01" in ran.out


def test_python_m_runs_the_command_line() -> None:
    words = [sys.executable, "-m", "cdr_anomaly", "scan", "nowhere"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "cdr-anomaly: There is no file or folder 'nowhere'.\n"
