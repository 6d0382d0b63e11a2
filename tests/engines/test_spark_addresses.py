"""Files as Spark's connectors and its rows name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdr_anomaly.engines import spark_cluster
from cdr_anomaly.storage import paths


def test_a_file_here() -> None:
    file = Path("/calls/date=2026-05-04/a [1] ü%.parquet")
    assert spark_cluster._as_name(file) == "file:///calls/date=2026-05-04/a \\[1\\] ü%.parquet"
    assert spark_cluster._uri(Path("/a\u3000b")) == "file:///a%E3%80%80b"
    assert spark_cluster._uri(file) == "file:///calls/date=2026-05-04/a%20%5B1%5D%20ü%25.parquet"


@pytest.mark.parametrize(
    ("address", "theirs"),
    [
        ("s3://bucket/a b.parquet", "s3a://bucket/a b.parquet"),
        ("gs://bucket/a.parquet", "gs://bucket/a.parquet"),
        ("az://records/a.parquet", "abfss://records@mine.dfs.core.windows.net/a.parquet"),
    ],
)
def test_a_file_in_a_store(address: str, theirs: str) -> None:
    told = {"azure_storage_account_name": "mine", "google_skip_signature": "true"}
    assert spark_cluster._as_name(paths.parse_location(address, told)) == theirs
    assert spark_cluster._uri(paths.parse_location(address, told)) == theirs.replace(" ", "%20")
