"""Names and sizes of the files that pseudonymise writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly.privacy import records
from tests.helpers.keyed_records import ZONE, calls
from tests.helpers.pseudonym_twins import SECRET

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_files_of_like_names_stay_apart_and_long_ones_are_cut(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "key").write_bytes(SECRET)
    (tmp_path / "key").chmod(0o600)
    for name in ("a.parquet", "a.pq"):
        calls().write_parquet(tmp_path / "records" / name, row_group_size=1000)
    monkeypatch.setattr(records, "PART_ROWS", 2000)
    ran = run(
        "pseudonymise",
        tmp_path / "records",
        tmp_path / "own",
        "--key-file",
        tmp_path / "key",
        *ZONE,
    )
    assert ran.code == 0, ran.err
    names = {file.name for file in (tmp_path / "own").iterdir()}
    assert {"a.parquet", "a.part-2.parquet", "a.pq.parquet", "a.pq.part-2.parquet"} <= names
    rows = [pl.read_parquet(file).height for file in (tmp_path / "own").iterdir()]
    assert sum(rows) == 2 * calls().height
    assert max(rows) <= 2000
