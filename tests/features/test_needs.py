"""What detectors need, merged, is what any of them needs, line-day by line-day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import detectors
from cdr_anomaly.engines.profile import UNREACHABLE
from cdr_anomaly.features.needs import FeedNeeds, Needs
from cdr_anomaly.features.shifts import ShiftNeeds
from cdr_anomaly.settings import ColdCallers, Settings

DAY = date(2026, 5, 4)
LINES, DAYS = 40, 5


def line_days(seed: int) -> pl.DataFrame:
    random = Random(seed)  # noqa: S311 - no secret
    rows = [
        {
            "line": line,
            "day": DAY + timedelta(days=day),
            "n_out": random.choice([0, 1, 4, 9, 10, 11, 30]),
            "n_in": random.choice([0, 0, 3, 10]),
            "n_forwarded": random.choice([0, 0, 0, 2, 5]),
            "age_d": random.choice([None, None, 0, 2, 3, 9]),
            "abroad": line % 7 == 0,
            "sought": line % 11 == 0,
        }
        for line in range(LINES)
        for day in range(DAYS)
        if random.random() < 0.8
    ]
    frame = pl.DataFrame(rows, schema_overrides={"age_d": pl.Int64})
    return frame.with_columns(n_forwarded_all=pl.col("n_forwarded").sum().over("line"))


def some_needs(random: Random) -> Needs:
    """Draw the needs of one detector."""
    return random.choice(
        [
            Needs(calls_day=random.choice([9, 10, 30]), out_share=random.choice([0.0, 0.5, 0.7])),
            Needs(calls_day=random.choice([20, 25]), span_days=3, busy_calls=4),
            Needs(forwards=random.choice([5, 7]), own_calls=random.choice([1, 4])),
            Needs(new_line_calls=random.choice([4, 10]), new_line_days=random.choice([2, 3])),
            Needs(foreign=True),
            Needs(traffic=frozenset({"cell"})),
        ]
    )


def is_watched(needs: Needs, row: dict[str, Any]) -> bool:
    young = row["age_d"] is not None and row["age_d"] <= needs.new_line_days > 0
    quiet = row["n_forwarded"] > 0 and row["n_out"] <= needs.own_calls
    return (
        row["n_out"] * needs.span_days >= needs.calls_day
        or (quiet and row["n_forwarded_all"] >= needs.forwards)
        or (young and (row["n_out"] >= needs.new_line_calls or row["n_forwarded"] > 0))
        or (needs.foreign and row["abroad"] and row["n_out"] > 0)
    )


def needs_legs(needs: Needs, row: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    near = timedelta(days=needs.span_days)
    placed = sum(
        other["n_out"]
        for other in rows
        if other["line"] == row["line"] and row["day"] - near < other["day"] <= row["day"]
    )
    young = row["age_d"] is not None and row["age_d"] <= needs.new_line_days > 0
    outgoing = row["n_out"] >= needs.out_share * (row["n_out"] + row["n_in"])
    return (
        row["sought"]
        or (placed >= needs.calls_day and outgoing)
        or (young and row["n_out"] >= needs.new_line_calls)
        or (needs.foreign and row["abroad"] and row["n_out"] > 0)
    )


def is_kept(needs: Needs, row: dict[str, Any]) -> bool:
    young = row["age_d"] is not None and row["age_d"] <= needs.new_line_days > 0
    return (
        row["n_out"] >= needs.busy_calls
        or row["n_out"] * needs.span_days >= needs.calls_day
        or young
        or (needs.foreign and row["abroad"] and row["n_out"] > 0)
    )


@pytest.mark.parametrize("seed", range(40))
def test_what_is_needed_is_what_any_detector_needs(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    every = [some_needs(random) for _ in range(random.randint(1, 4))]
    if sum(n.forwards < UNREACHABLE or n.new_line_days > 0 for n in every) > 1:
        every = every[:1]  # of two such kinds the merged limits are wider than either
    merged, frame = Needs.merge(every), line_days(seed)
    rows = frame.to_dicts()
    asked = {"watch": merged.watch(), "legs": merged.legs(), "kept": merged.retention()}
    answers = frame.select(**{name: said.fill_null(value=False) for name, said in asked.items()})
    for row, answer in zip(rows, answers.to_dicts(), strict=True):
        assert answer == {
            "watch": any(is_watched(needs, row) for needs in every),
            "legs": row["sought"] or any(needs_legs(needs, row, rows) for needs in every),
            "kept": any(is_kept(needs, row) for needs in every),
        }


def test_limits_are_the_least_and_spans_the_widest() -> None:
    rule = ColdCallers(calls_day=20)
    merged = Needs.merge(
        [
            Needs(calls_day=60, shift_talk_s=3600, shift_days=13, warm_up_days=28),
            Needs(calls_day=80, shift_talk_s=60, shift_days=6, hop_link_s=5, busy_calls=8),
            Needs(calls_day=100, span_days=3, new_line_days=2, talk_s=60),
            Needs(cold_callers=rule, forwards=3, traffic=frozenset({"cell"})),
            Needs(new_line_days=5, talk_s=90, busy_calls=9, traffic=frozenset({"trunk"})),
        ]
    )
    assert merged.shifts == ShiftNeeds(60, 60, 13)
    assert (merged.day_calls, merged.busy_calls, merged.forwards) == (34, 8, 3)
    assert (merged.warm_up_days, merged.new_line_days) == (28, 5)
    assert (merged.hop_link_s, merged.talk_s) == (5, 60)
    assert merged.traffic == {"cell", "trunk"}
    assert merged.cold_callers == rule


def test_nothing_is_needed_by_default() -> None:
    merged, frame = Needs.merge([Needs()]), line_days(0)
    nothing = frame.filter(~pl.col("sought"))
    for said in (merged.watch(), merged.legs(), merged.retention()):
        assert nothing.filter(said).is_empty()
    assert merged.shifts == ShiftNeeds()
    assert merged.on_trunks(pl.DataFrame()) is None


def test_trunks_are_those_that_any_detector_names() -> None:
    def named(*trunks: str) -> Needs:
        frame = pl.LazyFrame({"day": [DAY] * len(trunks), "trunk_in": list(trunks)})
        return Needs(trunks=lambda _: frame)

    calls = pl.DataFrame({"trunk_in": ["a", "b", "c", None]})
    merged = Needs.merge([named("a"), Needs(), named("c", "a")])
    condition = merged.on_trunks(pl.DataFrame())
    assert condition is not None
    assert calls.filter(condition)["trunk_in"].to_list() == ["a", "c"]


def test_every_detector_says_its_needs_as_one_value() -> None:
    built = detectors.build(Settings())
    every = [detector.needs() for detector in built]
    assert all(type(needs) is Needs and needs != Needs() for needs in every)
    assert Needs.merge([*every, *every]) == Needs.merge(every)
    # Another need never makes fewer lines needed.
    more = Needs.merge([*every, replace(every[0], calls_day=1)])
    assert isinstance(more, FeedNeeds)
    assert more.day_calls <= Needs.merge(every).day_calls
