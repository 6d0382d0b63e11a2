"""Spark moves the rows: raw rows to functions of ours, and what they make from one to the next.

What moves between tasks are pieces of tables, each a row of three columns; so Spark need not know
their types, and ours come out as they went in.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import polars as pl
from polars.io.plugins import register_io_source

from cdr_anomaly import numbering
from cdr_anomaly.engines.spark_wire import MOVED, Piece, chunks, moved, read, typed, unpacked
from cdr_anomaly.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from cdr_anomaly.engines.spark_wire import Batches, Made
    from cdr_anomaly.ingest import FileGroup
    from cdr_anomaly.storage.paths import Location

    Of = Callable[[FileGroup], pl.LazyFrame]

# Rows that Spark hands over at once.
BATCH_ROWS = 200_000
# What Java encodes in a path; of other alphabets only blanks and control characters.
FOREIGN = (
    r"[^\w!.~'()*,;:$&+=/@\x80-\U0010ffff-]"
    r"|[\x80-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
# What Hadoop calls the stores.
CONNECTORS = {"s3": "s3a", "gs": "gs", "az": "abfss"}
LOCAL = ("local", "local[", "local-cluster[")
# What a session of ours is told; that of the operator, who submits a job, is left as it is.
OURS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.maxResultSize": "0",
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
}
# What reading depends on is told to a session of its own beside that.
READING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
}


class Cluster:
    """A Spark cluster, or this machine as one."""

    def __init__(self, master: str | None, memory: int) -> None:
        """``master`` is its address; ``memory`` (bytes) is for Spark where it runs here."""
        with speaking_plainly("does not start"):
            self.session = _session(master, memory)
        self.on_disk: list[DataFrame] = []

    @property
    def width(self) -> int:
        """How many tasks run at once."""
        return int(self.session.sparkContext.defaultParallelism)

    def over_rows(
        self,
        shape: FileGroup,
        of: Of,
        made_of: Callable[[Iterator[pl.DataFrame]], Made],
        lines: pl.Series | None = None,
    ) -> DataFrame:
        """Give what ``of`` makes of a shape's rows to ``made_of``, a stretch of a file at a time.

        Where ``lines`` are given Spark leaves out all rows but calls from and to these, if it can.
        """
        columns = _columns(shape, of)
        with speaking_plainly("cannot open the files"):
            rows = self._rows(shape, columns, lines)
        bare = replace(shape, files=())
        there = dict(shape.files[0].keys)
        paths = {_uri(file.path): str(file.path) for file in shape.files}

        def work(batches: Batches) -> Batches:
            made = (
                of(replace(bare, raw_rows=typed(chunk, bare, there, paths))).collect()
                for chunk in chunks(batches)
            )
            return moved(made_of(made))

        return rows.mapInArrow(work, MOVED)

    def over_pieces(
        self, pieces: DataFrame, buckets: int, made_of: Callable[[Made], Made]
    ) -> DataFrame:
        """Bring the pieces of a bucket together, and give all of some buckets to ``made_of``."""

        def work(batches: Batches) -> Batches:
            return moved(made_of(unpacked(batches)))

        return pieces.repartition(buckets, "bucket").mapInArrow(work, MOVED)

    def put(self, pieces: Made) -> DataFrame:
        """Give pieces that were made here to the cluster."""
        rows = [row for batch in moved(pieces) for row in batch.to_pylist()]
        return self.session.createDataFrame(rows, MOVED)

    @staticmethod
    def together(pieces: list[DataFrame]) -> DataFrame:
        """Take pieces from several places as one table of them."""
        return reduce(lambda one, other: one.union(other), pieces)

    def only(self, pieces: list[DataFrame], what: str) -> DataFrame:
        """Take the pieces of one table from several places."""
        # Filtered one by one: a union of unions becomes one, in which Spark finds nothing again
        # that it has kept.
        return self.together([each.filter(each.what == what) for each in pieces])

    def without(self, pieces: list[DataFrame], *what: str) -> DataFrame:
        """Take the pieces of all tables but some from several places."""
        return self.together([each.filter(~each.what.isin(*what)) for each in pieces])

    @staticmethod
    def fetched(pieces: DataFrame) -> Made:
        """Bring all pieces here at once."""
        with speaking_plainly():
            rows = pieces.collect()
        return (Piece(row.bucket, row.what, read(row.frame)) for row in rows)

    @staticmethod
    def streamed(pieces: DataFrame) -> Made:
        """Bring pieces here, those of one task after another."""
        with speaking_plainly():
            for row in pieces.toLocalIterator(prefetchPartitions=True):
                yield Piece(row.bucket, row.what, read(row.frame))

    def kept(self, pieces: DataFrame) -> DataFrame:
        """Work pieces out once, all tasks at a time, and keep them on the cluster's disks."""
        from pyspark import StorageLevel

        stay = pieces.persist(StorageLevel.DISK_ONLY)
        self.on_disk.append(stay)
        with speaking_plainly():
            stay.count()
        return stay

    def let_go(self) -> None:
        """Take what was kept off the cluster's disks."""
        while self.on_disk:
            self.on_disk.pop().unpersist()

    def _rows(self, shape: FileGroup, columns: list[str], lines: pl.Series | None) -> DataFrame:
        from pyspark.sql import functions

        # Keys in names of folders are put in by us; Spark would guess their types.
        opened = self.session.read.option("recursiveFileLookup", "true")
        rows = opened.parquet(*(_as_name(file.path) for file in shape.files))
        if len(rows.inputFiles()) < len(shape.files):
            msg = "Spark reads no file whose name begins with a dot or an underscore; rename these."
            raise SettingError(msg)
        for condition in _conditions(shape):
            rows = rows.filter(condition)
        if lines is not None and shape.e164_parties:
            rows = self._of_lines(rows, shape.e164_parties, lines)
        wanted = [functions.col(_quoted(name)) for name in columns if name in rows.columns]
        if shape.path_column in columns:
            wanted.append(functions.input_file_name().alias(shape.path_column))
        return rows.select(*wanted)

    def _of_lines(self, rows: DataFrame, parties: list[str], lines: pl.Series) -> DataFrame:
        """Keep the calls from and to lines by joins with the list of them, which all tasks get."""
        from pyspark.sql import functions

        written = lines.to_frame("line").select(numbering.format_line(pl.col("line"))).to_series()
        table = self.session.createDataFrame([(text,) for text in written], "line string")
        found = functions.lit(False)  # noqa: FBT003 - Spark has no name for it
        for party in parties:
            one = functions.broadcast(table.withColumnRenamed("line", f"{party}_wanted"))
            side = functions.col(_quoted(party)) == functions.col(_quoted(f"{party}_wanted"))
            rows = rows.join(one, side, "left")
            found = found | functions.col(_quoted(f"{party}_wanted")).isNotNull()
        return rows.filter(found)


@contextmanager
def speaking_plainly(what: str = "gave up") -> Iterator[None]:
    """Say in one sentence what Spark could not do; what our functions raise is our bug."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException, PythonException

    try:
        yield
    except PythonException:
        raise
    except (PySparkException, Py4JError) as error:
        java = getattr(error, "java_exception", None)
        said = (java.getMessage() if java is not None else str(error)) or ""
        first = (said.strip().splitlines() or ["it does not say why"])[0]
        msg = f"Spark {what}: {first.rstrip('.')}; its own log, above, says more."
        raise SettingError(msg) from error


def check_java() -> None:
    """Fail where Spark would say at length that there is no Java."""
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        msg = "--engine spark needs Java 17 or 21, and there is no 'java' here; install it."
        raise SettingError(msg)


def _session(master: str | None, memory: int) -> SparkSession:
    from pyspark.sql import SparkSession

    check_java()
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if submitted and master is not None:
        msg = "Where a job is submitted spark-submit has the master; leave --master out."
        raise SettingError(msg)
    builder = SparkSession.builder.appName("cdr-anomaly")
    if not submitted:
        where = master or "local[*]"
        told: dict[str, Any] = OURS | {"spark.master": where}
        if where.startswith(LOCAL):
            told |= {
                "spark.driver.memory": f"{memory // 2**20}m",
                "spark.driver.host": "127.0.0.1",
                "spark.driver.bindAddress": "127.0.0.1",
            }
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config(map=told)
    session = builder.getOrCreate()
    own = session.newSession()
    for name, value in READING.items():
        own.conf.set(name, value)
    return own


def _columns(shape: FileGroup, of: Of) -> list[str]:
    """Name the raw columns that ``of`` reads, as the plan that Polars makes of it has them."""
    asked: set[str] = set()
    types = {**shape.row_map.types, shape.path_column: pl.String()}

    def blank(with_columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
        asked.update(with_columns if with_columns is not None else types)
        yield pl.DataFrame(schema=types).select(with_columns or list(types))

    of(replace(shape, files=(), raw_rows=register_io_source(blank, schema=types))).collect()
    return [name for name in types if name in asked]


def _conditions(shape: FileGroup) -> Iterator[str]:
    """Say to Spark which days are wanted, so that it skips what lies outside."""
    name = shape.row_map.layout.source("start_time")
    dtype = shape.row_map.types[name]
    # It reads nanoseconds as integers; of these, and of all other kinds, every row comes.
    if not isinstance(dtype, pl.Datetime) or dtype.time_unit == "ns":
        return
    column = _quoted(name)
    for sign, bound in zip((">=", "<"), shape.time_bounds, strict=True):
        if bound is not None:
            yield f"{column} {sign} {_literal(bound, dtype)} OR {column} IS NULL"


def _literal(bound: datetime, dtype: pl.Datetime) -> str:
    if dtype.time_zone is None:
        return f"TIMESTAMP_NTZ '{bound.replace(tzinfo=None)}'"
    return f"TIMESTAMP '{bound.isoformat(sep=' ')}'"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _address(file: Location) -> tuple[str, str]:
    """Give the beginning of a file's address as Hadoop's connectors have it, and the rest."""
    if isinstance(file, Path):
        return "file://", str(file.resolve())  # without, it might be one of the cluster's own
    scheme, _, bucket = file.root.partition("://")
    if scheme == "az":
        told = file.options.get("azure_storage_account_name")
        account = told or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
        bucket = f"{bucket}@{account}.dfs.core.windows.net"
    return f"{CONNECTORS[scheme]}://{bucket}", f"/{file.key}"


def _uri(file: Location) -> str:
    """Write a file as Spark names the one that a row came from: a URI as Java writes it."""
    begin, rest = _address(file)
    return begin + re.sub(FOREIGN, lambda mark: quote(mark[0]), rest)


def _as_name(file: Location) -> str:
    """Write a file so that Spark takes every character of it as it is."""
    begin, rest = _address(file)
    return begin + re.sub(r"[\\*?\[\]{}]", lambda mark: f"\\{mark[0]}", rest)
