"""What lowers a subject, and what does not; each at its boundary."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.alerts import severity as alerts_severity
from cdr_anomaly.alerts.peer_scoring import BY_ITSELF, COMMON
from cdr_anomaly.alerts.severity import AS_USUAL, CLEARED_FOR, MANY_CALL_BACKS, RARE, UNLIKE_ITSELF
from cdr_anomaly.schema import SEVERITIES
from tests.helpers.finding_rows import TODAY, beside, finding, marked, said, weight

A_DAY = timedelta(days=1)
Row = dict[str, Any]


def weighed(*rows: Row, **known: Any) -> Row:
    (made,) = alerts_severity.weigh_subjects(marked(list(rows)), beside(**known)).to_dicts()
    return made | {"severity": SEVERITIES[made["grade"]]}


@pytest.mark.parametrize(
    ("fixed_limit", "weights", "severity", "why"),
    [
        (False, {"q_value": 0.001}, "high", "a day that is rare"),
        (False, {"q_value": RARE}, "high", "one in ten, and no more, is chance"),
        (False, {"q_value": RARE + 1e-6}, "medium", "more than one in ten is"),
        (True, {"p_value": 0.5, "q_value": 1.0}, "high", "a fixed limit holds whoever does so"),
        (
            False,
            {"p_value": 0.5, "q_value": 1.0, "calibrated_by": BY_ITSELF},
            "high",
            "too little is known of what is usual",
        ),
        (
            False,
            {"p_value": 0.5, "q_value": 1.0, "peers": "fixed lines"},
            "high",
            "of few lines too little is known",
        ),
        (False, {"p_value": 0.5, "q_value": 1.0, "peers": COMMON[1]}, "medium", "opaque, too"),
        (False, {"line": "+862", "p_value": 0.5, "q_value": 1.0}, "high", "another line's day"),
        (False, {"day": TODAY - A_DAY, "p_value": 0.5, "q_value": 1.0}, "high", "another day"),
    ],
)
def test_chance_lowers_what_is_not_of_a_fixed_limit_among_common_peers(
    *, fixed_limit: bool, weights: Row, severity: str, why: str
) -> None:
    made = weighed(finding(fixed_limit=fixed_limit), weights=[weight(**weights)])
    assert made["severity"] == severity, why
    lowered = severity != "high"
    assert (made["lowered_because"] is not None) == lowered, why
    if lowered:
        assert made["lowered_because"].startswith("so odd a day is nothing rare: q ")


@pytest.mark.parametrize(
    ("severity", "after"),
    [("critical", "high"), ("high", "medium"), ("medium", "low"), ("low", "low")],
)
def test_chance_lowers_by_a_grade_and_never_below_low(severity: str, after: str) -> None:
    rows = finding(fixed_limit=False, severity=severity)
    assert weighed(rows, weights=[weight(p_value=0.5, q_value=1.0)])["severity"] == after


@pytest.mark.parametrize(
    ("weights", "lowered_because", "why"),
    [
        ({"called_back": MANY_CALL_BACKS}, "30 % of the numbers called back", "as many call back"),
        ({"called_back": MANY_CALL_BACKS - 0.001}, None, "fewer"),
        ({"own_past": AS_USUAL - 0.1}, "no more than is usual for it", "a day like others"),
        ({"own_past": AS_USUAL}, None, "more than is usual for it"),
        (
            {"own_past": 0.0, "called_back": 0.5},
            "50 % of the numbers called back; no more than is usual for it",
            "both are said, and lower it once",
        ),
    ],
)
def test_what_speaks_for_a_line_lowers_it_by_a_grade(
    weights: Row, lowered_because: str | None, why: str
) -> None:
    made = weighed(finding(), weights=[weight(**weights)])
    assert made["lowered_because"] == lowered_because, why
    assert made["severity"] == ("high" if lowered_because is None else "medium"), why


@pytest.mark.parametrize(
    ("days", "own_past", "verdict", "holds", "why"),
    [
        (1, None, "cleared", True, "what is usual for it is not known"),
        (CLEARED_FOR.days, AS_USUAL, "cleared", True, "in 90 days"),
        (CLEARED_FOR.days + 1, AS_USUAL, "cleared", False, "too long ago"),
        (1, UNLIKE_ITSELF - 0.1, "cleared", True, "not so unlike itself"),
        (1, UNLIKE_ITSELF, "cleared", False, "it is not what was cleared any more"),
        (1, AS_USUAL, "confirmed", False, "the opposite"),
    ],
)
def test_what_was_cleared_lately_is_lowered(
    *, days: int, own_past: float | None, verdict: str, holds: bool, why: str
) -> None:
    when = TODAY - timedelta(days=days)
    known = {} if own_past is None else {"own_past": own_past}
    made = weighed(finding(), weights=[weight(**known)], told=[said("+861", when, verdict)])
    assert made["severity"] == ("medium" if holds else "high"), why
    assert made["lowered_because"] == (f"cleared on {when}" if holds else None), why


def test_the_last_word_counts() -> None:
    words = [said("+861", TODAY - 2 * A_DAY, "cleared"), said("+861", TODAY - A_DAY, "confirmed")]
    assert weighed(finding(), told=words)["severity"] == "high"
    assert weighed(finding(), told=words[:1])["severity"] == "medium"


def test_chance_and_what_speaks_for_it_are_both_said() -> None:
    made = weighed(
        finding(severity="critical", fixed_limit=False),
        weights=[weight(p_value=1e-4, q_value=0.25, called_back=0.4)],
    )
    assert made["severity"] == "medium", "a grade for each"
    assert made["lowered_because"] == (
        "so odd a day is nothing rare: q 0.25; 40 % of the numbers called back"
    )


def test_nothing_lowers_below_low() -> None:
    made = weighed(finding(severity="low"), weights=[weight(called_back=0.9)])
    assert (made["severity"], made["grade"]) == ("low", alerts_severity.WATCH)


def test_a_policy_finding_is_not_lowered_with_another_of_its_line() -> None:
    rows = [
        finding(fixed_limit=False, observed=9000, detector="high_frequency"),
        finding(severity="high", reason="a fixed limit"),
    ]
    made = weighed(*rows, weights=[weight(p_value=0.5, q_value=1.0)])
    assert (made["severity"], made["why"][0]["reason"]) == ("high", "a fixed limit")
    assert made["lowered_because"] is None, "what leads was not lowered"


def test_a_subject_is_as_odd_as_its_oddest_day() -> None:
    before = TODAY - A_DAY
    rows = [finding(), finding(day=before, severity="medium")]
    weights = [
        weight(p_value=1e-4, unlike="today"),
        weight(day=before, p_value=1e-6, unlike="before"),
    ]
    made = weighed(*rows, weights=weights)
    assert (made["p_value"], made["unlike"], made["day"]) == (1e-6, "before", TODAY)
    assert sorted(made["days"]) == [before, TODAY]


def test_a_word_with_its_note() -> None:
    told = beside(
        told=[said("a", TODAY, "cleared"), said("b", TODAY, "confirmed", "asked")]
    ).feedback
    assert alerts_severity.last_feedback(told).sort("subject").drop("feedback_values").rows() == [
        ("a", "cleared on 2026-05-04"),
        ("b", "confirmed on 2026-05-04: asked"),
    ]
    columns = ("subject", "feedback", "feedback_values")
    assert alerts_severity.last_feedback(None).schema == dict.fromkeys(columns, pl.String)
