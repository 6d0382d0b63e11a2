"""Calls that are kept in few bytes come back as they were, from memory and from disk."""

from __future__ import annotations

import gc
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import ingest, settings
from cdr_anomaly.engines import kept_rows
from cdr_anomaly.engines.base import kept_columns
from cdr_anomaly.engines.kept_rows import KeptRows
from tests.helpers.raw_feeds import call, feed

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = 3


def drawn(seed: int) -> pl.DataFrame:
    random = Random(seed)  # noqa: S311 - no secret
    rows: list[dict[str, Any]] = []
    for n in range(90):
        forwards = random.random() < 0.2
        rows.append(
            call(
                n * 700,
                calling_number=random.choice([None, "+8613800000001", "+447700900123"]),
                duration_s=random.randrange(5000),
                record_type="fwd" if forwards else random.choice(["call", "moc", "mtc"]),
                redirecting_number="+8613800000009" if forwards else None,
                redirect_reason=random.choice(["cfu", "cfb"]) if forwards else None,
                call_id=random.choice([None, f"id{n}"]),
                answered=random.choice([True, False, None]),
                cell_id=random.choice([None, 1, 70_000]),
                imei=random.choice([None, "01234567890123", "86234567890123"]),
                trunk_in=random.choice([None, "x", "y", ""]),
            )
        )
    return feed(*rows)


def written(folder: Path, *frames: pl.DataFrame) -> ingest.Source:
    for number, frame in enumerate(frames):
        frame.write_parquet(folder / f"{number}.parquet")
    return ingest.open_source([folder], settings.load_settings(tz="UTC"))


def kept(source: ingest.Source, memory: int) -> KeptRows:
    rows, types = KeptRows(memory), source.narrow_types()
    for part in source.parts():
        calls = part.narrow_rows(types).collect().filter("valid")
        for n in range(PARTS):
            rows.add(calls.gather_every(PARTS, n).select(kept_columns(source.columns)))
    return rows


def plainly(source: ingest.Source, condition: pl.Expr) -> pl.DataFrame:
    rows = pl.concat([part.map_rows() for part in source.parts()])
    return rows.filter("valid", condition).select(kept_columns(source.columns)).collect()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    made: list[Path] = []
    plain = kept_rows.mkdtemp

    def noted(prefix: str) -> str:
        made.append(Path(plain(prefix=prefix, dir=tmp_path)))
        return str(made[-1])

    monkeypatch.setattr(kept_rows, "mkdtemp", noted)
    yield made
    gc.collect()
    assert not any(folder.exists() for folder in made)


@pytest.mark.parametrize("memory", [0, 1500, 2**30])
@pytest.mark.parametrize("seed", [1, 2])
def test_they_come_back_as_plain_reading_gives_them(
    tmp_path: Path, folders: list[Path], memory: int, seed: int
) -> None:
    source = written(tmp_path, drawn(seed))
    rows = kept(source, memory)
    assert bool(folders) == (memory < 2**30)
    columns = kept_columns(source.columns)
    called = pl.col("called_number") > 0
    for condition in (pl.lit(value=True), called, pl.col("duration_s") > 4000):
        found = pl.concat(rows.select(condition, columns))
        assert_frame_equal(found.sort("start_time"), plainly(source, condition))


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ((pl.Int32, pl.Int16), pl.Int32),
        ((pl.Int32, pl.UInt32), pl.Int64),
        ((pl.Int32, pl.String), pl.Categorical),
        ((pl.UInt64, pl.UInt64), pl.Categorical),
    ],
)
def test_cells_are_integers_where_all_files_have_integers(
    tmp_path: Path, cells: tuple[Any, Any], dtype: Any
) -> None:
    one, two = (drawn(3).with_columns(pl.col("cell_id").replace(70_000, 7)) for _ in cells)
    frames = [rows.cast({"cell_id": cell}) for rows, cell in zip((one, two), cells, strict=True)]
    bare = drawn(4).drop("cell_id", "imei", "trunk_in")
    source = written(tmp_path, *frames, bare)
    assert source.narrow_types()["cell_id"] == dtype
    found = pl.concat(kept(source, 0).select(pl.lit(value=True), kept_columns(source.columns)))
    plain = plainly(source, pl.lit(value=True))
    order = kept_columns(source.columns)
    assert_frame_equal(found.sort(order), plain.sort(order))


def test_only_the_owner_may_open_the_folder(tmp_path: Path, folders: list[Path]) -> None:
    rows = kept(written(tmp_path, drawn(5)), 0)
    (folder,) = folders
    assert folder.stat().st_mode & 0o077 == 0
    assert len(list(folder.iterdir())) == PARTS
    del rows
    gc.collect()
    assert not folder.exists()


def test_a_row_takes_few_bytes(tmp_path: Path) -> None:
    rows = drawn(6).select("calling_number", "called_number", "start_time", "duration_s", "cell_id")
    source = written(tmp_path, rows.with_columns(record_type=pl.lit("call")))
    held = kept(source, 2**30)
    assert (2**30 - held.memory) / rows.height <= 34
