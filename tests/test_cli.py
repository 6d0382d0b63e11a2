from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import cli, report
from cdr_anomaly.schema import ALERTS, FINDINGS

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
RESULTS = ["alerts.csv", "alerts.jsonl", "alerts.parquet", "evidence.parquet",
           "findings.parquet", "refused.parquet", "report.html", "run.json", "victims.csv",
           "victims.parquet"]  # fmt: skip
LOWERED = ("--set", "mass_dialler.calls=50", "--set", "mass_dialler.distinct=20")


def dialled(n: int = 60, **other: Any) -> pl.DataFrame:
    """One line that calls many others, 20 s apart."""
    rows = [
        {
            "calling_number": "13800000001", "called_number": f"1390000{i:04d}",
            "start_time": NOON + timedelta(seconds=20 * i), "duration_s": i % 7,
        }
        for i in range(n)
    ]  # fmt: skip
    return pl.DataFrame(rows).with_columns(**other)


def written(folder: Path, table: pl.DataFrame | None = None, name: str = "calls.parquet") -> Path:
    file = folder / name
    (dialled() if table is None else table).write_parquet(file)
    return file


def damaged(file: Path) -> Path:
    content = bytearray(file.read_bytes())
    content[4:300] = b"\x5a" * 296
    file.write_bytes(content)
    return file


NAIVE = dialled().with_columns(pl.col("start_time").dt.replace_time_zone(None))
TEXT = dialled().with_columns(pl.col("start_time").dt.to_string())
PARQUET = {
    "missing.parquet": dialled().drop("duration_s"),
    "text.parquet": TEXT,
    "naive.parquet": NAIVE,
    "lists.parquet": dialled().with_columns(pl.concat_list("called_number")),
    "epoch.parquet": dialled().with_columns(pl.col("start_time").dt.epoch("s")),
    "ok.parquet": dialled(),
}


@pytest.fixture
def corner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder of things that go wrong."""
    for name, table in PARQUET.items():
        written(tmp_path, table, name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "not.parquet").write_text("a,b\n1,2\n")
    (tmp_path / "file").write_text("x")
    whole = (tmp_path / "ok.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    damaged(written(tmp_path, dialled(500), "damaged.parquet"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("nowhere", "There is no file or folder 'nowhere'."),
        ("empty", "The folder 'empty' holds no Parquet file (looked for .parquet, .pq, .parq)."),
        ("no*.parq", "No Parquet file matches 'no*.parq'."),
        ("not.parquet", "'not.parquet' is not a Parquet file."),
        ("cut.parquet", "'cut.parquet' is truncated: copy it again."),
        (
            "damaged.parquet",
            "'damaged.parquet' is damaged: its columns cannot be decoded; copy it again.",
        ),
        ("missing.parquet", "'missing.parquet' lacks 'duration_s', which the layout 'canonical'"),
        ("text.parquet", "'text.parquet': the column 'start_time' is String, not a timestamp;"),
        ("epoch.parquet", "'epoch.parquet': the column 'start_time' is Int64, not a timestamp;"),
        ("naive.parquet", "'naive.parquet': the times in 'start_time' carry no zone; say which"),
        ("lists.parquet", "'lists.parquet': the column 'called_number' is List(String), not text;"),
        ("ok.parquet --layout asterix", "'asterix' is not a layout that ships with the tool. Did"),
        ("ok.parquet --layout my.toml", "The layout file 'my.toml' cannot be read: No such file"),
        ("ok.parquet --set mas_dialler.calls=3", "'mas_dialler' is not a detector. Did you mean"),
        ("ok.parquet --set mass_dialler.cals=3", "'cals' is not a setting of mass_dialler. Did"),
        ("ok.parquet --set mass_dialler.calls=x", "mass_dialler.calls should be a valid integer"),
        ("ok.parquet --set hom=GB", "'hom' is not a setting. Did you mean 'home'?"),
        ("ok.parquet --config my.toml", "The settings file 'my.toml' cannot be read: No such file"),
        ("naive.parquet --tz Asia/Shangai", "'Asia/Shangai' is not a time zone that is known"),
        ("ok.parquet --home XX", "'XX' is not a region that the numbering tables know."),
        ("ok.parquet --since 2026-05-02 --until 2026-05-01", "since 2026-05-02 is after until"),
        ("ok.parquet --out file", "The results cannot be written to 'file': 'file' is a file,"),
        ("ok.parquet --out file/below", "The results cannot be written to 'file/below':"),
        ("ok.parquet --entities e.csv", "There is no file 'e.csv'."),
        ("ok.parquet --entities not.parquet", "'not.parquet' names no entity: it needs a"),
        ("ok.parquet --subscribers s.csv", "There is no file 's.csv'."),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_exit_code_2(
    corner: Path, run: Any, words: str, sentence: str
) -> None:
    ran = run("scan", *words.split())
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"cdr-anomaly: [^\n]+[.?]\n", ran.err)
    assert ran.err.removeprefix("cdr-anomaly: ").startswith(sentence)
    assert not list(corner.glob("**/.unfinished-*"))


@pytest.mark.parametrize("command", ["check", "explain"])
def test_check_and_explain_name_a_damaged_file_too(corner: Path, run: Any, command: str) -> None:
    line = ["13800000001"] if command == "explain" else []
    ran = run(command, *line, corner / "damaged.parquet")
    assert (ran.code, ran.out) == (2, "")
    assert "damaged.parquet' is damaged" in ran.err


def test_a_file_that_is_sound_leaves_our_own_bug_its_traceback(
    corner: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdr_anomaly import pipeline

    def broken(*_: Any, **__: Any) -> None:
        pl.DataFrame().select("no such column")

    monkeypatch.setattr(pipeline, "scan", broken)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        run("scan", corner / "ok.parquet")


@pytest.mark.parametrize(
    "words",
    ["", "scan", "scan ok.parquet --since yesterday", "scan ok.parquet --format xml",
     "scan ok.parquet --rows 0", "scan ok.parquet --fail-on grave", "scna ok.parquet",
     "explain 1", "scan ok.parquet --no-such-option"],
)  # fmt: skip
def test_words_that_are_no_command_are_exit_code_2(corner: Path, run: Any, words: str) -> None:  # noqa: ARG001
    ran = run(*words.split())
    assert ran.code == 2
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", ["", "scan", "explain", "check", "detectors"])
def test_every_command_has_help(run: Any, command: str) -> None:
    ran = run(*command.split(), "--help")
    assert ran.code == 0
    assert "Usage:" in ran.out
    assert ran.err == ""


def test_every_command_and_option_says_what_it_is_for() -> None:
    import typer

    group = typer.main.get_command(cli.app)
    for command in group.commands.values():  # type: ignore[attr-defined]
        assert command.help
        assert all(getattr(option, "help", None) for option in command.params)


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
    assert report.safe(table).item() == harmless


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


def test_an_output_folder_that_cannot_be_made_is_found_before_the_work_begins(
    corner: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdr_anomaly import pipeline

    monkeypatch.setattr(pipeline, "scan", lambda *_, **__: pytest.fail("it has begun"))
    assert run("scan", corner / "ok.parquet", "--out", corner / "file").code == 2


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


def test_what_a_killed_run_left_is_removed_after_a_while(tmp_path: Path, run: Any) -> None:
    out, now = tmp_path / "out", time.time()
    for name, age_s in (("old", 4000), ("new", 60)):
        left = out / f".unfinished-{name}"
        left.mkdir(parents=True)
        (left / "alerts.csv").write_text("x", encoding="utf-8")
        os.utime(left, (now - age_s, now - age_s))
    assert run("scan", written(tmp_path), *LOWERED, "--out", out).code == 0
    assert [path.name for path in out.glob(".unfinished-*")] == [".unfinished-new"]


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


INTERRUPT = """
import os, signal, sys, polars as pl
from cdr_anomaly import cli, ingest, report

def interrupting(function):
    def interrupted(*words, **named):
        found = function(*words, **named)
        os.kill(os.getpid(), signal.SIGINT)
        return found
    return interrupted

{where} = interrupting({where})
sys.argv = ["cdr-anomaly", *sys.argv[1:]]
cli.main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize(
    "where",
    ["pl.LazyFrame.collect", "pl.DataFrame.write_parquet", "report.json.dumps"],
)
def test_an_interrupt_leaves_no_half_written_output(tmp_path: Path, where: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "alerts.csv").write_text("old")
    words = ["scan", str(written(tmp_path)), "--out", str(out)]
    program = [sys.executable, "-c", INTERRUPT.format(where=where), *words]
    ran = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 130
    assert "Traceback" not in ran.stderr
    assert [file.name for file in out.iterdir()] == ["alerts.csv"]
    assert (out / "alerts.csv").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_an_interrupt_stops_a_scan_that_is_under_way(tmp_path: Path) -> None:
    much = pl.concat([dialled(20_000)] * 10)
    fifty = [written(tmp_path, much, f"{n:02d}.parquet") for n in range(50)]
    words = [sys.executable, "-m", "cdr_anomaly", "scan", *fifty, "--out", tmp_path / "out"]
    scan = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    scan.send_signal(signal.SIGINT)
    out, err = scan.communicate(timeout=60)
    assert (scan.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
