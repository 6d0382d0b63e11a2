"""Alerts held against the truth: every figure worked out by hand, or by a slow twin."""

from __future__ import annotations

import json
import random
import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import evaluation, truth
from cdr_anomaly.evaluation import Draws
from cdr_anomaly.schema import ALERTS
from cdr_anomaly.truth import Lists

SAMPLE = Path(__file__).parents[1] / "sample_data"
FIRST = date(2026, 5, 1)
QUIET = Draws(0)

TRUTH = {
    "line": pl.String, "kind": pl.String, "pattern": pl.String, "actor": pl.String,
    "honest": pl.Boolean, "first_day": pl.Date, "last_day": pl.Date,
}  # fmt: skip


def night(n: int) -> date:
    return FIRST + timedelta(days=n)


def known(*rows: tuple[str, str, str | None, int, int]) -> pl.DataFrame:
    """Make a truth of (line, kind, actor, first day, last day); a kind in capitals is planted."""
    told = [
        (line, kind.lower(), kind.lower(), actor or line, kind.islower(), night(a), night(b))
        for line, kind, actor, a, b in rows
    ]
    return pl.DataFrame(told, TRUTH, orient="row")


def alert(subject: str, rank: int | None = 1, **other: Any) -> dict[str, Any]:
    plain = {"subject_kind": "line", "members": [subject], "severity": "high", "day": FIRST}
    return {"subject": subject, "rank": rank} | plain | other


def lists(nights: dict[date | None, list[dict[str, Any]]], **other: Any) -> Lists:
    """Make a list of each night; one of no night is a scan's."""
    schema = {name: ALERTS[name].dtype or pl.String() for name in truth.NEEDED}
    frames = [
        pl.DataFrame(rows, schema).with_columns(
            list=pl.lit(str(day)), list_day=pl.lit(day, pl.Date)
        )
        for day, rows in nights.items()
    ]
    names = pl.DataFrame(
        {"list": [str(day) for day in nights], "list_day": list(nights)},
        {"list": pl.String, "list_day": pl.Date},
    )
    return Lists(names, pl.concat(frames), **other)


PLANTED = known(
    ("a1", "RING", "a", 0, 2),
    ("a2", "RING", "a", 0, 2),
    ("b1", "SOLO", "b", 1, 1),
    ("e1", "EVASION_SLOW", "e", 0, 9),
    ("c1", "courier", None, 0, 30),
    ("c2", "courier", None, 0, 30),
    ("s1", "school", None, 0, 30),
)


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
    found = truth.judged(lists({None: [given]}), PLANTED).alerts
    assert found["true"].to_list() == [true], why


def test_the_date_of_a_list_goes_before_the_day_of_its_alerts() -> None:
    given = alert("b1", day=night(0))
    assert truth.judged(lists({night(1): [given]}), PLANTED).alerts["true"].to_list() == [True]


def test_alerts_without_a_rank_are_not_on_the_list() -> None:
    judged = truth.judged(lists({None: [alert("a1", None), alert("c1", 1)]}), PLANTED)
    assert judged.alerts.select("place", "true").rows() == [(1, False)]


def ranked(*subjects: str, **other: Any) -> list[dict[str, Any]]:
    return [alert(subject, rank, **other) for rank, subject in enumerate(subjects, 1)]


def figures(given: Lists, told: pl.DataFrame, draws: Draws = QUIET) -> dict[tuple[str, Any], Any]:
    """Return the main table: figure and pattern to number and shares at 17, 50, 200."""
    main = evaluation.evaluated(given, told, draws)[evaluation.MAIN]
    values = main.select("figure", "pattern", "number", "at_17", "at_50", "at_200")
    return {(row[0], row[1]): row[2:] for row in values.iter_rows()}


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
    assert found["actors found", evaluation.ALL] == (2, 0.5, 0.5, 1.0)
    assert found["actors found", "ring"] == (1, 1.0, 1.0, 1.0)
    assert found["actors found", "solo"] == (1, 0.0, 0.0, 1.0)
    assert found["actors found", "evasion_slow"] == (1, 0.0, 0.0, 1.0)
    third = pytest.approx(1 / 3, abs=1e-4)
    assert found["lines found", evaluation.ALL] == (3, third, third, pytest.approx(2 / 3, abs=1e-4))
    assert found["lines found", "ring"] == (2, 0.5, 0.5, 0.5)


def test_patterns_that_evade_stand_last() -> None:
    main = evaluation.evaluated(lists({None: []}), PLANTED, QUIET)[evaluation.MAIN]
    actors = main.filter(figure="actors found")["pattern"].to_list()
    assert actors == [evaluation.ALL, "ring", "solo", "evasion_slow"]


def test_an_alert_that_is_not_true_finds_nobody() -> None:
    given = lists({None: [alert("a1", members=["a1", "c1", "s1"])]})
    assert figures(given, PLANTED)["actors found", "ring"] == (1, 0.0, 0.0, 0.0)


def test_the_target_of_a_true_hub_is_found_though_it_is_no_member() -> None:
    given = lists({None: [alert("a1", subject_kind="hub", members=["a2"])]})
    assert figures(given, PLANTED)["lines found", "ring"] == (2, 1.0, 1.0, 1.0)


def test_a_line_of_two_patterns_counts_once_in_all() -> None:
    twice = known(("a1", "RING", "a", 0, 2), ("a1", "SOLO", "a", 0, 2))
    found = figures(lists({None: ranked("a1")}), twice)
    assert found["lines found", evaluation.ALL] == (1, 1.0, 1.0, 1.0)
    assert found["actors found", "solo"] == found["actors found", "ring"] == (1, 1.0, 1.0, 1.0)


def test_what_has_nothing_to_be_worked_out_from_is_empty() -> None:
    honest = PLANTED.filter("honest")
    found = figures(lists({None: []}), honest, Draws(10))
    assert found == {
        ("precision", None): (0, None, None, None),
        ("precision of all alerts", None): (0, None, None, None),
        ("actors found", evaluation.ALL): (0, None, None, None),
        ("lines found", evaluation.ALL): (0, None, None, None),
    }
    rest = evaluation.evaluated(lists({None: []}), honest, QUIET)
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
    table = evaluation.evaluated(given, PLANTED, QUIET)["false_alerts"]
    assert table.rows() == [
        ("all in the truth", 4, 3, 2, 3, pytest.approx(2 / 3, abs=1e-4)),
        ("courier", 3, 2, 1, 2, 0.5),
        ("school", 1, 1, 1, 1, 1.0),
        ("ordinary", 3, 2, 3, None, None),
    ]


def test_a_line_that_is_planted_too_is_not_honest_on_these_days() -> None:
    both = known(("a1", "RING", "a", 5, 6), ("a1", "courier", None, 0, 30))
    table = evaluation.evaluated(lists({night(5): ranked("a1")}), both, QUIET)["false_alerts"]
    assert table.filter(kind="courier").row(0) == ("courier", 0, 0, 0, 1, 0.0)
    table = evaluation.evaluated(lists({night(1): ranked("a1")}), both, QUIET)["false_alerts"]
    assert table.filter(kind="courier").row(0) == ("courier", 1, 1, 1, 1, 1.0)


def test_time_to_detection_is_from_the_first_day_to_the_first_list_that_has_it_near_the_top() -> (
    None
):
    told = known(
        ("a1", "RING", "a", 0, 20), ("a2", "RING", "a", 2, 20),  # found on the fourth day
        ("b1", "RING", "b", 1, 20),  # at once
        ("c1", "RING", "c", 0, 20),  # never: 51st
        ("d1", "SOLO", "d", 0, 20),
    )  # fmt: skip
    filler = [f"x{n}" for n in range(49)]
    given = lists(
        {
            night(1): ranked("b1", *filler, "c1"),
            night(4): ranked("a2"),
            night(6): ranked("a1", "b1"),
        }
    )
    table = evaluation.evaluated(given, told, QUIET)["time_to_detection"]
    # 0 and 4 days: median 2, nine tenths of the way 3.6
    assert table.rows() == [("ring", 3, 2, 2.0, pytest.approx(3.6)), ("solo", 1, 0, None, None)]


def test_a_scan_of_many_days_has_the_days_of_its_alerts() -> None:
    given = lists({None: [alert("a1", 1, day=night(2))]})
    table = evaluation.evaluated(given, PLANTED, QUIET)["time_to_detection"]
    assert table.filter(pattern="ring").row(0) == ("ring", 1, 1, 2.0, 2.0)


def test_lists_are_summed_up() -> None:
    given = lists({night(20): ranked("a1", "x"), night(21): [], night(22): ranked("x")})
    sums = dict(evaluation.evaluated(given, PLANTED, QUIET)["lists"].iter_rows())
    assert sums == {
        "lists": 3, "lists with any alert": 2, "alerts a list, median": 1,
        "alerts a list, most": 2, "true alerts": 0, "planted actors": 3, "planted lines": 4,
        "planted actors of whose days there is no list": 3, "honest lines in the truth": 3,
    }  # fmt: skip


EVIDENCE = pl.DataFrame(
    [
        # a1 is planted on days 0 to 2, and counts as such for a week more; b1 on day 1
        ("a1", night(0), 1e-9, 1e-6, 1000),
        ("x1", night(0), 1e-3, 0.04, 1000),
        ("x2", night(0), 5e-3, 0.2, 1000),
        ("b1", night(0), 1e-6, 1e-3, 1000),
        ("a1", night(9), 1e-4, 0.01, 2000),
        ("c1", night(9), 1e-5, 0.01, 2000),
        ("x3", night(9), 0.02, 0.6, 2000),
    ],
    truth.EVIDENCE,
    orient="row",
)


def test_calibration_compares_clean_line_days_with_what_p_promises() -> None:
    given = lists({night(0): []}, evidence=EVIDENCE)
    table = evaluation.evaluated(given, PLANTED, QUIET)["calibration"]
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
    table = evaluation.evaluated(given, PLANTED, QUIET)["false_discoveries"]
    # up to 0.01: two of a1, b1 out of its days and c1; up to 0.05: x1, too
    assert table.rows() == [(0.01, 4, 2, 0.5), (0.05, 5, 3, 0.6), (0.1, 5, 3, 0.6)]


def test_without_any_evidence_it_says_so() -> None:
    tables = evaluation.evaluated(lists({None: []}), PLANTED, QUIET)
    for name in ("calibration", "false_discoveries"):
        assert tables[name].item() == "no evidence.parquet beside the alerts"


def test_evidence_of_no_line_leaves_shares_empty() -> None:
    tables = evaluation.evaluated(lists({None: []}, evidence=EVIDENCE.clear()), PLANTED, QUIET)
    assert tables["calibration"]["ratio"].null_count() == 4
    assert tables["false_discoveries"]["false_share"].null_count() == 3


# A slow, obvious twin.


def is_true(row: dict[str, Any], day: date, told: list[dict[str, Any]]) -> set[str]:
    """Return the planted lines that a true alert names; nothing if it is not true."""

    def planted(line: str) -> bool:
        return any(
            t["line"] == line
            and not t["honest"]
            and t["first_day"] <= day <= t["last_day"] + timedelta(days=7)
            for t in told
        )

    members = set(row["members"])
    deciding = members if row["subject_kind"] in {"block", "hub"} else members | {row["subject"]}
    in_truth = {line for line in deciding if any(t["line"] == line for t in told)}
    bad = {line for line in in_truth if planted(line)}
    if not bad or 2 * len(bad) < len(in_truth):
        return set()
    named = members | ({row["subject"]} if row["subject_kind"] != "block" else set())
    return {line for line in named if planted(line)}


def slow_precision(nights: dict[date | None, list[dict[str, Any]]], told: Any, k: int) -> float:
    shares = []
    for day, rows in nights.items():
        first = sorted(rows, key=lambda row: row["rank"])[:k]
        if first:
            good = [row for row in first if is_true(row, day or row["day"], told)]
            shares.append(len(good) / len(first))
    return sum(shares) / len(shares)


def slow_recall(
    nights: dict[date | None, list[dict[str, Any]]], told: Any, k: int
) -> tuple[float, float]:
    actors, pairs = set(), set()
    for day, rows in nights.items():
        for row in sorted(rows, key=lambda row: row["rank"])[:k]:
            when = day or row["day"]
            for line in is_true(row, when, told):
                for t in told:
                    on_time = t["first_day"] <= when <= t["last_day"] + timedelta(days=7)
                    if t["line"] == line and not t["honest"] and on_time:
                        actors.add(t["actor"])
                        pairs.add((t["actor"], line))
    every = {(t["actor"], t["line"]) for t in told if not t["honest"]}
    return len(actors) / len({actor for actor, _ in every}), len(pairs) / len(every)


@pytest.mark.parametrize("seed", range(8))
def test_precision_and_recall_equal_the_slow_twin(seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311
    pool = [f"n{i}" for i in range(60)]
    rows: list[tuple[str, str, str | None, int, int]] = []
    for line in pick.sample(pool, 45):
        kind, first = pick.choice(["RING", "SOLO", "courier"]), pick.randrange(12)
        rows.append((line, kind, f"actor{pick.randrange(12)}", first, first + pick.randrange(8)))
    told = known(*rows)
    days: list[date | None] = [night(n) for n in range(0, 20, 3)]
    nights: dict[date | None, list[dict[str, Any]]] = {}
    for day in [*days, None]:
        ranks = pick.sample(range(1, 400), pick.choice([0, 5, 30, 90]))
        nights[day] = [
            alert(
                pick.choice(pool), rank, day=night(pick.randrange(20)),
                subject_kind=pick.choice(["line", "line", "hub", "block", "chain"]),
                members=pick.sample(pool, pick.choice([0, 1, 1, 2, 3, 9])),
            )
            for rank in ranks
        ]  # fmt: skip
    found, facts = figures(lists(nights), told), told.to_dicts()
    for place, k in enumerate(evaluation.BUDGETS, 1):
        close = pytest.approx(slow_precision(nights, facts, k), abs=1e-4)
        assert found["precision", None][place] == close
        actors, lines = slow_recall(nights, facts, k)
        assert found["actors found", evaluation.ALL][place] == pytest.approx(actors, abs=1e-4)
        assert found["lines found", evaluation.ALL][place] == pytest.approx(lines, abs=1e-4)


def many() -> tuple[Lists, pl.DataFrame]:
    told = known(*((f"p{n}", "RING", f"actor{n}", 0, 30) for n in range(40)))
    rows = {night(n): ranked(f"p{n}", *(f"x{i}" for i in range(n % 4))) for n in range(20)}
    return lists({**rows}), told


def interval(draws: Draws, figure: str) -> tuple[float, float, float]:
    main = evaluation.evaluated(*many(), draws)[evaluation.MAIN].filter(figure=figure)
    found: tuple[float, float, float] = main.select("at_50_low", "at_50", "at_50_high").row(0)
    return found


def test_intervals_hold_the_figure_and_are_the_same_for_the_same_seed() -> None:
    for figure in ("precision", "actors found"):
        low, value, high = interval(Draws(500, 1), figure)
        assert low < value < high
        assert interval(Draws(500, 1), figure) == (low, value, high)
    assert interval(Draws(500, 1), "precision") != interval(Draws(500, 2), "precision")


def test_the_interval_of_recall_is_about_that_of_a_share_of_forty() -> None:
    low, value, high = interval(Draws(4000, 3), "actors found")
    assert value == 0.5
    # 1.645 standard errors, of 0.079 each
    assert (low, high) == (pytest.approx(0.37, abs=0.03), pytest.approx(0.63, abs=0.03))


def test_one_unit_and_no_samples_have_no_interval() -> None:
    assert interval(Draws(0), "precision")[::2] == (None, None)
    main = evaluation.evaluated(lists({None: ranked("a1")}), PLANTED, Draws(50))[evaluation.MAIN]
    assert main.filter(figure="precision")["at_17_low"].item() is None
    assert main.filter(figure="actors found", pattern="ring")["at_17_low"].item() is None


# Files, and the command line.


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
    read = truth.read(tmp_path)
    assert read.names["list_day"].to_list() == [night(1), night(2), None]
    assert read.alerts["subject"].to_list() == ["b1", "a1"]
    assert read.evidence is not None
    assert read.evidence.sort("day", "line").equals(EVIDENCE.sort("day", "line"))
    one = truth.read(tmp_path / "2026-05-02" / "alerts.parquet")
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
    from_csv = truth.read_truth(tmp_path / "t.csv")
    assert from_csv.rows() == [
        ("a1", "RING", "RING", "a", False, FIRST, night(2)),
        ("c1", "courier", "courier", "c1", True, FIRST, night(30)),
    ]
    rows = from_csv.drop("pattern").with_columns(pl.col("first_day").cast(pl.Datetime("us")))
    rows.write_parquet(tmp_path / "t.parquet")
    assert truth.read_truth(tmp_path / "t.parquet").equals(from_csv)


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


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scan the last week of the sample, as the command line does."""
    from cdr_anomaly import pipeline, report, settings

    out = tmp_path_factory.mktemp("scan")
    days = [SAMPLE / "calls" / f"date={day}" for day in ("2026-06-03", "2026-06-04", "2026-06-05")]
    report.write(out, pipeline.scan(days, settings.load()))
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
