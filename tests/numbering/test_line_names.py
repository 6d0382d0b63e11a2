from __future__ import annotations

import pickle

import polars as pl
import pytest

from cdr_anomaly import numbering
from cdr_anomaly.numbering import line_names
from cdr_anomaly.numbering.lines import DIGITS_END, MAX_DIGITS
from tests.helpers.numbers import HOMES, LINE, run

CODES = (
    ("anonymous-3f2", -378103197101568),
    ("sip:anna@example.org", -550020117224365),
    ("\u00e9", -693271139919074),
    ("f" * 64, -899642170897363),
)


def test_the_code_of_a_name_never_changes() -> None:
    """States hold these codes; neighbours in a column, however long, are of no account."""
    names = pl.Series([name for name, _ in CODES])
    assert line_names.name_codes(names).to_list() == [code for _, code in CODES]
    for name, code in CODES:
        assert line_names.name_codes(pl.Series([name])).to_list() == [code]
    assert line_names.name_codes(names.clear()).to_list() == []


def test_codes_of_names_are_apart_from_all_others_and_seldom_meet() -> None:
    codes = line_names.name_codes(pl.int_range(200_000, eager=True).cast(pl.String) + "-x")
    assert codes.n_unique() == len(codes)
    assert codes.min() >= -(10**15)
    assert codes.max() < -(2**48) < -(MAX_DIGITS + 1) * DIGITS_END
    assert (codes % 64).value_counts()["count"].is_between(2800, 3450).all()
    assert run(numbering.is_named(LINE), [codes[0], -5, 5, None], pl.Int64) == [
        True,
        False,
        False,
        None,
    ]


def test_a_withheld_line_has_no_code_and_an_opaque_one_has() -> None:
    withheld = [None, "", "-", " Anonymous ", "UNKNOWN", "restricted", "private", "Unavailable"]
    opaque = ["a3f9c2", "sip:bob", "-x5", "+86 x138", "9" * 30, " a b ", "(anonymous)"]
    lines = [*withheld, *opaque, "13812345678", "0250"]
    names = numbering.LineNames()
    codes = run(numbering.parse_codes(LINE, HOMES["CN"], names), lines)
    assert [code is None for code in codes] == [line in withheld for line in lines]
    named = run(numbering.is_named(LINE), codes, pl.Int64)
    assert [bool(known) for known in named] == [line in opaque for line in lines]
    assert set(names.table["name"]) == {line.strip() for line in opaque}


def test_names_are_gathered_once_from_all_threads_and_stay_with_their_process() -> None:
    names = numbering.LineNames()
    for n in range(300):
        names.add(pl.DataFrame({"line": [-(10**14) - n % 7], "name": [f"x{n % 7}"]}))
    assert names.table.rows() == [(-(10**14) - n, f"x{n}") for n in range(6, -1, -1)]
    assert not names.collide
    assert pickle.loads(pickle.dumps(names)).table.is_empty()  # noqa: S301 - our own
    names.add(pl.DataFrame({"line": [-(10**14)], "name": ["y"]}))
    assert names.collide


@pytest.mark.parametrize("context", ["select", "list", "group", "lazy"])
def test_names_are_found_wherever_lines_are_written(context: str) -> None:
    names = numbering.LineNames()
    lines = [" bob ", "+8613812345678", None, "95588", "alice", "bob"]
    codes = run(numbering.parse_codes(LINE, HOMES["CN"], names), lines)
    frame = pl.DataFrame({"line": codes, "of": [0, 0, 0, 1, 1, 1]}, {"line": pl.Int64, "of": None})
    written = numbering.format_line(LINE, names)
    expected = ["bob", "+8613812345678", None, "95588", "alice", "bob"]
    if context == "select":
        found = frame.select(written).to_series().to_list()
    elif context == "lazy":
        found = frame.lazy().with_columns(text=written).collect()["text"].to_list()
    else:
        groups = frame.group_by("of", maintain_order=True)
        if context == "group":
            lists = groups.agg(written)
        else:
            text = pl.col("line").list.eval(numbering.format_line(pl.element(), names))
            lists = groups.agg("line").select(text)
        found = lists["line"].explode().to_list()
    assert found == expected
    assert frame.clear().select(written).is_empty()
