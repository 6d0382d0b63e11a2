"""Compare frames of two versions: their columns, types and rows.

Rows are compared after sorting, floats exactly. Sentences are compared by their numbers. A change
that is wanted, such as a new public name, is entered in the tables below.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly.nights.upgrade import COLUMNS_2, TABLES_2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Old name to new name. Either name is accepted on both sides, so that the net holds before and
# after the change.
RENAMED_COLUMNS: dict[str, dict[str, str]] = COLUMNS_2
RENAMED_TABLES = TABLES_2
# Keys inside of JSON: `evidence` of findings; `counts`, `facts` and `inputs` of the ledger.
RENAMED_KEYS: dict[str, str] = {}

# What only the working tree has.
NEW_COLUMNS: dict[str, set[str]] = {
    "findings": {"reason_id", "reason_values", "would_clear_if_values"},
    "alerts": {
        "reasons_values",
        "would_clear_if_values",
        "lowered_because_values",
        "suppressed_by_values",
        "feedback_values",
        "replaces_case_values",
    },
    "victims": {"why_values"},
}
NEW_TABLES: set[str] = set()

# Text of these columns is compared by its numbers, in their order. Names are the new ones.
SENTENCES: dict[str, set[str]] = {
    "findings": {"reason", "would_clear_if"},
    "alerts": {
        "reasons",
        "would_clear_if",
        "lowered_because",
        "suppressed_by",
        "feedback",
        "replaces_case",
    },
    "victims": {"why"},
    "refused": {"reason"},
}
# Sentences (table, column) whose numbers may stand in another order.
REORDERED: set[tuple[str, str]] = set()
JSON_COLUMNS: dict[str, set[str]] = {
    "findings": {"evidence"},
    "ledger": {"inputs", "counts", "facts"},
}
# Times of the clock, versions, and settings, which only say how a run was started.
IGNORED: dict[str, set[str]] = {
    "ledger": {"at", "seconds", "versions", "tables", "settings"},
    "feedback": {"at"},
}
# Float columns (table, column) that may differ by RELATIVE; say why beside each.
TOLERANT: set[tuple[str, str]] = set()
RELATIVE = 1e-12

NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?"
# Equal to 0.0, as it is in plain columns.
MINUS_ZERO = r"-0\.0([,}\]])"
ROW = "row of the frame"
SHOWN_ROWS, SHOWN_IDENTITY, SHOWN_CHARACTERS = 3, 5, 200


def compare_tables(
    tag: Mapping[str, pl.DataFrame], working: Mapping[str, pl.DataFrame]
) -> Iterator[tuple[str, int, list[str], list[str]]]:
    """Yield for each table its name, its rows, notes, and what differs."""
    for name in [*tag, *(name for name in working if name not in tag)]:
        if name not in working:
            yield name, tag[name].height, [], ["the working tree lacks this table"]
        elif name in tag:
            notes, differences = compare(name.removeprefix("state/"), tag[name], working[name])
            yield name, tag[name].height, notes, differences
        elif name.removeprefix("state/") in NEW_TABLES:
            yield name, working[name].height, ["a new table, which is allowed"], []
        else:
            yield name, working[name].height, [], ["the tag lacks this table"]


def compare(
    table: str,
    tag: pl.DataFrame,
    working: pl.DataFrame,
    tolerant: Iterable[tuple[str, str]] = TOLERANT,
) -> tuple[list[str], list[str]]:
    """Compare two frames of a table; return notes on what is allowed, and what differs."""
    left, right = _with_new_names(table, tag), _with_new_names(table, working)
    new = NEW_COLUMNS.get(table, set()) & (set(right.columns) - set(left.columns))
    right = right.drop(new)
    notes = [f"new columns, which are allowed: {', '.join(sorted(new))}"] if new else []
    differences = [
        f"columns that only the {side} has: {', '.join(sorted(only))}"
        for side, only in (
            ("tag", set(left.columns) - set(right.columns)),
            ("working tree", set(right.columns) - set(left.columns)),
        )
        if only
    ]
    common = [name for name in left.columns if name in right.columns]
    differences += [
        f"type of {name}: {left.schema[name]} in the tag, {right.schema[name]} in the working tree"
        for name in common
        if left.schema[name] != right.schema[name]
    ]
    floats = [column for of, column in tolerant if of == table and column in common]
    return notes, differences + _row_differences(
        table, left.select(common), right.select(common), floats
    )


def _with_new_names(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    kept = frame.drop(IGNORED.get(table, set()), strict=False)
    return kept.rename(RENAMED_COLUMNS.get(table, {}), strict=False)


def _row_differences(
    table: str, left: pl.DataFrame, right: pl.DataFrame, floats: Sequence[str]
) -> list[str]:
    one, other = _canonical(table, left), _canonical(table, right)
    unlike = [name for name in one.columns if one.schema[name] != other.schema[name]]
    one, other = (frame.with_columns(pl.col(unlike).cast(pl.String)) for frame in (one, other))
    columns = one.columns
    if not columns:
        return []
    counts = pl.concat(
        [one.with_columns(pl.lit(1).alias(ROW)), other.with_columns(pl.lit(-1).alias(ROW))]
    )
    uneven = counts.group_by(columns).agg(pl.col(ROW).sum()).filter(pl.col(ROW) != 0)
    if uneven.is_empty():
        return []
    gone, come = uneven.filter(pl.col(ROW) > 0), uneven.filter(pl.col(ROW) < 0)
    if floats and _are_close(gone, come, floats):
        return []
    n_gone, n_come = int(gone[ROW].sum()), -int(come[ROW].sum())
    same_count = n_gone == n_come
    changed = [c for c in columns if same_count and not _same_values(gone[c], come[c])]
    answer = [
        f"{n_gone} row(s) of {left.height} only in the tag, "
        f"{n_come} of {right.height} only in the working tree"
        + (f"; columns that differ: {', '.join(changed)}" if changed else "")
    ]
    for side, frame, canonical, some in (
        ("tag", left, one, gone),
        ("working tree", right, other, come),
    ):
        order = [name for name in columns if name not in changed] + changed
        numbered = canonical.with_row_index(ROW).join(
            some.drop(ROW), on=columns, how="semi", nulls_equal=True
        )
        rows = frame[numbered.sort(order)[ROW].head(SHOWN_ROWS)]
        answer += [f"only in the {side}: {_shown(row, changed)}" for row in rows.to_dicts()]
    return answer


def _canonical(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame of plain columns that are equal if the frames count as equal."""
    sentences, as_json = SENTENCES.get(table, set()), JSON_COLUMNS.get(table, set())
    answer = frame.with_columns(
        _numbers(pl.col(name), frame.schema[name], sort=(table, name) in REORDERED)
        for name in frame.columns
        if name in sentences
    ).with_columns(
        pl.col(name).map_elements(_same_json, return_dtype=pl.String)
        for name in frame.columns
        if name in as_json
    )
    # JSON has no word for what is no number; no column has such values in lists.
    nested = [name for name, dtype in answer.schema.items() if dtype.is_nested()]
    return answer.with_columns(
        pl.struct(name).struct.json_encode().str.replace_all(MINUS_ZERO, "0.0$1").alias(name)
        for name in nested
    )


def _numbers(sentence: pl.Expr, dtype: pl.DataType, *, sort: bool) -> pl.Expr:
    def of_text(text: pl.Expr) -> pl.Expr:
        found = text.str.extract_all(NUMBER).list.eval(pl.element().str.replace_all(",", ""))
        return found.list.sort() if sort else found

    return sentence.list.eval(of_text(pl.element())) if dtype == pl.List else of_text(sentence)


def _same_json(text: str) -> str:
    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {RENAMED_KEYS.get(key, key): renamed(inner) for key, inner in value.items()}
        return [renamed(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(renamed(json.loads(text)), sort_keys=True, ensure_ascii=False)


def _same_values(one: pl.Series, other: pl.Series) -> bool:
    return one.sort().equals(other.sort(), null_equal=True)


def _are_close(one: pl.DataFrame, other: pl.DataFrame, floats: Sequence[str]) -> bool:
    exact = [name for name in one.columns if name not in {*floats, ROW}]
    left, right = (frame.sort(*exact, *floats) for frame in (one, other))
    if not left.select(exact).equals(right.select(exact)):
        return False
    for name in floats:
        gap, size = (left[name] - right[name]).abs(), left[name].abs()
        if not left[name].is_null().equals(right[name].is_null()):
            return False
        if not (gap <= RELATIVE * size).fill_null(value=True).all():
            return False
    return left[ROW].equals(-right[ROW])


def _shown(row: Mapping[str, Any], changed: Sequence[str]) -> str:
    identity = [name for name in row if name not in changed][:SHOWN_IDENTITY]
    values = ((name, str(row[name])) for name in [*identity, *(changed or [*row][SHOWN_IDENTITY:])])
    return ", ".join(f"{name}={value[:SHOWN_CHARACTERS]}" for name, value in values)
