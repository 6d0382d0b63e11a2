"""Small tables that people keep: CSV, TOML or Parquet, under any name."""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read(file: Path) -> pl.DataFrame:
    """Read a table; of a CSV or TOML file every column is text, without blanks about it."""
    with readable(file):
        return scanned(file).collect()


def scanned(file: Path) -> pl.LazyFrame:
    """Read a table of any size, as read() does, when it is collected, and what is asked of it."""
    with readable(file):
        with file.open("rb") as raw:
            parquet = raw.read(4) == b"PAR1"
        if parquet:
            return pl.scan_parquet(file, glob=False)
        table = _toml(file).lazy() if file.suffix.lower() == ".toml" else _csv(file)
        table = table.rename({name: name.strip() for name in table.collect_schema()})
        return table.with_columns(pl.all().str.strip_chars().replace("", None))


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Say in one sentence why a table cannot be read, where it cannot."""
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


def _csv(file: Path) -> pl.LazyFrame:
    return pl.scan_csv(file, infer_schema=False, encoding="utf8-lossy", glob=False)


def _toml(file: Path) -> pl.DataFrame:
    """Read the one array of tables that the file has, as [[entity]]."""
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    tables = [value for value in told.values() if isinstance(value, list)]
    if len(tables) != 1 or not all(isinstance(row, dict) for row in tables[0]):
        msg = f"'{file}' has no array of tables; write [[entity]] above each entity."
        raise InputError(msg)
    rows = [
        {name: "; ".join(map(str, v)) if isinstance(v, list) else str(v) for name, v in row.items()}
        for row in tables[0]
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String()))
