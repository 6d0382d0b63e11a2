from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import subscribers
from cdr_anomaly.schema import SUBSCRIBERS

CHINA = numbering.home_plan("CN")
HEAD = "line,activation,holder_token,holder_region,dealer,line_kind"


def csv(folder: Path, text: str, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def days(file: Path, *, as_text: bool = True) -> list[tuple[Any, date]]:
    activations = subscribers.read(file, CHINA, as_text=as_text).activations
    assert activations is not None
    return sorted(activations.collect().rows())


def rows(file: Path) -> list[dict[str, Any]]:
    read = subscribers.read(file, CHINA, as_text=False).lines.collect()
    assert list(read.columns) == list(SUBSCRIBERS)
    return sorted(read.to_dicts(), key=lambda row: str(row["line"]))


def test_without_a_file_nothing_is_told() -> None:
    for as_text, kind in ((False, pl.Int64), (True, pl.String)):
        lines, told, activations = subscribers.read(None, CHINA, as_text=as_text)
        assert (told, activations) == (frozenset(), None)
        assert lines.collect().is_empty()
        assert lines.collect_schema()["line"] == kind


def test_the_latest_activation_of_a_line_counts(tmp_path: Path) -> None:
    file = csv(
        tmp_path,
        "line,activation\n13800000001,2026-05-01\n0086 138 0000 0001,2026-05-03\n"
        "13800000002,2026-05-02T10:00:00\n13800000003,\n",
    )
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


def test_any_column_but_the_line_may_be_missing(tmp_path: Path) -> None:
    """Which lines are new is then not told, as without a list."""
    file = csv(tmp_path, "dealer, line ,note\n D1 ,13800000001,x\n,13800000002,y\n")
    read = subscribers.read(file, CHINA, as_text=False)
    assert (read.columns, read.activations) == ({"dealer"}, None)
    assert [(row["line"], row["dealer"], row["holder_region"]) for row in rows(file)] == [
        (8613800000001, "D1", None),
        (8613800000002, None, None),
    ]


@pytest.mark.parametrize("told", [[7, None], ["7", " "]])
@pytest.mark.parametrize("lines", [["+8613800000001", "+8613800000002"], ["13800000001", "x y"]])
def test_names_may_be_numbers_or_text_in_parquet(
    tmp_path: Path, told: list[Any], lines: list[str]
) -> None:
    """Lines that are plain are read by another way than those that are not."""
    file = tmp_path / "subscribers.parquet"
    pl.DataFrame({"line": lines, "dealer": told}).write_parquet(file)
    second = pl.select(numbering.parse_codes(pl.lit(lines[1]), CHINA)).item()
    assert second == 8613800000002 or lines[1] == "x y"
    assert {row["line"]: row["dealer"] for row in rows(file)} == {8613800000001: "7", second: None}


def latest(listed: list[tuple[str | None, ...]]) -> dict[str, tuple[str | None, ...]]:
    """Keep of each line the row that comes last by its day, then by its cells: the slow twin."""
    kept: dict[str, tuple[str | None, ...]] = {}
    for number, *facts in listed:
        known = kept.get(str(number))
        if known is None or [f or "" for f in facts] > [f or "" for f in known]:
            kept[str(number)] = tuple(facts)
    return kept


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_a_list_does_not_matter(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    listed: list[tuple[str | None, ...]] = [
        (
            f"1380000000{random.randrange(10)}",
            random.choice(["2026-05-01", "2026-05-02", None]),
            *(random.choice([None, f"{c}1", f"{c}2"]) for c in "trdk"),
        )
        for _ in range(30)
    ]
    expected = [(int(f"86{number}"), *facts) for number, facts in sorted(latest(listed).items())]
    for _ in range(3):
        random.shuffle(listed)
        text = "\n".join([HEAD, *(",".join(cell or "" for cell in row) for row in listed)])
        made = rows(csv(tmp_path, text + "\n"))
        written = [(*row.values(),) for row in made]
        assert [(n, day and str(day), *more) for n, day, *more in written] == expected


def fault(file: Path) -> str:
    with pytest.raises(InputError) as caught:
        subscribers.read(file, CHINA, as_text=True)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("number,dealer\n1,2\n", "'{}' lacks the column 'line', and has number, dealer."),
        (
            "line,day\n1,2\n",
            (
                "'{}' tells nothing of its lines: it needs a column activation, holder_token, "
                "holder_region, dealer or line_kind, and has line, day."
            ),
        ),
        (
            "line,activation\n1,2026-05-01\n2,01/05/2026\n",
            "'{}': '01/05/2026' in the column 'activation' is no day; write 2026-05-01.",
        ),
        ("", "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("line,activation\n1,x,y\n", "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("line,dealer\n1,x,y\n", "'{}' is neither a CSV nor a Parquet file that can be read."),
        ("PAR1 but not for long", "'{}' is neither a CSV nor a Parquet file that can be read."),
    ],
)
def test_a_list_that_is_wrong_gets_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = csv(tmp_path, text)
    assert fault(file) == sentence.format(file)


def test_a_list_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    assert fault(Path("nowhere/list.csv")) == "There is no file 'nowhere/list.csv'."
    assert fault(tmp_path).endswith("that can be read.")


@pytest.mark.parametrize(
    ("column", "cell", "what"),
    [
        ("activation", 20260501, "Int64, not a day; write 2026-05-01."),
        ("dealer", [1.5], "List(Float64), not text; write its cells as text."),
        ("holder_region", 0.5, "Float64, not text; write its cells as text."),
    ],
)
def test_columns_of_another_type_are_named(
    tmp_path: Path, column: str, cell: object, what: str
) -> None:
    file = tmp_path / "subscribers.parquet"
    pl.DataFrame({"line": ["1"], column: [cell]}).write_parquet(file)
    assert fault(file) == f"'{file}': the column '{column}' is {what}"
