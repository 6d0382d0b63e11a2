"""Tables are listed once, and each column says what it means."""

from __future__ import annotations

from typing import Any

import pytest

from cdr_anomaly import schema
from cdr_anomaly.numbering import CLASSES, classes_with
from cdr_anomaly.schema import STATE_TABLES, SUBJECT_KINDS, TABLES, kinds_with

# Tables that pass between steps and are neither written nor read by users.
INSIDE = {"LINE_AGES", "HOPS", "LINES", "LINKS", "LISTS", "MEASURES", "REACHED", "TRAFFIC"}


@pytest.mark.parametrize("title", TABLES)
def test_every_column_of_a_table_has_a_meaning(title: str) -> None:
    assert TABLES[title]
    assert all(column.meaning for column in TABLES[title].values())


def test_every_table_is_listed_or_stays_inside() -> None:
    listed = [*TABLES.values(), *STATE_TABLES.values()]
    tables = {
        name: table
        for name, table in vars(schema).items()
        if isinstance(table, dict) and isinstance(next(iter(table.values())), schema.Column)
    }
    assert {name for name, table in tables.items() if table not in listed} == INSIDE


@pytest.mark.parametrize(
    ("names_with", "table", "value"),
    [(classes_with, CLASSES, "stays"), (kinds_with, SUBJECT_KINDS, "is_group")],
)
def test_names_are_picked_by_a_property_that_exists(
    names_with: Any, table: dict[str, Any], value: str
) -> None:
    having, lacking = names_with(**{value: True}), names_with(**{value: False})
    assert having
    assert sorted([*having, *lacking]) == sorted(table)
    with pytest.raises(AttributeError, match="is_purple"):
        names_with(is_purple=True)
