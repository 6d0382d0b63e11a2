"""The findings do not depend on how the same calls are delivered."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import process_cost
from cdr_anomaly import detectors, ingest, numbering, pipeline
from cdr_anomaly.engines import local, profile
from cdr_anomaly.evaluation.simulation import city
from cdr_anomaly.ingest import source as ingest_source
from cdr_anomaly.reports import line_story
from cdr_anomaly.settings import Settings, load_settings
from tests.helpers.adversarial import WORDS, adversarial
from tests.helpers.builders import SHANGHAI
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOLD = load_settings(tz=SHANGHAI)
CITY = {"days": 34, "lines": 300, "seed": 7}
CALLMINE = ROOT.parent / "shared" / "data" / "callmine" / "calls.parquet"


class Feed(NamedTuple):
    """Calls, the settings with which they are scanned, and what is found."""

    calls: pl.DataFrame
    settings: Settings
    findings: pl.DataFrame
    most_lines: int  # that are counted at once
    n_buckets: int  # of lines, if no more are counted at once


@pytest.fixture(scope="module", params=["few calls", pytest.param("city", marks=pytest.mark.slow)])
def feed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Feed:
    if request.param == "city":
        calls, settings, counted = city.simulate(**CITY).calls, TOLD, (40_000, 8)
    else:
        calls, settings = adversarial(1, SHANGHAI), load_settings(tz=SHANGHAI, assignments=WORDS)
        counted = (100, 9)
    found = scanned(tmp_path_factory.mktemp("plain"), settings, calls)
    return Feed(calls, settings, found, *counted)


def scanned(folder: Path, settings: Settings, *frames: pl.DataFrame) -> pl.DataFrame:
    folder.mkdir(exist_ok=True)
    for place, frame in enumerate(frames):
        frame.write_parquet(folder / f"{place:02}.parquet")
    return pipeline.scan([folder], settings).findings


def test_there_is_something_to_compare(feed: Feed) -> None:
    assert set(feed.findings["detector"]) >= set(detectors.NAMES)
    assert feed.findings.height > 50


def test_row_order_does_not_matter(feed: Feed, tmp_path: Path) -> None:
    shuffled = feed.calls.sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(scanned(tmp_path, feed.settings, shuffled), feed.findings)


def test_number_and_order_of_files_do_not_matter(feed: Feed, tmp_path: Path) -> None:
    parts = [part for _, part in feed.calls.with_row_index().group_by(pl.col("index") % 5)]
    frames = [part.drop("index") for part in reversed(parts)]
    assert_frame_equal(scanned(tmp_path, feed.settings, *frames), feed.findings)


@pytest.mark.parametrize("parts", [52, 14])
def test_the_size_of_the_parts_that_are_read_at_once_does_not_matter(
    parts: int,
    feed: Feed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = feed.calls.height
    monkeypatch.setattr(ingest_source, "PART_ROWS", rows // parts)
    feed.calls.write_parquet(tmp_path / "calls.parquet", row_group_size=rows // 474 or 1)
    assert_frame_equal(pipeline.scan([tmp_path], feed.settings).findings, feed.findings)


def test_lines_in_buckets_give_the_same(
    feed: Feed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buckets = []
    plain = profile.ProfileSums.__init__

    def noted(self: profile.ProfileSums, line: pl.DataType, lines: Any, **told: Any) -> None:
        buckets.append(lines)
        plain(self, line, lines, **told)

    monkeypatch.setattr(profile.ProfileSums, "__init__", noted)
    monkeypatch.setattr(profile, "MIN_HELD_COUNTS", feed.most_lines)
    feed.calls.write_parquet(tmp_path / "calls.parquet")
    monkeypatch.setattr(local, "COUNT_BYTES", 2**40)
    assert_frame_equal(pipeline.scan([tmp_path], feed.settings).findings, feed.findings)
    assert len([each for each in buckets if isinstance(each, profile.Bucket)]) == feed.n_buckets


@pytest.mark.parametrize("sides", ["call", "both"])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("days", [8, pytest.param(31, marks=pytest.mark.slow)])
def test_callers_are_those_who_placed_or_forwarded_a_call(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: str, small: bool, days: int
) -> None:
    """Also where lines are counted in several readings, because memory is small."""
    calls = city.simulate(days=days, lines=150, seed=3, sides=sides).calls
    calls.write_parquet(tmp_path / "calls.parquet")
    source = ingest.open_source([tmp_path], TOLD)
    if small:
        monkeypatch.setattr(profile, "MIN_HELD_COUNTS", 30_000)
        monkeypatch.setattr(local, "COUNT_BYTES", 2**40)
    look = local.Local(TOLD.memory).first_look(source, None, lambda _: None)
    assert sum(1 for _ in look.profiles) > 1 or not small
    day = pl.col("start_time").dt.convert_time_zone("Asia/Shanghai").dt.date()
    coded = [
        numbering.line_code(pl.col(c), source.plan).alias(c)
        for c in ("calling_number", "called_number", "redirecting_number")
    ]
    kinds = calls.select("record_type", *coded, day=day).with_columns(
        # A side that is not delivered is read off the other's record.
        placed=pl.when(pl.col("record_type") != "fwd").then("calling_number"),
        forwarded=pl.when(pl.col("redirecting_number") != pl.col("called_number")).then(
            "redirecting_number"
        ),
    )
    who = pl.concat([kinds.select("day", line=name) for name in ("placed", "forwarded")])
    naive = who.drop_nulls().unique().group_by("day").len()
    assert dict(look.n_callers) == dict(naive.iter_rows())


def test_a_file_delivered_twice_counts_once(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = feed.calls.height
    monkeypatch.setattr(ingest_source, "PART_ROWS", rows // 23)
    half = feed.calls.head(feed.calls.height // 2)
    frames = [feed.calls, half]
    for place, frame in enumerate(frames):
        frame.write_parquet(tmp_path / f"{place}.parquet", row_group_size=rows // 474 or 1)
    result = pipeline.scan([tmp_path], feed.settings)
    assert result.counts.duplicates == half.height
    assert_frame_equal(result.findings, feed.findings)


@pytest.mark.slow
def test_one_row_a_call_and_both_sides_give_the_same(tmp_path: Path) -> None:
    one, both = (city.simulate(**CITY, sides=sides) for sides in ("call", "both"))
    assert {"moc", "mtc"} <= set(both.calls["record_type"])
    # Where a line has records of its own, those of calls that others place in its name do not count
    # for it; what it is compared with changes, too.
    shown = both.truth.filter(kind="spoofed_number")["line"].to_list()
    kept = pl.col("detector").is_in(detectors.NAMES) & ~pl.col("subject").is_in(shown)
    assert len(shown) == 1
    found = scanned(tmp_path / "one", TOLD, one.calls)
    of_both = scanned(tmp_path / "both", TOLD, both.calls)
    assert_frame_equal(of_both.filter(kept), found.filter(kept))


@pytest.mark.parametrize("as_text", [False, True])
def test_lines_carried_as_text_and_tokens_give_the_same(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_text: bool
) -> None:
    monkeypatch.setattr(numbering.LineNames, "collide", as_text)
    odd = feed.calls.head(1).with_columns(
        calling_number=pl.lit("sip:somebody"),
        called_number=pl.lit("sip:else"),
        call_id=pl.lit("x"),
        cell_id=pl.lit(None, pl.String),
        trunk_in=pl.lit(None, pl.String),
    )
    result = pipeline.scan([_written(tmp_path, pl.concat([feed.calls, odd]))], feed.settings)
    assert result.source.as_text == as_text
    order = ("day", "detector", "subject_kind", "subject", "window_start", "reason", "observed")
    # One more line has called that day: what chance says of the others changes by a trifle.
    rules = pl.col("detector").is_in(detectors.NAMES)
    assert_frame_equal(
        result.findings.filter(rules).sort(order), feed.findings.filter(rules).sort(order)
    )


def test_the_last_day_is_judged_by_what_came_before_it_alone(feed: Feed, tmp_path: Path) -> None:
    local = pl.col("start_time").dt.convert_time_zone("Asia/Shanghai").dt.date()
    days = feed.calls.select(local.unique().sort()).to_series()
    before_last = scanned(tmp_path, feed.settings, feed.calls.filter(local < days[-1]))
    assert_frame_equal(
        before_last.filter(pl.col("day") == days[-2]),
        feed.findings.filter(pl.col("day") == days[-2]),
    )


def test_no_calls_are_a_result(feed: Feed, tmp_path: Path) -> None:
    assert scanned(tmp_path, feed.settings, feed.calls.clear()).is_empty()


@pytest.mark.skipif(not CALLMINE.exists(), reason="the CallMine set is not beside this checkout")
def test_the_ring_of_callmine_comes_before_every_other_line() -> None:
    """CallMine (CIKM 2023, MIT): a ring of ten callers in a background of random calls."""
    words = (
        "high_frequency.calls_day=10",
        "high_frequency.calls_day_alone=10",
        "high_frequency.distinct_ratio=0.2",
        "high_frequency.out_share=0.3",
    )
    result = pipeline.scan([CALLMINE], load_settings(assignments=words, layout="callmine"))
    first = result.alerts.head(10)["subject"].sort().to_list()
    assert first == [str(token) for token in range(250, 260)]
    assert "forwarding_chain" in result.not_applicable
    assert "new_sim_burst" in result.not_applicable


@pytest.mark.slow
def test_two_million_calls_need_less_than_1_2_gigabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = [sys.executable, "-m", "cdr_anomaly", "simulate", "--out", tmp_path, "--lines", "7600"]
    subprocess.run(make, check=True, capture_output=True)
    scan = [sys.executable, "-m", "cdr_anomaly", "scan", str(tmp_path / "calls"), "--format", "csv"]
    # What a scan needs: what its allocator keeps for later differs by a third from run to run.
    monkeypatch.setenv("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
    monkeypatch.setenv("TZ", "UTC")
    printed = tmp_path / "alerts.csv"
    cost = process_cost.measure(scan, printed, limit_s=600)
    assert cost.ended
    assert printed.read_bytes().count(b"\n") > 40
    assert cost.peak_gib * 2**20 < 1_200_000


def _written(folder: Path, calls: pl.DataFrame) -> Path:
    file = folder / "calls.parquet"
    calls.write_parquet(file)
    return file


def test_a_row_with_a_wrong_clock_does_not_make_old_lines_new(feed: Feed, tmp_path: Path) -> None:
    last = pl.col("start_time").max()
    week = feed.calls.filter(pl.col("start_time") > last - pl.duration(days=6))
    astray = week.head(2).with_columns(
        start_time=pl.Series(["2001-01-01", "2060-01-01"]).str.to_datetime(
            time_unit="us", time_zone="UTC"
        )
    )
    result = pipeline.scan([_written(tmp_path, pl.concat([week, astray]))], feed.settings)
    assert "new_sim_burst" in result.not_applicable
    assert max(result.tables.judged_days) < result.tables.births_from


def test_files_with_other_columns_are_read_in_parts_of_their_own(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = feed.calls.filter(pl.col("record_type") == "call").head(300)
    bare = plain.select("calling_number", "called_number", "start_time", "duration_s")
    last = plain.with_columns(pl.col("start_time") + pl.duration(days=3))
    for name, frame in {"a": bare, "b": last, "c": bare}.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    whole = pipeline.scan([tmp_path], feed.settings).counts
    monkeypatch.setattr(ingest_source, "PART_ROWS", 100)
    assert pipeline.scan([tmp_path], feed.settings).counts == whole
    assert whole.used == 600
    assert whole.duplicates == 300


def test_a_line_that_only_receives_has_a_story(feed: Feed, tmp_path: Path) -> None:
    calls = feed.calls.filter(pl.col("record_type") == "call")
    day = calls.unique(["calling_number", "start_time"], maintain_order=True).head(200)
    only = day.with_columns(called_number=pl.lit("+862988880000"))
    story, _ = line_story.explain("+862988880000", [_written(tmp_path, only)], feed.settings)
    assert story.who["number"].to_list() == ["+862988880000"]
    assert story.days["n_in"].sum() == 200


@pytest.mark.parametrize("tokens", ["all", "one", "many"])
def test_opaque_lines_are_the_same_as_codes_and_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    """Two lines with one code would turn the feed to text; here it is only said that there are."""
    calls, told = adversarial(5, SHANGHAI), load_settings(tz=SHANGHAI, assignments=WORDS)
    numbers = [c for c in ("calling_number", "called_number", "redirecting_number") if c in calls]
    lines = pl.concat([calls[c] for c in numbers]).drop_nulls().unique().sort()
    chosen = {"all": lines, "many": lines.gather_every(3), "one": lines[:1]}[tokens]
    token = {line: f"token-{place:05}" for place, line in enumerate(chosen)}
    (tmp_path / "calls").mkdir()
    spoken = calls.with_columns(pl.col(numbers).replace(token))
    spoken.write_parquet(tmp_path / "calls" / "a.parquet")
    coded = pipeline.scan([tmp_path / "calls"], told)
    monkeypatch.setattr(numbering.LineNames, "collide", True)
    as_text = pipeline.scan([tmp_path / "calls"], told)
    assert (coded.source.as_text, as_text.source.as_text) == (False, True)
    assert coded.source.names.table["name"].to_list() != []
    assert coded.tables.feed.classes == (tokens != "all")
    assert coded.findings.height
    # Lists are in the order of the lines, which are others.
    frames = [
        result.findings.with_columns(
            pl.col("members").list.sort(),
            pl.Series("evidence", map(_with_sorted_lists, result.findings["evidence"])),
        ).sort("detector", "subject_kind", "subject", "day", "window_start", "reason")
        for result in (coded, as_text)
    ]
    assert_frame_equal(*frames)
    assert_frame_equal(coded.victims, as_text.victims)


def _with_sorted_lists(evidence: str) -> str:
    measures = json.loads(evidence).items()
    return json.dumps({n: sorted(v, key=str) if isinstance(v, list) else v for n, v in measures})
