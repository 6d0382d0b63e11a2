"""What the pictures of alerts count, against the slow, obvious way."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from cdr_anomaly import pipeline, settings
from cdr_anomaly.evaluation.simulation import city
from cdr_anomaly.reports.html import chart_data
from tests.helpers.builders import SHANGHAI

if TYPE_CHECKING:
    from cdr_anomaly.reports.html.chart_data import AlertCharts
    from cdr_anomaly.result import Result

Calls = list[dict[str, Any]]


@pytest.fixture(scope="module")
def calls() -> pl.DataFrame:
    return city.simulate(days=34, lines=500, seed=7).calls


@pytest.fixture(scope="module")
def result(calls: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("calls")
    calls.write_parquet(folder / "calls.parquet")
    return pipeline.scan([folder], settings.load_settings(tz=SHANGHAI))


@pytest.fixture(scope="module")
def listed(result: Result) -> pl.DataFrame:
    own = result.alerts.filter(pl.col("rank").is_not_null())
    return own.with_columns(judged_day="day")


@pytest.fixture(scope="module")
def drawn(result: Result, listed: pl.DataFrame) -> AlertCharts:
    nothing = result.tables.legs.clear()
    return chart_data.build_charts(listed, result.findings, result.tables, nothing)


@pytest.fixture(scope="module")
def placed(calls: pl.DataFrame) -> Calls:
    """List the calls that lines placed themselves, with their local day and hour."""
    zone = ZoneInfo(SHANGHAI)
    rows = calls.unique().filter(pl.col("record_type").is_in(["call", "moc"])).to_dicts()
    return [
        row | {"local": row["start_time"].astimezone(zone), "line": written(row["calling_number"])}
        for row in rows
    ]


def written(number: str | None) -> str:
    """Write a number in full, whichever of its forms the record has."""
    text = number or ""
    if text.startswith("00"):
        return f"+{text[2:]}"
    if text.startswith("0") or len(text) == 11:
        return f"+86{text.removeprefix('0')}"
    return text


def heads(listed: pl.DataFrame, drawn: AlertCharts) -> list[tuple[int, str, date]]:
    rows = listed.join(drawn.heads, on="rank").select("rank", "head", "judged_day").rows()
    assert rows
    return rows


def test_hours_and_days_are_those_of_the_calls(
    listed: pl.DataFrame, drawn: AlertCharts, placed: Calls
) -> None:
    grid, hours = drawn.pictures["grid"], drawn.pictures["hours"]
    for rank, line, day in heads(listed, drawn):
        first = day - timedelta(days=13)
        own = [row["local"] for row in placed if row["line"] == line]
        slots = Counter((at.strftime("%m-%d"), at.hour) for at in own if first <= at.date() <= day)
        told = {(d, h): n for d, h, n in grid.filter(rank=rank).select("day", "hour", "n").rows()}
        if len({d for d, _ in slots}) > 1:
            assert told == slots
        today = hours.filter(pl.col("n") > 0, rank=rank).select("hour", "n").rows()
        assert dict(today) == Counter(at.hour for at in own if at.date() == day)


def test_what_is_usual_at_an_hour_is_the_mean_of_other_days(drawn: AlertCharts) -> None:
    grid, hours = drawn.pictures["grid"], drawn.pictures["hours"]
    known = hours.filter(pl.col("usual").is_not_null())
    assert known.height
    for rank, hour, usual in known.select("rank", "hour", "usual").rows():
        rows = grid.filter(rank=rank).rows(named=True)
        last = max(row["day"] for row in rows)
        others = {row["day"] for row in rows} - {last}
        total = sum(row["n"] for row in rows if row["hour"] == hour and row["day"] != last)
        assert len(others) >= 3
        assert usual == pytest.approx(total / len(others), abs=0.051)


def test_days_of_a_line_are_all_there_and_are_counted_as_in_the_calls(
    listed: pl.DataFrame, drawn: AlertCharts, placed: Calls
) -> None:
    for rank, line, day in heads(listed, drawn):
        told = drawn.pictures["days"].filter(rank=rank)
        own = Counter(row["local"].strftime("%m-%d") for row in placed if row["line"] == line)
        span = [f"{day - timedelta(days=n):%m-%d}" for n in reversed(range(28))]
        shown = told["day"].to_list()
        assert shown == span[-len(shown) :]
        assert told["n"].to_list() == [own[d] for d in shown]


def test_a_graph_leads_from_left_to_right_and_holds_each_line_once(drawn: AlertCharts) -> None:
    graph = drawn.pictures["graph"]
    assert graph.height
    for (rank,), part in graph.partition_by("rank", as_dict=True).items():
        stands = part.drop_nulls("name")
        hops = part.filter(pl.col("name").is_null())
        assert stands["name"].is_unique().all()
        assert stands.select("x", "y").is_unique().all()
        places = set(stands.select("x", "y").rows())
        assert set(hops.select("x", "y").rows()) | set(hops.select("x2", "y2").rows()) == places
        assert (hops["x2"] > hops["x"]).all(), rank


def test_new_lines_of_a_block_are_counted_by_the_day_they_are_new_from(
    result: Result, listed: pl.DataFrame, drawn: AlertCharts
) -> None:
    told = drawn.pictures["births"]
    blocks = listed.filter(subject_kind="block")
    assert blocks.height
    births = result.tables.line_ages.drop_nulls("born").collect().rows(named=True)
    for rank, block, day in blocks.select("rank", "subject", "judged_day").rows():
        own = Counter(
            f"{row['born']:%m-%d}" for row in births if f"+{row['line']}".startswith(block)
        )
        rows = told.filter(rank=rank)
        assert rows["n"].sum() > 0
        assert rows.select("day", "n").rows() == [(d, own[d]) for d in rows["day"]]
        before = rows.filter(pl.col("day") < f"{day:%m-%d}")["n"]
        assert rows["usual"][0] == pytest.approx(sum(before) / len(before), abs=0.051)


def test_forwards_among_each_other_come_to_an_end() -> None:
    """Two lines that forward to each other have no left and no right."""
    hops = pl.DataFrame(
        {"rank": [1, 1], "forwarder": ["a", "b"], "target": ["b", "a"]},
        schema_overrides={"rank": pl.Int64},
    )
    graph = chart_data.graph(hops)
    assert graph.filter(pl.col("name").is_null()).height == 2
    assert set(graph["name"].drop_nulls()) == {"a", "b"}
