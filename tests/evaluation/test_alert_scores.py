"""Alerts held against the truth: every figure worked out by hand."""

from __future__ import annotations

import json
import stat
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.evaluation import alert_scores
from cdr_anomaly.evaluation.alert_scores import Bootstrap
from tests.helpers.alert_lists import (
    EVIDENCE,
    PLANTED,
    QUIET,
    alert,
    figures,
    known,
    lists,
    night,
    ranked,
)
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path


def test_precision_is_that_of_the_alerts_that_are_listed_as_a_mean_over_lists() -> None:
    filler = [f"x{n}" for n in range(60)]
    given = lists(
        {
            night(0): ranked("a1", "c1", "a2"),  # two of three, at every budget
            # 10 of 17; then 20 of 50; then 20 of 80
            night(1): ranked(*["a1"] * 10, *filler[:7], *["a2"] * 10, *filler[:53]),
            night(2): [],  # no list to be right or wrong
        }
    )
    found = figures(given, PLANTED)["precision", None]
    means = [(2 / 3 + 10 / 17) / 2, (2 / 3 + 20 / 50) / 2, (2 / 3 + 20 / 80) / 2]
    assert found == (2, *(pytest.approx(mean, abs=1e-4) for mean in means))


def test_precision_of_all_alerts_weighs_a_list_by_its_length() -> None:
    filler = [f"x{n}" for n in range(60)]
    given = lists(
        {
            night(0): ranked("a1"),  # one of one
            # none of 17; then 10 of 50; then 10 of 70
            night(1): ranked(*filler[:20], *["a2"] * 10, *filler[20:]),
            night(2): [],
        }
    )
    found = figures(given, PLANTED)["precision of all alerts", None]
    assert found == (71, *(pytest.approx(s, abs=1e-4) for s in (1 / 18, 11 / 51, 11 / 71)))


def test_recall_counts_actors_and_lines_up_to_each_budget() -> None:
    filler = [f"x{n}" for n in range(60)]
    given = lists({night(0): ranked("a1", *filler, "e1"), night(1): ranked("c1", *filler, "b1")})
    found = figures(given, PLANTED)
    assert found["actors found", alert_scores.ALL] == (2, 0.5, 0.5, 1.0)
    assert found["actors found", "ring"] == (1, 1.0, 1.0, 1.0)
    assert found["actors found", "solo"] == (1, 0.0, 0.0, 1.0)
    assert found["actors found", "evasion_slow"] == (1, 0.0, 0.0, 1.0)
    third = pytest.approx(1 / 3, abs=1e-4)
    assert found["lines found", alert_scores.ALL] == (
        3,
        third,
        third,
        pytest.approx(2 / 3, abs=1e-4),
    )
    assert found["lines found", "ring"] == (2, 0.5, 0.5, 0.5)


def test_patterns_that_evade_stand_last() -> None:
    main = alert_scores.evaluate(lists({None: []}), PLANTED, QUIET)[alert_scores.MAIN]
    actors = main.filter(figure="actors found")["pattern"].to_list()
    assert actors == [alert_scores.ALL, "ring", "solo", "evasion_slow"]


def test_an_alert_that_is_not_true_finds_nobody() -> None:
    given = lists({None: [alert("a1", members=["a1", "c1", "s1"])]})
    assert figures(given, PLANTED)["actors found", "ring"] == (1, 0.0, 0.0, 0.0)


def test_the_target_of_a_true_hub_is_found_though_it_is_no_member() -> None:
    given = lists({None: [alert("a1", subject_kind="hub", members=["a2"])]})
    assert figures(given, PLANTED)["lines found", "ring"] == (2, 1.0, 1.0, 1.0)


def test_a_line_of_two_patterns_counts_once_in_all() -> None:
    twice = known(("a1", "RING", "a", 0, 2), ("a1", "SOLO", "a", 0, 2))
    found = figures(lists({None: ranked("a1")}), twice)
    assert found["lines found", alert_scores.ALL] == (1, 1.0, 1.0, 1.0)
    assert found["actors found", "solo"] == found["actors found", "ring"] == (1, 1.0, 1.0, 1.0)


def test_what_has_nothing_to_be_worked_out_from_is_empty() -> None:
    honest = PLANTED.filter("honest")
    found = figures(lists({None: []}), honest, Bootstrap(10))
    assert found == {
        ("precision", None): (0, None, None, None),
        ("precision of all alerts", None): (0, None, None, None),
        ("actors found", alert_scores.ALL): (0, None, None, None),
        ("lines found", alert_scores.ALL): (0, None, None, None),
    }
    rest = alert_scores.evaluate(lists({None: []}), honest, QUIET)
    assert rest["time_to_detection"].is_empty()
    sums = dict(rest["lists"].iter_rows())
    assert (sums["lists"], sums["alerts a list, median"]) == (1, 0)


def test_false_alerts_are_counted_by_honest_kind() -> None:
    given = lists(
        {
            night(0): [
                *ranked("c1", "s1", "x1", "a1", "b1"),  # b1 is planted, but not that day
                alert("c2", 6, severity="low"),
                alert("a2", 7, members=["a2", "c1", "x2"]),  # a true one
                alert("+8613", 8, subject_kind="block", members=["x3"]),
            ],
            night(1): [alert("c1", severity="medium"), alert("s1", None)],
        }
    )
    table = alert_scores.evaluate(given, PLANTED, QUIET)["false_alerts"]
    assert table.rows() == [
        ("all in the truth", 4, 3, 2, 2, 3, pytest.approx(2 / 3, abs=1e-4)),
        ("courier", 3, 2, 1, 1, 2, 0.5),
        ("school", 1, 1, 1, 1, 1, 1.0),
        ("ordinary", 3, 2, 3, 2, None, None),
    ]


def test_a_line_that_is_planted_too_is_not_honest_on_these_days() -> None:
    both = known(("a1", "RING", "a", 5, 6), ("a1", "courier", None, 0, 30))
    table = alert_scores.evaluate(lists({night(5): ranked("a1")}), both, QUIET)["false_alerts"]
    assert table.filter(kind="courier").row(0) == ("courier", 0, 0, 0, 0, 1, 0.0)
    table = alert_scores.evaluate(lists({night(1): ranked("a1")}), both, QUIET)["false_alerts"]
    assert table.filter(kind="courier").row(0) == ("courier", 1, 1, 1, 1, 1, 1.0)


def test_time_to_detection_is_from_the_first_day_to_the_first_list_that_has_it_near_the_top() -> (
    None
):
    told = known(
        ("a1", "RING", "a", 0, 20),
        ("a2", "RING", "a", 2, 20),  # found on the fourth day
        ("b1", "RING", "b", 1, 20),  # at once
        ("c1", "RING", "c", 0, 20),  # never: 51st
        ("d1", "SOLO", "d", 0, 20),
    )
    filler = [f"x{n}" for n in range(49)]
    given = lists(
        {
            night(1): ranked("b1", *filler, "c1"),
            night(4): ranked("a2"),
            night(6): ranked("a1", "b1"),
        }
    )
    table = alert_scores.evaluate(given, told, QUIET)["time_to_detection"]
    # 0 and 4 days: median 2, nine tenths of the way 3.6
    assert table.rows() == [("ring", 3, 2, 2.0, pytest.approx(3.6)), ("solo", 1, 0, None, None)]


def test_a_scan_of_many_days_has_the_days_of_its_alerts() -> None:
    given = lists({None: [alert("a1", 1, day=night(2))]})
    table = alert_scores.evaluate(given, PLANTED, QUIET)["time_to_detection"]
    assert table.filter(pattern="ring").row(0) == ("ring", 1, 1, 2.0, 2.0)


def test_lists_are_summed_up() -> None:
    given = lists({night(20): ranked("a1", "x"), night(21): [], night(22): ranked("x")})
    sums = dict(alert_scores.evaluate(given, PLANTED, QUIET)["lists"].iter_rows())
    assert sums == {
        "lists": 3,
        "lists with any alert": 2,
        "alerts a list, median": 1,
        "alerts a list, most": 2,
        "true alerts": 0,
        "planted actors": 3,
        "planted lines": 4,
        "planted actors of whose days there is no list": 3,
        "honest lines in the truth": 3,
    }


def test_calibration_compares_clean_line_days_with_what_p_promises() -> None:
    given = lists({night(0): []}, evidence=EVIDENCE)
    table = alert_scores.evaluate(given, PLANTED, QUIET)["calibration"]
    # 3000 tested; at work were a1, a2, e1 on day 0 and e1 on day 9.
    tested = 3000 - 4
    wanted = [(1e-2, 4), (1e-3, 3), (1e-4, 2), (1e-5, 2)]
    for row, (p, observed) in zip(table.iter_rows(), wanted, strict=True):
        expected = (
            pytest.approx(tested * p, abs=0.01),
            pytest.approx(observed / tested / p, abs=1e-3),
        )
        assert row == (p, tested, observed, *expected)


def test_false_discoveries_stand_beside_the_q_that_promised_fewer() -> None:
    given = lists({night(0): []}, evidence=EVIDENCE)
    table = alert_scores.evaluate(given, PLANTED, QUIET)["false_discoveries"]
    # up to 0.01: two of a1, b1 out of its days and c1; up to 0.05: x1, too
    assert table.rows() == [(0.01, 4, 2, 0.5), (0.05, 5, 3, 0.6), (0.1, 5, 3, 0.6)]


def test_without_any_evidence_it_says_so() -> None:
    tables = alert_scores.evaluate(lists({None: []}), PLANTED, QUIET)
    for name in ("calibration", "false_discoveries"):
        assert tables[name].item() == "no evidence.parquet beside the alerts"


def test_evidence_of_no_line_leaves_shares_empty() -> None:
    tables = alert_scores.evaluate(lists({None: []}, evidence=EVIDENCE.clear()), PLANTED, QUIET)
    assert tables["calibration"]["ratio"].null_count() == 4
    assert tables["false_discoveries"]["false_share"].null_count() == 3


# A slow, obvious twin.


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scan the last week of the sample, as the command line does."""
    from cdr_anomaly import pipeline, settings
    from cdr_anomaly.reports import files

    out = tmp_path_factory.mktemp("scan")
    days = [SAMPLE / "calls" / f"date={day}" for day in ("2026-06-03", "2026-06-04", "2026-06-05")]
    files.write_results(out, pipeline.scan(days, settings.load_settings()), "")
    return out


def test_a_scan_of_the_sample_is_evaluated(tmp_path: Path, scanned: Path, run: Any) -> None:
    out = tmp_path / "figures.json"
    ran = run("evaluate", scanned, SAMPLE / "truth.parquet", "--out", out)
    assert ran.code == 0
    assert ran.err == f"The figures are in {out}.\n"
    titles = ("Precision and recall", "False alerts", "Time to detection", "Rules")
    assert all(title in ran.out for title in titles)
    assert "no evidence.parquet beside the alerts" not in ran.out
    whole = json.loads(out.read_text())
    assert (whole["bootstrap"], whole["seed"]) == (500, 1)
    rows = {(row["figure"], row["pattern"]): row for row in whole["precision_and_recall"]}
    dialling = pl.read_parquet(SAMPLE / "truth.parquet").filter(
        pl.col("pattern") == "mass_dialler", pl.col("last_day") >= date(2026, 6, 3)
    )
    among = rows["actors found", "mass_dialler"]
    assert among["at_50"] == pytest.approx(dialling.height / among["number"]), "all of these days"
    assert whole["calibration"][0]["line_days"] > 1000, "by evidence.parquet of the same folder"
    assert 0.5 < rows["precision", None]["at_17"] <= 1.0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    as_csv = run("evaluate", scanned, SAMPLE / "truth.parquet", "--format", "csv").out
    as_rows = run("evaluate", scanned, SAMPLE / "truth.parquet", "--format", "jsonl").out
    assert [json.loads(line) for line in as_rows.splitlines()] == whole["precision_and_recall"]
    assert pl.read_csv(as_csv.encode()).height == len(whole["precision_and_recall"])


def test_the_same_words_give_the_same_bytes(scanned: Path, run: Any) -> None:
    words = ("evaluate", scanned, SAMPLE / "truth.parquet")
    assert run(*words) == run(*words)
