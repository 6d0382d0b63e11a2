"""Which alerts are true, and what is read of lists and of a truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.evaluation import ground_truth
from cdr_anomaly.schema import ALERTS
from tests.helpers.alert_lists import EVIDENCE, FIRST, PLANTED, alert, lists, night, ranked

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("why", "given", "true"),
    [
        ("a planted line on its day", alert("a1"), True),
        ("an honest line", alert("c1"), False),
        ("a line that is not in the truth", alert("x"), False),
        ("the day before its first", alert("b1", day=night(0)), False),
        ("its first day", alert("b1", day=night(1)), True),
        ("7 days after its last", alert("b1", day=night(8)), True),
        ("8 days after its last", alert("b1", day=night(9)), False),
        ("a planted line among members", alert("x", members=["x", "a1"]), True),
        ("half of those in the truth are planted", alert("a1", members=["a1", "c1"]), True),
        ("a third of them are", alert("a1", members=["a1", "c1", "s1"]), False),
        (
            "lines that are not in the truth do not count",
            alert("a1", members=["a1", "c1", *"uvwxyz"]),
            True,
        ),
        (
            "a planted line out of its days counts as any other",
            alert("a1", members=["a1", "b1", "c1"]),
            False,
        ),
        (
            "a member that is named twice counts once",
            alert("c1", members=["c1", "s1", "a1", "a1"]),
            False,
        ),
        ("no members are told", alert("a1", members=None), True),
        (
            "the target of a hub is no member of it",
            alert("a1", subject_kind="hub", members=["c1"]),
            False,
        ),
        (
            "the members of a hub decide",
            alert("c1", subject_kind="hub", members=["a1", "a2", "c2"]),
            True,
        ),
        ("a block of planted lines", alert("+86", subject_kind="block", members=["a1"]), True),
        ("a block without members", alert("a1", subject_kind="block", members=[]), False),
        ("a chain over a planted line", alert("x", subject_kind="chain", members=["a1"]), True),
    ],
)
def test_an_alert_is_true_by_this_rule(why: str, given: dict[str, Any], true: bool) -> None:  # noqa: FBT001
    found = ground_truth.match_alerts(lists({None: [given]}), PLANTED).alerts
    assert found["true"].to_list() == [true], why


def test_the_date_of_a_list_goes_before_the_day_of_its_alerts() -> None:
    given = alert("b1", day=night(0))
    assert ground_truth.match_alerts(lists({night(1): [given]}), PLANTED).alerts[
        "true"
    ].to_list() == [True]


def test_alerts_without_a_rank_are_not_on_the_list() -> None:
    judged = ground_truth.match_alerts(lists({None: [alert("a1", None), alert("c1", 1)]}), PLANTED)
    assert judged.alerts.select("position", "true").rows() == [(1, False)]


def put(folder: Path, rows: list[dict[str, Any]], name: str = "alerts.parquet") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    schema = {name: column.dtype or pl.String() for name, column in ALERTS.items()}
    pl.DataFrame(rows, schema).write_parquet(folder / name)
    return folder / name


def test_every_list_below_a_folder_is_read_and_dated_by_its_folder(tmp_path: Path) -> None:
    put(tmp_path / "2026-05-02", ranked("b1"))
    put(tmp_path / "2026-05-03", [])
    put(tmp_path / "scan" / "2026-13-99", ranked("a1"))
    put(tmp_path / ".unfinished-1", ranked("c1"))
    EVIDENCE.with_columns(extra=1).cast({"tested": pl.Int32}).write_parquet(
        tmp_path / "2026-05-03" / "evidence.parquet"
    )
    read = ground_truth.read_lists(tmp_path)
    assert read.names["list_day"].to_list() == [night(1), night(2), None]
    assert read.alerts["subject"].to_list() == ["b1", "a1"]
    assert read.evidence is not None
    assert read.evidence.sort("day", "line").equals(EVIDENCE.sort("day", "line"))
    one = ground_truth.read_lists(tmp_path / "2026-05-02" / "alerts.parquet")
    assert one.alerts["list_day"].to_list() == [night(1)]
    assert one.evidence is None


CSV = """\
line,kind,honest,actor,first_day,last_day,note
a1,RING,false,a,2026-05-01,2026-05-03,x
a1,RING,false,a,2026-05-01,2026-05-03,the same again
c1,courier,TRUE,,2026-05-01 00:00,2026-05-31,
"""


def test_a_truth_is_read_from_csv_and_from_parquet_alike(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    from_csv = ground_truth.read_truth(tmp_path / "t.csv")
    assert from_csv.rows() == [
        ("a1", "RING", "RING", "a", False, FIRST, night(2)),
        ("c1", "courier", "courier", "c1", True, FIRST, night(30)),
    ]
    rows = from_csv.drop("pattern").with_columns(pl.col("first_day").cast(pl.Datetime("us")))
    rows.write_parquet(tmp_path / "t.parquet")
    assert ground_truth.read_truth(tmp_path / "t.parquet").equals(from_csv)


BAD = {
    "no rows": ("line,kind,honest,actor,first_day,last_day\n", "'t.csv' has no row; write one for"),
    "no actor": (CSV.replace("actor", "who"), "'t.csv' lacks the column 'actor'; a truth has line"),
    "a day that is none": (
        CSV.replace("2026-05-03,x", "soon,x"),
        "'t.csv': 'soon' in the column 'last_day' is no day; write 2026-05-01.",
    ),
    "a flag that is none": (
        CSV.replace("TRUE", "perhaps"),
        "'t.csv': 'perhaps' in the column 'honest' is neither true nor false;",
    ),
    "no line": (CSV.replace("c1,", ",", 1), "'t.csv': '' in the column 'line' is no line;"),
    "days that go backwards": (
        CSV.replace("2026-05-31", "2026-04-01"),
        "'t.csv': the first_day of 'c1' is after its last_day; exchange them.",
    ),
}


@pytest.mark.parametrize("why", BAD)
def test_a_truth_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text, sentence = BAD[why]
    (tmp_path / "t.csv").write_text(text)
    put(tmp_path / "out", ranked("a1"))
    ran = run("evaluate", "out", "t.csv")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cdr-anomaly: {sentence}")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("nowhere t.csv", "There is no file or folder 'nowhere'."),
        ("empty t.csv", "There is no alerts.parquet in or below 'empty'; scan and backfill write"),
        ("out nowhere.csv", "There is no file 'nowhere.csv'."),
        ("t.csv t.csv", "'t.csv' cannot be read as t in Parquet; write it again."),
        ("old t.csv", "'old/alerts.parquet' lacks the column 'rank'; needed are rank, "),
        ("bare t.csv", "'bare/evidence.parquet' lacks the column 'tested'; needed are line, day"),
        ("out t.csv --out t.csv/x.json", "The results cannot be written to 't.csv': 't.csv' is a"),
    ],
)
def test_lists_that_cannot_be_used_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any, words: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "empty").mkdir()
    put(tmp_path / "out", ranked("a1"))
    file = put(tmp_path / "old", ranked("a1"))
    pl.read_parquet(file).drop("rank").write_parquet(file)
    put(tmp_path / "bare", ranked("a1"))
    EVIDENCE.drop("tested").write_parquet(tmp_path / "bare" / "evidence.parquet")
    ran = run("evaluate", *words.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cdr-anomaly: {sentence}")
    assert ran.err.count("\n") == 1
