"""Layouts of one's own, and what is said where a layout does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly.errors import CdrAnomalyError, InputError, SettingError
from cdr_anomaly.ingest import layouts
from tests.helpers.layout_cases import CASES, ROW, at
from tests.helpers.raw_feeds import ANNA, BO, call, columns, feed, opened, read, written

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
[mine]
time_format = "%d.%m.%Y %H:%M"
tz = "Europe/Berlin"
[mine.columns]
calling_number = "from"
called_number = "to"
start_time = "when"
duration_s = "talk"
"""


def own(folder: Path, text: str) -> Path:
    file = folder / "my.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_layout_of_ones_own_is_a_file(tmp_path: Path) -> None:
    rows = {"from": [ANNA], "to": [BO], "when": ["01.05.2026 03:00"], "talk": ["12"]}
    file = written(tmp_path, pl.DataFrame(rows))
    calls = read(file, layout=str(own(tmp_path, OWN)))
    assert columns(calls, *ROW) == [(ANNA, BO, at(1), 12)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[mine", "The layout file '{}' is not valid TOML: "),
        ("", "The layout file '{}' must hold one layout, as [name], not 0."),
        (OWN + "[other]\n", "The layout file '{}' must hold one layout, as [name], not 2."),
        ("mine = 3", "The layout file '{}' must hold one table, as [name]."),
        ("[mine]\ncolums = {}", "'colums' is not a setting of {}. Did you mean 'columns'?"),
        ("[mine]\ntime_unit = 'h'", "{}.time_unit should be 's', 'ms' or 'us', not 'h'."),
        ("[mine]\ntz = 'Asia/Shangai'", "'Asia/Shangai' is not a time zone that is known here."),
        (
            "[mine.columns]\ncaling_number = 'a'",
            "{}.columns: 'caling_number' is not a column of ours. Did you mean 'calling_number'?",
        ),
        ("[mine.fixed]\nstart_time = 3", "{}.fixed: it can fix no start_time"),
        ("[mine.fixed]\nduration_s = 'x'", "{}.fixed: it can fix no start_time"),
    ],
)
def test_a_layout_file_that_is_wrong_gets_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = own(tmp_path, text)
    with pytest.raises(SettingError) as caught:
        layouts.find_layout(str(file))
    assert str(caught.value).startswith(sentence.format(file) if "{}" in sentence else sentence)


def test_a_layout_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'nowhere.toml' cannot be read: No such file"):
        layouts.find_layout("nowhere.toml")
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match="is not valid TOML"):
        layouts.find_layout(str(tmp_path / "my.toml"))


def test_an_unknown_layout_names_the_nearest() -> None:
    with pytest.raises(SettingError) as caught:
        layouts.find_layout("asterix")
    assert str(caught.value) == (
        "'asterix' is not a layout that ships with the tool. Did you mean 'asterisk'? "
        "A file of your own ends in .toml."
    )


def test_columns_of_another_layout_name_that_layout(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.layout == "cider")
    file = written(tmp_path, pl.DataFrame(case.rows))
    with pytest.raises(InputError) as caught:
        opened(file)
    assert str(caught.value) == (
        f"'{file}' lacks 'calling_number', 'called_number', 'start_time', 'duration_s', which the "
        f"layout 'canonical' needs; its columns are {', '.join(case.rows)}. "
        "They fit the layout 'cider': add --layout cider."
    )


def test_columns_of_no_layout_name_the_nearest_one_and_what_it_needs(tmp_path: Path) -> None:
    file = written(tmp_path, pl.DataFrame({"src": ["1"], "dst": ["2"], "begun": ["3"]}))
    with pytest.raises(InputError) as caught:
        opened(file)
    assert str(caught.value).endswith(
        "The nearest layout is 'asterisk', which needs src, dst, start, billsec; "
        "name your own columns with --layout my.toml."
    )


def test_a_column_short_of_the_layout_that_was_asked_for_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call()).drop("duration_s"))
    with pytest.raises(InputError) as caught:
        opened(file)
    assert str(caught.value) == (
        f"'{file}' lacks 'duration_s', which the layout 'canonical' needs; its columns are "
        "calling_number, called_number, start_time. "
        "Name your own columns in a layout file: --layout my.toml."
    )


def test_a_column_that_tells_calls_from_texts_is_required(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.layout == "cider")
    file = written(tmp_path, pl.DataFrame(case.rows).drop("txn_type"))
    with pytest.raises(InputError, match="lacks 'txn_type', which the layout 'cider' needs"):
        opened(file, layout="cider")


def test_a_column_of_lists_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(called_number=[BO])))
    with pytest.raises(CdrAnomalyError) as caught:
        opened(file)
    assert str(caught.value) == (
        f"'{file}': the column 'called_number' is List(String), not text; write one value a row."
    )
