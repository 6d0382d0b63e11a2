"""A story that is told from a line's own calls has the facts that a scan of all calls has."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import pipeline, settings
from cdr_anomaly.features import shared_targets
from cdr_anomaly.reports import line_story, line_story_terminal
from cdr_anomaly.reports.line_verdicts import Verdicts
from tests.helpers import night_runs, story_twins
from tests.helpers.adversarial import ACTIVATED, WORDS, adversarial
from tests.helpers.builders import SHANGHAI, feed, line, many
from tests.helpers.story_twins import OWN, explained

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.reports.line_story import Story

VERDICTS = ("unlike", "findings", "alerts", "warned", "to_warn")
FACTS = [name for name in line_story.Story._fields if name not in {*VERDICTS, "related"}]
PARTIES = ("calling_number", "called_number", "redirecting_number")


def assert_same(own: Story, scanned: Story, names: list[str]) -> None:
    for name in names:
        assert_frame_equal(getattr(own, name), getattr(scanned, name))


def respelled(calls: pl.DataFrame) -> pl.DataFrame:
    """Write each third number in another form."""
    row = pl.int_range(pl.len())
    forms = (
        pl.when((row + n) % 3 == 0)
        .then(pl.col(name).str.replace(r"^\+", "00"))
        .when((row + n) % 3 == 1)
        .then(pl.col(name).str.replace(r"^\+86", " 0").str.replace(r"(\d{4})$", "-$1"))
        .otherwise(name)
        .alias(name)
        for n, name in enumerate(PARTIES)
    )
    return calls.with_columns(forms)


def both_sides(calls: pl.DataFrame) -> pl.DataFrame:
    """Record each call on the caller's side, or on the called one's, or on both."""
    row = pl.int_range(pl.len())
    whole = calls.with_columns(row=row)
    moc, mtc = (
        whole.filter((pl.col("record_type") == "call") & (pl.col("row") % 3 != n)).with_columns(
            record_type=pl.lit(kind)
        )
        for n, kind in ((0, "moc"), (1, "mtc"))
    )
    rest = whole.filter(pl.col("record_type") != "call")
    return pl.concat([moc, mtc, rest]).drop("row")


def in_parts(calls: pl.DataFrame) -> pl.DataFrame:
    """Record calls twice, and long ones in two parts."""
    numbered = calls.with_columns(call_id=pl.format("c{}", pl.int_range(pl.len())))
    long = numbered.filter(pl.col("duration_s") >= 300)
    later = pl.col("start_time") + pl.duration(seconds=pl.col("duration_s"))
    return pl.concat([numbered, long.with_columns(start_time=later), numbered.head(40)])


def with_tokens(calls: pl.DataFrame) -> pl.DataFrame:
    """Replace one number by an opaque token."""
    token = {"+8613800000001": "sip:one-1"}
    return calls.with_columns(pl.col(name).replace(token) for name in PARTIES)


SHAPES = [None, respelled, both_sides, in_parts, with_tokens]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("listed", [False, True])
def test_facts_are_those_of_a_scan(shape: Any, listed: Any, tmp_path: Path) -> None:
    calls = adversarial(5, SHANGHAI)
    calls = calls if shape is None else shape(calls)
    for n, part in enumerate(calls.sort("start_time").iter_slices(300)):
        part.write_parquet(tmp_path / f"calls-{n}.parquet")
    told = settings.load_settings(tz=SHANGHAI, assignments=WORDS)
    activations = {"line": list(ACTIVATED), "activation": list(ACTIVATED.values())}
    subscribers = tmp_path / "subscribers.csv" if listed else None
    if subscribers is not None:
        pl.DataFrame(activations).write_csv(subscribers)
    result = pipeline.scan([tmp_path], told, subscribers=subscribers)
    ends = result.tables.legs.select(result.tables.written(pl.col("line")).unique().sort())
    lines = ends.collect().to_series().to_list()
    assert len(lines) > 20
    forwarded = ["+8613800000000", "+8613800000003"]
    token = ["sip:one-1"] if shape is with_tokens else []
    for number in [*forwarded, *token, *lines[::25], "+8613700000001"]:
        stories = [
            line_story.explain(
                number, [tmp_path], told, subscribers=subscribers, verdicts=Verdicts(judge=judge)
            )[0]
            for judge in (False, True)
        ]
        assert_same(*stories, FACTS)


def test_of_a_span_of_days_no_other_day_is_told(tmp_path: Path) -> None:
    adversarial(2, SHANGHAI).write_parquet(tmp_path / "calls.parquet")
    told = settings.load_settings(tz=SHANGHAI, since=date(2026, 3, 22), until=date(2026, 3, 29))
    stories = [
        line_story.explain("+8613800000002", [tmp_path], told, verdicts=Verdicts(judge=judge))[0]
        for judge in (False, True)
    ]
    assert_same(*stories, FACTS)
    assert stories[0].days.height > 1


def test_a_line_that_was_not_judged_has_no_verdict_and_says_so(tmp_path: Path, run: Any) -> None:
    one = line(OWN).dials(1200, on="2026-05-04", gap_s=20)
    story, result = explained(tmp_path, feed(one), OWN, judge=False)
    assert not result.has_verdicts
    assert all(getattr(story, name).is_empty() for name in VERDICTS)
    ran = run("explain", OWN, tmp_path / "calls.parquet", "--tz", SHANGHAI)
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "Not judged here: whether it is found, how unlike its peers it is" in said
    assert all(option in said for option in ("--result FOLDER", "--state FOLDER", "--judge"))
    assert "Findings, with how far over the limit" not in said
    assert "expected" not in said
    judged = run("explain", OWN, tmp_path / "calls.parquet", "--tz", SHANGHAI, "--judge")
    assert "placed 1200 calls" in " ".join(judged.out.split())
    assert "Not judged here" not in judged.out
    own = run("explain", OWN, tmp_path / "calls.parquet", "--tz", SHANGHAI, "--lang", "zh")
    assert "此处未作判断" in own.out
    tables = line_story_terminal.tables(story, "zh", has_verdicts=False)
    assert tables.keys() == line_story_terminal.tables(story, has_verdicts=False).keys()


def test_verdicts_come_from_the_results_of_a_scan(tmp_path: Path, run: Any) -> None:
    adversarial(3, SHANGHAI).write_parquet(tmp_path / "calls.parquet")
    out, page = tmp_path / "out", tmp_path / "line.html"
    words = [part for word in WORDS for part in ("--set", word)]
    feed_of = (tmp_path / "calls.parquet", "--tz", SHANGHAI, *words)
    assert run("scan", *feed_of, "--out", out).code == 0
    told = settings.load_settings(tz=SHANGHAI, assignments=WORDS)
    files = [tmp_path / "calls.parquet"]
    subjects = pl.read_parquet(out / "findings.parquet").filter(subject_kind="line")["subject"]
    for number in subjects.unique().sort().to_list()[::6]:
        own, result = line_story.explain(number, files, told, verdicts=Verdicts(result=out))
        scanned, _ = line_story.explain(number, files, told, verdicts=Verdicts(judge=True))
        assert result.has_verdicts
        assert own.findings.height > 0
        assert_same(own, scanned, [*FACTS, *VERDICTS])
    ran = run("explain", number, *feed_of, "--result", out, "--html", page)
    assert ran.code == 0, ran.err
    assert "Findings, with how far over the limit" in ran.out
    assert "Not judged here" not in ran.out + page.read_text()
    assert run("explain", number, *feed_of, "--html", page).code == 0
    assert "Not judged here" in page.read_text()


def test_verdicts_come_from_the_nights_of_a_state(tmp_path: Path, run: Any) -> None:
    number = OWN
    lines = many(12, number, lambda one: one.dials(90, on=["2026-05-04", "2026-05-05"], gap_s=30))
    days = night_runs.by_day(tmp_path / "days", feed(*lines))
    outcomes = night_runs.every(days, night_runs.run(tmp_path / "state"))
    found = pl.concat(outcome.result.findings for outcome in outcomes)
    assert found["day"].n_unique() == 2
    told = settings.load_settings(tz=SHANGHAI)
    story, result = line_story.explain(
        number, [days], told, verdicts=Verdicts(state=tmp_path / "state")
    )
    assert result.has_verdicts
    named = found.filter((pl.col("subject") == number) | pl.col("members").list.contains(number))
    columns = ["day", "detector", "subject", "severity", "reason"]
    assert_frame_equal(story.findings.select(columns), named.select(columns), check_row_order=False)
    evidence = pl.concat(outcome.result.evidence for outcome in outcomes).filter(line=number)
    assert (
        story.unlike.select("day", "p_value")
        .sort("day")
        .equals(evidence.select("day", "p_value").sort("day"))
    )
    ran = run("explain", number, days, "--tz", SHANGHAI, "--state", tmp_path / "state")
    assert ran.code == 0, ran.err
    assert "Not judged here" not in ran.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--judge", "--result", "out"), "Give one of --result, --state and --judge."),
        (("--result", "nowhere"), "give the folder that `scan --out` has written"),
        (("--result", "old"), "is of another version; scan again."),
        (("--state", "nowhere"), "nowhere"),
    ],
)
def test_a_place_without_verdicts_is_named(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    feed(line(OWN).dials(3, on="2026-05-04")).write_parquet("calls.parquet")
    (tmp_path / "old").mkdir()
    pl.DataFrame({"day": [1]}).write_parquet("old/findings.parquet")
    ran = run("explain", OWN, "calls.parquet", "--tz", SHANGHAI, *words)
    assert ran.code == 2
    assert sentence in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("seed", range(3))
def test_related_numbers_are_those_of_the_slow_twins(seed: int, tmp_path: Path) -> None:
    drawn = story_twins.calls(seed)
    story, result = explained(tmp_path, story_twins.frame(drawn), OWN, judge=False)
    met: dict[str, set[str]] = defaultdict(set)
    for one in drawn:
        met[one.caller].add(one.called)
        met[one.called].add(one.caller)
    own = met[OWN]
    least = max(2, 0.02 * len(own))
    platforms = {n for n, whom in met.items() if len(whom) > shared_targets.MAX_CALLERS}
    shared = {n: len(own & whom - platforms) for n, whom in met.items() if n != OWN}
    found = story.related.filter(how="shared contacts").select("number", "count", "of", "expected")
    assert found.height > 20
    assert {row[0]: row[1:] for row in found.rows()} == {
        number: (count, len(met[number] - platforms) if number in own else None, None)
        for number, count in shared.items()
        if count >= least
    }
    used = story.related.filter(how="same handset").select("number", "count", "of").rows()
    twins = story_twins.same_handset(drawn)
    assert {number: (count, of) for number, count, of in used} == {
        number: (count, of if number in own else None) for number, (count, of) in twins.items()
    }
    near = story.related.filter(how="same block")["number"].to_list()
    placing = {one.caller for one in drawn} - {OWN}
    assert set(near) == {n for n in placing if n.startswith("+861380000")}
    assert near == sorted(near, key=lambda n: (abs(int(n) - int(OWN)), n))
    assert set(result.complete_lines.to_list()) == {int(n) for n in {OWN, *own}}


def test_of_a_feed_only_rows_that_may_be_of_the_line_are_mapped(tmp_path: Path) -> None:
    others = [line(f"+86137{n:08}").dials(30, on="2026-05-04") for n in range(40, 80)]
    _, result = explained(
        tmp_path, feed(line(OWN).dials(5, on="2026-05-04"), *others), OWN, judge=False
    )
    assert result.counts.read == 5
