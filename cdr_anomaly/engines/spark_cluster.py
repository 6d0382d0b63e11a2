"""A Spark cluster that applies our functions to raw rows, and moves their results between tasks.

The results are pieces of tables, each one row of three columns; so Spark does not need their types
and cannot change them.
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
from cdr_anomaly.engines.spark_wire import (
    PIECE_SCHEMA,
    Piece,
    cast_chunk,
    pack,
    read_chunks,
    read_frame,
    unpack,
)
from cdr_anomaly.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from cdr_anomaly.engines.spark_wire import Batches, Pieces
    from cdr_anomaly.ingest import FileGroup
    from cdr_anomaly.ingest.source import Query
    from cdr_anomaly.storage.paths import Location

BATCH_ROWS = 200_000  # rows of one batch of Spark
# Characters that Java encodes in a path; of other alphabets only blanks and control characters.
ENCODED_BY_JAVA = (
    r"[^\w!.~'()*,;:$&+=/@\x80-\U0010ffff-]"
    r"|[\x80-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
# The schemes of the stores in Hadoop.
CONNECTORS = {"s3": "s3a", "gs": "gs", "az": "abfss"}
LOCAL_MASTERS = ("local", "local[", "local-cluster[")
# The settings of our own session; the session of a submitted job keeps the operator's.
SESSION_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.maxResultSize": "0",
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
}
# Settings that reading depends on, for a new session of the same application.
READ_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
}


class Cluster:
    """A Spark cluster at the address ``master``, or this machine as one with ``memory`` (bytes)."""

    def __init__(self, master: str | None, memory: int) -> None:
        with explain_spark_errors("does not start"):
            self.session = _session(master, memory)
        self.persisted: list[DataFrame] = []

    @property
    def n_tasks(self) -> int:
        """Return the number of tasks that run at once."""
        return int(self.session.sparkContext.defaultParallelism)

    def map_files(
        self,
        group: FileGroup,
        query: Query,
        function: Callable[[Iterator[pl.DataFrame]], Pieces],
        lines: pl.Series | None = None,
    ) -> DataFrame:
        """Apply ``function`` in each task to the results of ``query`` over parts of files.

        With ``lines`` Spark reads only the calls from and to these, if it can.
        """
        columns = _needed_columns(group, query)
        with explain_spark_errors("cannot open the files"):
            rows = self._read_files(group, columns, lines)
        without_files = replace(group, files=())
        keys = dict(group.files[0].keys)
        paths = {_uri(file.path): str(file.path) for file in group.files}

        def work(batches: Batches) -> Batches:
            chunks = (cast_chunk(c, without_files, keys, paths) for c in read_chunks(batches))
            frames = (query(replace(without_files, raw_rows=rows)).collect() for rows in chunks)
            return pack(function(frames))

        return rows.mapInArrow(work, PIECE_SCHEMA)

    def map_buckets(
        self, pieces: DataFrame, n_buckets: int, function: Callable[[Pieces], Pieces]
    ) -> DataFrame:
        """Apply ``function`` to the pieces of each task, with all pieces of some buckets."""

        def work(batches: Batches) -> Batches:
            return pack(function(unpack(batches)))

        return pieces.repartition(n_buckets, "bucket").mapInArrow(work, PIECE_SCHEMA)

    def upload(self, pieces: Pieces) -> DataFrame:
        """Return local pieces as a table of the cluster."""
        rows = [row for batch in pack(pieces) for row in batch.to_pylist()]
        return self.session.createDataFrame(rows, PIECE_SCHEMA)

    @staticmethod
    def union(tables: list[DataFrame]) -> DataFrame:
        """Return the pieces of several tables as one table."""
        return reduce(lambda one, other: one.union(other), tables)

    def select_table(self, tables: list[DataFrame], what: str) -> DataFrame:
        """Return the pieces of the table ``what``."""
        # Filtered before the union: Spark merges unions of unions, and does not recognise the
        # persisted tables in the result.
        return self.union([table.filter(table.what == what) for table in tables])

    def drop_tables(self, tables: list[DataFrame], *what: str) -> DataFrame:
        """Return the pieces of all tables but ``what``."""
        return self.union([table.filter(~table.what.isin(*what)) for table in tables])

    @staticmethod
    def fetch(pieces: DataFrame) -> Pieces:
        """Return all pieces, collected at once."""
        with explain_spark_errors():
            rows = pieces.collect()
        return (Piece(row.bucket, row.what, read_frame(row.frame)) for row in rows)

    @staticmethod
    def stream(pieces: DataFrame) -> Pieces:
        """Yield the pieces of one task after another."""
        with explain_spark_errors():
            for row in pieces.toLocalIterator(prefetchPartitions=True):
                yield Piece(row.bucket, row.what, read_frame(row.frame))

    def persist(self, pieces: DataFrame) -> DataFrame:
        """Compute pieces in all tasks now, and keep them on the disks of the cluster."""
        from pyspark import StorageLevel

        persisted = pieces.persist(StorageLevel.DISK_ONLY)
        self.persisted.append(persisted)
        with explain_spark_errors():
            persisted.count()
        return persisted

    def release(self) -> None:
        """Remove persisted pieces from the disks of the cluster."""
        while self.persisted:
            self.persisted.pop().unpersist()

    def _read_files(
        self, group: FileGroup, columns: list[str], lines: pl.Series | None
    ) -> DataFrame:
        from pyspark.sql import functions

        # cast_chunk() adds the hive keys; Spark would guess their types.
        opened = self.session.read.option("recursiveFileLookup", "true")
        rows = opened.parquet(*(_as_name(file.path) for file in group.files))
        if len(rows.inputFiles()) < len(group.files):
            msg = "Spark reads no file whose name begins with a dot or an underscore; rename these."
            raise SettingError(msg)
        for condition in _conditions(group):
            rows = rows.filter(condition)
        if lines is not None and group.e164_parties:
            rows = self._filter_lines(rows, group.e164_parties, lines)
        selected = [functions.col(_quoted(name)) for name in columns if name in rows.columns]
        if group.path_column in columns:
            selected.append(functions.input_file_name().alias(group.path_column))
        return rows.select(*selected)

    def _filter_lines(self, rows: DataFrame, parties: list[str], lines: pl.Series) -> DataFrame:
        """Return the calls from and to lines, by joins with their list, which every task gets."""
        from pyspark.sql import functions

        texts = lines.to_frame("line").select(numbering.format_line(pl.col("line"))).to_series()
        texts = texts.drop_nulls()  # names are odd
        table = self.session.createDataFrame([(text,) for text in texts], "line string")
        is_party = functions.lit(False)  # noqa: FBT003 - the parameter has no name
        for party in parties:
            name = f"{party}_listed"
            listed = functions.broadcast(table.withColumnRenamed("line", name))
            match = functions.col(_quoted(party)) == functions.col(_quoted(name))
            rows = rows.join(listed, match, "left")
            # Footers prove how a number begins, not that it has no blank or hyphen.
            is_odd = ~functions.col(_quoted(party)).rlike(r"^\+[0-9]{1,15}$")
            is_party = is_party | is_odd | functions.col(_quoted(name)).isNotNull()
        return rows.filter(is_party)


@contextmanager
def explain_spark_errors(what: str = "gave up") -> Iterator[None]:
    """Raise errors of Spark as SettingError in one sentence; errors of our functions are bugs."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException, PythonException

    try:
        yield
    except PythonException:
        raise
    except (PySparkException, Py4JError) as error:
        java = getattr(error, "java_exception", None)
        message = (java.getMessage() if java is not None else str(error)) or ""
        first = (message.strip().splitlines() or ["it does not say why"])[0]
        msg = f"Spark {what}: {first.rstrip('.')}; its own log, above, says more."
        raise SettingError(msg) from error


def check_java() -> None:
    """Raise SettingError if there is no Java."""
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
        address = master or "local[*]"
        settings: dict[str, Any] = SESSION_SETTINGS | {"spark.master": address}
        if address.startswith(LOCAL_MASTERS):
            settings |= {
                "spark.driver.memory": f"{memory // 2**20}m",
                "spark.driver.host": "127.0.0.1",
                "spark.driver.bindAddress": "127.0.0.1",
            }
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config(map=settings)
    session = builder.getOrCreate().newSession()
    for name, value in READ_SETTINGS.items():
        session.conf.set(name, value)
    return session


def _needed_columns(group: FileGroup, query: Query) -> list[str]:
    """Return the raw columns that a query reads, from the plan of Polars."""
    needed: set[str] = set()
    types = {**group.row_map.types, group.path_column: pl.String()}

    def no_rows(with_columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
        needed.update(with_columns if with_columns is not None else types)
        yield pl.DataFrame(schema=types).select(with_columns or list(types))

    query(replace(group, files=(), raw_rows=register_io_source(no_rows, schema=types))).collect()
    return [name for name in types if name in needed]


def _conditions(group: FileGroup) -> Iterator[str]:
    """Yield the conditions on the start of a row, so that Spark skips other days."""
    name = group.row_map.layout.source("start_time")
    dtype = group.row_map.types[name]
    # Spark reads nanoseconds as integers; with these and other types it reads every row.
    if not isinstance(dtype, pl.Datetime) or dtype.time_unit == "ns":
        return
    column = _quoted(name)
    for sign, bound in zip((">=", "<"), group.time_bounds, strict=True):
        if bound is not None:
            yield f"{column} {sign} {_literal(bound, dtype)} OR {column} IS NULL"


def _literal(bound: datetime, dtype: pl.Datetime) -> str:
    if dtype.time_zone is None:
        return f"TIMESTAMP_NTZ '{bound.replace(tzinfo=None)}'"
    return f"TIMESTAMP '{bound.isoformat(sep=' ')}'"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _address(file: Location) -> tuple[str, str]:
    """Return the first part of a file's address in Hadoop, and the rest."""
    if isinstance(file, Path):
        return "file://", str(file.resolve())  # else it would be a path of the cluster
    scheme, _, bucket = file.root.partition("://")
    if scheme == "az":
        account = file.options.get("azure_storage_account_name")
        account = account or os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
        bucket = f"{bucket}@{account}.dfs.core.windows.net"
    return f"{CONNECTORS[scheme]}://{bucket}", f"/{file.key}"


def _uri(file: Location) -> str:
    """Return the name of a file in the rows of Spark: a URI as Java writes it."""
    root, rest = _address(file)
    return root + re.sub(ENCODED_BY_JAVA, lambda mark: quote(mark[0]), rest)


def _as_name(file: Location) -> str:
    """Return the path of a file for Spark, with its pattern characters escaped."""
    root, rest = _address(file)
    return root + re.sub(r"[\\*?\[\]{}]", lambda mark: f"\\{mark[0]}", rest)
