"""The contact graph around one line, for i2, Gephi and networkx: GraphML, and CSV beside it.

There are the line, whom it has calls with, whom it forwards to and who forwards to it; all calls
among these as far as LEGS tell, which are of lines that are looked at twice only; and every forward
(HOPS) that one of them has part in. Calls of contacts with anybody else are left out: of one line
of a small town they are most of all calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.errors import OutputError
from cdr_anomaly.numbering import masking
from cdr_anomaly.storage import atomic_write
from cdr_anomaly.storage import csv as storage_csv

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.features.tables import Tables

GRAPHML, CSV = ".graphml", ".csv"
# What XML cannot hold; a token may have it.
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
FACTS = ("kind", "calls", "answered", "talk_s", "first", "last")


class Graph(NamedTuple):
    """Numbers, and who called or forwarded to whom.

    ``nodes`` are (id, number, number_class, step): the line that was asked for is step 0, whom it
    has calls or forwards with step 1, others step 2. ``edges`` are (caller, called), by id, and
    FACTS: kind (call or forward), calls, of these answered, seconds of talk (of forwards unknown),
    the local times of the first and the last one.
    """

    nodes: pl.DataFrame
    edges: pl.DataFrame

    def masked(self) -> Graph:
        """Hide four digits of every number; numbers that then look alike stay apart by id."""
        return self._replace(nodes=masking.mask_table(self.nodes))


def around(tables: Tables, line: object) -> Graph:
    """Make the graph around a line."""
    own = tables.literal(line)
    legs, hops = tables.legs.drop_nulls("counterpart"), tables.hops
    pairs = pl.concat(
        [
            legs.select(one="line", other="counterpart"),
            legs.select(one="counterpart", other="line"),
            hops.select(one="forwarder", other="target"),
            hops.select(one="target", other="forwarder"),
        ]
    )
    near = pairs.filter(pl.col("one") == own).select("other").unique().collect()["other"].implode()

    def within(*ends: str) -> list[pl.Expr]:
        return [pl.col(end).is_in(near) | (pl.col(end) == own) for end in ends]

    of_hops = pl.any_horizontal(within("forwarder", "target"))
    rows = pl.concat(
        [
            _calls(legs.filter(within("line", "counterpart")), own),
            _forwards(hops.filter(of_hops)),
        ]
    )
    times = (tables.local(pl.col(name)).alias(name) for name in ("first", "last"))
    edges = rows.with_columns(*times).collect()
    nodes = _nodes(tables, edges, own, near)
    ids = nodes.select("line", "id")
    for end in ("caller", "called"):
        edges = edges.join(ids.rename({"line": end, "id": f"{end}_id"}), on=end)
    edges = edges.sort(pl.col("caller_id", "called_id").str.slice(1).cast(pl.Int64), "kind")
    return Graph(
        nodes.drop("line"),
        edges.select(
            pl.col("caller_id").alias("caller"), pl.col("called_id").alias("called"), *FACTS
        ),
    )


def forms(file: Path) -> tuple[Path, Path]:
    """Name the GraphML and the CSV file of a graph that is to be written to ``file``."""
    if file.suffix.lower() not in {GRAPHML, CSV}:
        msg = f"'{file}' ends neither in .graphml nor in .csv, so its form is not known."
        raise OutputError(msg)
    other = CSV if file.suffix.lower() == GRAPHML else GRAPHML
    both = (file, file.with_suffix(other))
    return both if other == CSV else (both[1], both[0])


def write(file: Path, graph: Graph) -> None:
    """Write a graph in both forms, readable by their owner only, both of them or none."""
    graphml, csv = forms(file)
    with atomic_write.staging_folder(file.parent) as place:
        _write_graphml(place / graphml.name, graph)
        storage_csv.escape_formulas(flat(graph)).write_csv(place / csv.name)


def flat(graph: Graph) -> pl.DataFrame:
    """Put the numbers of both ends beside each edge, a row an edge."""
    ends = ("caller", "called")
    rows = graph.edges.rename({end: f"{end}_id" for end in ends})
    for end in ends:
        names = {"number": end, "number_class": f"{end}_class", "step": f"{end}_step"}
        nodes = graph.nodes.rename({"id": f"{end}_id"} | names)
        rows = rows.join(nodes, on=f"{end}_id", maintain_order="left")
    told = (name for end in ends for name in (f"{end}_id", end, f"{end}_class", f"{end}_step"))
    return rows.select(*told, *FACTS)


def _calls(legs: pl.LazyFrame, own: pl.Expr) -> pl.LazyFrame:
    """Count the calls between each two numbers, of which one or both may have legs.

    A call that both tell of counts once: the line that was asked for goes first, then the caller.
    """
    line, other, placed = pl.col("line"), pl.col("counterpart"), pl.col("outgoing")
    # Of a call to itself a line has two legs; the one that it placed goes first here, too.
    whose = 2 * (line != own).cast(pl.Int64) + (~placed).cast(pl.Int64)
    rows = legs.select(
        "answered",
        "duration_s",
        "start",
        whose=whose,
        caller=pl.when(placed).then(line).otherwise(other),
        called=pl.when(placed).then(other).otherwise(line),
    )
    known = rows.group_by("caller", "called", "whose").agg(
        kind=pl.lit("call"),
        calls=pl.len().cast(pl.Int64),
        answered=pl.col("answered").sum().cast(pl.Int64),
        talk_s=pl.col("duration_s").sum(),
        first=pl.col("start").min(),
        last=pl.col("start").max(),
    )
    first = pl.col("whose") == pl.col("whose").min().over("caller", "called")
    return known.filter(first).drop("whose")


def _forwards(hops: pl.LazyFrame) -> pl.LazyFrame:
    return hops.group_by(caller="forwarder", called="target").agg(
        kind=pl.lit("forward"),
        calls=pl.len().cast(pl.Int64),
        answered=pl.col("answered").sum().cast(pl.Int64),
        talk_s=pl.lit(None, pl.Int64),
        first=pl.col("start").min(),
        last=pl.col("start").max(),
    )


def _nodes(tables: Tables, edges: pl.DataFrame, own: pl.Expr, near: pl.Series) -> pl.DataFrame:
    line = pl.col("line")
    ends = pl.concat([edges.select(line="caller"), edges.select(line="called")]).unique()
    step = pl.when(line == own).then(0).when(line.is_in(near)).then(1).otherwise(2)
    number = tables.written(line)
    named = ends.with_columns(step=step.cast(pl.Int64), number=number).sort("step", "number")
    return named.select(
        "line",
        "number",
        "step",
        id=wording.format_text("n{}", pl.int_range(pl.len())),
        number_class=numbering.number_class(pl.col("number"), tables.plan),
    ).select("line", "id", "number", "number_class", "step")


def _write_graphml(file: Path, graph: Graph) -> None:
    import networkx as nx

    whole = nx.MultiDiGraph()
    plain = pl.col(pl.String).str.replace_all(CONTROL, "\N{REPLACEMENT CHARACTER}")
    asked = pl.col("step") == 0
    # Gephi shows what is called label, and takes what is called weight for the width of an edge.
    nodes = graph.nodes.with_columns(plain).with_columns(asked=asked, label="number")
    whole.add_nodes_from((node.pop("id"), node) for node in nodes.iter_rows(named=True))
    edges = graph.edges.with_columns(weight="calls").iter_rows(named=True)
    whole.add_edges_from(
        (
            edge["caller"],
            edge["called"],
            f"e{n}",
            {
                name: value
                for name, value in edge.items()
                if name not in {"caller", "called"} and value is not None
            },
        )
        for n, edge in enumerate(edges)
    )
    nx.write_graphml(whole, file, named_key_ids=True)
