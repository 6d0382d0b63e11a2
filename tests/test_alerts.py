from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import alerts
from cdr_anomaly.schema import ALERTS, FEEDBACK, FINDINGS, SEVERITIES

NOON = datetime(2026, 5, 4, 4, tzinfo=UTC)
USUAL = {
    "detector": "mass_dialler", "subject_kind": "line", "subject": "+861", "members": ["+861"],
    "day": date(2026, 5, 4), "window_start": NOON, "window_end": NOON, "severity": "high",
    "observed": 1200.0, "limit": 1000.0, "usual": None, "p_value": None, "reason": "why",
    "evidence": "{}",
}  # fmt: skip


def finding(subject: str = "+861", **more: Any) -> dict[str, Any]:
    return USUAL | {"subject": subject, "members": [subject]} | more


def ranked(
    rows: list[dict[str, Any]],
    declared: dict[str, str] | None = None,
    earlier: pl.DataFrame | None = None,
    told: pl.DataFrame | None = None,
) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in FINDINGS.items()}
    purpose = pl.col("subject").replace_strict(declared or {}, default=None, return_dtype=pl.String)
    findings = pl.DataFrame(rows, schema).with_columns(suppressed_by=purpose)
    return alerts.ranked(findings, earlier, told)


def test_no_findings_no_alerts() -> None:
    made = ranked([])
    assert made.is_empty()
    assert dict(made.schema) == {name: column.dtype for name, column in ALERTS.items()}


@pytest.mark.parametrize(
    ("rows", "order", "why"),
    [
        (
            [finding(word, severity=word) for word in SEVERITIES],
            ["critical", "high", "medium", "low"], "the graver first",
        ),
        (
            [finding("a", observed=1100), finding("b", observed=3000)], ["b", "a"],
            "then what exceeds its limit most",
        ),
        (
            [finding("a", observed=900, limit=300), finding("b", observed=2000)], ["a", "b"],
            "the excess is a ratio, so limits of all kinds compare",
        ),
        ([finding("b"), finding("a")], ["a", "b"], "then by name"),
        (
            [finding("a", severity="low", observed=9000), finding("b", severity="medium")],
            ["b", "a"], "a low one does not pass a graver one by its excess",
        ),
    ],
)  # fmt: skip
def test_the_order_is_severity_then_excess_then_name(
    rows: list[dict[str, Any]], order: list[str], why: str
) -> None:
    made = ranked(rows)
    assert made["subject"].to_list() == order, why
    assert made["rank"].to_list() == list(range(1, len(order) + 1)), why


def test_the_findings_of_one_subject_are_one_alert() -> None:
    (made,) = ranked(
        [
            finding(severity="low", day=date(2026, 5, 9), observed=2000, reason="late"),
            finding(severity="high", day=date(2026, 5, 3), reason="early", p_value=0.01),
            finding(severity="high", day=date(2026, 5, 4), reason="grave", members=["+861", "+862"],
                    detector="new_sim_burst", p_value=0.001),
            finding(severity="high", day=date(2026, 5, 2), reason="grave"),
        ]
    ).to_dicts()  # fmt: skip
    assert made["day"] == date(2026, 5, 4), "that of the gravest, the latest of these"
    assert (made["severity"], made["score"], made["p_value"]) == ("high", 2.0, 0.001)
    assert made["reasons"] == ["grave", "early", "late"], "gravest and latest first, each once"
    assert made["detectors"] == ["mass_dialler", "new_sim_burst"]
    assert made["members"] == ["+861", "+862"]


def test_a_declared_subject_is_listed_last_and_has_no_rank() -> None:
    made = ranked([finding("a", severity="critical"), finding("b"), finding("c", severity="low")],
                  {"a": "hospital", "z": "not seen"})  # fmt: skip
    assert made.select("subject", "rank", "suppressed_by").rows() == [
        ("b", 1, None), ("c", 2, None), ("a", None, "hospital"),
    ]  # fmt: skip


def test_the_order_of_findings_does_not_matter() -> None:
    random = Random(5)  # noqa: S311 - no secret
    rows = [
        finding(f"+86{random.randrange(6)}", severity=random.choice(SEVERITIES),
                day=date(2026, 5, random.randrange(1, 5)), observed=random.randrange(1000, 1004),
                reason=f"reason {i}")
        for i in range(60)
    ]  # fmt: skip
    one = ranked(rows)
    random.shuffle(rows)
    assert ranked(rows).equals(one)


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
    assert alerts.as_grave(ranked(rows, declared), severity) == grave, why


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
        ({"subject": "+862"}, {}, None, "another subject"),
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
    unlisted = ranked([finding(day=date(2026, 5, 3))], {"+861": "hospital"})
    (row,) = ranked([finding()], earlier=unlisted).to_dicts()
    assert (row["rank"], row["ongoing_since"]) == (1, None)


def test_listed_come_first_then_ongoing_then_declared() -> None:
    made = ranked([finding("a"), finding("b", severity="low"), finding("c"), finding("d")],
                  {"d": "bank"}, earlier=listed(3, subject="c", members=["c"]))  # fmt: skip
    assert made.select("subject", "rank").rows() == [
        ("a", 1), ("b", 2), ("c", None), ("d", None),
    ]  # fmt: skip


def test_what_is_declared_for_one_detector_leaves_the_others() -> None:
    rows = [finding(severity="critical", reason="declared"),
            finding(detector="high_frequency", severity="low", reason="free")]  # fmt: skip
    schema = {name: column.dtype for name, column in FINDINGS.items()}
    frame = pl.DataFrame(rows, schema).with_columns(
        suppressed_by=pl.when(pl.col("detector") == "mass_dialler").then(pl.lit("hospital"))
    )
    (row,) = alerts.ranked(frame).to_dicts()
    assert (row["rank"], row["severity"], row["reasons"]) == (1, "low", ["free"])
    assert (row["detectors"], row["suppressed_by"]) == (["high_frequency"], None)


def test_the_last_word_on_a_subject_is_shown() -> None:
    types = {name: column.dtype for name, column in FEEDBACK.items()}
    rows = [
        {"line": "+861", "day": date(2026, 5, 1), "verdict": "confirmed", "at": NOON},
        {"line": "+861", "day": date(2026, 5, 3), "verdict": "cleared", "note": "a courier",
         "at": NOON},
    ]  # fmt: skip
    (one, other) = ranked([finding(), finding("+862")], told=pl.DataFrame(rows, types)).to_dicts()
    assert one["feedback"] == "cleared on 2026-05-03: a courier"
    assert other["feedback"] is None


def test_the_stop_list_has_the_numbers_that_are_grave_enough() -> None:
    made = ranked(
        [finding("a"), finding("b", severity="medium"), finding("c", subject_kind="block"),
         finding("d", severity="critical"), finding("e", subject_kind="hub"), finding("f")],
        {"f": "hospital"}, earlier=listed(3, subject="a", members=["a"]),
    )  # fmt: skip
    stop = alerts.to_stop(made, "high", date(2026, 5, 11))
    assert stop["number"].sort().to_list() == ["a", "d", "e"], "those that go on, too"
    assert stop.select("valid_from", "valid_until").unique().rows() == [
        (date(2026, 5, 4), date(2026, 5, 11))
    ]
