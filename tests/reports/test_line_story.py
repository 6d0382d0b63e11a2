"""A line's story holds what its calls, and what was found of it, say; the terminal shows it."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import detectors
from cdr_anomaly.features import shared_targets
from cdr_anomaly.reports import line_story_terminal
from cdr_anomaly.reports.line_story import Story
from cdr_anomaly.schema import STORY
from tests.helpers import story_twins
from tests.helpers.builders import BIDDEN, SHANGHAI, feed, line, many
from tests.helpers.story_twins import ALL, LINES, OWN, explained

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.builders import Line

DAY = "2026-05-02"
ABROAD = [f"+44208000{n:04d}" for n in range(80)]


def busy_one() -> Line:
    """A line that dials strangers, is called, and forwards once."""
    one = line(OWN).dials(240, on=DAY, gap_s=20, called_back=0.1, answered=0.5, imei="3" * 15)
    one.receives(3, on="2026-05-04", by="+8613900000009")
    return one.forwards(2, on="2026-05-04", to="+8613900000008")


def titles(out: str) -> list[str]:
    """Name the tables of an output, by what comes after an empty line."""
    return re.findall(r"\n\n(\S[^\n]*)\n", "\n\n" + out)


def test_every_table_has_its_columns_and_field(tmp_path: Path) -> None:
    assert tuple(STORY) == Story._fields
    for calls in (feed(busy_one()), feed(line(OWN).receives(1, on=DAY))):
        story, _ = explained(tmp_path, calls, OWN)
        for name, table in STORY.items():
            found = getattr(story, name)
            assert found.columns == list(table), name
            types = [column.dtype for column in table.values()]
            told = [t for t, wanted in zip(found.dtypes, types, strict=True) if wanted is not None]
            assert told == [wanted for wanted in types if wanted is not None], name


@pytest.mark.parametrize("seed", range(3))
def test_what_is_counted_equals_the_slow_twins(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_targets, "MAX_CALLERS", 17)
    drawn = story_twins.calls(seed)
    story, result = explained(tmp_path, story_twins.frame(drawn), OWN, *ALL)
    rows = story.grid.rows()
    assert {(day, hour): tuple(counts) for day, hour, *counts in rows} == story_twins.grid(drawn)

    contacts = {row["number"]: row for row in story.contacts.to_dicts()}
    ends = [{call.caller, call.called} for call in drawn]
    assert set(contacts) == set().union(*(both for both in ends if OWN in both)) - {OWN}
    for number, row in contacts.items():
        assert row["placed"] + row["received"] == ends.count({OWN, number})
        assert row["call_backs"] == story_twins.call_backs(drawn, number)
        share = row["call_backs"] / row["received"] if row["received"] else None
        assert row["back_share"] == share
    assert sum(row["call_backs"] for row in contacts.values()) > 3

    legs = result.tables.legs.select(number=result.tables.written(pl.col("line")))
    known = set(legs.collect()["number"])
    assert known >= set(LINES)
    met = story_twins.shared_contacts(drawn, known, shared_targets.MAX_CALLERS)
    related = story.related.filter(how="shared contacts").drop("how", "number_class")
    assert {row[0]: story_twins.Shared(*row[1:]) for row in related.rows()} == {
        number: shared._replace(expected=pytest.approx(shared.expected))
        for number, shared in met.items()
    }
    handsets = story.related.filter(how="same handset").select("number", "count", "of")
    assert {n: (count, of) for n, count, of in handsets.rows()} == story_twins.same_handset(drawn)


def test_few_lines_share_contacts_with_no_telling_what_is_chance(tmp_path: Path) -> None:
    two = [line(number).dials(30, on=DAY, to=ABROAD[:30]) for number in LINES[:2]]
    one_in_common = line(LINES[2]).dials(31, on=DAY, to=ABROAD[29:60])
    story, _ = explained(tmp_path, feed(*two, one_in_common), OWN, *ALL)
    related = story.related.filter(how="shared contacts")
    columns = ("number", "count", "of", "expected")
    assert related.select(columns).rows() == [(LINES[1], 30, 30, None)]


def test_related_by_list_forward_target_and_block(tmp_path: Path) -> None:
    crew = [line(number).dials(60, on=DAY, gap_s=90, to=ABROAD) for number in LINES[:3]]
    hub, far = "+8613911110000", "+8613911119999"
    crew[0].forwards(2, on=DAY, to=hub)
    crew[1].forwards(3, on=DAY, to=(hub, hub, far))
    story, _ = explained(tmp_path, feed(*crew, line("+8613700000001").dials(40, on=DAY)), OWN)
    related = {(row["how"], row["number"]): row for row in story.related.to_dicts()}
    listed = related["campaign list", LINES[1]]
    assert listed["count"] == 60
    assert listed["expected"] < 10
    target = related["same forward target", LINES[1]]
    assert (target["count"], target["of"], target["last"]) == (2, 3, date.fromisoformat(DAY))
    assert ("same forward target", LINES[2]) not in related
    near = [number for how, number in related if how == "same block"]
    assert near == LINES[1:3]
    assert [related["same block", number]["count"] for number in near] == [1, 2]
    assert list(dict.fromkeys(how for how, _ in related)) == [
        "same forward target",
        "campaign list",
        "campaign range",
        "shared contacts",
        "same block",
    ]


def test_a_hub_of_which_nothing_but_forwards_is_known_has_a_story(tmp_path: Path, run: Any) -> None:
    hub = "+8613911110000"
    relays = many(
        6,
        "+8613700000001",
        lambda each: each.forwards(4, on=[DAY, "2026-05-04"], to=hub, shape="legs"),
    )
    story, _ = explained(tmp_path, feed(*relays), hub)
    assert story.days.is_empty()
    assert story.forwards_in.select("calls", "callers", "days").unique().rows() == [(8, 8, 2)]
    assert story.forwards_in.height == 6
    days = story.forward_days.group_by("day", "direction").agg(pl.col("calls").sum()).sort("day")
    assert [row[1:] for row in days.rows()] == [("in", 24)] * 2
    assert "forwarding_chain" in set(story.findings["detector"])
    assert story.alerts["subject"].to_list() == [hub]
    ran = run("explain", hub, tmp_path / "calls.parquet", "--tz", SHANGHAI, "--judge")
    assert re.search(r"forwarded here +█\.█ +48 +24", ran.out)
    others = ran.out.split("Findings of others that name it, the latest of each")[1]
    others = others.split("Alerts that name it")[0]
    assert others.count("+861370000000") == 6


@pytest.mark.parametrize("number", ["10086", "95588", "110", "1"])
def test_a_short_number_has_a_story(tmp_path: Path, run: Any, number: str) -> None:
    calls = feed(
        line(OWN).dials(5, on=DAY, to=number),
        line(OWN).forwards(2, on=DAY, to=number),
        line(number).dials(3, on=DAY, to="+8613900000009"),
    )
    calls.write_parquet(tmp_path / "calls.parquet")
    ran = run(
        "explain",
        number,
        tmp_path / "calls.parquet",
        "--html",
        tmp_path / "line.html",
        "--edges",
        tmp_path / "edges.graphml",
    )
    assert ran.code == 0, ran.err
    contact = re.search(rf"{re.escape(OWN)} .*", ran.out)
    assert contact is not None
    assert (tmp_path / "line.html").exists()
    nodes = (tmp_path / "edges.graphml").read_text()
    assert f">{number}<" in nodes
    assert f">{OWN}<" in nodes


def test_days_cells_and_handsets(tmp_path: Path) -> None:
    one = line(OWN).dials(4, on=DAY, cells=2, imei="350000000000011")
    one.dials(2, on="2026-05-04", at="23:30", cells=1, imei="350000000000022")
    story, _ = explained(tmp_path, feed(one), OWN)
    assert story.handsets.rows() == [
        ("350000000000011", 4, 1, f"{DAY} 10:00", f"{DAY} 10:03"),
        ("350000000000022", 2, 1, "2026-05-04 23:30", "2026-05-04 23:31"),
    ]
    days = [(str(day), name[-1], calls) for day, name, calls in story.cell_days.rows()]
    assert days == [(DAY, "0", 2), (DAY, "1", 2), ("2026-05-04", "0", 2)]
    assert story.days.select("n_out", "n_cells", "n_in").rows() == [(4, 2, 0), (2, 1, 0)]


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    words = ("mass_dialler.calls=900", "agent_shift.talk_h=7.5")
    story, _ = explained(tmp_path, feed(busy_one()), OWN, *words)
    rows = {(row[2], row[3]): row[:2] for row in story.limits.rows()}
    assert rows["mass_dialler", "calls"] == ("n_out", 900.0)
    assert rows["agent_shift", "talk_h"] == ("talk_h", 7.5)
    assert rows["high_frequency", "calls_60min"] == ("peak_60min", 30.0)
    for detector in detectors.ALL:
        assert set(detector.story_limits) <= set(detector.limits)
        assert set(detector.story_limits.values()) <= {*STORY["days"], *STORY["shifts"]}


@pytest.mark.parametrize(
    ("count", "drawn"), [(0, "."), (1, "▁"), (100, "▁"), (101, "▂"), (799, "█"), (800, "█")]
)
def test_bars(count: int, drawn: str) -> None:
    told = pl.select(n=pl.lit(count)).select(line_story_terminal.bars(pl.col("n"), pl.lit(800)))
    assert told.item() == drawn


def test_the_terminal_shows_the_same(tmp_path: Path, run: Any) -> None:
    feed(busy_one()).write_parquet(tmp_path / "calls.parquet")
    ran = run("explain", OWN, tmp_path / "calls.parquet", "--tz", SHANGHAI, "--judge")
    assert ran.code == 0
    assert max(map(len, ran.out.splitlines())) <= 100
    story, _ = explained(tmp_path, feed(busy_one()), OWN)
    shown = line_story_terminal.tables(story)
    assert len(shown) == 18
    assert [title[:60] for title in titles(ran.out)] == [title[:60] for title in shown]
    assert len(re.findall(r"\nnone\n", ran.out)) == sum(t.is_empty() for t in shown.values()) > 0
    # 240 calls, 20 s apart from 10:00; every tenth called person calls back an hour later.
    assert re.search(rf"\n {DAY} +\.{{10}}█▃\.{{12}} +240 +\.{{11}}\S\S\.{{11}} +24 ", ran.out)
    assert re.search(r"\n placed +█\.\. +240 +240 ", ran.out)
    assert re.search(r"\n +forwarded +\.\.█ +2 +2 ", ran.out)
    assert "placed 180 calls in 60 minutes" in " ".join(ran.out.split())
    assert not any(word in ran.out.lower() for word in BIDDEN)


def test_the_calendar_of_a_long_feed_ends_with_its_last_day(tmp_path: Path) -> None:
    one = line(OWN).dials(2, on=["2026-01-01", "2026-02-20", DAY])
    story, _ = explained(tmp_path, feed(one), OWN)
    ((title, calendar),) = (
        (t, table)
        for t, table in line_story_terminal.tables(story).items()
        if t.startswith("Calls by day")
    )
    (drawn,) = calendar["by day"]
    assert (len(drawn), drawn[-1], drawn.count("█")) == (92, "█", 2)
    assert title.startswith(f"Calls by day, 2026-01-31 to {DAY}")
    assert story.days.height == 3


def test_mask_hides_four_digits_of_every_number(tmp_path: Path, run: Any) -> None:
    feed(busy_one()).write_parquet(tmp_path / "calls.parquet")
    ran = run("explain", OWN, tmp_path / "calls.parquet", "--tz", SHANGHAI, "--mask")
    assert "+86138****0001" in ran.out
    assert re.findall(r"\d{11,}", ran.out) == []
