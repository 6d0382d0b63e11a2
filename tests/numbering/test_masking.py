"""What is hidden of a number, and what is not a number."""

from __future__ import annotations

import polars as pl
import pytest

from cdr_anomaly.numbering import masking


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("+8613412341234", "+86134****1234"),
        ("13412341234", "134****1234"),
        ("called +8613412341234, +8613412341235", "called +86134****1234, +86134****1235"),
        ("imei 35693803564380", "imei 356938****4380"),
        ("block +861344279", "block +861344279"),
        ("2026-05-04 10:00, 1,200 calls", "2026-05-04 10:00, 1,200 calls"),
        ("", ""),
    ],
)
def test_four_digits_of_a_number_are_hidden(told: str, shown: str) -> None:
    assert masking.mask_text(told) == shown
    table = pl.DataFrame({"one": [told], "many": [[told, told]], "n": [13412341234]})
    hidden = masking.mask_table(table)
    assert hidden.row(0) == (shown, [shown, shown], 13412341234)
