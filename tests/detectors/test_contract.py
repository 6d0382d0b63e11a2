from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import detectors, pipeline, profile, settings
from cdr_anomaly.profile import Least
from cdr_anomaly.schema import FINDINGS, OF_PREFIXES, TESTS
from tests.builders import BIDDEN, FEED, SHANGHAI, scanned

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdr_anomaly.detectors import Detector
    from cdr_anomaly.pipeline import Result

SAMPLE = Path(__file__).parents[2] / "sample_data"
NAMES = [detector.name for detector in detectors.ALL]
# Low enough for a feed of a few hundred calls to have findings of every kind.
WORDS = (
    "mass_dialler.calls=24", "mass_dialler.watch_calls=18", "mass_dialler.watch_calls_fixed=15",
    "mass_dialler.distinct=3", "high_frequency.calls_day=12", "high_frequency.calls_10min=6",
    "high_frequency.calls_60min=12", "high_frequency.calls_day_alone=20",
    "forwarding_chain.bridge_forwards=3", "forwarding_chain.hub_forwarders=2",
    "forwarding_chain.self_calls=1", "new_sim_burst.line_calls=20",
    "new_sim_burst.line_calls_60min=9", "new_sim_burst.line_forwards=3",
    "new_sim_burst.block_lines=3", "new_sim_burst.fdr=0.5", "new_sim_burst.warm_up_days=9",
    "new_sim_burst.line_distinct=0.1", "high_frequency.distinct_ratio=0.2",
    "agent_shift.calls_day=6", "agent_shift.talk_h=0.3", "agent_shift.talk_h_often=0.1",
    "agent_shift.days_often=2", "agent_shift.out_share=0.5", "agent_shift.calls_per_contact=3",
    "overseas_presentation.contacts=3", "overseas_presentation.mismatch_calls=2",
    "overseas_presentation.mismatch_contacts=2", "overseas_presentation.trunk_calls=2",
    "overseas_presentation.pool_numbers=2", "overseas_presentation.pool_contacts=3",
    "overseas_presentation.pool_fdr=0.99", "overseas_presentation.domestic_share=0.6",
    'overseas_presentation.domestic_trunks=["b"]', "overseas_presentation.pool_digits=4",
    "overseas_presentation.international_share=0.3",
    "campaign.calls_day=12", "hand_off.fdr=0.5", "site.lines=2", "site.times=1", "site.fdr=1",
    "site.cards=2",
)  # fmt: skip
ACTIVATED = {f"+861380000{n:04}": f"2026-03-{20 + n:02}" for n in range(0, 11, 2)}


def judged(**lists: Path) -> Result:
    return pipeline.scan([SAMPLE / "calls"], settings.load(tz=SHANGHAI), **lists)


@pytest.fixture(scope="module")
def sample() -> Result:
    return judged(entities=SAMPLE / "entities.csv")


@pytest.fixture(scope="module")
def truth() -> pl.DataFrame:
    return pl.read_parquet(SAMPLE / "truth.parquet")


@pytest.fixture
def watch_everybody(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def patch() -> None:
        for detector in detectors.ALL:
            monkeypatch.setattr(detector, "least", lambda _: Least(0, 0))
            monkeypatch.setattr(detector, "watch", lambda _: pl.lit(value=True))
            monkeypatch.setattr(detector, "worth", lambda _: pl.lit(value=True))

    return patch


def adversarial(seed: int, zone: str) -> pl.DataFrame:
    """Draw bursts about midnight, forwarding chains and new lines, about the days of DST."""
    random = Random(seed)  # noqa: S311 - no secret
    homes = [f"+861380000{n:04}" for n in range(12)] + ["+861391111000", "+442035550001"]
    midnight = pl.datetime(2026, 3, 20, time_zone=zone).dt.convert_time_zone("UTC")
    first = pl.select(midnight).item()
    rows: list[dict[str, Any]] = []
    for each in homes:
        for _ in range(random.randrange(2, 7)):
            day = random.randrange(18)
            if each in homes[4:9]:
                day = max(day, 10)  # new once the feed is warm
            begin = first + timedelta(days=day, minutes=random.choice([-70, -40, -5, 0, 600]))
            for _ in range(random.choice([1, 3, 8, 20])):
                begin += timedelta(seconds=random.choice([0, 20, 60, 900]))
                rows.append(_call(random, each, homes, begin))
    rows += [_call(random, homes[-1], homes, first + timedelta(days=d)) for d in range(18)]
    rows += _presented(Random(seed), homes[:4], first)  # noqa: S311 - no secret
    rows += _one_list(first, first + timedelta(days=random.randrange(11, 16), hours=20))
    return pl.DataFrame(rows, FEED).unique(
        ["calling_number", "called_number", "start_time", "redirecting_number"]
    )


def _one_list(first: datetime, begin: datetime) -> list[dict[str, Any]]:
    """Let three lines of a room work one list, and a fourth call those who talk just after."""
    rows = []
    for k in range(4):
        who = f"+861370000{k:04}"
        rows.append((who, "+493100000000", first, 9))
        for i in range(14):
            start, person = begin + timedelta(minutes=20 * i + 5 * k), f"+49310{i:06}"
            talk_s = 90 if (i + k) % 2 == 0 else 0
            if k < 3:
                rows.append((who, person, start, talk_s))
            elif i % 2 == 0:
                rows.append((who, person, begin + timedelta(minutes=20 * i + 3), 600))
    names = ("calling_number", "called_number", "start_time", "duration_s")
    named = [dict(zip(names, row, strict=True)) for row in rows]
    there = {"record_type": "call", "cell_id": "room", "imei": "35209900176199"}
    return [row | {"start_time": row["start_time"].astimezone(UTC)} | there for row in named]


def _call(random: Random, who: str, homes: list[str], start: datetime) -> dict[str, Any]:
    strangers = [f"+4930{n:06}" for n in range(40)]
    other = random.choice(
        [*strangers, *homes[:4], *homes[9:]]
    )  # the new ones are not called before
    row = {
        "calling_number": who, "called_number": other, "start_time": start.astimezone(UTC),
        "duration_s": random.choice([0, 4, 40, 300]), "record_type": "call",
    }  # fmt: skip
    if random.random() < 0.3:
        caller = random.choice(strangers)
        target = random.choice(homes[:4])
        row |= {"calling_number": caller, "called_number": target, "redirecting_number": who}
        row |= {"record_type": "fwd", "call_id": random.choice([None, "x"])}
    return row


def _presented(random: Random, homes: list[str], first: datetime) -> list[dict[str, Any]]:
    """Draw calls of numbers shown as foreign, impossible or of home, by trunk and identity."""
    shown = [f"+4420355501{n:02}" for n in range(12)] + ["+99912345678", "+86138001234567", *homes]
    rows = []
    for _ in range(160):
        minutes = random.choice([-50, -5, 0, 3, 400]) + random.randrange(30)
        start = first + timedelta(days=random.choice([0, 5, 9, 17]), minutes=minutes)
        row = {
            "calling_number": random.choice(shown), "called_number": random.choice(homes),
            "start_time": start.astimezone(UTC), "duration_s": random.choice([0, 40, 7200]),
            "record_type": "call", "trunk_in": random.choice([None, "a", "a", "b", "c"]),
            "imsi": random.choice([None, "460001234567890", "234101234567890"]),
        }  # fmt: skip
        if row["trunk_in"] is None:
            row |= {"cell_id": random.choice("xyz"), "imei": "35209900176148"}
        rows += [row] * random.choice([1, 1, 2])
    return rows


@pytest.mark.parametrize("detector", detectors.ALL)
def test_a_detector_says_what_it_is(detector: type[Detector]) -> None:
    assert detector.__module__ == f"cdr_anomaly.detectors.{detector.name}"
    help_text = detector.__doc__ or ""
    assert "Sample: " in help_text
    assert not any(word in help_text.lower() for word in BIDDEN)
    assert detector.family
    assert all(field.name for field in fields(detector))  # type: ignore[arg-type]


def test_every_file_is_a_detector_and_every_detector_a_file() -> None:
    folder = Path(detectors.__file__).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__", "base"}
    assert files == set(NAMES)


def test_the_defaults_are_valid() -> None:
    assert [type(built) for built in detectors.build({})] == list(detectors.ALL)
    for built, named in zip(detectors.build({}), NAMES, strict=True):
        told = {f.name: getattr(built, f.name) for f in fields(built)}  # type: ignore[arg-type]
        assert built in detectors.build({named: told})


def test_no_calls_no_findings(tmp_path: Path) -> None:
    result = scanned(tmp_path, pl.DataFrame(schema=FEED))
    assert result.findings.is_empty()
    assert dict(result.findings.schema) == {name: c.dtype for name, c in FINDINGS.items()}
    assert result.alerts.is_empty()


def test_one_call_no_findings(tmp_path: Path) -> None:
    calls = adversarial(0, SHANGHAI).filter(record_type="call").head(1)
    assert scanned(tmp_path, calls).findings.is_empty()


@pytest.mark.parametrize("name", NAMES)
def test_findings_are_complete_and_well_said(sample: Result, name: str) -> None:
    rows = sample.findings.filter(detector=name)
    assert not rows.is_empty()
    assert (rows["window_start"] < rows["window_end"]).all()
    assert (rows["observed"] >= rows["limit"]).all()
    for row in rows.to_dicts():
        assert all(row[column] is not None for column in
                   ("subject", "members", "day", "severity", "reason", "evidence"))  # fmt: skip
        numbers = re.findall(r"[0-9]+(?:\.[0-9]+)?", row["reason"])
        assert {row["observed"], row["limit"]} <= {float(number) for number in numbers}
        assert not any(word in row["reason"].lower() for word in BIDDEN)
        if row["subject_kind"] in OF_PREFIXES:
            prefix = row["subject"].rstrip("x")
            assert all(member.startswith(prefix) for member in row["members"])
            assert len(row["members"]) == row["observed"]
        else:
            assert row["subject"] in row["members"]


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    calls = adversarial(1, SHANGHAI)
    one = scanned(tmp_path / "one", calls, *WORDS).findings
    other = scanned(tmp_path / "other", calls.sample(fraction=1, shuffle=True, seed=3), *WORDS)
    assert set(one["detector"]) == set(NAMES)
    assert one.equals(other.findings)


def compared(name: str, result: Result, *words: str) -> pl.DataFrame | None:
    """Give TESTS of a detector, in one order."""
    told = settings.load(words=words).detectors
    (detector,) = (each for each in detectors.build(told) if each.name == name)
    tests = detector.tests(result.tables)
    return None if tests is None else tests.collect().sort("day", "line", "measure")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_compared_is_complete(sample: Result, name: str) -> None:
    tests = compared(name, sample)
    (kind,) = (each for each in detectors.ALL if each.name == name)
    if tests is None:
        assert not kind.measures
        return
    lines = sample.tables.profile.collect_schema()["line"]
    assert dict(tests.schema) == {name: c.dtype or lines for name, c in TESTS.items()}
    assert tests.height > 100
    assert tests["value"].is_finite().all()
    assert tests.null_count().transpose().to_series().sum() == 0
    assert tests.select("line", "day", "measure").is_duplicated().sum() == 0
    of_family = {m.name: family for family, each in kind.measures.items() for m in each}
    assert set(tests.select("measure", "family").rows()) <= set(of_family.items())
    assert set(tests["measure"]) == set(of_family), "the sample has a value of each"
    kinds = tests.group_by("line", "day").agg(pl.col("peers").n_unique())
    assert kinds["peers"].max() == 1, "a line's day is of one kind"


def test_measures_have_one_meaning_each() -> None:
    named = [m for d in detectors.ALL for each in d.measures.values() for m in each]
    assert len(named) == len(detectors.MEASURES)
    for measure in named:
        assert measure.said.count("{}") == 1
        assert not any(word in measure.said.lower() for word in BIDDEN)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_compared_is_the_same_for_rows_in_any_order(tmp_path: Path, name: str) -> None:
    calls = adversarial(1, SHANGHAI)
    shuffled = calls.sample(fraction=1, shuffle=True, seed=3)
    one, again, other = (
        compared(name, scanned(tmp_path / str(n), rows, *WORDS), *WORDS)
        for n, rows in enumerate((calls, calls, shuffled))
    )
    if one is None or again is None or other is None:
        assert one is again is other is None
        return
    assert one.height > 0 or name == "forwarding_chain", "those in this feed make calls, too"
    assert one.equals(again)
    assert one.equals(other)


def test_watching_fewer_lines_loses_nothing_of_the_sample(
    sample: Result, watch_everybody: Callable[[], None]
) -> None:
    few = {name: compared(name, sample) for name in NAMES}
    watch_everybody()
    everybody = judged()
    assert everybody.findings.equals(sample.findings)
    assert everybody.evidence.equals(sample.evidence)
    for name, tests in few.items():
        more = compared(name, everybody)
        assert (tests is None and more is None) or (tests is not None and tests.equals(more))


@pytest.mark.parametrize(
    ("zone", "listed"),
    [(SHANGHAI, False), (SHANGHAI, True), ("Europe/Berlin", False), ("Africa/Cairo", True)],
)
@pytest.mark.parametrize("seed", range(3))
def test_watching_fewer_lines_loses_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    watch_everybody: Callable[[], None],
    *,
    zone: str,
    listed: bool,
    seed: int,
) -> None:
    calls = adversarial(seed, zone)
    lists = {"subscribers": ACTIVATED} if listed else {}
    monkeypatch.setattr(profile, "MANY", 0)  # few lines are sieved, too
    some = scanned(tmp_path, calls, *WORDS, tz=zone, **lists)
    watch_everybody()
    everybody = scanned(tmp_path, calls, *WORDS, tz=zone, **lists)
    assert not some.findings.is_empty()
    assert some.findings.equals(everybody.findings)
    assert not some.evidence.is_empty()
    assert some.evidence.equals(everybody.evidence)


def test_the_planted_are_found_and_the_honest_spared(sample: Result, truth: pl.DataFrame) -> None:
    grave = sample.findings.filter(pl.col("severity") != "low")
    accused = set(grave["subject"]) | {
        member
        for members in grave.filter(pl.col("subject_kind").is_in(["hub", "chain"]))["members"]
        for member in members
    }
    # Who holds one person and calls nobody else is found through that person alone.
    unseen = pl.col("kind").is_in(["captor", "agent_lead"])
    kinds = dict(
        truth.with_columns(found=pl.col("line").is_in(list(accused)))
        .filter(~pl.col("honest"), ~pl.col("pattern").str.starts_with("evasion"), ~unseen)
        .group_by("kind")
        .agg(pl.col("found").mean())
        .iter_rows()
    )
    assert kinds == dict.fromkeys(kinds, 1.0)
    declared = set(sample.alerts.filter(pl.col("suppressed_by").is_not_null())["subject"])
    by_subject = set(grave["subject"]) - declared
    honest = truth.filter(pl.col("honest"))
    named = honest.filter(pl.col("line").is_in(list(by_subject)))
    # Some who call strangers for a living do so as the planted do: few may be named, and only they.
    assert set(named["kind"]) <= {"courier", "new_courier", "rider", "estate_agent", "sales"}
    assert named.height < 0.05 * honest.height
