from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import activated, numbering
from cdr_anomaly.errors import InputError

CHINA = numbering.home_plan("CN")


def csv(folder: Path, text: str, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def days(file: Path, *, as_text: bool = True) -> list[tuple[Any, date]]:
    activations = activated.lines(file, CHINA, as_text=as_text)
    assert activations is not None
    return sorted(activations.collect().rows())


def test_without_a_file_there_is_no_activation() -> None:
    assert activated.lines(None, CHINA, as_text=False) is None


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
    with pytest.raises(InputError) as caught:
        activated.lines(file, CHINA, as_text=True)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "line,day\n1,2\n",
            "'{}' lacks the column 'activation'; it needs line and activation, and has line, day.",
        ),
        (
            "line,activation\n1,2026-05-01\n2,01/05/2026\n",
            "'{}': '01/05/2026' in the column 'activation' is no day; write 2026-05-01.",
        ),
        ("", "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("line,activation\n1,x,y\n", "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("PAR1 but not for long", "'{}' is neither a CSV nor a Parquet file that can be read."),
    ],
)
def test_a_list_that_is_wrong_gets_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = csv(tmp_path, text)
    assert fault(file) == sentence.format(file)


def test_a_list_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    assert fault(Path("nowhere/list.csv")) == "There is no file 'nowhere/list.csv'."
    assert fault(tmp_path).endswith("that can be read.")


def test_activations_of_another_type_are_named(tmp_path: Path) -> None:
    file = tmp_path / "subscribers.parquet"
    pl.DataFrame({"line": ["1"], "activation": [20260501]}).write_parquet(file)
    assert fault(file) == (
        f"'{file}': the column 'activation' is Int64, not a day; write 2026-05-01."
    )
