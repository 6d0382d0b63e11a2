"""The Spark engine on a cluster that is pretended: tasks in a row, and pieces packed in between.

It needs no Spark and no Java, and cuts rows up as unkindly as can be.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from cdr_anomaly.engines.spark import Spark
from cdr_anomaly.engines.spark_wire import pack, unpack
from cdr_anomaly.ingest import file_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from cdr_anomaly.engines.spark_wire import Piece, Pieces
    from cdr_anomaly.ingest import FileGroup

Pieces = list["Piece"]


class Pretended:
    """What engines.cluster.Cluster does, here and in lists."""

    n_tasks = 2

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - no secret
        self.most = 0

    def map_files(
        self,
        shape: FileGroup,
        of: Callable[[FileGroup], pl.LazyFrame],
        made_of: Callable[[Iterator[pl.DataFrame]], Pieces],
        lines: pl.Series | None = None,
    ) -> Pieces:
        del lines  # it need not leave out any row
        paths = [str(file.path) for file in shape.files]
        raw = file_group.scan_files(shape.files, path_column=shape.path_column).collect()
        assert set(raw[shape.path_column]) <= set(paths)
        made: Pieces = []
        for task in self._cut(raw.sample(fraction=1, shuffle=True, seed=self.chance.randrange(99))):
            bare = replace(shape, files=())
            chunks = (of(replace(bare, raw_rows=each.lazy())).collect() for each in self._cut(task))
            made += _packed(made_of(chunks))
        return made

    def map_buckets(
        self, pieces: Pieces, buckets: int, made_of: Callable[[Pieces], Pieces]
    ) -> Pieces:
        made: Pieces = []
        for task in range(buckets):
            ours = [piece for piece in pieces if piece.bucket % buckets == task]
            self.chance.shuffle(ours)
            made += _packed(made_of(iter(ours)))
        return made

    def upload(self, pieces: Pieces) -> Pieces:
        return _packed(pieces)

    def union(self, pieces: list[Pieces]) -> Pieces:
        return [piece for each in pieces for piece in each]

    def select_table(self, pieces: list[Pieces], what: str) -> Pieces:
        return [piece for piece in self.union(pieces) if piece.what == what]

    def drop_tables(self, pieces: list[Pieces], *what: str) -> Pieces:
        return [piece for piece in self.union(pieces) if piece.what not in what]

    def fetch(self, pieces: Pieces) -> Pieces:
        return iter(pieces)

    stream = fetch

    def persist(self, pieces: Pieces) -> Pieces:
        return pieces

    def release(self) -> None:
        """Nothing is kept."""

    def _cut(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        begin = 0
        while begin < rows.height:
            size = self.chance.randint(1, max(rows.height // 2, 1))
            yield rows.slice(begin, size)
            begin += size


def _packed(pieces: Pieces) -> Pieces:
    return list(unpack(pack(pieces)))


def engine(seed: int) -> Any:
    return Spark(Pretended(seed))  # type: ignore[arg-type]
