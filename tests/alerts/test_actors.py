"""Findings that belong together are one alert: a hub and its forwarders, a block and its lines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.finding_rows import TODAY, YESTERDAY, finding, ranked, weight


def block(n: int, **more: Any) -> list[dict[str, Any]]:
    """Make the findings of a block and of ``n`` of its lines."""
    members = [f"+861{line}" for line in range(n)]
    whole = finding("+861", subject_kind="block", members=members, detector="new_sim_burst", **more)
    return [whole, *(finding(line, detector="new_sim_burst", **more) for line in members)]


def test_a_block_and_its_lines_are_one_alert() -> None:
    apart = finding("+4411", detector="new_sim_burst")
    made = ranked([*block(3), apart])
    assert made.select("subject", "subject_kind", "rank").rows() == [
        ("+4411", "line", 1),
        ("+861", "block", 2),
    ]
    (whole,) = made.filter(subject_kind="block").to_dicts()
    assert whole["members"] == whole["lines"] == ["+8610", "+8611", "+8612"], "a block is no line"


def test_a_hub_with_its_forwarders() -> None:
    rows = [
        finding("a", severity="medium"),
        finding("b", severity="critical"),
        finding("hub", subject_kind="hub", members=["hub", "a", "b", "c"], severity="critical"),
    ]
    (made,) = ranked(rows).to_dicts()
    assert (made["subject"], made["severity"]) == ("hub", "critical")
    assert made["lines"] == ["hub", "b", "a"], "the gravest first; nothing was found of c itself"
    assert made["members"] == ["a", "b", "c", "hub"]


@pytest.mark.parametrize(
    ("one", "other", "n", "why"),
    [
        ("35209900176148", "35209900176148", 1, "the same"),
        ("352099001761481", "352099001761489", 1, "the first 14 digits are the handset"),
        ("35209900176148", "35209900176149", 2, "another handset"),
    ],
)
def test_lines_on_one_handset_are_one_alert(one: str, other: str, n: int, why: str) -> None:
    rows = [finding("a"), finding("b")]
    made = ranked(rows, used=[("a", TODAY, one), ("b", TODAY, other)])
    assert made.height == n, why


def test_a_handset_that_was_used_on_other_days_connects_nobody() -> None:
    imei = "35209900176148"
    assert ranked([finding("a"), finding("b")], used=[("a", TODAY, imei), ("b", YESTERDAY, imei)])[
        "subject"
    ].to_list() == ["a", "b"]


def test_what_is_on_watch_connects_nobody() -> None:
    hub = finding("hub", subject_kind="hub", members=["hub", "a", "b"], severity="low")
    made = ranked([finding("a"), finding("b"), hub])
    assert made["subject"].to_list() == ["a", "b", "hub"]
    one = ranked(
        [finding("a"), finding("b", severity="low")],
        used=[("a", TODAY, "1" * 14), ("b", TODAY, "1" * 14)],
    )
    assert one.height == 2


def test_what_is_on_watch_is_of_the_actor_that_names_it() -> None:
    rows = [finding("hub", subject_kind="hub", members=["hub", "a"]), finding("a", severity="low")]
    (made,) = ranked(rows).to_dicts()
    assert (made["subject"], made["lines"]) == ("hub", ["hub", "a"])


def test_a_declared_subject_stays_alone() -> None:
    hub = finding("hub", subject_kind="hub", members=["hub", "a", "b"])
    made = ranked([hub, finding("a"), finding("b")], {"a": "platform"})
    assert made.select("subject", "lines", "suppressed_by").rows() == [
        ("hub", ["hub", "b"], None),
        ("a", ["a"], "platform"),
    ]
    made = ranked([hub, finding("a"), finding("b")], {"hub": "platform"})
    assert made["subject"].to_list() == ["a", "b", "hub"], "what it names is not put together"


def test_the_p_of_an_actor_is_the_least_of_its_lines_times_their_number() -> None:
    rows = block(4)
    weights = [
        weight("+8610", p_value=1e-6),
        weight("+8611", p_value=0.3),
        weight("+8612", p_value=0.9),
    ]
    (made,) = ranked(rows, weights=weights).to_dicts()
    assert made["p_value"] == pytest.approx(3e-6), "of three that were tested"
    (made,) = ranked(rows, weights=[weight(f"+861{n}", p_value=0.5) for n in range(4)]).to_dicts()
    assert made["p_value"] == 1.0
    (made,) = ranked(rows).to_dicts()
    assert made["p_value"] is None


@pytest.mark.parametrize(
    ("before", "today", "again", "why"),
    [
        (6, 7, False, "it grew a little"),
        (6, 11, False, "not twice as large"),
        (3, 6, True, "twice as large"),
        (6, 2, False, "it is smaller"),
    ],
)
def test_an_actor_that_doubled_is_listed_again(
    *, before: int, today: int, again: bool, why: str
) -> None:
    # The block is a subject, too.
    earlier = ranked(block(before - 1, day=YESTERDAY))
    (row,) = ranked(block(today - 1), earlier=earlier).to_dicts()
    assert (row["rank"] == 1) == again, why
    assert (row["ongoing_since"] == YESTERDAY) != again, why


def test_an_actor_goes_on_when_another_of_its_lines_stands_for_it() -> None:
    earlier = ranked(block(3, day=YESTERDAY))
    (row,) = ranked([finding("+8611", detector="new_sim_burst")], earlier=earlier).to_dicts()
    assert row["ongoing_since"] == YESTERDAY, "the line was listed with its block"
