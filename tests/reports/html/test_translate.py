"""Sentences in Chinese: all that detectors say, with every figure, and nothing that is not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly import detectors, ingest, pipeline, settings, wording
from cdr_anomaly.alerts import detect, ranking, severity
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.detectors import Feed, Tables
from cdr_anomaly.features import line_replacements
from cdr_anomaly.nights import volume
from cdr_anomaly.nights.ledger import Night
from cdr_anomaly.reports import summary
from cdr_anomaly.reports.html import translate
from cdr_anomaly.schema import SEVERITIES
from tests.helpers.adversarial import WORDS, adversarial
from tests.helpers.builders import SHANGHAI, scanned
from tests.helpers.chinese import HOSTILE, ZH, assert_whole, figures, said_of
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result

AT_CELL = (
    "one of 6 lines (limit 4) that called strangers at cell {} on 2026-05-12, 0.4 expected by its "
    "traffic"
)
AT_CELL_ZH = (
    "2026-05-12 有 6 个号码（阈值 4）在小区 {} 拨打陌生号码，本号码是其中之一；按该小区话务量预期 "
    "0.4 个"
)


@pytest.fixture(scope="module")
def sample() -> Result:
    lists = {"entities": SAMPLE / "entities.csv"}
    return pipeline.scan([SAMPLE / "calls"], settings.load_settings(tz=SHANGHAI), **lists)


@pytest.fixture(scope="module", params=range(3))
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    place: Path = tmp_path_factory.mktemp("drawn")
    return scanned(place, adversarial(request.param, SHANGHAI), *WORDS)


def test_all_that_is_said_of_the_sample_is_said_in_chinese(sample: Result) -> None:
    told = said_of(sample)
    assert {"reason", "unless", "mitigated_by", "why"} <= {s for s in told if len(told[s])}
    for section, texts in told.items():
        assert_whole(texts, section)
    assert_whole(summary.summary(sample), "summary")


def test_all_that_is_said_of_odd_feeds_is_said_in_chinese(drawn: Result) -> None:
    for section, texts in said_of(drawn).items():
        assert_whole(texts, section)
    assert_whole(summary.summary(drawn), "summary")
    assert_whole(drawn.counts.rows(), "row")


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
    assert_whole(unknown, "not_known")
    few = settings.Settings(detectors={"overseas_presentation": {"pool_digits": 2}})
    told = [
        (d.name, d.not_applicable(each)) for each in (feed, hidden) for d in detectors.build(few)
    ]
    whys = [(name, why) for name, why in told if why]
    assert len(whys) >= 6
    assert any("pseudonyms" in why for _, why in whys)
    assert_whole([why for _, why in whys], "not_applicable")


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
    said = severity.said(told).sort("subject")["feedback"]
    assert [translate.translator("zh")(text) for text in said] == [
        "2026-05-03 已确认",
        "2026-05-03 已排除：no more",
    ]
    before = pl.DataFrame({"subject": ["2"], "listed": [date(2026, 5, 3)]})
    follow = pl.DataFrame(
        {"line": list(line_replacements.WAYS), "earlier": "2", "by": list(line_replacements.WAYS)}
    )
    continues = ranking._continued(follow, before)["replaces_case"]
    assert_whole(continues, "continues")


def test_words_of_the_program_are_in_the_catalogue() -> None:
    assert set(ZH.told["detector"]) == {*detect.FINDERS, urgency.HELD}
    assert set(ZH.told["severity"]) == set(SEVERITIES)
    assert set(ZH.told["refused"]) == {ingest.VERDICTS[n] for n in ingest.REFUSED}
    said = {measure.said.replace("{}", "{value}") for measure in detectors.MEASURES.values()}
    assert set(ZH.told["said"]) == said


def filled(section: str, turn: int) -> list[tuple[str, str]]:
    """Write each line of a section with something in its places, in English and in Chinese."""
    pairs = []
    for english, own in ZH.told[section].items():
        names = translate.PLACE.findall(english)
        both = {name: stand_in(name, turn, n) for n, name in enumerate(names)}
        of_english, of_own = ({name: pair[side] for name, pair in both.items()} for side in (0, 1))
        pairs.append((english.format_map(of_english), own.format_map(of_own)))
    return pairs


def stand_in(name: str, turn: int, place: int) -> tuple[str, str]:
    """Give what may stand in a place, in English and in Chinese."""
    if name in ZH.told:
        lines = filled(name, turn)
        return lines[turn % len(lines)]
    by_shape = {
        translate.DAY: f"2026-05-{10 + place}",
        translate.CLOCK: f"{10 + place}:12",
        translate.WRITTEN: HOSTILE,
        translate.SHAPES["source"]: HOSTILE.replace("'", ""),
        translate.SHAPES["country"]: "+86",
        translate.SHAPES["time"]: "2026-05-03 10:12",
        translate.NUMBER: ("7", "1,204", "-0.3", "2.1e-9", "inf")[(turn + place) % 5],
    }
    text = by_shape[translate.SHAPES.get(name, translate.NUMBER)]
    return text, text


@pytest.mark.parametrize("section", ZH.told)
def test_every_line_of_the_catalogue_is_reached_by_its_own_english(section: str) -> None:
    for turn in range(10):
        for english, own in filled(section, turn):
            assert ZH.said(section, english) == own


@pytest.mark.parametrize("section", ZH.joints)
def test_several_parts_follow_each_other(section: str) -> None:
    pairs = filled(section, 0)
    between, joint = ZH.joints[section]
    english, own = (between.join(pair[0] for pair in pairs), joint.join(p[1] for p in pairs))
    assert ZH.said(section, english) == own
    assert ZH.said(section, english + between) is None
    assert ZH.said(section, english + between + "or so") is None


def test_a_line_has_the_same_places_and_figures_in_both_languages() -> None:
    for lines in ZH.told.values():
        for english, own in lines.items():
            names = translate.PLACE.findall(english)
            assert len(set(names)) == len(names)
            assert sorted(translate.PLACE.findall(own)) == sorted(names)
            words, own_words = (translate.PLACE.sub("", text) for text in (english, own))
            assert figures(own_words) == figures(words)


def test_neutral_words_alone_are_said() -> None:
    bidden = ("诈骗", "骗子", "犯罪", "嫌疑", "可疑", "违法", "非法", "作案", "窝点", "团伙")
    told = [own for lines in ZH.told.values() for own in lines.values()]
    assert not [own for own in told if any(word in own for word in bidden)]


@pytest.mark.parametrize(
    ("section", "english", "own"),
    [
        ("reason", AT_CELL, AT_CELL_ZH),
        ("suppressed_by", "{}", "{}"),
        ("suppressed_by", "declared ({})", "已报备（{}）"),
        ("feedback", "cleared on 2026-05-03: {}", "2026-05-03 已排除：{}"),
    ],
)
@pytest.mark.parametrize("theirs", [HOSTILE, "none", "{day}", "x\n2 calls", "(", "名单", "\\", "'"])
def test_what_others_have_written_stays_as_it_is(
    section: str, english: str, own: str, theirs: str
) -> None:
    whole = english.replace("{}", theirs)
    assert translate.translator("zh", [section])(whole) == own.replace("{}", theirs)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "something new",
        "its usual is not known, or so",
        "talked 3 minutes in 1 call on 1 day with 2 listed lines, longest 3; whistled twice",
    ],
)
def test_what_fits_no_line_stays_english_whole(text: str) -> None:
    assert translate.translator("zh")(text) == text


def test_english_stays_as_it_is() -> None:
    assert translate.translator("en")("called back once") == "called back once"


def test_purposes_are_no_sentences() -> None:
    (section,) = translate.PURPOSES
    assert section not in translate.SENTENCES
    assert {*translate.SENTENCES, section} <= ZH.told.keys()
    told = translate.translator("zh", translate.PURPOSES)
    assert told("called back once") == "called back once"
    assert told("among fewer than 4 such lines") == "与已报备的号码同组：fewer than 4 such lines"
