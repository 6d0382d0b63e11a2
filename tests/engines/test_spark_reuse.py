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

    from cdr_anomaly.engines.spark_wire import Made

pytestmark = [pytest.mark.slow, *needs_spark]


def pieces(*buckets: int) -> Made:
    for bucket in buckets:
        yield Piece(bucket, "odd" if bucket % 2 else "even", pl.DataFrame({"n": [bucket]}))


def test_what_is_kept_in_several_places_is_worked_out_once(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def worked(made: Made) -> Made:
        with log.open("a") as file:
            file.write("worked\n")
        yield from made

    cluster = Cluster(MASTER, 2**30)
    first, second, third = (
        cluster.over_pieces(cluster.put(pieces(n, n + 1)), 2, worked) for n in (0, 2, 4)
    )
    kept = [cluster.kept(cluster.together([first, second])), cluster.kept(third)]
    once = log.read_text()
    assert once
    found = cluster.fetched(cluster.only(kept, "odd"))
    assert {piece.bucket for piece in found} == {1, 3, 5}
    others = cluster.over_pieces(cluster.without(kept, "odd"), 2, lambda made: made)
    assert {piece.bucket for piece in cluster.streamed(others)} == {0, 2, 4}
    assert log.read_text() == once
    cluster.let_go()
