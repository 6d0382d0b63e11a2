"""What stands on the pages, as the commands write them; how it looks is for a browser to say."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import pipeline, settings, wording
from cdr_anomaly.reports import html as reports_html
from cdr_anomaly.reports import line_story
from cdr_anomaly.reports.html import alert_rows, language, template
from cdr_anomaly.reports.line_verdicts import Verdicts
from cdr_anomaly.schema import SEVERITIES
from tests.helpers.builders import SHANGHAI, feed, line, scanned
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result

LANGUAGES = [*wording.LANGUAGES]


@pytest.fixture(scope="module")
def result() -> Result:
    calls = sorted(SAMPLE.glob("calls/**/*.parquet"))[-12:]
    return pipeline.scan(calls, settings.load_settings(), entities=SAMPLE / "entities.csv")


@pytest.fixture(scope="module")
def night(result: Result) -> str:
    return reports_html.night(result, reports_html.Past.of_scan(result), reports_html.Look())


def all_of(text: str) -> str:
    """Give what a page holds as text: what is shown at once, and what is packed."""
    held = template.unpack(text)
    parts = [text.split("<main")[1].split("</main", maxsplit=1)[0], *held["parts"]]
    return html.unescape(" ".join(parts)) + str(held["pictures"])


def test_every_alert_of_the_list_is_there_with_all_that_is_said_of_it(
    result: Result, night: str
) -> None:
    listed = result.alerts.filter(pl.col("rank").is_not_null())
    held = template.unpack(night)["parts"]
    assert listed.height
    assert len(held) == listed.height
    for alert, part in zip(listed.iter_rows(named=True), held, strict=True):
        told = html.unescape(part)
        assert all(reason in told for reason in alert["reasons"])
        assert alert["would_clear_if"] is None or alert["would_clear_if"] in told
        assert all(member in told for member in alert["members"][: alert_rows.LINES])


def test_the_rows_that_were_read_and_refused_are_told(result: Result, night: str) -> None:
    for what, n in result.counts.rows().items():
        assert f'>{what}</td><td class="n">{n:,}</td>' in night


def test_the_same_result_gives_the_same_page(result: Result, night: str) -> None:
    assert (
        reports_html.night(result, reports_html.Past.of_scan(result), reports_html.Look()) == night
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_masked_page_has_no_number_of_the_feed(result: Result, lang: str) -> None:
    told = reports_html.night(
        result, reports_html.Past.of_scan(result), reports_html.Look(lang, mask=True)
    )
    calls = pl.concat([pl.scan_parquet(file.path) for file in result.source.files])
    columns = ("calling_number", "called_number", "redirecting_number", "imei", "imsi")
    known = {
        value.removeprefix("+")
        for column in columns
        for value in calls.select(pl.col(column).unique().drop_nulls()).collect().to_series()
        if len(value) >= 11
    }
    shown = set(re.findall(r"\d{11,}", all_of(told)))
    assert known
    assert not shown & known
    assert "****" in all_of(told)


def test_nothing_found_is_a_page_too(tmp_path: Path) -> None:
    quiet = scanned(tmp_path, feed(line("+8613800000001").dials(3, on="2026-05-04")))
    told = reports_html.night(quiet, reports_html.Past.of_scan(quiet), reports_html.Look())
    assert "Nothing is on the list." in told
    assert 'id="alerts"' not in told


def test_no_rows_at_all_are_a_page_too(tmp_path: Path) -> None:
    empty = scanned(tmp_path, feed(line("+8613800000001").dials(3, on="2026-05-04")).clear())
    told = reports_html.night(empty, reports_html.Past.of_scan(empty), reports_html.Look())
    assert "Nothing is on the list." in told


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_line_is_told_in_every_language(result: Result, lang: str) -> None:
    calls = [file.path for file in result.source.files]
    at_home = pl.col("subject").str.starts_with("+861")
    subject = result.alerts.filter(at_home, subject_kind="line")["subject"][0]
    judged = Verdicts(judge=True)
    story, found = line_story.explain(subject, calls, settings.load_settings(), verdicts=judged)
    told = reports_html.line(story, found, reports_html.Look(lang))
    said = language.word_translator(lang)
    assert f'lang="{wording.LANGUAGES[lang]}"' in told
    assert html.escape(said("Its days")) in told
    first = story.contacts.head(20)["number"]
    assert all(number in all_of(told) for number in first)
    kinds = {each["kind"] for each in template.unpack(told)["pictures"]}
    assert {"days", "grid", "found", "used"} <= kinds


def test_every_word_of_a_severity_is_translated() -> None:
    said = language.word_translator("zh")
    assert all(said(word) != word for word in SEVERITIES)


def test_the_command_writes_the_page_for_its_owner_only(run: Any, tmp_path: Path) -> None:
    feed(line("+8613800000001").dials(1200, gap_s=20, on="2026-05-04")).write_parquet(
        tmp_path / "calls.parquet"
    )
    told = ("--tz", SHANGHAI, "--lang", "zh", "--mask")
    ran = run("scan", tmp_path / "calls.parquet", "--out", tmp_path / "out", *told)
    assert ran.code == 0
    assert "report.html" in ran.err
    assert "+86138****0001" in ran.out
    written = tmp_path / "out" / "report.html"
    assert written.stat().st_mode & 0o077 == 0
    assert "+8613800000001" not in all_of(written.read_text())
    told = ("--tz", SHANGHAI, "--html", tmp_path / "line.html")
    ran = run("explain", "13800000001", tmp_path / "calls.parquet", *told)
    assert ran.code == 0
    assert (tmp_path / "line.html").stat().st_mode & 0o077 == 0
    assert "+8613800000001" in (tmp_path / "line.html").read_text()
