from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.helpers.builders import SHANGHAI
from tests.helpers.keyed_records import (
    DIALLER,
    HANDSET,
    HOLDER,
    SELLER,
    ZONE,
    calls,
)
from tests.helpers.pseudonym_twins import SECRET

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Write a folder a day, one row of which nobody can use, and lists that belong to them."""
    place = tmp_path / "records"
    for day, part in calls().group_by(
        day=pl.col("start_time").dt.convert_time_zone(SHANGHAI).dt.date()
    ):
        folder = place / f"date={day[0]}"
        folder.mkdir(parents=True)
        bad = part.head(1).with_columns(duration_s=pl.lit(-1, pl.Int64))
        pl.concat([part, bad]).write_parquet(folder / "calls-13800000001.parquet")
    (tmp_path / "key").write_bytes(SECRET + b"\n")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "entities.csv").write_text(
        "line,range,prefix,class,handset,purpose\n"
        f"{DIALLER},,,,,a platform\n"
        ",+8613900000000..+8613900000003,,,,desks\n"
        ",,+8615,,,a region\n,,,short_95,,banks\n,,,,35209900,a model\n"
        f",,,,{HANDSET},a handset\n"
    )
    (tmp_path / "subscribers.csv").write_text(
        f"line,activation,holder_token,dealer\n{DIALLER},2026-05-01,{HOLDER},{SELLER}\n"
    )
    return place


@pytest.fixture
def own(run: Any, records: Path, tmp_path: Path) -> Path:
    """Write the same with pseudonyms."""
    ran = run("pseudonymise", records, tmp_path / "own", "--key-file", tmp_path / "key", *ZONE)
    assert ran.code == 0, ran.err
    return tmp_path / "own"
