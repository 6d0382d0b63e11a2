"""Who holds the new lines of surges, against counting by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.detectors.new_sim_burst import holders, uses
from cdr_anomaly.detectors.new_sim_burst import surges as new_sim_burst_surges

DAY = date(2026, 6, 5)
Row = dict[str, Any]


def drawn(random: Random) -> pl.DataFrame:
    """Draw lines with their births, dealers, blocks and regions, some of which are not known."""
    rows = [
        (
            n,
            random.choice([None, DAY - timedelta(days=random.randrange(-2, 12))]),
            random.choice([None, "+861", "+862"]),
            random.choice([None, "dealer a", "dealer b"]),
            random.choice([None, "region x", "region x", "region y", "region z"]),
        )
        for n in range(random.randrange(60))
    ]
    schema = {
        "line": pl.Int64,
        "born": pl.Date,
        "block_4": pl.String,
        "dealer": pl.String,
        "region": pl.String,
    }
    return pl.DataFrame(rows, schema, orient="row")


def surges(random: Random) -> pl.DataFrame:
    rows = [
        (by, group, DAY - timedelta(days=ago), random.choice([1, 3, 7]))
        for by, group in (("block_4", "+861"), ("dealer", "dealer b"), ("region", "region y"))
        for ago in random.sample(range(3), 2)
    ]
    schema = {"by": pl.String, "group": pl.String, "day": pl.Date, "window_days": pl.Int64}
    return pl.DataFrame(rows, schema, orient="row")


def born_in(lines: list[Row], surge: Row) -> list[Row]:
    window = [surge["day"] - timedelta(days=n) for n in range(surge["window_days"])]
    own = (each for each in lines if each[surge["by"]] == surge["group"])
    return [each for each in own if each["born"] in window]


def home(lines: list[Row], surge: Row) -> tuple[str, float] | None:
    """Give the region of most older lines, and the share of the others."""
    last = surge["day"] - timedelta(days=surge["window_days"])
    older = [each for each in lines if each["born"] is None or each["born"] <= last]
    placed = [each for each in older if each["region"]]
    own = [each for each in placed if each[surge["by"]] == surge["group"]] or placed
    if not own:
        return None
    counts = Counter(each["region"] for each in own)
    most = min(counts, key=lambda region: (-counts[region], region))
    return most, 1 - counts[most] / len(own)


@pytest.mark.parametrize("seed", range(30))
def test_those_who_hold_lines_are_counted_as_by_hand(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    lines, surging = drawn(random), surges(random)
    tokens = pl.DataFrame(
        [(n, f"h{random.randrange(8)}") for n in lines["line"] if random.random() < 0.8],
        {"line": pl.Int64, "holder_token": pl.String},
        orient="row",
    )
    members = uses.members(lines, surging)
    placed = holders.elsewhere(lines, surging, members).collect().to_dicts()
    held = holders.several(members, tokens.lazy()).collect().to_dicts()
    rows, token = lines.to_dicts(), dict(tokens.iter_rows())
    known = members.collect()
    for surge in surging.to_dicts():
        keys = {name: surge[name] for name in new_sim_burst_surges.SURGE}
        own = born_in(rows, surge)
        assert sorted(known.filter(**keys)["line"]) == sorted(each["line"] for each in own)
        made = [each for each in placed if keys.items() <= each.items()]
        assert made == by_hand(rows, own, surge)
        counts = Counter(token[each["line"]] for each in own if each["line"] in token)
        many = [n for n in counts.values() if n > 1]
        told = [each for each in held if keys.items() <= each.items()]
        figures = {"n_holders": len(many), "n_theirs": sum(many)}
        assert told == ([keys | figures] if counts else [])


def by_hand(rows: list[Row], own: list[Row], surge: Row) -> list[Row]:
    usual, regions = home(rows, surge), [each["region"] for each in own if each["region"]]
    if surge["by"] == "region" or usual is None or not regions:
        return []
    away = [region for region in regions if region != usual[0]]
    return [
        {name: surge[name] for name in new_sim_burst_surges.SURGE}
        | {"home": usual[0].removeprefix("region "), "usual_elsewhere": pytest.approx(usual[1])}
        | {"n_placed": len(regions), "n_elsewhere": len(away), "n_regions": len(set(away))}
    ]
