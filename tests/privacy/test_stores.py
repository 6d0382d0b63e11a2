"""Records of a store and of a table become tokens, and numbers again, as those of a folder do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from deltalake import write_deltalake

from cdr_anomaly.storage import paths
from tests.helpers import store_files
from tests.helpers.keyed_records import ZONE, calls

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.storage.paths import Address

ORDER = ("start_time", "calling_number", "called_number", "duration_s")


def test_a_store_gets_the_files_that_a_folder_gets_and_its_list_is_answered(
    run: Any, bucket: Address, records: Path, own: Path, tmp_path: Path
) -> None:
    there, key = store_files.put(records, bucket / "records"), ("--key-file", tmp_path / "key")
    ran = run("pseudonymise", there, bucket / "own", *key, *ZONE)
    assert ran.code == 0, ran.err
    assert f"Next: cdr-anomaly scan {bucket / 'own'}" in ran.err
    assert store_files.held(bucket / "own") == {
        inside: (own / inside).read_bytes() for inside in paths.file_sizes(own)
    }
    run("scan", bucket / "own", "--out", tmp_path / "found", *ZONE)
    asked = ("--audit", tmp_path / "log", "--who", "Li", "--why", "case 12")
    ran = run(
        "reidentify",
        tmp_path / "found/alerts.parquet",
        there,
        *key,
        *ZONE,
        *asked,
        "--out",
        tmp_path / "back.parquet",
    )
    assert ran.code == 0, ran.err
    run("scan", records, "--out", tmp_path / "clear", *ZONE)
    clear, back = (
        pl.read_parquet(tmp_path / file)["subject"]
        for file in ("clear/alerts.parquet", "back.parquet")
    )
    assert set(back) == set(clear) != set()


def test_of_a_table_only_what_it_has_now_becomes_tokens(
    run: Any, own: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table"
    write_deltalake(table, calls().head(7))
    write_deltalake(table, calls(), mode="overwrite")
    ran = run("pseudonymise", table, tmp_path / "of-table", "--key-file", tmp_path / "key", *ZONE)
    assert ran.code == 0, ran.err
    rows = pl.read_parquet(tmp_path / "of-table/**/*.parquet")
    other = pl.read_parquet(own / "**/*.parquet", hive_partitioning=False)
    columns = sorted(set(rows.columns) & set(other.columns))
    assert set(ORDER) < set(columns)
    assert rows.select(columns).sort(columns).rows() == other.select(columns).sort(columns).rows()
