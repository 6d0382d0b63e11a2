"""Connected components of subjects that are linked."""

from __future__ import annotations

import numpy as np
import polars as pl


def number_components(subjects: pl.Series, links: pl.DataFrame) -> pl.DataFrame:
    """Return (subject, actor): the connected components of subjects under ``links`` (one, other).

    An end of a link that is no subject, such as a handset, only connects. Components are numbered
    in the order of their first nodes: subjects, then ends of links.
    """
    nodes = pl.concat([subjects, links["one"], links["other"]]).unique(maintain_order=True)
    places = pl.DataFrame({"node": nodes, "place": np.arange(len(nodes))})
    one, other = (
        links.join(places, left_on=end, right_on="node", maintain_order="left")["place"].to_numpy()
        for end in ("one", "other")
    )
    _, actor = np.unique(_least_connected(len(nodes), one, other), return_inverse=True)
    numbered = places.with_columns(actor=pl.Series(actor, dtype=pl.Int64))
    return numbered.filter(pl.col("node").is_in(subjects.implode())).select("actor", subject="node")


def _least_connected(n: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return, for each of ``n`` nodes, the least node that edges connect it with."""
    least = np.arange(n)
    while True:
        ends = least[one], least[other]
        low, high = np.minimum(*ends), np.maximum(*ends)
        if (low == high).all():
            return least
        np.minimum.at(least, high, low)
        # Follow each node to the end of its chain.
        while (least != least[least]).any():
            least = least[least]
