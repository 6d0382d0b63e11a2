"""What Spark keeps it does not work out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly.engines.spark_cluster import Cluster
from cdr_anomaly.engines.spark_wire import Piece
from tests.helpers.engine_pair import MASTER, needs_spark

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.engines.spark_wire import Pieces

pytestmark = [pytest.mark.slow, *needs_spark]


def pieces(*buckets: int) -> Pieces:
    for bucket in buckets:
        yield Piece(bucket, "odd" if bucket % 2 else "even", pl.DataFrame({"n": [bucket]}))


def test_what_is_kept_in_several_places_is_worked_out_once(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def worked(made: Pieces) -> Pieces:
        with log.open("a") as file:
            file.write("worked\n")
        yield from made

    cluster = Cluster(MASTER, 2**30)
    first, second, third = (
        cluster.map_buckets(cluster.upload(pieces(n, n + 1)), 2, worked) for n in (0, 2, 4)
    )
    kept = [cluster.persist(cluster.union([first, second])), cluster.persist(third)]
    once = log.read_text()
    assert once
    found = cluster.fetch(cluster.select_table(kept, "odd"))
    assert {piece.bucket for piece in found} == {1, 3, 5}
    others = cluster.map_buckets(cluster.drop_tables(kept, "odd"), 2, lambda made: made)
    assert {piece.bucket for piece in cluster.stream(others)} == {0, 2, 4}
    assert log.read_text() == once
    cluster.release()
