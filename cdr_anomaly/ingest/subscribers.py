"""The operator's list of subscribers: activation, holder and dealer of each line.

A column that the list lacks is null for every line, and no detector uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import tabular
from cdr_anomaly.schema import SUBJECT_KINDS, SUBSCRIBERS, empty, require

if TYPE_CHECKING:
    from pathlib import Path

# The columns about a line; a list needs at least one of them.
DETAILS = tuple(column for column in SUBSCRIBERS if column != "line")


class Subscribers(NamedTuple):
    """SUBSCRIBERS, read when it is collected, and which of the DETAILS the list has (columns).

    ``activations`` (line, activation) has the lines with a day of activation; None without them.
    """

    lines: pl.LazyFrame
    columns: frozenset[str]
    activations: pl.LazyFrame | None


def read(file: Path | None, plan: numbering.HomePlan, *, as_text: bool) -> Subscribers:
    """Read the list, with lines in the form of the calls; without a file it has no row, no column.

    Of a line that is listed several times the row with the latest activation counts.
    """
    if file is None:
        kind = pl.String() if as_text else pl.Int64()
        return Subscribers(empty(SUBSCRIBERS, kind).lazy(), frozenset(), None)
    with tabular.explain_read_errors(file):
        listed = _columns(file)
        present = frozenset(listed.collect_schema()) & set(DETAILS)
        rows = _parse_activations(file, _parse_lines(listed, plan, as_text=as_text))
        missing = {c: pl.lit(None, SUBSCRIBERS[c].dtype) for c in DETAILS if c not in present}
        lines = _unique_lines(require(rows.with_columns(**missing), SUBSCRIBERS, "subscribers"))
        if "activation" not in present:
            return Subscribers(lines, present, None)
        activations = lines.select("line", "activation").drop_nulls().collect()
        return Subscribers(lines, present, activations.lazy())


def groups(subscribers: pl.LazyFrame, columns: frozenset[str]) -> pl.LazyFrame:
    """Return the ``dealer`` and the ``region`` of lines with the names that findings use."""
    names = {
        name: pl.concat_str(pl.lit(f"{name} "), kind.subscriber_column)
        for name, kind in SUBJECT_KINDS.items()
        if kind.subscriber_column in columns
    }
    return subscribers.select("line", **names)


def _columns(file: Path) -> pl.LazyFrame:
    """Return the columns of SUBSCRIBERS that the file has, as text but for the activation."""
    table = tabular.scan_table(file)
    schema = table.collect_schema()
    names = [name for name in SUBSCRIBERS if name in schema]
    if "line" not in schema:
        msg = f"'{file}' lacks the column 'line', and has {', '.join(schema)}."
        raise InputError(msg)
    if len(names) == 1:
        msg = (
            f"'{file}' tells nothing of its lines: it needs a column {', '.join(DETAILS[:-1])} or "
            f"{DETAILS[-1]}, and has {', '.join(schema)}."
        )
        raise InputError(msg)
    texts = [
        _text(name, schema[name], file) for name in names if name not in {"line", "activation"}
    ]
    return table.select(names).with_columns(pl.col("line").cast(pl.String), *texts)


def _text(name: str, dtype: pl.DataType, file: Path) -> pl.Expr:
    if dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return pl.col(name).cast(pl.String).str.strip_chars().replace("", None)
    msg = f"'{file}': the column '{name}' is {dtype}, not text; write its cells as text."
    raise InputError(msg)


def _parse_lines(table: pl.LazyFrame, plan: numbering.HomePlan, *, as_text: bool) -> pl.LazyFrame:
    """Return the table with its lines in the form of the calls."""
    line = pl.col("line")
    if not as_text:
        return table.with_columns(line=numbering.parse_codes(line, plan))
    return table.with_columns(line=numbering.line_text(line, plan)).collect().lazy()


def _parse_activations(file: Path, table: pl.LazyFrame) -> pl.LazyFrame:
    """Return the table with its activations as days; raises InputError if a cell is no day."""
    schema = table.collect_schema()
    if "activation" not in schema:
        return table
    written = pl.col("activation")
    day = _day(schema["activation"], file)
    unread = table.filter(day.is_null() & written.is_not_null()).select(written)
    for (cell,) in unread.head(1).collect().iter_rows():
        msg = f"'{file}': '{cell}' in the column 'activation' is no day; write 2026-05-01."
        raise InputError(msg)
    return table.with_columns(activation=day)


def _day(dtype: pl.DataType, file: Path) -> pl.Expr:
    written = pl.col("activation")
    if dtype == pl.String:
        return written.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if dtype in (pl.Date, pl.Datetime, pl.Null):
        return written.cast(pl.Date)
    msg = f"'{file}': the column 'activation' is {dtype}, not a day; write 2026-05-01."
    raise InputError(msg)


def _unique_lines(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row of each line, whatever the order of the rows."""
    rows, several = lines.drop_nulls("line"), pl.col("line").is_duplicated()
    # Without repeats, as in lists from a database, one column can still be read alone.
    if not rows.select(several.any()).collect().item():
        return rows
    latest = rows.filter(several).sort(DETAILS, descending=True, nulls_last=True)
    first = latest.unique("line", keep="first", maintain_order=True)
    return pl.concat([rows.filter(~several), first])
