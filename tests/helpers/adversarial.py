"""A small feed that has everything at once, and settings low enough to find it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import polars as pl

from tests.helpers.builders import FEED

# Low enough for a feed of a few hundred calls to have findings of every kind.
WORDS = (
    "mass_dialler.calls=24", "mass_dialler.watch_calls=18", "mass_dialler.watch_calls_fixed=15",
    "mass_dialler.distinct=3", "high_frequency.calls_day=12", "high_frequency.calls_10min=6",
    "high_frequency.calls_60min=12", "high_frequency.calls_day_alone=20",
    "forwarding_chain.bridge_forwards=3", "forwarding_chain.hub_forwarders=2",
    "forwarding_chain.self_calls=1", "new_sim_burst.line_calls=20",
    "new_sim_burst.line_calls_60min=9", "new_sim_burst.line_forwards=3",
    "new_sim_burst.block_lines=3", "new_sim_burst.fdr=0.5", "new_sim_burst.warm_up_days=9",
    "new_sim_burst.line_distinct=0.1", "high_frequency.distinct_ratio=0.2",
    "agent_shift.calls_day=6", "agent_shift.talk_h=0.3", "agent_shift.talk_h_often=0.1",
    "agent_shift.days_often=2", "agent_shift.out_share=0.5", "agent_shift.calls_per_contact=3",
    "overseas_presentation.contacts=3", "overseas_presentation.mismatch_calls=2",
    "overseas_presentation.mismatch_contacts=2", "overseas_presentation.trunk_calls=2",
    "overseas_presentation.pool_numbers=2", "overseas_presentation.pool_contacts=3",
    "overseas_presentation.pool_fdr=0.99", "overseas_presentation.domestic_share=0.6",
    'overseas_presentation.domestic_trunks=["b"]', "overseas_presentation.pool_digits=4",
    "overseas_presentation.international_share=0.3",
    "cold_callers.calls_day=12", "hand_off.fdr=0.5", "site.lines=2", "site.times=1", "site.fdr=1",
    "site.cards=2",
)  # fmt: skip
ACTIVATED = {f"+861380000{n:04}": f"2026-03-{20 + n:02}" for n in range(0, 11, 2)}


def adversarial(seed: int, zone: str) -> pl.DataFrame:
    """Draw bursts about midnight, forwarding chains and new lines, about the days of DST."""
    random = Random(seed)  # noqa: S311 - no secret
    homes = [f"+861380000{n:04}" for n in range(12)] + ["+861391111000", "+442035550001"]
    midnight = pl.datetime(2026, 3, 20, time_zone=zone).dt.convert_time_zone("UTC")
    first = pl.select(midnight).item()
    rows: list[dict[str, Any]] = []
    for each in homes:
        for _ in range(random.randrange(2, 7)):
            day = random.randrange(18)
            if each in homes[4:9]:
                day = max(day, 10)  # new once the feed is warm
            begin = first + timedelta(days=day, minutes=random.choice([-70, -40, -5, 0, 600]))
            for _ in range(random.choice([1, 3, 8, 20])):
                begin += timedelta(seconds=random.choice([0, 20, 60, 900]))
                rows.append(_call(random, each, homes, begin))
    rows += [_call(random, homes[-1], homes, first + timedelta(days=d)) for d in range(18)]
    rows += _presented(Random(seed), homes[:4], first)  # noqa: S311 - no secret
    rows += _one_list(first, first + timedelta(days=random.randrange(11, 16), hours=20))
    return pl.DataFrame(rows, FEED).unique(
        ["calling_number", "called_number", "start_time", "redirecting_number"]
    )


def _one_list(first: datetime, begin: datetime) -> list[dict[str, Any]]:
    """Let three lines of a room work one list, and a fourth call those who talk just after."""
    rows = []
    for k in range(4):
        who = f"+861370000{k:04}"
        rows.append((who, "+493100000000", first, 9))
        for i in range(14):
            start, person = begin + timedelta(minutes=20 * i + 5 * k), f"+49310{i:06}"
            talk_s = 90 if (i + k) % 2 == 0 else 0
            if k < 3:
                rows.append((who, person, start, talk_s))
            elif i % 2 == 0:
                rows.append((who, person, begin + timedelta(minutes=20 * i + 3), 600))
    names = ("calling_number", "called_number", "start_time", "duration_s")
    named = [dict(zip(names, row, strict=True)) for row in rows]
    there = {"record_type": "call", "cell_id": "room", "imei": "35209900176199"}
    return [row | {"start_time": row["start_time"].astimezone(UTC)} | there for row in named]


def _call(random: Random, who: str, homes: list[str], start: datetime) -> dict[str, Any]:
    strangers = [f"+4930{n:06}" for n in range(40)]
    other = random.choice(
        [*strangers, *homes[:4], *homes[9:]]
    )  # the new ones are not called before
    row = {
        "calling_number": who,
        "called_number": other,
        "start_time": start.astimezone(UTC),
        "duration_s": random.choice([0, 4, 40, 300]),
        "record_type": "call",
    }
    if random.random() < 0.3:
        caller = random.choice(strangers)
        target = random.choice(homes[:4])
        row |= {"calling_number": caller, "called_number": target, "redirecting_number": who}
        row |= {"record_type": "fwd", "call_id": random.choice([None, "x"])}
    return row


def _presented(random: Random, homes: list[str], first: datetime) -> list[dict[str, Any]]:
    """Draw calls of numbers shown as foreign, impossible or of home, by trunk and identity."""
    shown = [f"+4420355501{n:02}" for n in range(12)] + ["+99912345678", "+86138001234567", *homes]
    rows = []
    for _ in range(160):
        minutes = random.choice([-50, -5, 0, 3, 400]) + random.randrange(30)
        start = first + timedelta(days=random.choice([0, 5, 9, 17]), minutes=minutes)
        row = {
            "calling_number": random.choice(shown),
            "called_number": random.choice(homes),
            "start_time": start.astimezone(UTC),
            "duration_s": random.choice([0, 40, 7200]),
            "record_type": "call",
            "trunk_in": random.choice([None, "a", "a", "b", "c"]),
            "imsi": random.choice([None, "460001234567890", "234101234567890"]),
        }
        if row["trunk_in"] is None:
            row |= {"cell_id": random.choice("xyz"), "imei": "35209900176148"}
        rows += [row] * random.choice([1, 1, 2])
    return rows
