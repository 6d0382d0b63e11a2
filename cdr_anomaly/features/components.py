"""Connected components of subjects that are linked."""

from __future__ import annotations

import numpy as np
import polars as pl


def number_components(subjects: pl.Series, links: pl.DataFrame) -> pl.DataFrame:
    """Return (subject, actor): the connected components of subjects under ``links`` (one, other).

    An end of a link that is no subject, such as a handset, only connects.
    """
    nodes = pl.concat([subjects, links["one"], links["other"]]).unique(maintain_order=True)
    places = pl.DataFrame({"node": nodes, "place": np.arange(len(nodes))})
    if links.is_empty():  # scipy takes a while to load
        return places.select(actor=pl.col("place").cast(pl.Int64), subject="node")
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = (
        links.join(places, left_on=end, right_on="node", maintain_order="left")["place"].to_numpy()
        for end in ("one", "other")
    )
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(nodes), len(nodes)))
    _, actor = connected_components(graph, directed=False)
    numbered = places.with_columns(actor=pl.Series(actor, dtype=pl.Int64))
    return numbered.filter(pl.col("node").is_in(subjects.implode())).select("actor", subject="node")
