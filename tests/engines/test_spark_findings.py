"""Spark finds what the local engine finds, whatever the records are like."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq
import pytest

from cdr_anomaly import detectors, engines
from cdr_anomaly.evaluation.simulation import city
from tests.helpers import night_runs, pretend_cluster
from tests.helpers.adversarial import WORDS, adversarial
from tests.helpers.builders import SHANGHAI
from tests.helpers.engine_pair import by_both, needs_spark
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(
    params=[
        "pretended",
        pytest.param("spark", marks=[pytest.mark.slow, *needs_spark]),
    ]
)
def cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Spark move the rows, or somebody who cuts them up as unkindly as can be."""
    if request.param == "pretended":
        build = engines.build_engine
        other = pretend_cluster.engine(3)
        monkeypatch.setattr(
            engines, "build_engine", lambda told: build(told) if told.engine == "local" else other
        )


@pytest.mark.slow
def test_the_sample_with_every_pattern() -> None:
    here, _ = by_both([SAMPLE / "calls"], lists={"entities": SAMPLE / "entities.csv"})
    assert set(here.findings["detector"]) >= {detector.name for detector in detectors.ALL}


@pytest.mark.parametrize(("seed", "zone"), [(0, SHANGHAI), (1, "Europe/Berlin")])
def test_bursts_about_midnight(tmp_path: Path, seed: int, zone: str) -> None:
    days = night_runs.by_day(tmp_path / "days", adversarial(seed, zone), zone)
    here, _ = by_both([days], words=WORDS, tz=zone)
    assert here.findings.height


def test_new_lines_that_are_told(tmp_path: Path) -> None:
    """With a list of subscribers lines that have little are left out of PROFILE."""
    drawn = adversarial(2, SHANGHAI)
    days = night_runs.by_day(tmp_path / "days", drawn)
    file = tmp_path / "subscribers.csv"
    lines = drawn["calling_number"].drop_nulls().unique().sort()
    pl.DataFrame({"line": lines}).with_columns(activation=pl.lit("2026-03-30")).write_csv(file)
    here, _ = by_both([days], words=WORDS, lists={"subscribers": file})
    assert "new_sim_burst" in set(here.findings["detector"])


@pytest.fixture(scope="module")
def simulated() -> pl.DataFrame:
    return city.simulate(days=9, lines=150, seed=9, sides="both").calls


@pytest.mark.slow
def test_repeats_in_other_files_and_calls_in_parts(simulated: pl.DataFrame, tmp_path: Path) -> None:
    """Rows delivered twice, in parts, in other orders, and in files that lie apart."""
    whole = simulated.with_columns(call_id=pl.int_range(pl.len()).cast(pl.String) + "-x")
    parts = whole.filter(pl.col("duration_s") > 90).head(400)
    tail = parts.with_columns(
        start_time=pl.col("start_time") + timedelta(seconds=60),
        duration_s=pl.col("duration_s") - 60,
    )
    head = parts.with_columns(duration_s=pl.lit(60, whole.schema["duration_s"]))
    rest = whole.join(parts.select("call_id"), on="call_id", how="anti")
    frames = {"a": rest, "b": head, "c": tail, "d": rest.sample(3000, seed=1), "e": tail.head(7)}
    for name, frame in frames.items():
        frame.write_parquet(tmp_path / f"{name}.parquet", row_group_size=5000)
    here, _ = by_both([tmp_path], words=("mass_dialler.calls=200",))
    assert here.counts.duplicates == 3007
    assert here.counts.partial > 300


@pytest.mark.slow
def test_lines_that_are_tokens(simulated: pl.DataFrame, tmp_path: Path) -> None:
    token = pl.col("calling_number", "called_number", "redirecting_number")
    hashed = token.hash().cast(pl.String) + pl.lit("f")
    simulated.with_columns(hashed).write_parquet(tmp_path / "calls.parquet")
    _, there = by_both([tmp_path])
    assert not there.source.as_text
    assert there.source.names.table["name"].str.ends_with("f").all()
    assert there.source.names.table.height > 150


def test_rows_that_are_refused_numbers_in_many_forms_and_days_that_are_not_wanted(
    tmp_path: Path,
) -> None:
    drawn = adversarial(3, SHANGHAI)
    worn = pl.int_range(pl.len()) % 50
    broken = drawn.with_columns(
        start_time=pl.when(worn != 7).then("start_time"),
        duration_s=pl.when(worn == 9).then(-4).otherwise("duration_s"),
        called_number=pl.when(worn % 3 == 0)
        .then(pl.col("called_number").str.replace("^[+]", "00"))
        .otherwise("called_number"),
        record_type=pl.when(worn == 11).then(pl.lit("sms")).otherwise("record_type"),
    )
    broken.write_parquet(tmp_path / "odd [1].parquet", row_group_size=100)
    last = drawn["start_time"].max().date() - timedelta(days=2)  # type: ignore[union-attr]
    here, _ = by_both([tmp_path], words=WORDS, until=last)
    assert set(here.counts.refused) == {"no start time", "negative duration"}
    assert here.counts.left_out


def test_files_of_several_shapes_and_a_vendor_s_layout(tmp_path: Path) -> None:
    """Naive times, folders that name a column, categories, a file that lacks a column."""
    drawn = adversarial(4, SHANGHAI).drop("call_id")
    local = pl.col("start_time").dt.convert_time_zone(SHANGHAI).dt.replace_time_zone(None)
    half = drawn.height // 2
    layout = tmp_path / "mine.toml"
    layout.write_text(
        f'[mine]\ntz = "{SHANGHAI}"\n[mine.columns]\ncell_id = "site"\nstart_time = "begin"\n'
    )
    first = drawn.head(half).with_columns(begin=local.dt.cast_time_unit("ns")).drop("cell_id")
    second = drawn.tail(-half).with_columns(
        begin=local.dt.cast_time_unit("ms"),
        calling_number=pl.col("calling_number").cast(pl.Categorical),
    )
    for name, frame in {"site=7": first, "site=8": second.drop("cell_id", "trunk_in")}.items():
        (tmp_path / "calls" / name).mkdir(parents=True)
        frame.drop("start_time").write_parquet(tmp_path / "calls" / name / "x.parquet")
    here, there = by_both([tmp_path / "calls"], words=WORDS, layout=str(layout), tz=None)
    assert len(here.source.file_groups()) == len(there.source.file_groups()) == 2


def test_times_as_spark_once_wrote_them_and_as_text(tmp_path: Path) -> None:
    drawn = adversarial(5, SHANGHAI)
    half = drawn.height // 2
    pq.write_table(
        drawn.head(half).to_arrow(),
        tmp_path / "old.parquet",
        use_deprecated_int96_timestamps=True,
    )
    text = pl.col("start_time").dt.to_string("%d.%m.%Y %H:%M:%S%z")
    drawn.tail(-half).with_columns(text).write_parquet(tmp_path / "text.parquet")
    layout = tmp_path / "mine.toml"
    layout.write_text('[mine]\ntime_format = "%d.%m.%Y %H:%M:%S%z"\n')
    here, _ = by_both([tmp_path], words=WORDS, layout=str(layout))
    assert here.counts.used == drawn.height - here.counts.duplicates
    assert here.findings.height


def test_no_calls_at_all(tmp_path: Path) -> None:
    adversarial(0, SHANGHAI).clear().write_parquet(tmp_path / "none.parquet")
    here, _ = by_both([tmp_path])
    assert here.findings.is_empty()
