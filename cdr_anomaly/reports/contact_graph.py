"""The contact graph around one line, for i2, Gephi and networkx: GraphML, and CSV beside it.

The nodes are the line, the numbers that it has calls with, forwards to, or is forwarded to by. The
edges are all calls among these, as far as LEGS hold them (of a scan: only of lines that are read
again), and every forward (HOPS) in which one of them takes part. Calls of contacts with other
numbers are left out: around one line of a small town they are most of all calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.errors import OutputError
from cdr_anomaly.numbering import masking
from cdr_anomaly.storage import atomic_write
from cdr_anomaly.storage.csv import escape_formulas

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.features.tables import Tables

GRAPHML, CSV = ".graphml", ".csv"
# Characters that XML cannot hold; a token may contain them.
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
FACTS = ("kind", "calls", "answered", "talk_s", "first", "last")


class Graph(NamedTuple):
    """Numbers, and the calls and forwards between them.

    ``nodes`` are (id, number, number_class, step): the line in the centre has step 0, numbers with
    calls or forwards with it step 1, others step 2. ``edges`` are (caller, called), by id, and
    FACTS: kind (call or forward), calls, answered calls, seconds of talk (null for forwards), local
    times of the first and the last one.
    """

    nodes: pl.DataFrame
    edges: pl.DataFrame

    def masked(self) -> Graph:
        """Hide four digits of every number; numbers that then look alike stay apart by id."""
        return self._replace(nodes=masking.mask_table(self.nodes))


def build_graph(tables: Tables, line: object) -> Graph:
    """Return the graph around a line."""
    center = tables.literal(line)
    legs, hops = tables.legs.drop_nulls("counterpart"), tables.hops
    pairs = pl.concat(
        [
            legs.select(one="line", other="counterpart"),
            legs.select(one="counterpart", other="line"),
            hops.select(one="forwarder", other="target"),
            hops.select(one="target", other="forwarder"),
        ]
    )
    near = (
        pairs.filter(pl.col("one") == center).select("other").unique().collect()["other"].implode()
    )

    def within(*ends: str) -> list[pl.Expr]:
        return [pl.col(end).is_in(near) | (pl.col(end) == center) for end in ends]

    of_hops = pl.any_horizontal(within("forwarder", "target"))
    rows = pl.concat(
        [
            _calls(legs.filter(within("line", "counterpart")), center),
            _forwards(hops.filter(of_hops)),
        ]
    )
    times = (tables.local(pl.col(name)).alias(name) for name in ("first", "last"))
    edges = rows.with_columns(*times).collect()
    nodes = _nodes(tables, edges, center, near)
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


def file_pair(file: Path) -> tuple[Path, Path]:
    """Return the GraphML and the CSV file of a graph that is written to ``file``."""
    if file.suffix.lower() not in {GRAPHML, CSV}:
        msg = f"'{file}' ends neither in .graphml nor in .csv, so its form is not known."
        raise OutputError(msg)
    other = CSV if file.suffix.lower() == GRAPHML else GRAPHML
    both = (file, file.with_suffix(other))
    return both if other == CSV else (both[1], both[0])


def write(file: Path, graph: Graph) -> None:
    """Write a graph in both forms, or none, readable by their owner only."""
    graphml, csv = file_pair(file)
    with atomic_write.staging_folder(file.parent) as folder:
        _write_graphml(folder / graphml.name, graph)
        escape_formulas(edge_rows(graph)).write_csv(folder / csv.name)


def edge_rows(graph: Graph) -> pl.DataFrame:
    """Return a row for each edge, with the numbers of both ends."""
    ends = ("caller", "called")
    rows = graph.edges.rename({end: f"{end}_id" for end in ends})
    for end in ends:
        names = {"number": end, "number_class": f"{end}_class", "step": f"{end}_step"}
        nodes = graph.nodes.rename({"id": f"{end}_id"} | names)
        rows = rows.join(nodes, on=f"{end}_id", maintain_order="left")
    columns = (name for end in ends for name in (f"{end}_id", end, f"{end}_class", f"{end}_step"))
    return rows.select(*columns, *FACTS)


def _calls(legs: pl.LazyFrame, center: pl.Expr) -> pl.LazyFrame:
    """Count the calls between two numbers, of which one or both may have legs.

    A call in the legs of both counts once: the line in the centre goes first, then the caller.
    """
    line, other, placed = pl.col("line"), pl.col("counterpart"), pl.col("outgoing")
    # A line has two legs of a call to itself; the one that it placed goes first.
    whose = 2 * (line != center).cast(pl.Int64) + (~placed).cast(pl.Int64)
    rows = legs.select(
        "answered",
        "duration_s",
        "start",
        whose=whose,
        caller=pl.when(placed).then(line).otherwise(other),
        called=pl.when(placed).then(other).otherwise(line),
    )
    calls = rows.group_by("caller", "called", "whose").agg(
        kind=pl.lit("call"), talk_s=pl.col("duration_s").sum(), **_sums()
    )
    first = pl.col("whose") == pl.col("whose").min().over("caller", "called")
    return calls.filter(first).drop("whose")


def _forwards(hops: pl.LazyFrame) -> pl.LazyFrame:
    rows = hops.group_by(caller="forwarder", called="target")
    return rows.agg(kind=pl.lit("forward"), talk_s=pl.lit(None, pl.Int64), **_sums())


def _sums() -> dict[str, pl.Expr]:
    start = pl.col("start")
    return {
        "calls": pl.len().cast(pl.Int64),
        "answered": pl.col("answered").sum().cast(pl.Int64),
        "first": start.min(),
        "last": start.max(),
    }


def _nodes(tables: Tables, edges: pl.DataFrame, center: pl.Expr, near: pl.Series) -> pl.DataFrame:
    line = pl.col("line")
    ends = pl.concat([edges.select(line="caller"), edges.select(line="called")]).unique()
    step = pl.when(line == center).then(0).when(line.is_in(near)).then(1).otherwise(2)
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

    network = nx.MultiDiGraph()
    plain = pl.col(pl.String).str.replace_all(CONTROL, "\N{REPLACEMENT CHARACTER}")
    asked = pl.col("step") == 0
    # Gephi shows the attribute label, and draws the width of an edge by the attribute weight.
    nodes = graph.nodes.with_columns(plain).with_columns(asked=asked, label="number")
    network.add_nodes_from((node.pop("id"), node) for node in nodes.iter_rows(named=True))
    edges = graph.edges.with_columns(weight="calls").iter_rows(named=True)
    network.add_edges_from(
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
    nx.write_graphml(network, file, named_key_ids=True)
