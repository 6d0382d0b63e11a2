from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import lists, numbering
from cdr_anomaly.errors import InputError

CHINA = numbering.home_plan("CN")


def csv(folder: Path, text: str, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def declared(file: Path) -> list[tuple[str, str]]:
    return lists.entities(file, CHINA).rows()


def days(file: Path, *, as_text: bool = True) -> list[tuple[Any, date]]:
    activations = lists.activations(file, CHINA, as_text=as_text)
    assert activations is not None
    return sorted(activations.collect().rows())


def test_without_a_file_there_is_no_entity_and_no_activation() -> None:
    assert lists.entities(None, CHINA).is_empty()
    assert lists.activations(None, CHINA, as_text=False) is None


def test_every_form_of_a_declared_number_is_one_entity_with_all_its_purposes(
    tmp_path: Path,
) -> None:
    file = csv(tmp_path, "line,purpose\n13800000001,hotline\n+86 138 0000 0001,bank\n95588,\n")
    assert declared(file) == [("+8613800000001", "bank; hotline"), ("95588", "declared")]


def test_columns_in_any_order_with_blanks_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = csv(tmp_path, '\ufeffpurpose, line ,note\n"taxi, night", token-1 ,x\n,,\n')
    assert declared(file) == [("token-1", "taxi, night")]


def test_a_list_may_be_parquet_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / "entities.data"
    pl.DataFrame({"line": [13800000001], "purpose": [7]}).write_parquet(file)
    assert declared(file) == [("+8613800000001", "7")]


def test_a_csv_may_have_any_name(tmp_path: Path) -> None:
    assert declared(csv(tmp_path, "line,purpose\n95588,bank\n", "E.CSV")) == [("95588", "bank")]


def test_a_list_of_nobody_declares_nobody(tmp_path: Path) -> None:
    assert declared(csv(tmp_path, "line,purpose\n")) == []


def test_the_latest_activation_of_a_line_counts(tmp_path: Path) -> None:
    file = csv(tmp_path, "line,activation\n13800000001,2026-05-01\n0086 138 0000 0001,2026-05-03\n"
                         "13800000002,2026-05-02T10:00:00\n13800000003,\n")  # fmt: skip
    assert days(file) == [
        ("+8613800000001", date(2026, 5, 3)),
        ("+8613800000002", date(2026, 5, 2)),
    ]
    assert days(file, as_text=False)[0] == (8613800000001, date(2026, 5, 3))


@pytest.mark.parametrize("day", [date(2026, 5, 1), datetime(2026, 5, 1, 3, tzinfo=UTC)])
def test_activations_may_be_days_or_times_in_parquet(tmp_path: Path, day: date) -> None:
    file = tmp_path / "subscribers.parquet"
    pl.DataFrame({"line": ["13800000001"], "activation": [day]}).write_parquet(file)
    assert days(file) == [("+8613800000001", date(2026, 5, 1))]


def test_subscribers_without_any_day_are_no_activations(tmp_path: Path) -> None:
    assert days(csv(tmp_path, "line,activation\n13800000001,\n")) == []


def fault(file: Path) -> str:
    read = lists.entities if file.stem == "entities" else lists.activations
    told = {} if file.stem == "entities" else {"as_text": True}
    with pytest.raises(InputError) as caught:
        read(file, CHINA, **told)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "entities.csv", "number,purpose\n1,x\n",
            "'{}' lacks the column 'line'; it needs line and purpose, and has number, purpose.",
        ),
        (
            "entities.csv", "line;purpose\n1;x\n",
            "'{}' lacks the column 'line'; it needs line and purpose, and has line;purpose.",
        ),
        (
            "subscribers.csv", "line,day\n1,2\n",
            "'{}' lacks the column 'activation'; it needs line and activation, and has line, day.",
        ),
        (
            "subscribers.csv", "line,activation\n1,2026-05-01\n2,01/05/2026\n",
            "'{}': '01/05/2026' in the column 'activation' is no day; write 2026-05-01.",
        ),
        ("entities.csv", "", "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("entities.csv", "line,purpose\n1,x,y\n",
         "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("entities.parquet", "PAR1 but not for long",
         "'{}' is neither a CSV nor a Parquet file that can be read."),
    ],
)  # fmt: skip
def test_a_list_that_is_wrong_gets_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    file = csv(tmp_path, text, name)
    assert fault(file) == sentence.format(file)


def test_a_list_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    assert fault(Path("nowhere/entities.csv")) == "There is no file 'nowhere/entities.csv'."
    (tmp_path / "entities").mkdir()
    assert fault(tmp_path / "entities").endswith("that can be read.")


def test_activations_of_another_type_are_named(tmp_path: Path) -> None:
    file = tmp_path / "subscribers.parquet"
    pl.DataFrame({"line": ["1"], "activation": [20260501]}).write_parquet(file)
    assert fault(file) == (
        f"'{file}': the column 'activation' is Int64, not a day; write 2026-05-01."
    )
