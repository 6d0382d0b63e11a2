"""What other limits would find equals what scans with these limits find."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import detectors, pipeline, settings
from cdr_anomaly.alerts import severity
from cdr_anomaly.evaluation import tuning
from cdr_anomaly.settings import Settings
from tests.helpers import night_runs
from tests.helpers.builders import SHANGHAI, feed, line, past
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cdr_anomaly.evaluation.tuning import LimitCounts

DAYS = [SAMPLE / "calls" / f"date={day}" for day in past("2026-05-27", 10)]
COUNTS = (
    "last_day",
    "a_day_of_7",
    "a_day",
    "medium_last_day",
    "medium_a_day_of_7",
    "medium_a_day",
)


def by_hand(findings: pl.DataFrame, detector: str, days: list[str]) -> tuple[float, ...]:
    """Count the subjects of a detector by day, with sets."""
    every: dict[str, set[str]] = {day: set() for day in days}
    grave: dict[str, set[str]] = {day: set() for day in days}
    for row in findings.filter(detector=detector).iter_rows(named=True):
        every[str(row["day"])].add(row["subject"])
        if row["grade"] >= 1:
            grave[str(row["day"])].add(row["subject"])
    counts = []
    for sets in (every, grave):
        a_day = [len(sets[day]) for day in days]
        counts += [a_day[-1], sum(a_day[-7:]) / len(a_day[-7:]), sum(a_day) / len(a_day)]
    return tuple(round(count, 2) for count in counts)


def row_of(table: pl.DataFrame, setting: str, value: float) -> tuple[float, ...]:
    detector, name = setting.split(".")
    found: tuple[float, ...] = (
        table.filter(detector=detector, setting=name, value=value).select(COUNTS).row(0)
    )
    return found


@pytest.fixture(scope="module")
def tuned() -> LimitCounts:
    return tuning.count_in_files(
        DAYS,
        settings.load_settings(),
        entities=SAMPLE / "entities.csv",
        subscribers=SAMPLE / "subscribers.csv",
    )


@pytest.fixture(scope="module")
def usual() -> pl.DataFrame:
    """What is nothing rare, with the limits in use."""
    return pipeline.scan(
        DAYS, settings.load_settings(), subscribers=SAMPLE / "subscribers.csv"
    ).evidence


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        pytest.param("mass_dialler.calls", 1000, marks=pytest.mark.slow),  # as it is
        ("mass_dialler.calls", 1500),
        ("mass_dialler.watch_calls_fixed", 150),  # from which fewer calls make a busy day
        pytest.param("high_frequency.calls_60min", 30, marks=pytest.mark.slow),
        ("high_frequency.calls_60min", 15),
        pytest.param("high_frequency.calls_day_alone", 100, marks=pytest.mark.slow),
        pytest.param("forwarding_chain.hub_forwarders", 2, marks=pytest.mark.slow),
        ("forwarding_chain.bridge_forwards", 2),
        pytest.param("forwarding_chain.bridge_forwards", 15, marks=pytest.mark.slow),
        pytest.param("new_sim_burst.line_calls_60min", 15, marks=pytest.mark.slow),
        ("new_sim_burst.block_lines", 5),
        ("agent_shift.talk_h_often", 3.0),
    ],
)
def test_a_variant_finds_what_a_scan_with_that_setting_finds(
    tuned: LimitCounts, usual: pl.DataFrame, setting: str, value: int
) -> None:
    result = pipeline.scan(
        DAYS,
        settings.load_settings(assignments=(f"{setting}={value}",)),
        subscribers=SAMPLE / "subscribers.csv",
    )
    declared = pl.read_csv(SAMPLE / "entities.csv", infer_schema=False)["line"].implode()
    free = result.findings.filter(~pl.col("subject").is_in(declared))
    findings = severity.by_chance(free, usual)
    days = past("2026-05-27", 10)
    assert row_of(tuned.table, setting, value) == by_hand(
        findings, setting.split(".", maxsplit=1)[0], days
    )


def test_declared_lines_are_left_out() -> None:
    listed = {"subscribers": SAMPLE / "subscribers.csv"}
    sums = [
        tuning.count_in_files(DAYS[-1:], settings.load_settings(), **lists).table["a_day"].sum()
        for lists in (listed | {"entities": SAMPLE / "entities.csv"}, listed)
    ]
    assert sums[0] < sums[1]


def test_a_busy_day_is_what_it_would_be_with_that_limit(tmp_path: Path) -> None:
    # A limit of 250 calls makes days of 25 calls busy, one of 375 days of 30: only busy days are
    # in 24 hours.
    days = past("2026-05-04", 2)
    first = {"on": days[0], "at": "23:00", "gap_s": 60}
    second = {"on": days[1], "at": "00:30", "gap_s": 60}
    calls = feed(
        line("+8613800000001").dials(27, **first).dials(230, **second),  # 257 in 24 hours
        line("+8613800000002").dials(27, **first).dials(360, **second),  # 387
    )
    calls.write_parquet(tmp_path / "calls.parquet")
    table = tuning.count_in_files(
        [tmp_path / "calls.parquet"], settings.load_settings(tz=SHANGHAI)
    ).table
    for value, lines in ((250, 2), (375, 0), (500, 0)):
        assert row_of(table, "mass_dialler.watch_calls", value)[0] == lines
        limit = (f"mass_dialler.watch_calls={value}",)
        told = settings.load_settings(tz=SHANGHAI, assignments=limit)
        found = pipeline.scan([tmp_path / "calls.parquet"], told).findings
        assert found.filter(detector="mass_dialler")["subject"].n_unique() == lines


@pytest.mark.slow
def test_variants_equal_scans_where_new_lines_are_known_by_their_first_leg() -> None:
    table = tuning.count_in_files([SAMPLE / "calls"], settings.load_settings()).table
    usual = pipeline.scan([SAMPLE / "calls"], settings.load_settings()).evidence
    for setting, value in (("new_sim_burst.line_calls", 50), ("high_frequency.calls_10min", 6)):
        told = settings.load_settings(assignments=(f"{setting}={value}",))
        found = pipeline.scan([SAMPLE / "calls"], told).findings
        findings = severity.by_chance(found, usual)
        detector, _, _ = setting.partition(".")
        assert row_of(table, setting, value) == by_hand(findings, detector, past("2026-05-01", 36))


@pytest.mark.parametrize("detector", detectors.ALL, ids=lambda detector: detector.name)
def test_limits_are_settings_that_are_numbers(detector: type[detectors.Detector]) -> None:
    built = detectors.build(Settings())[detectors.ALL.index(detector)]
    assert detector.limits
    for name in detector.limits:
        assert name in {field.name for field in fields(detector)}  # type: ignore[arg-type]
        assert type(getattr(built, name)) in {int, float}


def values(built: Any, setting: str) -> list[float]:
    return [each.value for each in tuning.variants(built) if each.setting == setting]


def test_values_to_try_are_multiples_within_the_bounds_of_the_setting() -> None:
    told = {"forwarding_chain": {"hub_forwarders": 3}, "new_sim_burst": {"line_forwards": 1}}
    mass, frequent, chain, burst, _, shift, *_ = detectors.build(Settings(detectors=told))
    assert values(mass, "calls") == [500, 750, 1000, 1500, 2000, 3000]
    assert values(frequent, "calls_10min") == [6, 9, 12, 18, 24, 36]
    assert values(chain, "hub_forwarders") == [2, 3, 4, 6, 9]  # 1.5 and 2.25 are 2, its least
    assert values(burst, "line_forwards") == [1, 2, 3]  # less is not allowed
    assert values(shift, "talk_h") == [4, 6, 8, 12, 16, 24]
    tried = tuning.variants(chain)
    assert all(each.detector.hub_forwarders == 3 for each in tried if "hub" not in each.setting)  # type: ignore[attr-defined]
    assert [each.detector is chain for each in tried if each.setting == "hub_forwarders"] == [
        False,
        True,
        False,
        False,
        False,
    ]


def test_the_value_in_use_is_marked_and_is_the_one_that_was_told() -> None:
    told = settings.load_settings(assignments=("high_frequency.calls_60min=40",))
    table = tuning.count_in_files(DAYS[:1], told).table
    used = table.filter(pl.col("today") == tuning.IN_USE)
    assert used.filter(setting="calls_60min")["value"].to_list() == [40]
    assert used.height == sum(
        len(d.limits) for d in detectors.build(Settings()) if d.name != "new_sim_burst"
    )


def test_a_detector_that_is_not_applicable_is_named_and_left_out() -> None:
    counted = tuning.count_in_files(DAYS[:1], settings.load_settings())
    assert list(counted.not_applicable) == ["new_sim_burst"]
    assert "new_sim_burst" not in counted.table["detector"]


def test_without_a_day_there_is_nothing_to_count(tmp_path: Path) -> None:
    feed().write_parquet(tmp_path / "calls.parquet")
    table = tuning.count_in_files([tmp_path / "calls.parquet"], settings.load_settings()).table
    assert not table.is_empty()
    assert table.select(COUNTS).null_count().sum_horizontal().item() == 6 * table.height


# Of a state.

NIGHTS = past("2026-05-04", 4)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run four nights: a mass dialler, a caller of many, and one who is declared."""
    place = tmp_path_factory.mktemp("nights")
    calls = feed(
        line("+865918800001").dials(1600, on=NIGHTS[:1], at="07:00", gap_s=20, answered=0.3),
        line("+865918800001").dials(1100, on=NIGHTS[2:], at="07:00", gap_s=20, answered=0.3),
        line("+8613800000002").dials(50, on=NIGHTS[3:], gap_s=60, answered=0.3, talk_s=5),
        line("+8613800000003").dials(50, on=NIGHTS[3:], gap_s=60, answered=0.3, talk_s=5),
    )
    night_runs.every(night_runs.by_day(place / "days", calls), night_runs.run(place / "state"))
    return place / "state"


def rows_of(table: pl.DataFrame, **only: Any) -> list[tuple[float, ...]]:
    counts = ("factor", "last_night", "a_night", "medium_last_night", "medium_a_night")
    return table.filter(**only).select(counts).rows()


def test_a_state_tells_how_many_reached_a_multiple_of_the_limit(state: Path) -> None:
    table = tuning.count_in_state(state, 28)
    # 1600 calls on one night and 1100 on two of four
    wanted = [(1, 1, 0.75, 1, 0.75), (1.25, 0, 0.25, 0, 0.25), (1.5, 0, 0.25, 0, 0.25)]
    wanted += [(factor, 0, 0, 0, 0) for factor in (2, 3, 5)]
    assert rows_of(table, detector="mass_dialler", limit=1000) == wanted
    assert rows_of(table, detector="mass_dialler", subject_kind="any") == wanted
    at_least = table.filter(detector="mass_dialler", limit=1000)["at_least"].to_list()
    assert at_least == [1000, 1250, 1500, 2000, 3000, 5000]


def test_only_the_last_nights_are_counted(state: Path) -> None:
    table = tuning.count_in_state(state, 2)
    assert rows_of(table, detector="mass_dialler", limit=1000)[0] == (1, 1, 1, 1, 1)


def test_findings_of_a_state_that_are_declared_by_now_are_left_out(
    state: Path, tmp_path: Path
) -> None:
    (tmp_path / "known.csv").write_text("line,purpose\n13800000003,clinic\n")
    both = rows_of(tuning.count_in_state(state, 28), detector="high_frequency", subject_kind="any")[
        0
    ]
    one = rows_of(
        tuning.count_in_state(state, 28, tmp_path / "known.csv"),
        detector="high_frequency",
        subject_kind="any",
    )[0]
    assert (both[1], one[1]) == (3, 2)  # the mass dialler is one of them


@pytest.fixture
def tune(run: Any, state: Path) -> Callable[..., Any]:
    def ran(words: str) -> Any:
        told = [
            state if word == "STATE" else DAYS[-1] if word == "CALLS" else word
            for word in words.split()
        ]
        return run("tune", *told)

    return ran


def test_tune_shows_a_table_for_each_detector(tune: Any) -> None:
    ran = tune("CALLS")
    assert ran.code == 0
    assert all(name in ran.out for name in ("mass_dialler", "calls_60min", "in use"))
    assert ran.err.startswith("Not applicable: new_sim_burst: which lines are new is not known")
    rows = [json.loads(row) for row in tune("CALLS --format jsonl").out.splitlines()]
    assert {row["detector"] for row in rows} == {*detectors.NAMES} - {"new_sim_burst"}


def test_tune_of_a_state_says_what_it_cannot_tell(tune: Any) -> None:
    ran = tune("--state STATE")
    assert ran.code == 0
    assert ran.err == "A state remembers findings only: lower limits cannot be told from it.\n"
    assert "mass_dialler" in ran.out
    table = pl.read_csv(tune("--state STATE --days 1 --format csv").out.encode())
    assert table.filter(detector="mass_dialler", limit=1000)["last_night"].sum() == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "There is nothing to count in: give files of calls, or --state."),
        ("CALLS --state STATE", "Give files of calls or --state, not both."),
        ("--state STATE --set mass_dialler.calls=3", "--set is for files of calls: a state"),
        ("--state STATE --since 2026-05-01", "--since is for files of calls: a state"),
        ("--state nowhere", "There is no state in 'nowhere'"),
        ("nowhere", "There is no file or folder 'nowhere'."),
        ("CALLS --set mass_dialler.cals=3", "'cals' is not a setting of mass_dialler."),
        ("CALLS --entities nowhere.csv", "There is no file 'nowhere.csv'."),
    ],
)
def test_what_cannot_be_counted_is_one_sentence(tune: Any, words: str, sentence: str) -> None:
    ran = tune(words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cdr-anomaly: {sentence}")
    assert ran.err.count("\n") == 1
