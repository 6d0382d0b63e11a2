"""evaluate, where lists of people to warn and of victims lie beside what it reads."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.evaluation import victim_scores
from cdr_anomaly.evaluation.victim_scores import ALL, MAIN
from cdr_anomaly.schema import ALERTS, VICTIMS
from tests.helpers.alert_lists import PLANTED, night
from tests.helpers.victim_lists import held, person


def put(folder: Path, numbers: list[str] | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    alerts = {name: column.dtype or pl.String() for name, column in ALERTS.items()}
    pl.DataFrame(schema=alerts).write_parquet(folder / "alerts.parquet")
    if numbers is not None:
        schema = {name: column.dtype or pl.String() for name, column in VICTIMS.items()}
        rows = [person(number, n) for n, number in enumerate(numbers, 1)]
        pl.DataFrame(rows, schema).write_parquet(folder / "victims.parquet")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a truth and the lists of two nights in a folder, and go there."""
    monkeypatch.chdir(tmp_path)
    Path("city").mkdir()
    PLANTED.write_parquet("city/truth.parquet")
    victims = held(("v", "site_1", 0, 1), ("w", "captor_2", 1, 1)).drop("kind")
    victims.write_parquet("city/victims.parquet")
    put(Path("out") / str(night(0)), ["v"])
    put(Path("out") / str(night(1)), [])
    return tmp_path


def test_the_command_reads_the_lists_beside_the_alerts(place: Path, run: Any) -> None:
    ran = run("evaluate", "out", "city/truth.parquet", "--out", "figures.json")
    assert ran.code == 0
    titles = ("People to warn", "Time to warning", "Lists of people", "Who is listed")
    assert all(title in ran.out for title in titles)
    whole = json.loads((place / "figures.json").read_text())
    every = whole[MAIN][0]
    assert (every["who"], every["nights"], every["in_first_2n"]) == (ALL, 3, 0.3333)
    assert [found["who"] for found in whole[MAIN]] == [ALL, "captor", "site"]
    rules = {rule["what"] for rule in whole["rules"]}
    assert rules >= set(victim_scores.RULES)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("out/*/victims.parquet", victim_scores.NO_LISTS),
        ("city/victims.parquet", victim_scores.NO_TRUTH),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    place: Path, run: Any, gone: str, sentence: str
) -> None:
    for file in place.glob(gone):
        file.unlink()
    ran = run("evaluate", "out", "city/truth.parquet")
    assert ran.code == 0
    assert sentence in ran.out
    assert "Time to warning" not in ran.out


def test_a_city_in_which_nobody_was_held_is_evaluated(place: Path, run: Any) -> None:
    file = place / "city/victims.parquet"
    pl.read_parquet(file).clear().write_parquet(file)
    ran = run("evaluate", "out", "city/truth.parquet")
    assert ran.code == 0
    assert victim_scores.NOBODY in ran.out


def test_a_truth_that_lies_beside_a_list_has_no_victims(place: Path, run: Any) -> None:
    folder = place / "out" / str(night(0))
    PLANTED.write_parquet(folder / "truth.parquet")
    ran = run("evaluate", "out", folder / "truth.parquet")
    assert ran.code == 0
    assert victim_scores.NO_TRUTH in ran.out


BAD = {
    "a victim without an actor": (
        lambda: _change("city/victims.parquet", lambda f: f.drop("actor")),
        "'city/victims.parquet' lacks the column 'actor'; needed are line, actor, first_day",
    ),
    "a list without places": (
        lambda: _change(f"out/{night(0)}/victims.parquet", lambda f: f.drop("rank")),
        f"'out/{night(0)}/victims.parquet' lacks the column 'rank'; needed are rank, number",
    ),
    "no table at all": (
        lambda: Path("city/victims.parquet").write_text("line,actor"),
        "'city/victims.parquet' cannot be read as victims in Parquet; write it again.",
    ),
    "a row without a line": (
        lambda: _change("city/victims.parquet", lambda f: f.with_columns(line=None)),
        "'city/victims.parquet': a row has no line; a victim has line, actor, first_day, last_day.",
    ),
    "days that go backwards": (
        lambda: _change(
            "city/victims.parquet",
            lambda f: f.with_columns(last_day=pl.col("first_day") - timedelta(days=1)),
        ),
        "'city/victims.parquet': the first_day of 'v' is after its last_day; exchange them.",
    ),
}


@pytest.mark.usefixtures("place")
def test_former_names_of_columns_are_taken_with_one_warning(run: Any) -> None:
    now = run("evaluate", "out", "city/truth.parquet")
    lists = list(Path("out").rglob("victims.parquet"))
    assert len(lists) > 1
    for file in lists:
        _change(str(file), lambda f: f.rename({"rank": "place"}))
    ran = run("evaluate", "out", "city/truth.parquet")
    assert (ran.code, ran.out) == (0, now.out)
    said = "The column 'place' of victims.parquet is called 'rank' now; the next version"
    assert ran.err.startswith(said)
    assert ran.err.count(said) == 1


def _change(file: str, how: Any) -> None:
    how(pl.read_parquet(file)).write_parquet(file)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("why", BAD)
def test_victims_that_cannot_be_used_are_one_sentence(run: Any, why: str) -> None:
    spoiled, sentence = BAD[why]
    spoiled()
    ran = run("evaluate", "out", "city/truth.parquet")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cdr-anomaly: {sentence}")
    assert ran.err.count("\n") == 1
