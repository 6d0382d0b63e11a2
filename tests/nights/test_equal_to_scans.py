"""Thirty-six nights one by one find what one scan of all their days finds, on every day."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import detectors, pipeline, settings
from cdr_anomaly.evaluation.simulation import city
from cdr_anomaly.nights import open_state, run, state
from tests.helpers import night_runs
from tests.helpers.adversarial import ACTIVATED, WORDS, adversarial
from tests.helpers.builders import FEED, SHANGHAI, feed, line, past
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result


def scanned(folder: Path, *words: str, tz: str = SHANGHAI, **lists: Path) -> Result:
    return pipeline.scan([folder], settings.load_settings(tz=tz, assignments=words), **lists)


def activated(folder: Path) -> Path:
    file = folder / "subscribers.csv"
    told = {"line": list(ACTIVATED), "activation": list(ACTIVATED.values())}
    beside = {"holder_token": "p", "holder_region": "home", "dealer": "d", "line_kind": "shop"}
    pl.DataFrame(told).with_columns(**{c: pl.lit(v) for c, v in beside.items()}).write_csv(file)
    return file


@pytest.mark.slow
@pytest.mark.parametrize("lists", [{}, {"subscribers": SAMPLE / "subscribers.csv"}])
def test_the_sample_night_by_night_and_at_once(tmp_path: Path, lists: dict[str, Path]) -> None:
    told = night_runs.run(tmp_path / "state", **lists)
    calls = SAMPLE / "calls"
    whole = pipeline.scan([calls], told.settings, **lists)
    found = whole.findings
    days = sorted(folder.name.removeprefix("date=") for folder in calls.glob("date=*"))
    first, last = (pl.Series([word]).str.to_date().item() for word in (days[0], days[-1]))
    # The paths hold all days; a night reads its own.
    outcomes = list(run.backfill([calls], first, last, told))
    assert len(outcomes) == 36
    assert isinstance(outcomes[-1], run.Outcome)
    assert_frame_equal(night_runs.findings(told.location), night_runs.in_order(found))
    assert_frame_equal(night_runs.evidence(outcomes), whole.evidence)
    assert_frame_equal(outcomes[-1].result.victims, whole.victims)
    assert set(found["detector"]) >= {detector.name for detector in detectors.ALL}
    kinds = set(found["subject_kind"])
    assert ({"dealer", "region"} <= kinds) == bool(lists)


@pytest.mark.slow
def test_records_of_both_sides(tmp_path: Path) -> None:
    calls = city.simulate(days=31, lines=200, seed=9, sides="both").calls
    days = night_runs.by_day(tmp_path / "days", calls)
    told = night_runs.run(tmp_path / "state")
    nights = night_runs.every(days, told)
    whole = scanned(days)
    assert_frame_equal(night_runs.findings(told.location), night_runs.in_order(whole.findings))
    assert_frame_equal(night_runs.evidence(nights), whole.evidence)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "listed"),
    [(SHANGHAI, False), (SHANGHAI, True), ("Europe/Berlin", False), ("Africa/Cairo", True)],
)
@pytest.mark.parametrize("seed", range(2))
def test_bursts_about_midnight_and_days_of_23_hours(
    *, tmp_path: Path, zone: str, listed: bool, seed: int
) -> None:
    calls = adversarial(seed, zone)
    lists = {"subscribers": activated(tmp_path)} if listed else {}
    days = night_runs.by_day(tmp_path / "days", calls, zone)
    whole = scanned(days, *WORDS, tz=zone, **lists)
    told = night_runs.run(tmp_path / "state", *WORDS, tz=zone, **lists)
    nights = night_runs.every(days, told)
    assert not whole.findings.is_empty()
    assert_frame_equal(night_runs.findings(told.location), night_runs.in_order(whole.findings))
    assert_frame_equal(night_runs.evidence(nights), whole.evidence)


@pytest.mark.parametrize("listed", [False, True])
def test_a_burst_over_midnight_of_a_line_that_is_busy_on_no_day(
    tmp_path: Path, *, listed: bool
) -> None:
    days = past("2026-05-04", 4)
    burst = line("+8613800000001").dials(3, on=days, at="09:00", gap_s=3600)
    burst.dials(50, on=days[1:2], at="23:31", gap_s=62, answered=0.3)
    other = line("+8613800000002").dials(40, on=days, gap_s=60, answered=0.5)
    lists = {"subscribers": activated(tmp_path)} if listed else {}
    folder = night_runs.by_day(tmp_path / "days", feed(burst, other))
    whole = scanned(folder, **lists)
    told = night_runs.run(tmp_path / "state", **lists)
    nights = night_runs.every(folder, told)
    rows = whole.findings.filter(detector="high_frequency", subject="+8613800000001")
    assert rows["day"].cast(pl.String).to_list() == days[2:3]
    assert_frame_equal(night_runs.findings(told.location), night_runs.in_order(whole.findings))
    assert_frame_equal(night_runs.evidence(nights), whole.evidence)


@pytest.fixture(scope="module")
def calls() -> pl.DataFrame:
    return adversarial(5, SHANGHAI)


@pytest.fixture(scope="module")
def subscribers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return activated(tmp_path_factory.mktemp("lists"))


@pytest.fixture(scope="module")
def found(
    calls: pl.DataFrame, subscribers: Path, tmp_path_factory: pytest.TempPathFactory
) -> pl.DataFrame:
    days = night_runs.by_day(tmp_path_factory.mktemp("whole") / "days", calls)
    return night_runs.in_order(scanned(days, *WORDS, subscribers=subscribers).findings)


def settled(told: run.Run, folder: Path, calls: pl.DataFrame) -> None:
    """Run again what may have changed."""
    days = night_runs.local_days(calls)
    for outcome in run.backfill([folder], days[0], days[-1], told):
        assert not isinstance(outcome, str), outcome
    assert not list(run.backfill([folder], days[0], days[-1], told)), "nothing is left to do"


@pytest.mark.slow
def test_in_any_order(
    tmp_path: Path, calls: pl.DataFrame, subscribers: Path, found: pl.DataFrame
) -> None:
    days = night_runs.by_day(tmp_path / "days", calls)
    told = night_runs.run(tmp_path / "state", *WORDS, subscribers=subscribers)
    files = sorted(days.glob("*.parquet"))
    Random(2).shuffle(files)  # noqa: S311 - no secret
    for file in files:
        run.nightly([file], date.fromisoformat(file.stem), told)
    assert not night_runs.findings(told.location).equals(found)
    settled(told, days, calls)
    assert_frame_equal(night_runs.findings(told.location), found)


@pytest.mark.slow
def test_split_overlapping_and_delivered_twice(
    tmp_path: Path, calls: pl.DataFrame, subscribers: Path, found: pl.DataFrame
) -> None:
    told = night_runs.run(tmp_path / "state", *WORDS, subscribers=subscribers)
    for day in night_runs.local_days(calls):
        folder = tmp_path / str(day)
        folder.mkdir()
        whole = night_runs.of_day(calls, day)
        for place in range(3):
            whole.gather_every(2, place).write_parquet(folder / f"{place}.parquet")
        whole.head(7).write_parquet(folder / "again.parquet")
        shutil.copy(folder / "0.parquet", folder / "copy.parquet")
        (night,) = [run.nightly([folder], day, told)]
        assert night.result.counts.used == whole.height
    assert_frame_equal(night_runs.findings(told.location), found)


@pytest.mark.slow
def test_late_files_reopen_their_day_and_the_days_after_it(
    tmp_path: Path, calls: pl.DataFrame, subscribers: Path, found: pl.DataFrame
) -> None:
    told = night_runs.run(tmp_path / "state", *WORDS, subscribers=subscribers)
    days, folder = night_runs.local_days(calls), tmp_path / "days"
    folder.mkdir()
    for n, day in enumerate(days):
        rows = night_runs.of_day(calls, day).sort("called_number")
        cut = rows.height // 3
        on_time, late = folder / f"{day}.parquet", folder / f"{day}-late.parquet"
        rows.tail(rows.height - cut).write_parquet(on_time)
        run.nightly([on_time], day, told)
        if n % 2:
            rows.head(cut).write_parquet(late)
        else:
            rows.head(cut).write_parquet(folder / f"{day}-very-late.parquet")
        if n % 2 and n > 2:  # two days later, by itself
            before = days[n - 2]
            run.nightly([folder / f"{before}-late.parquet"], before, told)
            nights = open_state.read_nights(told.location)
            assert len(nights[before].inputs) == 2
            reopened = [d for d, night in nights.items() if night.reopened_by == before]
            assert reopened == [d for d in days[n - 1 : n + 1] if d in nights]
    # A landing folder with all of it: days that are done see that there is more of them.
    settled_by_hand = [d for d in days if len(open_state.read_nights(told.location)[d].inputs) == 2]
    for day in set(days) - set(settled_by_hand):
        run.nightly([folder], day, told)
    settled(told, folder, calls)
    assert_frame_equal(night_runs.findings(told.location), found)


def test_a_late_file_in_the_folder_of_another_night_is_seen(tmp_path: Path) -> None:
    told = night_runs.run(tmp_path / "state")
    days = [date(2026, 5, 4), date(2026, 5, 5)]
    first, second = (feed(line("+8613800000001").dials(50, on=str(day))) for day in days)
    first.head(20).write_parquet(tmp_path / "first.parquet")
    run.nightly([tmp_path / "first.parquet"], days[0], told)
    first.tail(30).write_parquet(tmp_path / "late.parquet")
    second.write_parquet(tmp_path / "second.parquet")
    night = run.nightly(sorted(tmp_path.glob("*.parquet")), days[1], told)
    assert open_state.read_nights(told.location)[days[0]].late == 30
    (warning,) = night.warnings
    assert warning.startswith("2026-05-04 may change: 30 rows of the day came in files that")
    again, _ = run.backfill(sorted(tmp_path.glob("*.parquet")), *days, told)
    assert isinstance(again, run.Outcome)
    assert again.result.counts.used == 50
    assert not any(night.provisional for night in open_state.read_nights(told.location).values())


@pytest.mark.slow
def test_to_run_a_night_again_gives_the_same_bytes(
    tmp_path: Path, calls: pl.DataFrame, subscribers: Path
) -> None:
    days = night_runs.by_day(tmp_path / "days", calls)
    told = night_runs.run(tmp_path / "state", *WORDS, subscribers=subscribers)
    night_runs.every(days, told)
    before = night_runs.remembered(told.location)
    for day in night_runs.local_days(calls)[-4:]:
        run.nightly([days / f"{day}.parquet"], day, told)
        assert night_runs.remembered(told.location) == before
        assert not any(
            night.provisional for night in open_state.read_nights(told.location).values()
        )


def test_records_in_parts_over_midnight_and_long_calls(tmp_path: Path) -> None:
    """A call of three parts is one, a call of hours is under way on the next day, too."""
    zone = ZoneInfo(SHANGHAI)
    rows: list[dict[str, Any]] = []
    for day in range(6):
        midnight = datetime(2026, 5, 2 + day, tzinfo=zone)
        for n in range(40):
            start = midnight + timedelta(minutes=3 * n - 70)
            rows += [
                {
                    "calling_number": "+8613800000001",
                    "called_number": f"+49301{n:04}",
                    "start_time": start + timedelta(seconds=part * 600),
                    "duration_s": 600,
                    "record_type": "call",
                    "call_id": f"{day}-{n}",
                }
                for part in range(3)
            ]
        rows.append(
            {
                "calling_number": "+8613800000001",
                "called_number": "+493020000",
                "start_time": midnight - timedelta(hours=4),
                "duration_s": 18_000,
                "record_type": "call",
            }
        )
    calls = pl.DataFrame(rows, FEED).with_columns(pl.col("start_time").dt.convert_time_zone("UTC"))
    days = night_runs.by_day(tmp_path / "days", calls.sort("start_time"))
    words = (*WORDS, "mass_dialler.watch_calls=20", "mass_dialler.watch_calls_fixed=20")
    told = night_runs.run(tmp_path / "state", *words)
    for n, night in enumerate(night_runs.every(days, told), 1):
        # What is said of a call on the next day is not known on its own.
        upto = sorted(days.glob("*.parquet"))[:n]
        found = pipeline.scan(upto, told.settings).findings.filter(day=night.day)
        assert_frame_equal(night_runs.in_order(night.result.findings), night_runs.in_order(found))
    found = night_runs.findings(told.location)
    assert set(found["detector"]) == {"mass_dialler", "high_frequency", "agent_shift"}


def test_a_token_is_remembered_as_an_integer_with_its_name(
    tmp_path: Path, calls: pl.DataFrame, subscribers: Path
) -> None:
    days = night_runs.local_days(calls)
    odd = night_runs.of_day(calls, days[9]).filter(record_type="call").head(1)
    odd = odd.with_columns(calling_number=pl.lit("sip:somebody"), call_id=pl.lit("odd"))
    # Also a line that is found, and whose past is remembered.
    found = scanned(night_runs.by_day(tmp_path / "plain", calls), *WORDS).findings
    busiest = found.filter(subject_kind="line")["subject"].value_counts(sort=True)["subject"][0]
    named = pl.col("calling_number", "called_number", "redirecting_number")
    calls = calls.with_columns(named.replace(busiest, "sip:busiest"))
    with_odd = pl.concat([calls, odd])
    folder = night_runs.by_day(tmp_path / "days", with_odd)
    told = night_runs.run(tmp_path / "state", *WORDS, subscribers=subscribers)
    kinds = []
    for file in sorted(folder.glob("*.parquet")):
        run.nightly([file], date.fromisoformat(file.stem), told)
        opened = state.open_readonly(told.location)
        kinds.append((opened.as_text, *sorted(set(opened.names.table["name"]))))
    assert [kind[0] for kind in kinds] == [False] * len(days)
    assert ["sip:somebody" in kind for kind in kinds] == [False] * 9 + [True] * (len(days) - 9)
    assert kinds[-1] == (False, "sip:busiest", "sip:somebody")
    found = scanned(folder, *WORDS, subscribers=subscribers).findings
    order = ("day", "detector", "subject_kind", "subject", "window_start")
    both = [
        table.drop("reason").sort(order) for table in (night_runs.findings(told.location), found)
    ]
    assert_frame_equal(*both)
    assert "sip:busiest" in set(found["subject"])
