"""The terminal in Chinese: lists, people to warn, and a line's story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import settings, wording
from cdr_anomaly.reports import line_story, line_story_terminal
from cdr_anomaly.reports.line_verdicts import Verdicts
from tests.helpers.builders import SHANGHAI, feed, line
from tests.helpers.chinese import LATIN, NAMES

if TYPE_CHECKING:
    from pathlib import Path

DIALLER = "+8613800000001"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    rows = feed(line(DIALLER).dials(1200, gap_s=20, on="2026-05-04"))
    rows.write_parquet(file := tmp_path / "calls.parquet")
    return file


def assert_without_english(text: str) -> None:
    assert not LATIN.findall(NAMES.sub("", text)), text


def test_a_scan_answers_in_chinese(run: Any, calls: Path) -> None:
    ran = run("scan", calls, "--tz", SHANGHAI, "--lang", "zh")
    assert ran.code == 0
    assert_without_english(ran.out)
    assert_without_english(ran.err)
    assert "大量外呼" in ran.out
    assert "级别" in ran.out
    assert "告警：" in ran.err
    data = run("scan", calls, "--tz", SHANGHAI, "--lang", "zh", "--format", "jsonl").out
    assert '"severity":"high"' in data, "data is the same in every language"


def test_a_list_without_alerts_answers_in_chinese(run: Any, tmp_path: Path) -> None:
    feed(line(DIALLER).dials(3, on="2026-05-04")).write_parquet(tmp_path / "quiet.parquet")
    ran = run("scan", tmp_path / "quiet.parquet", "--tz", SHANGHAI, "--lang", "zh")
    assert_without_english(ran.out)
    assert "没有达到任何阈值。" in ran.out


def test_a_night_is_listed_in_chinese(run: Any, calls: Path, tmp_path: Path) -> None:
    state = ("--state", tmp_path / "state")
    told = ("--tz", SHANGHAI, "--date", "2026-05-04", "--lang", "zh")
    first = run("nightly", calls, *state, *told)
    again = run("alerts", *state, "--lang", "zh", "--mask")
    assert first.code == again.code == 0
    for ran in (first, again):
        assert_without_english(ran.out)
        assert_without_english(ran.err)
        assert "大量外呼" in ran.out
    assert "+86138****0001" in again.out
    english = run("alerts", *state)
    assert "mass_dialler" in english.out


def test_titles_heads_and_words_of_a_story_are_in_chinese(calls: Path) -> None:
    told = settings.load_settings(tz=SHANGHAI)
    story, _ = line_story.explain(DIALLER, [calls], told, verdicts=Verdicts(judge=True))
    english, own = (line_story_terminal.tables(story, lang) for lang in ("en", "zh"))
    assert list(english) == list(own)
    own |= line_story_terminal.tables(story, "zh", has_verdicts=False)
    for title, table in own.items():
        assert_without_english(wording.translate(title, "zh"))
        heads = [wording.translate_word(name, "zh", "heads") for name in table.columns]
        assert [each for each in heads if LATIN.findall(each)] == []
        words = [name for name in line_story_terminal.WORDS if table.schema.get(name) == pl.String]
        for name in words:
            assert_without_english(" ".join(table[name].drop_nulls()))
    assert english.keys() == line_story_terminal.tables(story).keys()


def test_a_story_answers_in_chinese(run: Any, calls: Path) -> None:
    ran = run("explain", DIALLER, calls, "--tz", SHANGHAI, "--lang", "zh", "--judge")
    assert ran.code == 0
    assert "联系号码，呼叫最多的 20 个" in ran.out
    assert "大量外呼" in ran.out
