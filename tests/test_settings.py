from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from cdr_anomaly import detectors, settings
from cdr_anomaly.detectors.campaign import Campaign
from cdr_anomaly.errors import FormerNameWarning, InputError, SettingError

if TYPE_CHECKING:
    from pathlib import Path


def toml(folder: Path, text: str) -> Path:
    file = folder / "night.toml"
    file.write_text(text, encoding="utf-8")
    return file


def sentence(*words: str, file: Path | None = None, **given: Any) -> str:
    with pytest.raises(SettingError) as caught:
        detectors.build(settings.load_settings(file, words, **given))
    return str(caught.value)


def test_nothing_told_is_the_defaults() -> None:
    assert settings.load_settings() == settings.Settings()


def test_a_toml_file_and_words_say_the_same(tmp_path: Path) -> None:
    text = (
        'home = "GB"\nsince = 2026-05-01\n'
        "[detectors.high_frequency]\ncalls_60min = 40\ndistinct_ratio = 0.6\n"
    )
    words = (
        "home=GB",
        "since=2026-05-01",
        "high_frequency.calls_60min=40",
        "detectors.high_frequency.distinct_ratio = 0.6",
    )
    assert settings.load_settings(toml(tmp_path, text)) == settings.load_settings(assignments=words)


def test_words_win_over_the_file_and_options_over_both(tmp_path: Path) -> None:
    file = toml(tmp_path, 'home = "GB"\ntz = "UTC"\n[detectors.mass_dialler]\ncalls = 1\n')
    told = settings.load_settings(
        file, ("home=IT", "tz=Europe/Rome", "mass_dialler.calls=2"), home="US"
    )
    assert (told.home, told.tz) == ("US", "Europe/Rome")
    assert told.detectors == {"mass_dialler": {"calls": 2}}


def test_an_option_that_was_not_given_wins_over_nothing(tmp_path: Path) -> None:
    file = toml(tmp_path, 'since = 2026-05-01\nhome = "GB"')
    told = settings.load_settings(file, home=None, since=None)
    assert (told.home, told.since) == ("GB", date(2026, 5, 1))


def test_a_word_may_be_text_without_quotes_or_any_toml_value() -> None:
    for word in ("tz=Asia/Shanghai", 'tz="Asia/Shanghai"', "tz='Asia/Shanghai'"):
        assert settings.load_settings(assignments=(word,)).tz == "Asia/Shanghai"


def test_the_last_of_two_words_wins() -> None:
    told = settings.load_settings(assignments=("mass_dialler.calls=1", "mass_dialler.calls=2"))
    assert told.detectors == {"mass_dialler": {"calls": 2}}


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.load_settings().home = "GB"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hom=GB", "'hom' is not a setting. Did you mean 'home'?"),
        ("zzzzz=1", "'zzzzz' is not a setting."),
        ("mass_dialer.calls=1", "'mass_dialer' is not a detector. Did you mean 'mass_dialler'?"),
        ("mass_dialler.cals=1", "'cals' is not a setting of mass_dialler. Did you mean 'calls'?"),
        (
            "mass_dialler.calls.x=1",
            "'calls.x' is not a setting of mass_dialler. Did you mean 'calls'?",
        ),
        ("mass_dialler.calls=abc", "mass_dialler.calls should be a valid integer, not 'abc'."),
        ("mass_dialler.calls=1.5", "mass_dialler.calls should be a valid integer, not 1.5."),
        ("mass_dialler.calls=true", "mass_dialler.calls should be a valid integer, not True."),
        ("mass_dialler.calls=", "mass_dialler.calls should be a valid integer, not ''."),
        ("mass_dialler.calls=0", "mass_dialler.calls should be greater than or equal to 1, not 0."),
        (
            "high_frequency.distinct_ratio=1.2",
            "high_frequency.distinct_ratio should be less than or equal to 1, not 1.2.",
        ),
        ("home=3", "home should be a valid string, not 3."),
        ("max_duration_s=0", "max_duration_s should be greater than or equal to 1, not 0."),
        ("max_duration_s=1.5", "max_duration_s should be a valid integer, not 1.5."),
        ("since=yesterday", "since should be a valid date, not 'yesterday'."),
        (
            "tz=Asia/Shangai",
            "'Asia/Shangai' is not a time zone that is known here. Did you mean 'Asia/Shanghai'?",
        ),
        ("tz=localtime", "'localtime' is not a time zone that is known here."),
        (
            "mass_dialler.calls",
            (
                "'mass_dialler.calls' is not of the form name=value, as in "
                "high_frequency.calls_60min=40."
            ),
        ),
        (
            "cold_callers.cels=1",
            "'cels' is not a setting of cold_callers. Did you mean 'cells'?",
        ),
        (
            "cold_callers.cells=0",
            "cold_callers.cells should be greater than or equal to 1, not 0.",
        ),
        (
            "cold_callers=3",
            "cold_callers should be a valid dictionary or instance of ColdCallers, not 3.",
        ),
        (
            "campaign.cold_callers=3",
            (
                "'cold_callers' is not a setting of campaign. It is a section of its own: "
                "[cold_callers]."
            ),
        ),
        ("detectors=3", "detectors should be a valid dictionary, not 3."),
    ],
)
def test_a_word_that_is_wrong_gets_one_sentence(word: str, expected: str) -> None:
    assert sentence(word) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hom = 'GB'", "'hom' is not a setting. Did you mean 'home'?"),
        (
            "[mass_dialler]\ncalls = 3",
            "'mass_dialler' is not a setting. Settings of a detector stand in [detectors.NAME].",
        ),
        (
            "[detectors.mass_dialer]\ncalls = 3",
            "'mass_dialer' is not a detector. Did you mean 'mass_dialler'?",
        ),
        (
            "[detectors]\nmass_dialler = 3",
            "detectors.mass_dialler should be a valid dictionary, not 3.",
        ),
    ],
)
def test_a_file_that_is_wrong_gets_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    assert sentence(file=toml(tmp_path, text)) == expected


def test_a_word_below_what_is_no_table_is_an_error(tmp_path: Path) -> None:
    file = toml(tmp_path, "[detectors]\nmass_dialler = 3")
    assert sentence("mass_dialler.calls=1", file=file) == (
        "'mass_dialler.calls=1' cannot be set: the settings hold 3 where [mass_dialler] should be."
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        settings.load_settings(tmp_path / "none.toml")
    missing = tmp_path / "none.toml"
    assert str(caught.value) == (
        f"The settings file '{missing}' cannot be read: No such file or directory."
    )
    with pytest.raises(SettingError, match=r"night.toml' is not valid TOML: .*line 1"):
        settings.load_settings(toml(tmp_path, "home = \n"))


def test_bytes_that_are_no_text_are_no_toml(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="is not valid TOML"):
        settings.load_settings(tmp_path / "night.toml")


def test_since_after_until_is_an_error() -> None:
    assert sentence(since=date(2026, 5, 2), until=date(2026, 5, 1)) == (
        "since 2026-05-02 is after until 2026-05-01; there is no day between."
    )


def test_every_setting_of_every_detector_can_be_told_its_own_default() -> None:
    defaults = settings.Settings()
    shared = {"cold_callers": defaults.cold_callers}
    for detector in detectors.build(defaults):
        values = {name: value for name, value in vars(detector).items() if not name.startswith("_")}
        own = {name: value for name, value in values.items() if name not in shared}
        given = settings.Settings(detectors={detector.name: own}, **shared)
        assert detectors.build(given) == detectors.build(defaults)


def test_a_region_has_a_zone_and_an_unknown_one_has_utc() -> None:
    assert settings.first_zone("cn") == "Asia/Shanghai"
    assert settings.first_zone("ZZ") == "UTC"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("memory=512MiB", "memory: 512.0MiB is less than a run takes; give 1.25GiB or more."),
        ("memory=lots", "memory could not parse value and unit from byte string, not 'lots'."),
    ],
)
def test_a_memory_that_cannot_be_kept_to_is_an_error(word: str, said: str) -> None:
    assert sentence(word) == said


def test_memory_is_told_in_the_units_of_the_trade() -> None:
    assert settings.load_settings(assignments=("memory=2GiB",)).memory == 2 * 2**30
    assert settings.load_settings(memory="1.5 GB").memory == 1_500_000_000
    assert settings.load_settings().memory == 4 * 2**30


def test_settings_of_cold_callers_are_taken_from_their_former_place(tmp_path: Path) -> None:
    """Those that stand in their own section, and words that come later, win."""
    file = toml(tmp_path, "[detectors.campaign]\ncalls_day = 20\ncells = 5\nlines = 4\n")
    with pytest.warns(FormerNameWarning) as warned:
        told = settings.load_settings(file, ("campaign.familiar=0.2", "cold_callers.cells=6"))
    assert [str(each.message).partition(";")[0] for each in warned] == [
        "'calls_day' in [detectors.campaign] is called 'calls_day' in [cold_callers] now",
        "'cells' in [detectors.campaign] is called 'cells' in [cold_callers] now",
        "The setting 'campaign.familiar' is called 'cold_callers.familiar' now",
    ]
    given = settings.ColdCallers(calls_day=20, cells=6, familiar=0.2)
    assert (told.cold_callers, told.detectors) == (given, {"campaign": {"lines": 4}})
    both = toml(tmp_path, "[detectors.campaign]\ncells = 5\n[cold_callers]\ncells = 7\n")
    with pytest.warns(FormerNameWarning):
        assert settings.load_settings(both).cold_callers.cells == 7
    assert detectors.build(told)[6] == Campaign(lines=4, cold_callers=given)
