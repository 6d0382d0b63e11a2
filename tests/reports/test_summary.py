"""What is said of alerts below the list and of their calibration, and what is read for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, NoReturn

import polars as pl
import pytest

from cdr_anomaly import pipeline, settings
from cdr_anomaly.alerts import ranking
from cdr_anomaly.alerts.peer_scoring import BY_ITSELF, BY_NIGHTS
from cdr_anomaly.reports import files, summary, terminal
from tests.helpers.builders import SHANGHAI, feed, line, past
from tests.helpers.finding_rows import TODAY, finding, ranked, weight

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.finding_rows import Row


def some(*, most: int = 200) -> pl.DataFrame:
    """List two, watch one, go on with one, and set one aside."""
    rows = [
        finding("a"),
        finding("b", severity="medium"),
        finding("c", severity="low"),
        finding("d"),
        finding("e"),
    ]
    before = ranked([finding("d", day=TODAY - timedelta(days=1))])
    weights = [weight("a", p_value=2.14e-9)]
    return ranked(rows, {"e": "bank"}, earlier=before, weights=weights, most=most)


@pytest.mark.parametrize(
    ("alerts", "sentence"),
    [
        (
            some(),
            (
                "1 high, 1 medium; 1 declared ones set aside, 1 ongoing since an earlier night, "
                "1 on watch (low)"
            ),
        ),
        (
            some(most=1),
            (
                "1 high; 1 declared ones set aside, 1 ongoing since an earlier night, 1 on watch "
                "(low), 1 beyond the limit"
            ),
        ),
        (ranked([]), "none; 0 declared ones set aside"),
        (ranked([finding()], {"+861": "bank"}), "none; 1 declared ones set aside"),
        (ranked([finding(severity="low")]), "none; 0 declared ones set aside, 1 on watch (low)"),
    ],
)
def test_every_alert_is_counted_once(alerts: pl.DataFrame, sentence: str) -> None:
    assert summary.alerts_sentence(alerts) == sentence
    unranked = sum(rows.height for rows in ranking.unranked(alerts).values())
    assert unranked + alerts["rank"].count() == alerts.height


def shown(capsys: pytest.CaptureFixture[str], alerts: pl.DataFrame, rows: int = 50) -> str:
    terminal.print_alerts(alerts, rows)
    return capsys.readouterr().out


def test_the_list_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, some())
    assert " 2.1e-9 " in text
    assert "1 more are on watch (low); --out keeps them." in text
    assert "beyond" not in text
    assert "... and" not in text


def test_a_long_token_leaves_room_for_why(capsys: pytest.CaptureFixture[str]) -> None:
    token = f"+861344002xxxx~mobile~{'9f3c' * 8}~0042"
    text = shown(capsys, ranked([finding(token)]))
    assert " why " in text
    assert all(word in text for word in finding(token)["reason"].split())


def test_what_is_below_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, some(most=1), rows=1)
    assert "1 more are beyond the limit; --max-alerts ranks more." in text
    assert "... and 1 more; --rows shows more" in shown(capsys, some(), rows=1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], ["Nothing reached a limit."]),
        (
            [finding(severity="low")],
            ["Nothing is on the list.", "1 more are on watch (low); --out keeps them."],
        ),
    ],
)
def test_an_empty_list(
    capsys: pytest.CaptureFixture[str], rows: list[Row], said: list[str]
) -> None:
    assert shown(capsys, ranked(rows)).splitlines() == said


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ([], []),
        ([BY_NIGHTS] * 2, ["Calibration: 2 day(s) by the 7 nights before."]),
        (
            [BY_ITSELF, BY_NIGHTS, BY_ITSELF],
            [
                (
                    "Calibration: 1 day(s) by the 7 nights before, 2 by the same day: there "
                    "chance does not lower what is found."
                )
            ],
        ),
        (
            [BY_ITSELF],
            [("Calibration: 1 day(s) by the same day: there chance does not lower what is found.")],
        ),
    ],
)
def test_what_days_are_calibrated_by(by: list[str], said: list[str]) -> None:
    days = [date(2026, 5, 1) + timedelta(days=n) for n in range(len(by))]
    # Two lines a day; days are counted.
    evidence = pl.DataFrame(
        {"day": days * 2, "calibrated_by": by * 2},
        schema={"day": pl.Date, "calibrated_by": pl.String},
    )
    assert summary.calibration_sentences(evidence) == said


def test_refused_rows_are_looked_for_only_where_there_are_any(tmp_path: Path) -> None:
    calls = feed(line("+8613800000001").dials(3, on=past("2026-05-04", 1)))
    calls.write_parquet(tmp_path / "calls.parquet")
    result = pipeline.scan([tmp_path], settings.load_settings(tz=SHANGHAI))

    def never(*_: object) -> NoReturn:
        pytest.fail("it reads the calls again")

    unread = replace(result, source=replace(result.source, reader=never))
    files.write_results(tmp_path / "out", unread, "")
    assert pl.read_parquet(tmp_path / "out/refused.parquet").is_empty()
