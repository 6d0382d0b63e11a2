"""Sentences come out whole on any frame: of many chunks, of empty ones, with nulls."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import polars as pl
import pytest

from cdr_anomaly import numbering, wording
from cdr_anomaly.numbering import caller_id
from tests.helpers.chunks import in_chunks

ROWS = pl.DataFrame(
    {
        "n": [1, 2, None, 4, 5],
        "share": [0.1 + 0.2, 1e20, 2.0, None, -1.5],
        "name": ["a", "{}", "c", "", None],
    }
)


def test_a_sentence_is_its_template_with_the_values_as_text() -> None:
    told = ROWS.select(wording.format_text("{} of {} ({})", "n", pl.col("share"), 7)).to_series()
    assert told.to_list() == [
        "1 of 0.30000000000000004 (7)",
        "2 of 1e+20 (7)",
        None,
        None,
        "5 of -1.5 (7)",
    ]


def test_what_stands_in_a_value_is_no_template() -> None:
    told = ROWS.select(wording.format_text("<{}>", "name")).to_series()
    assert told.to_list() == ["<a>", "<{}>", "<c>", "<>", None]


@pytest.mark.parametrize(("template", "values"), [("{}", 0), ("{} {}", 1), ("", 1)])
def test_a_sentence_has_a_value_for_each_place(template: str, values: int) -> None:
    with pytest.raises(ValueError, match="places"):
        wording.format_text(template, *["n"] * values)


@pytest.mark.parametrize("seed", range(40))
def test_a_sentence_is_the_same_on_frames_of_many_chunks(seed: int) -> None:
    # With pl.format one in ten of these panics (Polars 2.1): "assertion failed: i < self.len()".
    random = Random(seed)  # noqa: S311 - no secret
    rows = pl.DataFrame(
        {
            "n": random.choices([0, 1, 2, 3, 4, None], k=40),
            "name": random.choices(["a", None], k=40),
        }
    )
    told = (
        pl.when(pl.col("n") > 2)
        .then(wording.format_text("{} after {}", "n", pl.lit("+86")))
        .when(pl.col("n") > 1)
        .then(None)
        .when(pl.col("name").is_null())
        .then(pl.lit("no name"))
        .when(pl.col("n") == 0)
        .then(wording.format_text("{} less {}", "name", pl.col("n") - 1))
    )
    cuts = sorted(random.choices(range(41), k=random.randrange(6)))
    chunks = in_chunks(rows, [b - a for a, b in pairwise([0, *cuts, 40])])
    for kept in (pl.lit(value=True), pl.col("n") > 0, pl.col("name").is_not_null()):
        right = rows.filter(kept).select(told)
        assert (
            chunks.lazy()
            .filter(kept)
            .with_columns(told=told)
            .select("told")
            .collect()["told"]
            .equals(right.to_series())
        )
        assert chunks.lazy().filter(kept).select(told).collect(engine="streaming").equals(right)


@pytest.mark.parametrize("sizes", [(1,) * 7, (0, 4, 0, 3)])
def test_numbers_that_nobody_has_are_told_on_frames_of_many_chunks(sizes: tuple[int, ...]) -> None:
    home = numbering.home_plan("CN")
    numbers = ["+999123", "+861", "+44123", "+442035550001", "+8613800000001", "abc", "+1"]
    rows = pl.DataFrame({"number": numbers}, schema={"number": pl.String})
    told = caller_id.impossible_reason(pl.col("number"), home).text
    whole = rows.select(told).to_series()
    assert whole[0] == "its country code is nobody's"
    assert whole[1] == "no home number has 1 digits after +86"
    assert whole[2] == "no number of +44 has 3 digits after that"
    assert whole[3:6].to_list() == [None] * 3
    assert whole[6] == "no number of +1 has 0 digits after that"
    chunks = in_chunks(rows, sizes)
    for _ in range(200):
        assert chunks.lazy().select(told).collect().to_series().equals(whole)
