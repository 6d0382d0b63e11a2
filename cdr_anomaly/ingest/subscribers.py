"""The list of subscribers that an operator keeps beside the calls: since when, whose, sold by whom.

A column that the list lacks is empty of every line, and nothing is judged by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import tabular
from cdr_anomaly.schema import OF_SUBSCRIBERS, SUBSCRIBERS, empty, require

if TYPE_CHECKING:
    from pathlib import Path

# What is said of a line; each may be missing, but one must be there.
FACTS = tuple(column for column in SUBSCRIBERS if column != "line")


class Subscribers(NamedTuple):
    """What a list tells: SUBSCRIBERS, read when it is needed, and which columns it has (told).

    ``activations`` (line, activation) are of the lines with such a day; None where none is told.
    """

    lines: pl.LazyFrame
    told: frozenset[str]
    activations: pl.LazyFrame | None


def read(file: Path | None, plan: numbering.HomePlan, *, as_text: bool) -> Subscribers:
    """Read the list, with lines as the calls carry them; without a file nothing is told.

    Of a line that is listed several times the latest activation counts, and what is told with it.
    """
    if file is None:
        kind = pl.String() if as_text else pl.Int64()
        return Subscribers(empty(SUBSCRIBERS, kind).lazy(), frozenset(), None)
    with tabular.readable(file):
        listed = _columns(file)
        told = frozenset(listed.collect_schema()) & set(FACTS)
        dated = _dated(file, _lines(listed, plan, as_text=as_text))
        missing = {c: pl.lit(None, SUBSCRIBERS[c].dtype) for c in FACTS if c not in told}
        lines = _once(require(dated.with_columns(**missing), SUBSCRIBERS, "subscribers"))
        if "activation" not in told:
            return Subscribers(lines, told, None)
        activations = lines.select("line", "activation").drop_nulls().collect()
        return Subscribers(lines, told, activations.lazy())


def groups(subscribers: pl.LazyFrame, told: frozenset[str]) -> pl.LazyFrame:
    """Name the ``dealer`` and the ``region`` of lines as findings do, where these are told."""
    names = {
        kind: pl.concat_str(pl.lit(f"{kind} "), column)
        for kind, column in OF_SUBSCRIBERS.items()
        if column in told
    }
    return subscribers.select("line", **names)


def _columns(file: Path) -> pl.LazyFrame:
    """Take the columns that are known, and make them text, but for the day of activation."""
    table = tabular.scanned(file)
    schema = table.collect_schema()
    names = [name for name in SUBSCRIBERS if name in schema]
    if "line" not in schema:
        msg = f"'{file}' lacks the column 'line', and has {', '.join(schema)}."
        raise InputError(msg)
    if len(names) == 1:
        msg = (
            f"'{file}' tells nothing of its lines: it needs a column {', '.join(FACTS[:-1])} or "
            f"{FACTS[-1]}, and has {', '.join(schema)}."
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


def _lines(told: pl.LazyFrame, plan: numbering.HomePlan, *, as_text: bool) -> pl.LazyFrame:
    """Read the column of lines, as the calls carry them."""
    line = pl.col("line")
    plain = told.select(line.str.contains(r"^\+[1-9]\d{6,14}$").all()).collect().item()
    if plain and not as_text:  # as lists from a database are; to read any form takes longer
        return told.with_columns(line=numbering.e164_code(line))
    # In two steps: code() names what it is given many times over, and would tidy it each time.
    tidy = told.with_columns(line=numbering.line_text(line, plan)).collect().lazy()
    return tidy if as_text else tidy.with_columns(line=numbering.line_code(line, plan))


def _dated(file: Path, told: pl.LazyFrame) -> pl.LazyFrame:
    """Read the days of activation, where the list has them."""
    schema = told.collect_schema()
    if "activation" not in schema:
        return told
    written = pl.col("activation")
    day = _day(schema["activation"], file)
    unread = told.filter(day.is_null() & written.is_not_null()).select(written)
    for (cell,) in unread.head(1).collect().iter_rows():
        msg = f"'{file}': '{cell}' in the column 'activation' is no day; write 2026-05-01."
        raise InputError(msg)
    return told.with_columns(activation=day)


def _day(dtype: pl.DataType, file: Path) -> pl.Expr:
    written = pl.col("activation")
    if dtype == pl.String:
        return written.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if dtype in (pl.Date, pl.Datetime, pl.Null):
        return written.cast(pl.Date)
    msg = f"'{file}': the column 'activation' is {dtype}, not a day; write 2026-05-01."
    raise InputError(msg)


def _once(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Keep a row of each line, the same in whatever order they are listed."""
    known, several = lines.drop_nulls("line"), pl.col("line").is_duplicated()
    # What is listed once, as from a database, need not be read whole for one of its columns.
    if not known.select(several.any()).collect().item():
        return known
    latest = known.filter(several).sort(FACTS, descending=True, nulls_last=True)
    first = latest.unique("line", keep="first", maintain_order=True)
    return pl.concat([known.filter(~several), first])
