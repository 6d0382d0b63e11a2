"""What is found in pseudonymised calls is what is found in the calls themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import detectors, ingest, numbering, pipeline, privacy, settings
from cdr_anomaly.alerts import detect
from tests.helpers import night_runs
from tests.helpers.adversarial import ACTIVATED, WORDS, adversarial
from tests.helpers.builders import SHANGHAI
from tests.helpers.paths import SAMPLE
from tests.helpers.pseudonym_twins import disguised, maker, names, ordered, written

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result

# Of lines that are equal in all else one stands for all of them, and one reason before another:
# by the order of their numbers, which tokens do not keep.
OF_ALERTS = (
    "subject_kind",
    "members",
    "day",
    "severity",
    "score",
    "p_value",
    "q_value",
    "detectors",
    "suppressed_by",
)


def assert_equal(clear: Result, own: Result, told: dict[str, str]) -> None:
    """Hold what was found in pseudonyms against what was found in the calls themselves."""
    assert disguised(clear.findings, told) == ordered(own.findings)
    assert disguised(clear.evidence, told) == ordered(own.evidence)
    assert disguised(clear.victims, told) == ordered(own.victims)
    alerts = [table.select(OF_ALERTS) for table in (clear.alerts, own.alerts)]
    assert disguised(alerts[0], told) == ordered(alerts[1])
    assert clear.not_applicable == own.not_applicable
    assert clear.tables.unknown() == own.tables.unknown()


@pytest.mark.slow
def test_of_the_sample_every_detector_finds_the_same(tmp_path: Path) -> None:
    calls, told = SAMPLE / "calls", settings.load_settings(tz=SHANGHAI)
    lists = {"entities": SAMPLE / "entities.csv", "subscribers": SAMPLE / "subscribers.csv"}
    made = {
        "entities": privacy.pseudonymise_entities(lists["entities"], maker(), detect.FINDERS),
        "subscribers": privacy.pseudonymise_subscribers(lists["subscribers"], maker()),
    }
    for name, table in made.items():
        table.write_csv(tmp_path / f"{name}.csv")
    own = written(calls, tmp_path / "own", tz=SHANGHAI)
    result = pipeline.scan([calls], told, **lists)
    other = pipeline.scan([own], told, **{name: tmp_path / f"{name}.csv" for name in made})
    found = set(result.findings["detector"])
    assert found >= {detector.name for detector in detectors.ALL}
    source = ingest.open_source([calls], told)
    assert_equal(result, other, names(source, maker()))


@pytest.mark.parametrize(
    ("seed", "zone"),
    [
        (0, "Europe/Berlin"),
        (1, SHANGHAI),
        *(
            pytest.param(seed, zone, marks=pytest.mark.slow)
            for seed, zone in (
                (0, SHANGHAI),
                (1, "Europe/Berlin"),
                *((seed, zone) for seed in (2, 3) for zone in (SHANGHAI, "Europe/Berlin")),
            )
        ),
    ],
)
def test_of_odd_feeds_every_detector_finds_the_same(tmp_path: Path, seed: int, zone: str) -> None:
    (tmp_path / "calls").mkdir()
    adversarial(seed, zone).write_parquet(tmp_path / "calls/calls.parquet")
    told = settings.load_settings(tz=zone, assignments=WORDS)
    own = written(tmp_path / "calls", tmp_path / "own", tz=zone)
    lines = pl.DataFrame({"line": ACTIVATED.keys(), "activation": ACTIVATED.values()})
    lists: list[dict[str, Any]] = [{}, {}]
    if seed % 2:
        lines.write_csv(tmp_path / "lines.csv")
        privacy.pseudonymise_subscribers(tmp_path / "lines.csv", maker()).write_csv(
            tmp_path / "own.csv"
        )
        lists = [{"subscribers": tmp_path / name} for name in ("lines.csv", "own.csv")]
    clear = pipeline.scan([tmp_path / "calls"], told, **lists[0])
    source = ingest.open_source([tmp_path / "calls"], told)
    assert clear.findings["detector"].n_unique() >= 6
    assert_equal(clear, pipeline.scan([own], told, **lists[1]), names(source, maker()))


@pytest.mark.slow
def test_of_nights_every_detector_finds_the_same(tmp_path: Path) -> None:
    calls = adversarial(1, SHANGHAI)
    folders = night_runs.by_day(tmp_path / "calls", calls), tmp_path / "own"
    written(*folders, tz=SHANGHAI)
    nights = [
        night_runs.every(folder, night_runs.run(tmp_path / f"state{n}", *WORDS))
        for n, folder in enumerate(folders)
    ]
    told = names(ingest.open_source([folders[0]], settings.load_settings(tz=SHANGHAI)), maker())
    assert [night.day for night in nights[0]] == [night.day for night in nights[1]]
    for clear, own in zip(*nights, strict=True):
        assert disguised(clear.result.findings, told) == ordered(own.result.findings)
        assert disguised(clear.result.victims, told) == ordered(own.result.victims)


def test_records_of_every_kind_become_pseudonyms_of_the_same_calls(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    adversarial(2, SHANGHAI).write_parquet(tmp_path / "calls/calls.parquet")
    own = written(tmp_path / "calls", tmp_path / "own", tz=SHANGHAI)
    sources = [
        ingest.open_source([place], settings.load_settings(tz=SHANGHAI)).with_text()
        for place in (tmp_path / "calls", own)
    ]
    told = names(sources[0], maker())
    columns = [
        "calling_number",
        "called_number",
        "redirecting_number",
        "start_time",
        "duration_s",
        "record_type",
        "cell_id",
        "trunk_in",
    ]
    rows = [
        source.map_rows()
        .select(columns)
        .with_columns(pl.col("record_type").cast(pl.String))
        .collect()
        for source in sources
    ]
    assert disguised(rows[0], told) == ordered(rows[1])
    assert sources[1].has_pseudonyms
    assert rows[1]["calling_number"].drop_nulls().str.starts_with("+").all()


def test_without_neighbours_all_but_ranges_is_found(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    adversarial(3, SHANGHAI).write_parquet(tmp_path / "calls/calls.parquet")
    told = settings.load_settings(tz=SHANGHAI, assignments=WORDS)
    own = written(tmp_path / "calls", tmp_path / "own", neighbours=False, tz=SHANGHAI)
    clear, other = pipeline.scan([tmp_path / "calls"], told), pipeline.scan([own], told)
    source = ingest.open_source([tmp_path / "calls"], told)
    of_lists = ~pl.col("detector").is_in(["campaign", "unlike_peers"])
    was = disguised(clear.findings.filter(of_lists), names(source, maker(neighbours=False)))
    assert was == ordered(other.findings.filter(of_lists))
    assert [what for what in other.tables.unknown() if "--no-neighbours" in what]


def test_a_pool_of_fewer_numbers_than_are_hidden_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    adversarial(3, SHANGHAI).write_parquet(tmp_path / "calls/calls.parquet")
    own = written(tmp_path / "calls", tmp_path / "own", tz=SHANGHAI)
    words = ["overseas_presentation.pool_digits=2"]
    result = pipeline.scan([own], settings.load_settings(tz=SHANGHAI, assignments=words))
    assert "pool_digits must be as many" in result.not_applicable["overseas_presentation"]


def test_text_that_is_no_pseudonym_stays_as_it_is() -> None:
    columns = {
        "calling_number": ["+8613812345678", "ab" * 16],
        "calling_class": ["x", "mobile"],
        "calling_block": ["y", "+861381234xxxx"],
    }
    from cdr_anomaly.numbering import pseudonyms

    whole = pseudonyms.join_pseudonym("calling_number", columns)
    assert whole is not None
    told = pl.DataFrame(columns).select(whole).to_series().to_list()
    assert told == ["+8613812345678", "+861381234xxxx~mobile~" + "ab" * 16]
    own = "35209900~" + "ab" * 16
    assert pl.select(numbering.handset_id(pl.lit(own))).item() == own
