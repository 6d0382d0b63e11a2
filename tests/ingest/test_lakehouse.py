"""Delta and Iceberg tables: what they have now is read, and nothing else that lies in them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import files
from tests.helpers import store_files
from tests.helpers.builders import SHANGHAI, feed, line, many, past

if TYPE_CHECKING:
    from cdr_anomaly.storage.paths import Address

DAYS = past("2026-05-01", 2)
KEYS = [{"day": "2026-05-01"}, {"day": "2026-05-02"}]


def calls() -> pl.DataFrame:
    rows = feed(
        line("+865918800001").dials(1100, on=DAYS, gap_s=20, at="08:00", answered=0.3),
        *many(9, "+8613900000000", lambda one: one.dials(4, on=DAYS).receives(2, on=DAYS)),
    )
    return rows.with_columns(day=pl.col("start_time").dt.convert_time_zone(SHANGHAI).dt.date())


def delta_of(rows: pl.DataFrame, place: Path) -> Path:
    write_deltalake(place, rows, partition_by=["day"])
    return place


def keys(*paths: object) -> list[dict[str, str | None]]:
    return [dict(file.keys) for file in files.find_files(str(path) for path in paths)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A Delta table that has let go of what its first version had."""
    place = delta_of(calls().with_columns(duration_s=pl.lit(7, pl.Int64)), tmp_path / "ta ble")
    write_deltalake(place, calls(), mode="overwrite")
    return place


def test_of_a_delta_table_what_it_has_now_is_read(table: Path) -> None:
    assert keys(table) == KEYS
    assert sum(file.rows for file in files.find_files([table])) == calls().height
    assert len(list(table.rglob("*.parquet"))) == 4


@pytest.mark.parametrize("inside", ["day=2026-05-01", "day=*/", "day=*/*.parquet", "../"])
def test_paths_into_a_table_lead_to_what_it_has_now(inside: str, table: Path) -> None:
    assert keys(f"{table}/{inside}") == KEYS[: 1 if inside == "day=2026-05-01" else 2]
    assert keys(f"{table}/{inside}", table) == KEYS, "each file once"


def test_a_file_that_its_table_let_go_of_is_refused(table: Path) -> None:
    now = {str(file.path) for file in files.find_files([table])}
    old = next(str(file) for file in table.rglob("*.parquet") if str(file.resolve()) not in now)
    with pytest.raises(InputError, match="holds nothing that its table still has; name the table"):
        files.find_files([old])


def test_a_scan_of_a_table_finds_what_a_scan_of_its_rows_finds(
    run: Any, tmp_path: Path, table: Path, bucket: Address
) -> None:
    calls().drop("day").write_parquet(tmp_path / "calls.parquet")
    there = store_files.put(table, bucket / "lake" / "ta ble")
    told = [
        run("scan", place, "--tz", SHANGHAI, "--format", "jsonl")
        for place in (tmp_path / "calls.parquet", table, there)
    ]
    assert [ran.code for ran in told] == [0, 0, 0], told[2].err
    assert told[0].out == told[1].out == told[2].out
    assert "+865918800001" in told[0].out


def test_a_night_follows_a_table_whose_files_were_put_together(
    run: Any, tmp_path: Path, table: Path
) -> None:
    words = ("nightly", table, "--date", DAYS[0], "--state", tmp_path / "state", "--tz", SHANGHAI)
    write_deltalake(table, calls().head(20), mode="append")
    first = run(*words)
    DeltaTable(table).optimize.compact()
    again = run(*words)
    assert (first.code, again.code) == (0, 0), again.err
    used = [text.split(" calls used")[0] for text in (first.err, again.err)]
    assert used[0] == used[1], "the files that it was made of before are the table's to replace"


def test_partition_values_are_those_of_the_log(tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": [1, 2], "site": ["x/y z%", None], "n": [3, 3]})
    write_deltalake(tmp_path / "t", rows, partition_by=["site", "n"])
    found = keys(tmp_path / "t")
    assert sorted(found, key=str) == [{"site": "x/y z%", "n": "3"}, {"site": None, "n": "3"}]


def test_a_delta_table_with_deletion_vectors_or_other_names_is_refused(
    table: Path, tmp_path: Path
) -> None:
    log = table / "_delta_log"
    rows = (log / f"{1:020}.json").read_text().splitlines()
    added = next(json.loads(row)["add"] for row in rows if '"add"' in row)
    # The example of Delta's own description of its protocol.
    vector = {
        "storageType": "i",
        "sizeInBytes": 40,
        "cardinality": 6,
        "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
    }
    features = ["deletionVectors"]
    actions = [
        {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": features,
                "writerFeatures": features,
            }
        },
        {"remove": {"path": added["path"], "deletionTimestamp": 1, "dataChange": True}},
        {"add": added | {"deletionVector": vector}},
    ]
    text = "\n".join(map(json.dumps, actions))
    (log / f"{2:020}.json").write_text(text)
    with pytest.raises(InputError, match=r"deletion vectors\); rewrite it without"):
        files.find_files([table])
    other = delta_of(calls(), tmp_path / "other")
    first = other / "_delta_log" / f"{0:020}.json"
    told = '"configuration":{"delta.columnMapping.mode":"name"}'
    first.write_text(first.read_text().replace('"configuration":{}', told))
    with pytest.raises(InputError, match=r"'.*other' is a Delta table whose columns have other na"):
        files.find_files([other])


@pytest.fixture
def iceberg(tmp_path: Path) -> Any:
    catalogs = pytest.importorskip("pyiceberg.catalog", reason="pyiceberg is not installed")
    catalog = catalogs.load_catalog(
        "own", type="sql", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/w"
    )
    catalog.create_namespace("cdr")
    return catalog


def of_catalog(catalog: Any, rows: pl.DataFrame) -> Any:
    from pyiceberg.transforms import IdentityTransform

    told = rows.to_arrow()
    made = catalog.create_table("cdr.calls", schema=told.schema)
    with made.update_spec() as spec:
        spec.add_field("day", IdentityTransform(), "day")
    made.append(told)
    return made


def folder(made: Any) -> str:
    return str(made.location()).removeprefix("file://")


def test_of_an_iceberg_table_what_it_has_now_is_read(iceberg: Any) -> None:
    made = of_catalog(iceberg, calls().with_columns(duration_s=pl.lit(7, pl.Int64)))
    made.overwrite(calls().to_arrow())
    assert keys(folder(made)) == KEYS
    assert keys(f"{folder(made)}/data") == KEYS
    assert keys(made.metadata_location.removeprefix("file://")) == KEYS
    assert {file.path.resolve() for file in files.find_files([folder(made)])} == {
        Path(task.file.file_path.removeprefix("file://")) for task in made.scan().plan_files()
    }
    hint = Path(folder(made)) / "metadata" / "version-hint.text"
    older = sorted(file.name for file in hint.parent.glob("00002-*.metadata.json"))
    hint.write_text(older[0].removesuffix(".metadata.json"))
    assert sum(file.rows for file in files.find_files([folder(made)])) == calls().height
    hint.write_text("9")
    with pytest.raises(InputError, match=r"v9\.metadata\.json' is not there; name the metadata"):
        files.find_files([folder(made)])


def test_a_scan_of_an_iceberg_table_finds_what_a_scan_of_its_rows_finds(
    run: Any, tmp_path: Path, iceberg: Any
) -> None:
    calls().drop("day").write_parquet(tmp_path / "calls.parquet")
    made = of_catalog(iceberg, calls())
    one, two = (
        run("scan", place, "--tz", SHANGHAI, "--format", "jsonl")
        for place in (tmp_path / "calls.parquet", folder(made))
    )
    assert (one.code, two.code) == (0, 0), two.err
    assert one.out == two.out


def test_an_iceberg_table_in_a_store_is_read_with_the_same_options(
    run: Any, iceberg: Any, bucket: Address, endpoint: str
) -> None:
    made = of_catalog(iceberg, calls())
    from pyiceberg.catalog import load_catalog

    root = Path(folder(made))
    told = {
        "s3.endpoint": endpoint,
        "s3.access-key-id": "somebody",
        "s3.region": "us-east-1",
        "s3.secret-access-key": "secret-of-somebody",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
    catalog = load_catalog(
        "there",
        type="sql",
        uri=f"sqlite:///{root.parent}/there.db",
        warehouse=str(bucket / "lake"),
        **told,
    )
    catalog.create_namespace("cdr")
    there = of_catalog(catalog, calls())
    ran = run("scan", there.location(), "--tz", SHANGHAI, "--format", "jsonl")
    here = run("scan", root, "--tz", SHANGHAI, "--format", "jsonl")
    assert (ran.code, here.code) == (0, 0), ran.err
    assert ran.out == here.out


def test_renamed_and_dropped_columns_and_deleted_rows_are_refused(iceberg: Any) -> None:
    made = of_catalog(iceberg, calls().with_columns(more=pl.lit("x")))
    with made.update_schema() as change:
        change.rename_column("duration_s", "seconds")
    with pytest.raises(InputError, match="has 'duration_s' where the table has it no more or by"):
        files.find_files([folder(made)])
    with made.update_schema() as change:
        change.rename_column("seconds", "duration_s")
        change.delete_column("more")
    with pytest.raises(InputError, match="has 'more' where the table has it no more or by"):
        files.find_files([folder(made)])


def test_rows_that_are_deleted_while_their_file_stands_are_refused(
    iceberg: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyiceberg.table import DataScan

    made, planned = of_catalog(iceberg, calls()), DataScan.plan_files

    def with_deletes(scan: DataScan) -> Any:
        tasks = list(planned(scan))
        tasks[0].delete_files = {tasks[1].file}
        return tasks

    monkeypatch.setattr(DataScan, "plan_files", with_deletes)
    with pytest.raises(InputError, match=r"deleted while their files stand \(delete files\); rew"):
        files.find_files([folder(made)])


def test_a_table_without_rows_says_so(iceberg: Any) -> None:
    made = iceberg.create_table("cdr.none", schema=calls().to_arrow().schema)
    with pytest.raises(InputError, match=r"The table '.*none' has no file\."):
        files.find_files([folder(made)])


def test_without_pyiceberg_it_says_what_to_install(
    iceberg: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = of_catalog(iceberg, calls())
    monkeypatch.setitem(sys.modules, "cdr_anomaly.ingest.iceberg", None)
    monkeypatch.delattr("cdr_anomaly.ingest.iceberg", raising=False)
    with pytest.raises(InputError, match=r"pip install 'cdr-anomaly\[iceberg\]'"):
        files.find_files([folder(made)])
