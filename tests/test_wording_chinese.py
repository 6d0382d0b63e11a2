"""Sentences in Chinese: all that detectors say, with every figure, and nothing that is not ours."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly import detectors, numbering, settings, wording
from cdr_anomaly.alerts import detect, entities, ranking, severity
from cdr_anomaly.detectors import Feed, Tables
from cdr_anomaly.features import line_replacements
from cdr_anomaly.nights import volume
from cdr_anomaly.nights.ledger import Night
from cdr_anomaly.reports import summary
from tests.helpers.chinese import (
    HOSTILE,
    assert_chinese,
    assert_texts_chinese,
    in_chinese,
    sentences_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cdr_anomaly.result import Result

AT_HANDSET = "截至 2026-05-03 的 7 天内，6 个号码（阈值 4）"


@pytest.fixture(params=range(3))
def drawn(request: pytest.FixtureRequest, scan_adversarial: Callable[[int], Result]) -> Result:
    return scan_adversarial(request.param)


def test_all_that_is_said_of_the_sample_is_said_in_chinese(sample: Result) -> None:
    sentences = sentences_of(sample)
    assert all(
        sentences[name]
        for name in ("reason", "reasons", "would_clear_if", "lowered_because", "why")
    )
    for pairs in sentences.values():
        assert_chinese(pairs)
    assert_texts_chinese(summary.summary(sample))


def test_all_that_is_said_of_odd_feeds_is_said_in_chinese(drawn: Result) -> None:
    for pairs in sentences_of(drawn).values():
        assert_chinese(pairs)
    assert_texts_chinese(summary.summary(drawn))
    assert_texts_chinese(drawn.counts.rows())


def test_an_id_is_that_of_the_reason(sample: Result) -> None:
    encoded = sample.findings["reason_values"].str.json_path_match("$.id")
    assert encoded.equals(sample.findings["reason_id"], null_equal=True)
    assert sample.findings["reason_id"].null_count() == 0
    values = sample.findings["reason_values"].to_list()
    assert all(isinstance(json.loads(each), dict) for each in values)


def test_what_a_feed_cannot_tell_is_said_in_chinese() -> None:
    day = date(2026, 5, 3)
    feed = Feed(frozenset(), day, day, opaque=True, attempts=False, talk=False, numbers=False)
    hidden = replace(feed, numbers=True, pseudonyms=True, neighbours=False)
    unknown = [
        what
        for each in (feed, hidden)
        for what in Tables.unknown(
            SimpleNamespace(feed=each, two_way=False)  # type: ignore[arg-type]
        )
    ]
    assert_texts_chinese(unknown)
    few = settings.Settings(detectors={"overseas_presentation": {"pool_digits": 2}})
    told = [
        (d.name, d.not_applicable(each)) for each in (feed, hidden) for d in detectors.build(few)
    ]
    whys = [(name, why) for name, why in told if why]
    assert len(whys) >= 6
    assert any("pseudonyms" in why for _, why in whys)
    assert_texts_chinese([why for _, why in whys])


def test_what_is_said_of_a_nights_volume_is_said_in_chinese() -> None:
    files = ("msc-*.csv", "a; b, none from x")
    usual = [
        (date(2026, 5, n), hour, file, 500)
        for n in range(1, 8)
        for hour in range(24)
        for file in files
    ]
    few = [(date(2026, 5, 8), hour, files[0], 300) for hour in (*range(9), *range(11, 15), 20)]
    names = ("day", "hour", "source", "rows")
    volumes = pl.DataFrame([*usual, *few], schema=names, orient="row")
    (told,) = volume.check_volume(volumes, date(2026, 5, 8)).warnings
    changed = [SimpleNamespace(late=n, calls=99, reopened_by=date(2026, 5, 7)) for n in (0, 90)]
    whys = [Night.provisional.fget(night) for night in changed]  # type: ignore[attr-defined]
    assert len({*whys}) == 2
    notes = wording.join_texts("statements", [told, *whys])
    assert wording.translate(notes, "zh") == (
        "4,200 行，是平时 24,000 行的 18%，9:00 至 11:00、15:00 至 20:00、21:00 至 24:00 很少或没有"
        f"，没有来自“{files[1]}”的话单；在它完成之后 2026-05-07 的夜间结果有变；"
        "当日有 90 行在未计入的文件中"
    )


def test_what_is_said_of_earlier_alerts_is_said_in_chinese() -> None:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    rows = [("1", "confirmed", None), ("2", "cleared", "no more")]
    told = pl.DataFrame(
        [(line, date(2026, 5, 3), word, note, at) for line, word, note in rows],
        schema=["line", "day", "verdict", "note", "at"],
        orient="row",
    )
    said = wording.localized(severity.last_feedback(told).sort("subject"), "zh")["feedback"]
    assert said.to_list() == ["2026-05-03 已确认", "2026-05-03 已排除：no more"]
    before = pl.DataFrame({"subject": ["2"], "listed": [date(2026, 5, 3)]})
    follow = pl.DataFrame(
        {"line": list(line_replacements.WAYS), "earlier": "2", "by": list(line_replacements.WAYS)}
    )
    english = ranking._continued(follow, before).sort("subject")
    own = wording.localized(english, "zh")["replaces_case"]
    assert_chinese(zip(english["replaces_case"], own, strict=True))


@pytest.mark.parametrize("theirs", [HOSTILE, "none", "{day}", "x\n2 calls", "(", "名单", "\\", "'"])
def test_what_others_have_written_stays_as_it_is(tmp_path: Path, theirs: str) -> None:
    rows = pl.DataFrame({"cell": [theirs], "day": [date(2026, 5, 3)]})
    site = wording.sentence(
        "site.handset",
        "{lines}{limit}{handset}{days}{day}",
        lines=6,
        limit=4,
        handset="cell",
        days=7,
        day="day",
    )
    end = f"在终端 {theirs} 上拨打陌生号码，本号码是其中之一"
    assert in_chinese(site, rows) == [AT_HANDSET + end]
    assert in_chinese(wording.as_written(pl.col("cell")), rows) == [theirs]
    owned = wording.sentence("declared.by_owner", "declared ({owner})", owner="cell")
    assert in_chinese(owned, rows) == [f"已报备（{theirs}）"]
    lines = pl.DataFrame(
        {"line": ["1", "2", "3"], "purpose": [theirs, None, None], "owner": ["o", theirs, None]}
    )
    lines.write_parquet(file := tmp_path / "entities.parquet")
    known = entities.read_entities(file, numbering.home_plan("CN"), detect.FINDERS)
    purposes = wording.localized(known, "zh")["purpose"].to_list()
    assert purposes == [f"{theirs} (o)", f"已报备（{theirs}）", "已报备"]
    assert known["purpose"].to_list() == [f"{theirs} (o)", f"declared ({theirs})", "declared"]


def test_what_has_no_template_stays_english() -> None:
    rows = pl.DataFrame({"n": [3]})
    known = wording.sentence("victims.times", "{n} times", n="n")
    newer = wording.sentence("newer.thing", "whistled {often}", often=known)
    assert in_chinese(newer, rows) == ["whistled 3 times"]
    assert wording.translate(wording.say("newer.thing", "whistled twice"), "zh") == "whistled twice"
    assert wording.translate("something new", "zh") == "something new"


def test_sentences_of_an_older_state_stay_english() -> None:
    schema = {"reason": pl.String, "reason_values": pl.String}
    older = pl.DataFrame([("placed 7 calls", None)], schema, orient="row")
    assert wording.localized(older, "zh").rows() == [("placed 7 calls",)]


def test_english_stays_as_it_is(sample: Result) -> None:
    told = wording.localized(sample.findings, "en")
    names = [name for name in sample.findings.columns if not name.endswith("_values")]
    assert told.equals(sample.findings.select(names))
    assert wording.translate(wording.say("victims.once", "once"), "en") == "once"
