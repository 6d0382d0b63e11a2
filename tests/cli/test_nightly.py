"""The commands over nights, as somebody would type them."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers import night_runs
from tests.helpers.builders import SHANGHAI, feed, line, many, past

if TYPE_CHECKING:
    from pathlib import Path

DIALLER = "+865918800001"
DAYS = past("2026-05-04", 10)


def calls(days: list[str] = DAYS) -> pl.DataFrame:
    return feed(
        line(DIALLER).dials(1100, on=days, gap_s=20, at="08:00", answered=0.3),
        line("+8613800000002").dials(60, on=days[:1], gap_s=30, answered=0.3, talk_s=5),
        *many(12, "+8613900000000", lambda one: one.dials(4, on=days).receives(2, on=days)),
    )


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return night_runs.by_day(tmp_path_factory.mktemp("calls") / "days", calls())


@pytest.fixture
def night(run: Any, tmp_path: Path, days: Path) -> Any:
    """Run the night of a day over its file."""

    def ran(day: str, *words: Any, file: Path | None = None) -> Any:
        own = file or days / f"{day}.parquet"
        return run(
            "nightly", own, "--state", tmp_path / "state", "--date", day, "--tz", SHANGHAI, *words
        )

    return ran


def status(run: Any, place: Path, *words: Any) -> list[dict[str, Any]]:
    ran = run("status", "--state", place, "--format", "jsonl", *words)
    assert ran.code == 0, ran.err
    return [json.loads(row) for row in ran.out.splitlines()]


def test_a_night_says_what_it_found_and_writes_it(night: Any, tmp_path: Path) -> None:
    ran = night(DAYS[0], "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert DIALLER in ran.out
    assert "Rows: 1,232 read, 1,232 calls used." in ran.err
    found = pl.read_parquet(tmp_path / "out" / "findings.parquet")
    assert set(found["day"]) == {date(2026, 5, 4)}
    alerts = pl.read_parquet(tmp_path / "out" / "alerts.parquet")
    assert alerts["rank"].to_list() == [1, 2]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "alerts.csv",
        "alerts.jsonl",
        "alerts.parquet",
        "evidence.parquet",
        "findings.parquet",
        "refused.parquet",
        "report.html",
        "run.json",
        "victims.csv",
        "victims.parquet",
    }


def test_without_a_date_it_is_yesterday(run: Any, tmp_path: Path) -> None:
    yesterday = datetime.now(ZoneInfo(SHANGHAI)).date() - timedelta(days=1)
    calls([str(yesterday)]).write_parquet(tmp_path / "calls.parquet")
    ran = run("nightly", tmp_path / "calls.parquet", "--state", tmp_path / "state")
    assert ran.code == 0, ran.err
    assert f"Days: {yesterday} to {yesterday}" in ran.err


def test_an_alert_that_goes_on_is_counted_and_comes_again_after_a_week(night: Any) -> None:
    ranks = []
    for day in DAYS[:9]:
        ran = night(day, "--format", "jsonl")
        (alert,) = (a for a in map(json.loads, ran.out.splitlines()) if a["subject"] == DIALLER)
        ranks.append(alert["rank"])
        assert alert["rank"] or "1 ongoing since an earlier night" in ran.err
    assert ranks == [1, None, None, None, None, None, None, 1, None]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--date", "2026-06-30"],
            "None of these files has a row of 2026-06-30 in Asia/Shanghai; is it delivered yet?",
        ),
        (
            ["--tz", "UTC"],
            (
                "The state in '{state}' is of tz Asia/Shanghai, and this night of UTC; give --tz "
                "Asia/Shanghai, or another --state."
            ),
        ),
        (
            ["--home", "HK"],
            (
                "The state in '{state}' is of home CN, and this night of HK; give --home CN, or "
                "another --state."
            ),
        ),
        (["--state", "{file}"], "'{file}' cannot be written to: File exists."),
        (
            ["--state", "{folder}"],
            (
                "'{folder}' is no state: it holds '2026-05-04.parquet' and no state.json; name "
                "another."
            ),
        ),
        (
            ["--set", "keep_calls_days=3"],
            "keep_calls_days should be greater than or equal to 29, not 3.",
        ),
        (
            ["--metrics", "{folder}/no/where"],
            "The figures cannot be written to '{folder}/no/where': No such file or directory.",
        ),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    run: Any, night: Any, tmp_path: Path, days: Path, words: list[str], sentence: str
) -> None:
    night(DAYS[0])
    named = {"state": tmp_path / "state", "file": days / f"{DAYS[0]}.parquet", "folder": days}
    given = [word.format(**named) for word in words]
    ran = run(
        "nightly",
        days / f"{DAYS[1]}.parquet",
        "--date",
        DAYS[1],
        "--state",
        tmp_path / "state",
        *given,
    )
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == f"cdr-anomaly: {sentence.format(**named)}"
    assert "Traceback" not in ran.err


def test_a_file_that_the_day_was_made_of_and_that_is_gone(
    night: Any, tmp_path: Path, days: Path
) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    whole = pl.read_parquet(days / f"{DAYS[0]}.parquet")
    whole.head(700).write_parquet(first)
    whole.tail(700).write_parquet(second)
    night(DAYS[0], file=first)
    first.unlink()
    ran = night(DAYS[0], file=second)
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == (
        f"cdr-anomaly: '{first}', of which 2026-05-04 was made before, is not there as it was; "
        "give all files of the day, with --replace-files where they replace those."
    )
    assert "700 calls used" in night(DAYS[0], "--replace-files", file=second).err
    former = night(DAYS[0], "--only", file=second)
    assert former.code == 0
    assert former.err.startswith("--only is called --replace-files now; the next version will not")


def test_a_file_that_was_completed_under_its_name_is_replaced(
    night: Any, tmp_path: Path, days: Path
) -> None:
    file = tmp_path / "calls.parquet"
    whole = pl.read_parquet(days / f"{DAYS[0]}.parquet")
    whole.head(700).write_parquet(file)
    assert "700 calls used" in night(DAYS[0], file=file).err
    whole.write_parquet(file)
    assert f"{whole.height:,} calls used" in night(DAYS[0], file=file).err


def test_fail_on_gives_3(night: Any) -> None:
    assert night(DAYS[0], "--fail-on", "high").code == 3
    assert night(DAYS[1], "--fail-on", "high").code == 0, "it goes on, and is not on the list"


def test_the_log_is_lines_of_json_and_names_no_number(run: Any, night: Any, tmp_path: Path) -> None:
    lines = night(DAYS[0], "--json-log", "--format", "csv").err.splitlines()
    told = [json.loads(text) for text in lines]
    assert {"at", "level", "event"} == set(told[0])
    assert {"opening the files", "judging", "remembering"} <= {each["event"] for each in told}
    assert not re.search(r"\d{7,}", " ".join(each["event"] for each in told))
    ran = run("nightly", "nowhere", "--state", tmp_path / "state", "--json-log")
    error = json.loads(ran.err.splitlines()[-1])
    assert error["level"] == "error"
    assert error["event"] == "cdr-anomaly: There is no file or folder 'nowhere'."


def test_figures_for_prometheus(night: Any, tmp_path: Path) -> None:
    file = tmp_path / "cdr.prom"
    night(DAYS[0], "--metrics", file)
    families = text_string_to_metric_families(file.read_text(encoding="utf-8"))
    samples = {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}
    assert samples["cdr_anomaly_calls_read",] == 1232
    assert samples["cdr_anomaly_rows_refused",] == 0
    assert samples["cdr_anomaly_findings", "mass_dialler"] == 1
    assert samples["cdr_anomaly_alerts", "critical"] == 0
    assert sum(n for (name, *_), n in samples.items() if name == "cdr_anomaly_alerts") == 2
    assert samples["cdr_anomaly_last_day",] == 20260504
    now = datetime.now().astimezone().timestamp()
    assert now - 60 < samples["cdr_anomaly_last_success_timestamp_seconds",] <= now
    assert stat.S_IMODE(file.stat().st_mode) == 0o644, "whoever collects it may read it"
    assert DIALLER not in file.read_text(encoding="utf-8")


def test_the_stop_list(night: Any, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    night(DAYS[0], "--stop-list", file, "--stop-days", "3")
    night(DAYS[1], "--stop-list", file, "--stop-days", "3", "--stop-severity", "high")
    stop = pl.read_csv(file, try_parse_dates=True, schema_overrides={"number": pl.String})
    assert stop.select("number", "valid_from", "valid_until").rows() == [
        (DIALLER, date(2026, 5, 5), date(2026, 5, 8))
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_feedback_is_shown_with_later_alerts_and_counted(
    run: Any, night: Any, tmp_path: Path
) -> None:
    place = tmp_path / "state"
    night(DAYS[0])
    night(DAYS[1])
    first = run("feedback", "0591-8800001", "confirmed", "--state", place)
    assert (first.code, first.out) == (0, f"{DIALLER}: the alert of 2026-05-05 is confirmed.\n")
    ran = run("feedback", "13800000002", "cleared", "--note", "a courier", "--state", place)
    assert ran.out == "+8613800000002: the alert of 2026-05-04 is cleared.\n"
    run(
        "feedback",
        DIALLER,
        "cleared",
        "--date",
        "2026-05-05",
        "--note",
        "a hotline",
        "--state",
        place,
    )
    ran = night(DAYS[2], "--format", "jsonl", "--set", "repeat_after_days=1")
    (alert,) = map(json.loads, ran.out.splitlines())
    assert alert["feedback"] == "cleared on 2026-05-05: a hotline", "the last word counts"
    shown = run("status", "--state", place).out
    assert re.search(r"mass_dialler +0 +1 +0 %", shown)
    ran = run("feedback", "+8613999999999", "cleared", "--state", place)
    assert (ran.code, ran.err) == (
        2,
        f"cdr-anomaly: '{place}' has no alert on that line.\n",
    )


def test_what_is_declared_later_takes_alerts_off_without_detecting_again(
    run: Any, night: Any, tmp_path: Path
) -> None:
    place, entities = tmp_path / "state", tmp_path / "entities.toml"
    night(DAYS[0])
    night(DAYS[1])
    entities.write_text('[[entity]]\nprefix = "0591"\npurpose = "city hotline"\n')
    words = ("alerts", "--state", place, "--date", DAYS[0], "--format", "jsonl")
    before = [json.loads(row) for row in run(*words).out.splitlines()]
    after = run(*words, "--entities", entities, "--out", tmp_path / "out")
    assert [alert["rank"] for alert in before] == [1, 2]
    listed = [json.loads(row) for row in after.out.splitlines()]
    assert [(a["subject"], a["suppressed_by"]) for a in listed if not a["rank"]] == [
        (DIALLER, "city hotline")
    ]
    assert "The night of 2026-05-04: 1 high; 1 declared ones set aside." in after.err
    assert (tmp_path / "out" / "alerts.csv").exists()
    assert run("alerts", "--state", place).err == (
        "The night of 2026-05-05: none; 0 declared ones set aside, "
        "1 ongoing since an earlier night.\n"
    )
    ran = run("alerts", "--state", place, "--date", "2026-04-01")
    assert (ran.code, "is not done" in ran.err) == (2, True)


def test_backfill_runs_what_is_missing_and_goes_on_where_it_stopped(
    run: Any, night: Any, tmp_path: Path, days: Path
) -> None:
    place = tmp_path / "state"
    night(DAYS[0])
    night(DAYS[2])
    assert [row["state"] for row in status(run, place)] == ["done", "missing", "done"]
    words = ("backfill", days, "--state", place, "--from", DAYS[0], "--to", "2026-05-16")
    ran = run(*words, "--out", tmp_path / "out")
    assert ran.code == 0
    # The second night was missing, and the third was judged without it.
    assert "9 night(s) were run." in ran.err
    assert "None of these files has a row of 2026-05-15" in ran.err
    assert "0 night(s) were run." in run(*words).err
    assert {row["state"] for row in status(run, place)} == {"done"}
    assert len(list((tmp_path / "out").iterdir())) == 9
    assert len(status(run, place, "--days", "3")) == 3


def test_the_status_names_what_is_missing(run: Any, night: Any, tmp_path: Path, days: Path) -> None:
    place = tmp_path / "state"
    for day in DAYS[:5]:
        night(day)
    half = pl.read_parquet(days / f"{DAYS[5]}.parquet").filter(
        pl.col("start_time") < datetime(2026, 5, 9, 2, tzinfo=UTC)
    )
    half.write_parquet(tmp_path / "2026-05-09.parquet")
    ran = night(DAYS[5], file=tmp_path / "2026-05-09.parquet")
    sentence = "2026-05-09: 360 rows, 31 % of the usual 1,172, few or none from 10:00 to 15:00"
    assert f"Look at this: {sentence}." in ran.err
    shown = status(run, place)
    assert (shown[-1]["of usual"], shown[-1]["calls"]) == ("31 %", 360)
    assert "few or none from 10:00 to 15:00" in shown[-1]["note"]


def test_a_night_that_fails_is_shown_as_failed(
    run: Any, night: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(DAYS[0])
    with monkeypatch.context() as patched:
        patched.setattr("cdr_anomaly.nights.run.build_tables", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            night(DAYS[1])
    shown = status(run, tmp_path / "state")
    assert [row["state"] for row in shown] == ["done", "failed"]
    assert "not finished" in shown[1]["note"]
    assert night(DAYS[1]).code == 0
    assert [row["state"] for row in status(run, tmp_path / "state")] == ["done", "done"]


def test_retention_deletes_for_good(run: Any, night: Any, tmp_path: Path) -> None:
    place = tmp_path / "state"
    night(DAYS[0])
    later = "2026-09-01"
    line("+8613800000009").dials(3, on=later)
    feed(line("+8613800000009").dials(40, on=later)).write_parquet(tmp_path / "late.parquet")
    night(later, file=tmp_path / "late.parquet")
    ran = run("retention", "--state", place, "--profiles", "100", "--calls", "60")
    assert ran.code == 0
    assert "profile: kept from 2026-05-24 on." in ran.err
    assert "legs: kept from 2026-07-03 on." in ran.err
    left = [path for path in place.rglob("*") if DAYS[0] in str(path) and path.is_file()]
    assert left == []
    assert set(pl.read_delta(str(place / "line_sightings"))["line"]) == set(
        pl.read_delta(str(place / "profile"))["line"]
    )
    everything = b"".join(path.read_bytes() for path in place.rglob("*.parquet"))
    assert DIALLER.encode() not in everything


def test_retention_of_what_nobody_remembers(run: Any, tmp_path: Path) -> None:
    for command in (["status"], ["retention"], ["alerts"], ["feedback", "1", "cleared"]):
        ran = run(*command, "--state", tmp_path / "none")
        assert ran.code == 2
        assert ran.err == (
            f"cdr-anomaly: There is no state in '{tmp_path / 'none'}'; the first night makes it.\n"
        )
