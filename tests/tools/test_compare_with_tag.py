"""The net reports what differs between two frames, and nothing else."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from tools import compare_frames, compare_with_tag

DAY = date(2026, 5, 1)
ONE = "placed 1,207 calls on 2026-05-01 (limit 200), p 9.7e-7"
OTHER = "on 2026-05-01 placed 900 calls"


@pytest.fixture
def findings() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject": ["+861", "+862", "+862"],
            "members": [["+861", "+863"], [], None],
            "day": [DAY, DAY, DAY],
            "observed": [207.0, 0.1 + 0.2, float("nan")],
            "limit": [200.0, 5.0, None],
            "reason": [ONE, OTHER, None],
            "evidence": ['{"n_out": 207, "new": false}', '{"n_out": 3, "share": 0.5}', "{}"],
            "policy": [True, False, None],
        }
    )


def test_equal_frames_in_another_order_of_rows_and_columns(findings: pl.DataFrame) -> None:
    turned = findings.reverse().select(reversed(findings.columns))
    assert compare_frames.compare("findings", findings, findings) == ([], [])
    assert compare_frames.compare("findings", findings, turned) == ([], [])
    assert compare_frames.compare("findings", findings.clear(), findings.clear()) == ([], [])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject", pl.lit("+869")),
        ("members", pl.lit(["+861"], pl.List(pl.String))),
        ("day", pl.lit(date(2026, 5, 2))),
        ("observed", pl.lit(0.3)),  # 0.1 + 0.2 is another float
        ("observed", pl.lit(None, pl.Float64)),
        ("limit", pl.lit(float("nan"))),
        ("reason", pl.lit("on 2026-05-01 placed 901 calls")),
        ("reason", pl.lit("on 2026-05-01 placed calls")),
        ("reason", pl.lit("placed 900 calls on 2026-05-01")),
        ("reason", pl.lit(None, pl.String)),
        ("evidence", pl.lit('{"n_out": 4, "share": 0.5}')),
        ("policy", pl.lit(value=True)),
    ],
)
def test_a_changed_value(findings: pl.DataFrame, column: str, value: pl.Expr) -> None:
    second = pl.int_range(pl.len()) == 1
    changed = findings.with_columns(
        pl.when(second).then(value).otherwise(pl.col(column)).alias(column)
    )
    notes, (told, *rows) = compare_frames.compare("findings", findings, changed)
    assert not notes
    name = compare_frames.RENAMED_COLUMNS["findings"].get(column, column)
    assert told == (
        "1 row(s) of 3 only in the tag, 1 of 3 only in the working tree; "
        f"columns that differ: {name}"
    )
    assert [row.split(":")[0] for row in rows] == ["only in the tag", "only in the working tree"]
    assert all(f"{name}=" in row for row in rows)


def test_missing_more_and_repeated_rows(findings: pl.DataFrame) -> None:
    _, told = compare_frames.compare("findings", findings, findings.head(2))
    assert told[0] == "1 row(s) of 3 only in the tag, 0 of 2 only in the working tree"
    _, told = compare_frames.compare("findings", findings, pl.concat([findings, findings.head(1)]))
    assert told[0] == "0 row(s) of 3 only in the tag, 1 of 4 only in the working tree"
    assert "subject=+861" in told[1]
    both = pl.concat([findings, findings.head(1)]), pl.concat([findings, findings.tail(1)])
    _, told = compare_frames.compare("findings", *both)
    assert told[0].startswith("1 row(s) of 4 only in the tag, 1 of 4 only in the working tree")


def test_a_renamed_column(findings: pl.DataFrame) -> None:
    new_names = findings.rename({"policy": "fixed_limit", "limit": "threshold"})
    assert compare_frames.compare("findings", findings, new_names) == ([], []), (
        "these are agreed upon"
    )
    assert compare_frames.compare("findings", new_names, findings) == ([], [])
    _, told = compare_frames.compare("findings", findings, findings.rename({"subject": "line"}))
    assert told == [
        "columns that only the tag has: subject", "columns that only the working tree has: line",
    ]  # fmt: skip
    _, told = compare_frames.compare("alerts", findings, findings.rename({"policy": "fixed_limit"}))
    assert len(told) == 2, "another table's names are not agreed upon"


def test_new_columns_are_allowed_by_name_only(findings: pl.DataFrame) -> None:
    more = findings.with_columns(reason_id=pl.lit("calls_60min"))
    notes, told = compare_frames.compare("findings", findings, more)
    assert notes == ["new columns, which are allowed: reason_id"]
    assert not told
    _, told = compare_frames.compare("findings", findings, findings.with_columns(more=1))
    assert told == ["columns that only the working tree has: more"]
    _, told = compare_frames.compare("findings", more, findings)
    assert told == ["columns that only the tag has: reason_id"]


def test_another_type(findings: pl.DataFrame) -> None:
    whole = findings.with_columns(pl.col("limit").cast(pl.Int64))
    _, told = compare_frames.compare("findings", findings, whole)
    assert told[0] == "type of threshold: Float64 in the tag, Int64 in the working tree"


def test_words_of_sentences_and_order_of_keys_do_not_matter(findings: pl.DataFrame) -> None:
    said = ["1207 calls placed, 2026-05-01, threshold 200, p 9.7e-7", "2026-05-01: 900 calls", None]
    keys = ['{"new":false,"n_out":207}', '{"share": 0.5, "n_out": 3}', "{}"]
    other = findings.with_columns(reason=pl.Series(said), evidence=pl.Series(keys))
    assert compare_frames.compare("findings", findings, other) == ([], [])
    alerts = pl.DataFrame({"reasons": [["called 10 people", "p 1e-5"]]})
    words = pl.DataFrame({"reasons": [["10 were called", "by chance: 1e-5"]]})
    parts = pl.DataFrame({"reasons": [["called 10 people; p 1e-5"]]})
    assert compare_frames.compare("alerts", alerts, words) == ([], [])
    assert compare_frames.compare("alerts", alerts, parts)[1]
    assert compare_frames.compare("profile", pl.DataFrame({"reason": ["cfu"]}),
                        pl.DataFrame({"reason": ["cfb"]}))[1], "no sentence there"  # fmt: skip


def test_tolerance_holds_for_named_columns_only(findings: pl.DataFrame) -> None:
    close = findings.with_columns(pl.col("limit") * (1 + 1e-14))
    far = findings.with_columns(pl.col("limit") * (1 + 1e-10))
    named = {("findings", "threshold")}
    assert compare_frames.compare("findings", findings, close)[1]
    assert compare_frames.compare("findings", findings, close, named) == ([], [])
    assert compare_frames.compare("findings", findings, far, named)[1]
    also = close.with_columns(subject=pl.col("subject") + "9")
    assert compare_frames.compare("findings", findings, also, named)[1]
    assert compare_frames.compare("alerts", findings, close, named)[1]


def test_nested_values() -> None:
    measures = pl.DataFrame({"measures": [[{"measure": "n_out", "value": 0.1 + 0.2}]]})
    other = pl.DataFrame({"measures": [[{"measure": "n_out", "value": 0.3}]]})
    assert compare_frames.compare("evidence", measures, measures) == ([], [])
    assert compare_frames.compare("evidence", measures, other)[1]
    minus, zero = (
        pl.DataFrame({"a": [[{"score": n}]], "b": [[{"score": n, "at": 10.0}]], "c": [[n]]})
        for n in (-0.0, 0.0)
    )
    assert compare_frames.compare("evidence", minus, zero) == ([], [])


def test_tables_that_one_side_lacks(findings: pl.DataFrame) -> None:
    one = {"findings": findings, "state/legs": findings}
    told = list(compare_frames.compare_tables(one, {"findings": findings, "state/more": findings}))
    assert told == [
        ("findings", 3, [], []),
        ("state/legs", 3, [], ["the working tree lacks this table"]),
        ("state/more", 3, [], ["the tag lacks this table"]),
    ]


def test_every_night_is_run_on_one_state() -> None:
    runs = compare_with_tag.runs()
    assert set(runs) == {"nights", "sample", "city-101", "city-102", "city-103"}
    nights = [command for command in runs["nights"] if command[0] == "nightly"]
    days = [command[command.index("--date") + 1] for command in nights]
    assert (len(set(days)), days[0], days[-1]) == (14, "2026-05-23", "2026-06-05")
    assert {command[command.index("--state") + 1] for command in nights} == {"{results}/state"}
