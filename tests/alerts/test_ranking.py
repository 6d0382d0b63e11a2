from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.alerts import ranking
from cdr_anomaly.alerts.unlike_peers import NAME
from cdr_anomaly.schema import ALERTS, SEVERITIES
from tests.helpers.finding_rows import (
    NOON,
    TODAY,
    YESTERDAY,
    beside,
    finding,
    marked,
    ranked,
    said,
    weight,
)


def test_no_findings_no_alerts() -> None:
    made = ranked([])
    assert made.is_empty()
    assert dict(made.schema) == {name: column.dtype for name, column in ALERTS.items()}


@pytest.mark.parametrize(
    ("rows", "weights", "order", "why"),
    [
        (
            [finding(word, severity=word) for word in SEVERITIES],
            [],
            ["critical", "high", "medium", "low"],
            "the graver first",
        ),
        (
            [finding("a", observed=9000), finding("b", observed=3000), finding("c")],
            [weight("b", p_value=1e-5), weight("c", p_value=1e-6)],
            ["c", "b", "a"],
            "then what is least likely by chance; what was not tested comes last",
        ),
        (
            [finding("a", observed=1100), finding("b", observed=3000)],
            [],
            ["b", "a"],
            "then what exceeds its limit most",
        ),
        (
            [finding("a", observed=900, threshold=300), finding("b", observed=2000)],
            [],
            ["a", "b"],
            "the excess is a ratio, so limits of all kinds compare",
        ),
        ([finding("b"), finding("a")], [], ["a", "b"], "then by name"),
        (
            [finding("a", severity="low", observed=9000), finding("b", severity="medium")],
            [weight("a", p_value=1e-9)],
            ["b", "a"],
            "a low one does not pass a graver one by its excess, nor by its p",
        ),
    ],
)
def test_the_order_is_severity_then_p_then_excess_then_name(
    rows: list[dict[str, Any]], weights: list[dict[str, Any]], order: list[str], why: str
) -> None:
    made = ranked(rows, weights=weights)
    assert made["subject"].to_list() == order, why
    listed = [n for n, s in enumerate(made["severity"], 1) if s != "low"]
    assert made["rank"].drop_nulls().to_list() == listed, why


def test_the_findings_of_one_subject_are_one_alert() -> None:
    (made,) = ranked(
        [
            finding(
                severity="low",
                day=date(2026, 5, 9),
                observed=2000,
                reason="late",
                detector="high_frequency",
            ),
            finding(severity="high", day=date(2026, 5, 3), reason="early", p_value=0.01),
            finding(
                severity="high",
                reason="grave",
                members=["+861", "+862"],
                detector="new_sim_burst",
                p_value=0.001,
                would_clear_if="no new line",
            ),
            finding(severity="high", day=date(2026, 5, 2), reason="before"),
        ]
    ).to_dicts()
    assert made["day"] == TODAY, "that of the gravest, the latest of these"
    assert (made["severity"], made["score"], made["p_value"]) == ("high", 2.0, 0.001)
    assert made["reasons"] == ["grave", "early", "late"], "gravest and latest, one a detector"
    assert made["would_clear_if"] == "no new line", "that of the gravest"
    assert made["detectors"] == ["high_frequency", "mass_dialler", "new_sim_burst"]
    assert (made["members"], made["lines"]) == (["+861", "+862"], ["+861"])


def test_reasons_are_three_at_most_and_the_last_is_what_it_is_unlike_in() -> None:
    rows = [
        finding(detector=name, reason=f"by {name}", observed=1000 + n)
        for n, name in enumerate(["a", "b", "c", "d"])
    ]
    (without,) = ranked(rows)["reasons"].to_list()
    assert without == ["by d", "by c", "by b"]
    (whole,) = ranked(rows, weights=[weight(unlike="unlike others")])["reasons"].to_list()
    assert whole == ["by d", "by c", "unlike others"]


def test_what_it_is_unlike_in_is_said_once() -> None:
    rows = [finding(reason="by a rule"), finding(detector=NAME, reason="unlike others")]
    (made,) = ranked(rows, weights=[weight(unlike="unlike others")]).to_dicts()
    assert made["reasons"] == ["by a rule", "unlike others"]
    assert made["detectors"] == ["mass_dialler", NAME]
    (alone,) = ranked(rows[1:], weights=[weight(unlike="unlike others")])["reasons"].to_list()
    assert alone == ["unlike others"]


def test_a_declared_subject_is_listed_last_and_has_no_rank() -> None:
    made = ranked(
        [finding("a", severity="critical"), finding("b"), finding("c", severity="low")],
        {"a": "hospital", "z": "not seen"},
    )
    assert made.select("subject", "rank", "suppressed_by").rows() == [
        ("b", 1, None),
        ("c", None, None),
        ("a", None, "hospital"),
    ]


def test_the_order_of_findings_does_not_matter() -> None:
    random = Random(5)  # noqa: S311 - no secret
    rows = [
        finding(
            f"+86{random.randrange(6)}",
            severity=random.choice(SEVERITIES),
            day=date(2026, 5, random.randrange(1, 5)),
            observed=random.randrange(1000, 1004),
            reason=f"reason {i}",
            members=[f"+86{random.randrange(6)}"],
            fixed_limit=random.random() < 0.5,
        )
        for i in range(60)
    ]
    weights = [
        weight(
            f"+86{line}",
            day=date(2026, 5, day),
            p_value=random.choice([1e-6, 1e-2]),
            q_value=random.choice([0.01, 0.5]),
            unlike=f"unlike {line} on {day}",
        )
        for line in range(6)
        for day in range(1, 5)
    ]
    one = ranked(rows, weights=weights)
    random.shuffle(rows)
    random.shuffle(weights)
    assert ranked(rows, weights=weights).equals(one)


@pytest.mark.parametrize(
    ("rows", "declared", "severity", "grave", "why"),
    [
        ([], {}, "low", False, "none is as grave as anything"),
        ([finding()], {}, "high", True, "as grave"),
        ([finding()], {}, "medium", True, "graver"),
        ([finding()], {}, "critical", False, "less grave"),
        ([finding()], {"+861": "hospital"}, "low", False, "suppressed ones do not count"),
    ],
)
def test_as_grave(
    *, rows: list[dict[str, Any]], declared: dict[str, str], severity: str, grave: bool, why: str
) -> None:
    assert ranking.any_as_grave(ranked(rows, declared), severity) == grave, why


def listed(*days: int, **more: Any) -> pl.DataFrame:
    """Make the alerts of nights of May on which the subject was listed."""
    rows = [finding(day=date(2026, 5, day), **more) for day in days]
    return pl.concat([ranked([row]) for row in rows])


@pytest.mark.parametrize(
    ("today", "before", "since", "why"),
    [
        ({}, {}, date(2026, 5, 3), "as grave, by the same detector: it goes on"),
        ({"severity": "medium"}, {}, date(2026, 5, 3), "less grave"),
        ({"severity": "critical"}, {}, None, "graver"),
        ({"detector": "high_frequency"}, {}, None, "another detector"),
        ({}, {"severity": "critical"}, date(2026, 5, 3), "it was graver before"),
        ({"subject": "+862", "members": ["+862"]}, {}, None, "another subject"),
        ({"severity": "critical"}, {"severity": "critical"}, date(2026, 5, 3), "as critical"),
    ],
)
def test_an_alert_comes_again_only_with_news(
    today: dict[str, Any], before: dict[str, Any], since: date | None, why: str
) -> None:
    (row,) = ranked([finding() | today], earlier=listed(2, 3, **before)).to_dicts()
    assert row["ongoing_since"] == since, why
    assert (row["rank"] is None) == (since is not None), why
    assert row["suppressed_by"] is None


def test_what_was_not_listed_before_is_news() -> None:
    unlisted = ranked([finding(day=YESTERDAY)], {"+861": "hospital"})
    (row,) = ranked([finding()], earlier=unlisted).to_dicts()
    assert (row["rank"], row["ongoing_since"]) == (1, None)
    watched = ranked([finding(day=YESTERDAY, severity="low")])
    (row,) = ranked([finding()], earlier=watched).to_dicts()
    assert (row["rank"], row["ongoing_since"]) == (1, None)


def test_no_more_are_ranked_than_are_wanted() -> None:
    rows = [finding(f"{n}", observed=2000 - n) for n in range(5)]
    made = ranked([*rows, finding("low", severity="low")], most=3)
    assert made["subject"].to_list() == ["0", "1", "2", "3", "4", "low"], "none is left out"
    assert made["rank"].to_list() == [1, 2, 3, None, None, None]


def test_earlier_alerts_without_lines_are_understood() -> None:
    earlier = listed(3).with_columns(lines=pl.lit(None, pl.List(pl.String)))
    (row,) = ranked([finding()], earlier=earlier).to_dicts()
    assert row["ongoing_since"] == YESTERDAY


def test_listed_come_first_then_on_watch_then_ongoing_then_declared() -> None:
    made = ranked(
        [finding("a"), finding("b", severity="low"), finding("c"), finding("d")],
        {"d": "bank"},
        earlier=listed(3, subject="c", members=["c"]),
    )
    assert made.select("subject", "rank").rows() == [
        ("a", 1),
        ("b", None),
        ("c", None),
        ("d", None),
    ]


def test_what_is_declared_for_one_detector_leaves_the_others() -> None:
    free = finding(detector="high_frequency", severity="medium", reason="free")
    frame = marked([finding(severity="critical", reason="declared"), free]).with_columns(
        suppressed_by=pl.when(pl.col("detector") == "mass_dialler").then(pl.lit("hospital"))
    )
    (row,) = ranking.rank_alerts(frame).to_dicts()
    assert (row["rank"], row["severity"], row["reasons"]) == (1, "medium", ["free"])
    assert (row["detectors"], row["suppressed_by"]) == (["high_frequency"], None)


def test_the_last_word_on_a_subject_is_shown() -> None:
    rows = [
        said("+861", date(2026, 5, 1), "confirmed"),
        said("+861", date(2026, 5, 3), "cleared", "a courier"),
    ]
    (one, other) = ranked([finding(), finding("+862")], told=rows).sort("subject").to_dicts()
    assert one["feedback"] == "cleared on 2026-05-03: a courier"
    assert other["feedback"] is None


def test_the_stop_list_has_the_numbers_that_are_grave_enough() -> None:
    rows = [
        finding("a"),
        finding("b", severity="medium"),
        finding("c", subject_kind="block"),
        finding("d", severity="critical"),
        finding("e", subject_kind="hub"),
        finding("f"),
        finding("d", severity="low", detector="high_frequency"),
    ]
    made = ranked(rows, {"f": "hospital"}, earlier=listed(3, subject="a", members=["a"]))
    stop = ranking.stop_list(made, marked(rows).drop("suppressed_by"), "high", date(2026, 5, 11))
    assert stop["number"].to_list() == ["d", "a", "e"], "the gravest first; those that go on, too"
    assert stop.select("valid_from", "valid_until").unique().rows() == [(TODAY, date(2026, 5, 11))]
    assert stop["detectors"].to_list() == ["mass_dialler"] * 3, "those that found it as grave"


def test_the_lines_of_an_actor_are_stopped_if_as_much_was_found_of_themselves() -> None:
    rows = [
        finding("hub", subject_kind="hub", members=["hub", "a", "b"]),
        finding("a"),
        finding("b", severity="medium"),
    ]
    findings = marked(rows).drop("suppressed_by")
    stop = ranking.stop_list(ranked(rows), findings, "high", TODAY)
    assert sorted(stop["number"]) == ["a", "hub"]


def test_a_line_that_chance_has_lowered_is_not_stopped_with_its_actor() -> None:
    rows = [
        finding("hub", subject_kind="hub", members=["hub", "a"]),
        finding("a", fixed_limit=False),
    ]
    made = ranked(rows, weights=[weight("a", p_value=0.01, q_value=1.0)])
    assert made["lines"].to_list() == [["hub", "a"]]
    assert made["severities"].to_list() == [["high", "medium"]]
    assert ranking.stop_list(made, marked(rows), "high", TODAY)["number"].to_list() == ["hub"]


def test_what_chance_has_lowered_is_not_stopped() -> None:
    rows = [finding(fixed_limit=False)]
    made = ranked(rows, weights=[weight(p_value=0.01, q_value=1.0)])
    assert made["severity"].to_list() == ["medium"]
    assert ranking.stop_list(made, marked(rows), "high", TODAY).is_empty()


def test_it_takes_nothing_beside_the_findings() -> None:
    assert ranking.rank_alerts(marked([finding()])).equals(
        ranking.rank_alerts(marked([finding()]), beside())
    )
    assert NOON.date() == TODAY
