"""docs/quality.md says what it must, and its lists are those that nights would give."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.quality import (
    ablation,
    cities,
    fewer_columns,
    figures,
    nightly_lists,
    peers,
    real_nights,
    sections,
    sichuan,
    tables,
)
from cdr_anomaly import detectors, pipeline, settings
from cdr_anomaly.evaluation import alert_scores, ground_truth, victim_scores
from cdr_anomaly.evaluation.ground_truth import Lists
from cdr_anomaly.evaluation.simulation import city as simulation_city
from cdr_anomaly.schema import FINDINGS
from tests.helpers.alert_lists import known, ranked
from tests.helpers.alert_lists import lists as made_lists
from tests.helpers.paths import DOCS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

PAGE = (DOCS / "quality.md").read_text(encoding="utf-8")
DAYS = 24


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


@pytest.mark.parametrize(
    "title",
    [
        "Where it stands beside what was asked for",
        "Precision and recall",
        "False alerts by honest kind",
        "Time to detection",
        "Calibration",
        "False discoveries beside q",
        "Each detector",
        "What each part adds",
        "Beside peers",
        "What is not found, and why",
        "Real lines: Digital Sichuan 2020",
        "How the figures are defined",
        "Honest groups",
        "Whom to warn",
        "Without cells, handsets, cards and trunks",
    ],
)
def test_the_page_has_its_sections_and_says_what_is_synthetic(title: str) -> None:
    heading = next(line for line in PAGE.splitlines() if line.startswith(f"## {title}"))
    plain = ("Where it stands", "Real lines", "How the figures")
    assert title.startswith(plain) != heading.endswith("(synthetic)")


def test_every_figure_that_was_asked_for_stands_beside_what_came_out() -> None:
    table = rows(section("Where it stands beside what was asked for"))
    named = " ".join(row[0] for row in table)
    assert all(f"a night, {pattern}" in named for pattern in tables.MIN_RECALL)
    for what in ("precision at 50", "honest heavy lines", "1e-4", "at q 0.1", "Sichuan"):
        assert what in named
    assert all(row[2] for row in table)


def test_people_and_groups_stand_there_too() -> None:
    table = rows(section("Where it stands beside what was asked for"))
    named = " ".join(row[0] for row in table)
    for what in ("planted victims", "median victim", "honest groups"):
        assert what in named
    told = section("Without cells, handsets, cards and trunks")
    assert all(f"| {name} |" in told for name in fewer_columns.INDEPENDENT)
    assert "not applicable, `site`" in told
    for row in rows(section("Whom to warn").split("Days from")[0]):
        assert row[0] != "captor" or int(row[1]) > 0
    asked = {row[0] for row in rows(section("What is not found, and why"))}
    assert not asked & set(alert_scores.UNCOUNTED)


def test_figures_that_fall_short_are_bold_and_counted() -> None:
    text = section("Where it stands beside what was asked for")
    bold = sum(row[2].startswith("**") for row in rows(text))
    said = {0: "None falls short.", 1: "The figure in bold falls short."}
    assert said.get(bold, f"The {bold} figures in bold fall short.") in text


def test_it_names_its_seeds_its_command_and_its_peers() -> None:
    assert "`make quality`" in PAGE
    assert re.search(r"\nSeeds \d+(, \d+){4}, each 20,000 lines and 36 days", PAGE)
    assert "No limit and no measure was chosen by these seeds." in PAGE
    for peer in ("IsolationForest", "ECOD", peers.MANY_CALLS):
        assert peer in section("Beside peers")
    told = section("What each part adds")
    less = (*ablation.FAMILIES, *detectors.NAMES, "unlike_peers", "any evidence")
    assert all(f"| without {name}" in told.replace("the measures of ", "") for name in less)


@pytest.mark.slow
def test_the_lists_of_one_scan_are_those_of_real_nights(tmp_path: Path) -> None:
    city = simulation_city.simulate(days=DAYS, lines=300, seed=3)
    simulation_city.write_sample(city, tmp_path / "city")
    calls, entities = tmp_path / "city" / "calls", tmp_path / "city" / "entities.csv"
    told = settings.load_settings()
    days: list[date] = [simulation_city.FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    real = real_nights.run_nights(tmp_path / "city", told, days)
    result = pipeline.scan([calls], told, entities=entities)
    by = nightly_lists.list_inputs(result, entities)
    made = nightly_lists.rank_nights(result.findings, result.evidence, by, told, days)
    assert made["rank"].count() > 5
    # Probabilities are summed up in another order; the last digits differ.
    assert_frame_equal(made, real.alerts.drop("night"), rel_tol=1e-9)
    agreed = real_nights.compare_alerts(real, made)
    assert agreed == (made["rank"].count(),) * 3
    warned = real_nights.lists_of_victims(real, tmp_path / "city", days[8:])
    assert warned.names.height == DAYS - 8
    assert warned.people.height == real.victims.filter(pl.col("night") >= days[8]).height > 0


PLANTED = pl.DataFrame(
    [
        ("p1", "ring", "ring", "p", False),
        ("p2", "ring", "ring", "p", False),
        ("s1", "solo", "solo", "s", False),
        ("m1", "solo", "solo", "m", False),
        ("l1", "solo", "solo", "l", False),
        ("c1", "courier", "courier", "c1", True),
    ],
    schema={
        "line": pl.String,
        "kind": pl.String,
        "pattern": pl.String,
        "actor": pl.String,
        "honest": pl.Boolean,
    },
    orient="row",
).with_columns(first_day=simulation_city.FIRST_DAY, last_day=simulation_city.FIRST_DAY)


def some_lists() -> Lists:
    """Make one list: a true alert by two detectors, one by one of them, and a false one."""
    told = [
        (1, "p1", ["p1", "p2"], ["high_frequency", "unlike_peers"]),
        (2, "s1", ["s1"], ["high_frequency"]),
        (3, "c1", ["c1"], ["unlike_peers"]),
        (None, "l1", ["l1"], ["high_frequency"]),
    ]
    day = simulation_city.FIRST_DAY
    alerts = pl.DataFrame(
        told,
        {
            "rank": pl.Int64,
            "subject": pl.String,
            "members": pl.List(pl.String),
            "detectors": pl.List(pl.String),
        },
        orient="row",
    ).with_columns(
        subject_kind=pl.lit("line"),
        day=day,
        list_day=day,
        list=pl.lit("one"),
        severity=pl.lit("medium"),
        suppressed_by=pl.lit(None, pl.String),
    )
    return Lists(alerts.select("list", "list_day").unique(), alerts)


def test_detectors_are_told_with_what_they_alone_find() -> None:
    found = figures.count_by_detector(some_lists(), PLANTED)
    told = found.select("detector", "alerts", "true", "actors", "alone").rows()
    assert told == [("high_frequency", 2, 2, 2, 1), ("unlike_peers", 2, 1, 1, 0)]


def test_who_is_missed_is_counted_by_how_far_it_came() -> None:
    findings = pl.DataFrame(
        {
            "line": ["l1"],
            "day": [simulation_city.FIRST_DAY],
            "severity": ["medium"],
            "detector": ["x"],
        }
    )
    (row,) = figures.count_missed(some_lists(), findings, PLANTED).iter_rows(named=True)
    assert (row["pattern"], row["actors"], row["not_found"]) == ("solo", 3, 2)
    assert (row["nothing found"], row["lowered"], row["low only"]) == (1, 1, 0)


def test_cities_are_told_apart_so_that_their_figures_add_up() -> None:
    alerts, days = some_lists().alerts.drop("list", "list_day"), [simulation_city.FIRST_DAY]
    whole = cities.concat_lists(
        [cities.lists_of_nights(alerts, None, days, seed) for seed in (11, 12)]
    )
    told = pl.concat([cities.mark_seed(PLANTED, seed) for seed in (11, 12)])
    short = figures.key_figures(whole, told)
    shares = (short.mean, short.pooled, short.recall)
    assert shares == (pytest.approx(2 / 3, abs=1e-4), pytest.approx(4 / 6, abs=1e-4), 0.5)
    assert (whole.names.height, ground_truth.planted_lines(told)["actor"].n_unique()) == (2, 8)


@pytest.mark.parametrize("seed", range(4))
def test_areas_equal_a_slow_twin(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, labels = random.integers(0, 9, 60).astype(float), random.random(60) < 0.4
    yes, no = scores[labels], scores[~labels]
    pairs = [(a > b) + 0.5 * (a == b) for a in yes for b in no]
    assert sichuan.auc(scores, labels) == pytest.approx(np.mean(pairs))
    at = [(labels[scores >= s].mean(), (yes == s).sum()) for s in np.unique(scores)]
    slow = sum(precision * found for precision, found in at) / labels.sum()
    assert sichuan.average_precision(scores, labels) == pytest.approx(slow)


GROUPS = known(
    ("d1", "depot", "depot_1", 0, 30),
    ("d2", "depot", "depot_1", 0, 30),
    ("d3", "depot", "depot_2", 0, 30),
    ("d4", "depot", "depot_2", 0, 30),
    ("c1", "clinic", "clinic_1", 0, 30),
    ("p1", "pharmacy", "clinic_1", 0, 30),
    ("s1", "school", "school_1", 0, 30),
    ("a1", "RING", "a", 0, 30),
)


def test_an_honest_group_is_named_when_an_alert_names_a_line_of_it() -> None:
    (two,) = ranked("d1", members=["d1", "d2", "a1"])
    given = made_lists({None: [two, *ranked("p1"), *ranked("s1"), *ranked("d3", severity="low")]})
    found = figures.count_honest_groups(given, GROUPS).rows()
    assert found == [
        ("clinic and pharmacy", 1, 2, 1, 0, 1),
        ("depot", 2, 4, 1, 1, 1),
        (alert_scores.HONEST, 3, 6, 2, 1, 2),
    ]


def findings(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """Make findings of (detector, subject, severity, reason)."""
    schema = {name: FINDINGS[name].dtype or pl.String() for name in FINDINGS}
    told = [
        {
            "detector": detector,
            "subject_kind": "line",
            "subject": subject,
            "severity": severity,
            "reason": reason,
            "day": simulation_city.FIRST_DAY,
            "observed": 1.0,
            "threshold": 1.0,
        }
        for detector, subject, severity, reason in rows
    ]
    return pl.DataFrame(told, schema)


def test_findings_with_fewer_columns_are_held_against_those_with_all() -> None:
    whole = findings(
        ("high_frequency", "a", "high", "placed 44 calls; 1 cell all day"),
        ("high_frequency", "b", "medium", "placed 44 calls"),
        ("forwarding_chain", "c", "high", "to itself"),
        ("forwarding_chain", "c", "low", "to others"),
        ("site", "d", "high", "in one cell"),
    )
    less = findings(
        ("high_frequency", "a", "medium", "placed 44 calls"),
        ("high_frequency", "b", "medium", "placed 44 calls"),
        ("forwarding_chain", "c", "low", "to others"),
        ("forwarding_chain", "c", "high", "to itself"),
    )
    found = fewer_columns.compare_findings(whole, less)
    assert found.rows() == [
        ("forwarding_chain", 2, 2, 2, 2, 0, 0, 2, 2),
        ("high_frequency", 2, 2, 2, 1, 1, 0, 1, 1),
        ("site", 1, 0, 0, 0, 0, 0, 0, 0),
    ]
    told = sections._verdict(fewer_columns.FewerColumns(found, {}, [], some_lists()))
    assert "find the same lines, with the same values" in told
    assert "names no cell, all are as grave" in told
    lost = sections._verdict(
        fewer_columns.FewerColumns(
            fewer_columns.compare_findings(whole, less[1:]), {}, [], some_lists()
        )
    )
    assert "differ in what they find: `high_frequency`" in lost


def test_people_of_several_cities_are_told_apart() -> None:
    day = simulation_city.FIRST_DAY
    held = pl.DataFrame(
        [("v", "site_1", day, day)], victim_scores.VICTIM_TYPES, orient="row"
    ).with_columns(kind=pl.lit("site"))
    names = pl.DataFrame({"list": [f"{day}"], "list_day": [day]})
    listed = names.with_columns(
        rank=1, number=pl.lit("v"), day=day, tier=pl.lit("now"), lines=pl.lit(["p1"])
    )
    one = victim_scores.VictimLists(names, listed, held)
    whole = real_nights.concat_victim_lists(
        [
            victim_scores.VictimLists(*(cities.mark_seed(part, seed) for part in one))
            for seed in (11, 12)
        ]
    )
    told = pl.concat([cities.mark_seed(PLANTED, seed) for seed in (11, 12)])
    found = victim_scores.score_victim_lists(whole, told)
    every = found[victim_scores.MAIN].row(0, named=True)
    assert (every["victims"], every["nights"], every["in_first_n"]) == (2, 2, 1.0)
    text = sections.victim_section(found)
    assert "| all | 2 | 2 | 100.0 % | 100.0 % | 100.0 % | 100.0 % |" in text
    assert "| now | 2 | 2 | 0 | 0 | 0.0 % |" in text
    assert victim_scores.NOBODY in sections.victim_section(
        victim_scores.score_victim_lists(victim_scores.NOBODY, told)
    )


def test_captors_are_not_missed_as_alerts() -> None:
    told = known(("k1", "CAPTOR", "k", 0, 2), ("a1", "RING", "a", 0, 2))
    none = pl.DataFrame(
        schema={"line": pl.String, "day": pl.Date, "severity": pl.String, "detector": pl.String}
    )
    given = made_lists({None: []})
    given = given._replace(alerts=given.alerts.with_columns(suppressed_by=pl.lit(None, pl.String)))
    missed = figures.count_missed(given, none, told)
    assert missed["pattern"].to_list() == ["ring"]
