"""The contact graph around a line, as other programs read it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import networkx as nx
import polars as pl
import pytest

from cdr_anomaly.reports import contact_graph
from tests.helpers import story_twins
from tests.helpers.builders import SHANGHAI, feed, line
from tests.helpers.story_twins import ALL, OWN, explained

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-05-02"
HUB, OTHER, FAR = "+8613911110000", "+8613911110001", "+8613922220000"
# With four digits hidden these two look alike.
ALIKE = ("+8613800000055", "+8613811110055")
Told = dict[tuple[str, str, str], dict[str, Any]]


def town() -> pl.DataFrame:
    """A line that calls two numbers and forwards to a hub, to which another forwards, too."""
    own = line(OWN).dials(4, on=DAY, to=ALIKE, answered=0.5, talk_s=40)
    own.receives(1, on="2026-05-04", by=ALIKE[0], talk_s=7)
    own.forwards(2, on=DAY, to=HUB, by=(FAR,))
    other = line(OTHER).forwards(3, on=DAY, to=HUB, by="strangers")
    known = line(ALIKE[0]).dials(5, on=DAY, at="08:00", to=ALIKE[1])
    return feed(own, other, known.dials(7, on=DAY, to="+8613933330000"))


def written(folder: Path, run: Any, name: str, *words: str) -> tuple[Path, Path]:
    """Let the command write a graph; name its GraphML and its CSV."""
    town().write_parquet(folder / "calls.parquet")
    settings = (word for setting in ALL for word in ("--set", setting))
    ran = run(
        "explain",
        OWN,
        folder / "calls.parquet",
        "--tz",
        SHANGHAI,
        *settings,
        "--edges",
        folder / "out" / name,
        *words,
    )
    assert ran.code == 0, ran.err
    both = folder / "out" / "town.graphml", folder / "out" / "town.csv"
    assert f"The contact graph is in {both[0]} and {both[1]}." in ran.err
    return both


def of_graph(graph: nx.MultiDiGraph) -> Told:
    number = graph.nodes(data="number")
    return {
        (number[caller], number[called], told["kind"]): told
        for caller, called, told in graph.edges(data=True)
    }


def of_table(csv: Path) -> Told:
    rows = pl.read_csv(csv, infer_schema=False).to_dicts()
    return {
        (row["caller"].lstrip("'"), row["called"].lstrip("'"), row["kind"]): row for row in rows
    }


@pytest.mark.parametrize("name", ["town.graphml", "town.csv"])
def test_networkx_reads_the_edges_that_the_csv_has(tmp_path: Path, run: Any, name: str) -> None:
    graphml, csv = written(tmp_path, run, name)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in graphml.parent.iterdir()}
    assert modes == {0o600}
    assert set(graphml.parent.iterdir()) == {graphml, csv}
    graph = nx.read_graphml(graphml)
    told, rows = of_graph(graph), of_table(csv)
    assert {edge: facts["calls"] for edge, facts in told.items()} == {
        (OWN, ALIKE[0], "call"): 2,
        (OWN, ALIKE[1], "call"): 2,
        (ALIKE[0], OWN, "call"): 1,
        (ALIKE[0], ALIKE[1], "call"): 5,
        (FAR, OWN, "call"): 2,
        (OWN, HUB, "forward"): 2,
        (OTHER, HUB, "forward"): 3,
    }
    assert set(rows) == set(told)
    for edge, facts in told.items():
        told_of = {key: str(value) for key, value in facts.items() if key in contact_graph.FACTS}
        assert told_of == {key: rows[edge][key] for key in contact_graph.FACTS if rows[edge][key]}
    one = told[OWN, ALIKE[0], "call"]
    assert (one["answered"], one["talk_s"], one["weight"]) == (0, 0, 2)
    assert (one["first"], one["last"]) == (f"{DAY} 10:00", f"{DAY} 10:02")
    assert "talk_s" not in told[OWN, HUB, "forward"]
    assert rows[OWN, HUB, "forward"]["talk_s"] is None
    steps = {node["number"]: node["step"] for _, node in graph.nodes(data=True)}
    assert steps == {OWN: 0, **dict.fromkeys((*ALIKE, HUB, FAR), 1), OTHER: 2}
    asked = [node for _, node in graph.nodes(data=True) if node["asked"]]
    assert [(node["number"], node["number_class"]) for node in asked] == [(OWN, "mobile")]


def test_numbers_that_look_alike_when_masked_stay_apart(tmp_path: Path, run: Any) -> None:
    graphml, csv = written(tmp_path, run, "town.graphml", "--mask")
    graph = nx.read_graphml(graphml)
    shown = [node["number"] for _, node in graph.nodes(data=True)]
    assert len(shown) == 6
    assert shown.count("+86138****0055") == 2
    rows = pl.read_csv(csv, infer_schema=False)
    alike = rows.filter(pl.col("called").str.contains("0055")).select("called_id", "called")
    assert alike["called"].n_unique() == 1
    assert alike["called_id"].n_unique() == 2
    assert rows.height == graph.number_of_edges() == 7
    for file in (graphml, csv):
        text = file.read_text(encoding="utf-8")
        assert not any(number[1:] in text for number in (OWN, HUB, OTHER, FAR, *ALIKE))


@pytest.mark.parametrize("seed", range(2))
def test_each_call_counts_once_though_both_ends_tell_of_it(seed: int, tmp_path: Path) -> None:
    drawn = story_twins.calls(seed)
    _, result = explained(tmp_path, story_twins.frame(drawn), OWN, *ALL)
    graph = contact_graph.build_graph(result.tables, result.line)
    near = {OWN} | {end for call in drawn for end in call[:2] if OWN in call[:2]}
    legs = result.tables.legs.select(number=result.tables.written(pl.col("line"))).collect()
    known = set(legs["number"])
    expected: dict[tuple[str, str], list[int]] = {}
    for call in drawn:
        if {call.caller, call.called} <= near and {call.caller, call.called} & known:
            sums = expected.setdefault((call.caller, call.called), [0, 0, 0])
            sums[0] += 1
            sums[1] += call.duration_s > 0
            sums[2] += call.duration_s
    rows = (
        contact_graph.edge_rows(graph)
        .select("caller", "called", "calls", "answered", "talk_s")
        .rows()
    )
    assert {(caller, called): sums for caller, called, *sums in rows} == expected


def test_a_call_to_itself_counts_once(tmp_path: Path) -> None:
    calls = feed(line(OWN).dials(3, on=DAY, to=OWN))
    _, result = explained(tmp_path, calls, OWN)
    graph = contact_graph.build_graph(result.tables, result.line)
    assert graph.nodes.select("number", "step").rows() == [(OWN, 0)]
    assert graph.edges.select("caller", "called", "calls").rows() == [("n0", "n0", 3)]


def test_a_form_that_is_not_known_is_said_before_the_work(tmp_path: Path, run: Any) -> None:
    ran = run("explain", OWN, tmp_path / "nowhere.parquet", "--edges", "town.gexf")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "cdr-anomaly: 'town.gexf' ends neither in .graphml nor in .csv, so its form is not known.\n"
    )


def test_a_token_that_xml_cannot_hold_is_written(tmp_path: Path) -> None:
    nodes = pl.DataFrame(
        {"id": ["n0"], "number": ["a\x01<&>\uffff"], "number_class": ["unknown"], "step": [0]}
    )
    told = {
        "caller": "n0",
        "called": "n0",
        "kind": "call",
        "calls": 1,
        "answered": 1,
        "talk_s": 1,
        "first": "=1",
        "last": "b",
    }
    contact_graph.write(tmp_path / "a.CSV", contact_graph.Graph(nodes, pl.DataFrame([told])))
    graph = nx.read_graphml(tmp_path / "a.graphml")
    assert graph.nodes["n0"]["number"] == "a\N{REPLACEMENT CHARACTER}<&>\N{REPLACEMENT CHARACTER}"
    assert "'=1" in (tmp_path / "a.CSV").read_text(encoding="utf-8")
