"""What the user can mend is one sentence and exit code 2; what is our own bug is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.helpers.command_feeds import dialled, written

if TYPE_CHECKING:
    from pathlib import Path

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


def damaged(file: Path) -> Path:
    content = bytearray(file.read_bytes())
    content[4:300] = b"\x5a" * 296
    file.write_bytes(content)
    return file


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
    [
        "",
        "scan",
        "scan ok.parquet --since yesterday",
        "scan ok.parquet --format xml",
        "scan ok.parquet --rows 0",
        "scan ok.parquet --fail-on grave",
        "scna ok.parquet",
        "explain 1",
        "scan ok.parquet --no-such-option",
    ],
)
def test_words_that_are_no_command_are_exit_code_2(corner: Path, run: Any, words: str) -> None:  # noqa: ARG001
    ran = run(*words.split())
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_an_output_folder_that_cannot_be_made_is_found_before_the_work_begins(
    corner: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cdr_anomaly import pipeline

    monkeypatch.setattr(pipeline, "scan", lambda *_, **__: pytest.fail("it has begun"))
    assert run("scan", corner / "ok.parquet", "--out", corner / "file").code == 2
