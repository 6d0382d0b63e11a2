"""Small tables that people keep by hand: CSV, TOML or Parquet files with any name."""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_table(file: Path) -> pl.DataFrame:
    """Read a table; all columns of a CSV or TOML file are text without blanks around it."""
    with explain_read_errors(file):
        return scan_table(file).collect()


def scan_table(file: Path) -> pl.LazyFrame:
    """Return the same table lazily, for tables of any size."""
    with explain_read_errors(file):
        with file.open("rb") as raw:
            parquet = raw.read(4) == b"PAR1"
        if parquet:
            return pl.scan_parquet(file, glob=False)
        if file.suffix.lower() == ".toml":
            table = _read_toml(file).lazy()
        else:
            table = pl.scan_csv(file, infer_schema=False, encoding="utf8-lossy", glob=False)
        table = table.rename({name: name.strip() for name in table.collect_schema()})
        return table.with_columns(pl.all().str.strip_chars().replace("", None))


@contextmanager
def explain_read_errors(file: Path) -> Iterator[None]:
    """Raise InputError with one sentence if a table cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        msg = f"There is no file '{file}'."
        raise InputError(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"'{file}' is not valid TOML: {error}."
        raise InputError(msg) from error
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        msg = f"'{file}' is neither a CSV nor a Parquet file that can be read."
        raise InputError(msg) from error


def _read_toml(file: Path) -> pl.DataFrame:
    """Read the only array of tables of a file, such as [[entity]]."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    tables = [value for value in content.values() if isinstance(value, list)]
    if len(tables) != 1 or not all(isinstance(row, dict) for row in tables[0]):
        msg = f"'{file}' has no array of tables; write [[entity]] above each entity."
        raise InputError(msg)
    rows = [
        {name: "; ".join(map(str, v)) if isinstance(v, list) else str(v) for name, v in row.items()}
        for row in tables[0]
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String()))
