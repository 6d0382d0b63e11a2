"""Tokens of a list back to numbers, by the key and the records; and who asked, in a log first."""

from __future__ import annotations

import json
import os
import pwd
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError, OutputError
from cdr_anomaly.ingest.mapping import NUMBERS
from cdr_anomaly.numbering import masking, pseudonyms
from cdr_anomaly.privacy.pseudonymiser import HANDSET, IDENTITY, NUMBER
from cdr_anomaly.storage import atomic_write, csv, paths

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.ingest import Source
    from cdr_anomaly.privacy.pseudonymiser import Maker
    from cdr_anomaly.storage.paths import Location


# What stands between the texts of a list, and in none of them.
BETWEEN = "\x1f"


class Request(NamedTuple):
    """Who asks for the numbers of a list, and why; ``log`` is where that is written."""

    who: str
    why: str
    log: Path


def reidentify(
    file: Path, source: Source, maker: Maker, out: Path, request: Request
) -> tuple[int, int]:
    """Write a list with numbers in the place of pseudonyms; return how many, and how many not.

    The ``file`` is one of a run's, Parquet or CSV; ``out`` is of the kind that its name says. What
    was asked for stands in the log, by tokens, before anything is written.
    """
    table = _read(file)
    asked = _pseudonyms(table)
    if asked.is_empty():
        msg = f"'{file}' holds no pseudonym."
        raise InputError(msg)
    if source.has_pseudonyms:
        msg = f"'{source.files[0].path}' holds pseudonyms; give the records they were made of."
        raise InputError(msg)
    found = asked.join(_numbers(source, maker, asked["token"].unique()), on="token")
    answered = set(found["token"])
    _log(
        request,
        {
            "list": _named(file),
            "records": [_named(each.path) for each in source.files],
            "tokens": [
                {"token": each, "answered": each in answered}
                for each in asked["token"].unique().sort()
            ],
        },
    )
    clear = _replaced(table, found)
    with atomic_write.staging_folder(out.parent) as place:
        if out.suffix == ".csv":
            csv.escape_formulas(csv.join_lists(clear)).write_csv(place / out.name)
        else:
            clear.write_parquet(place / out.name)
    return len(answered), asked["token"].n_unique() - len(answered)


def _read(file: Path) -> pl.DataFrame:
    try:
        with file.open("rb") as raw:
            parquet = raw.read(4) == b"PAR1"
        return pl.read_parquet(file) if parquet else pl.read_csv(file, infer_schema=False)
    except OSError as error:
        msg = f"'{file}' cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except pl.exceptions.PolarsError as error:
        msg = f"'{file}' is neither a CSV nor a Parquet file that can be read."
        raise InputError(msg) from error


def _texts(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(pl.col(pl.String), pl.col(pl.List(pl.String)).list.join(" "))


def _pseudonyms(table: pl.DataFrame) -> pl.DataFrame:
    """Name the pseudonyms that stand anywhere in the texts of a table (pseudonym, token)."""
    texts = _texts(table).unpivot(variable_name="column", value_name="text")
    text = pl.col("text").cast(pl.String).str.extract_all(pseudonyms.PSEUDONYM)
    found = texts.select(pseudonym=text).explode("pseudonym", empty_as_null=False)
    return found.drop_nulls().unique().with_columns(token=pseudonyms.token_of(pl.col("pseudonym")))


def _numbers(source: Source, maker: Maker, asked: pl.Series) -> pl.DataFrame:
    """Find the numbers, handsets and identities of the records that have one of these tokens."""
    rows = source.with_text().map_rows()
    kinds = dict.fromkeys(NUMBERS, NUMBER) | {"imei": HANDSET, "imsi": IDENTITY}
    found = []
    for column in (c for c in kinds if c in source.columns):
        clear = pl.col(column)
        own = numbering.handset_id(clear) if column == "imei" else clear
        found.append(
            rows.select(clear=own)
            .drop_nulls()
            .unique()
            .with_columns(token=maker.token(pl.col("clear"), kinds[column]))
            .filter(pl.col("token").is_in(asked.implode()))
        )
    return pl.concat(found).unique().collect()


def _replaced(table: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Put what was found in the place of pseudonyms, wherever they stand in a text."""
    was, is_now = found["pseudonym"].implode(), found["clear"].implode()
    texts, lists = pl.col(pl.String), pl.col(pl.List(pl.String))
    # Not by list.eval: of some lists it takes the patterns for one a row (Polars 2.1).
    joined = lists.list.join(BETWEEN).str.replace_many(was, is_now).str.split(BETWEEN)
    return table.with_columns(
        texts.str.replace_many(was, is_now),
        pl.when(lists.list.len() > 0).then(joined).otherwise(lists),
    )


def _log(request: Request, asked: dict[str, object]) -> None:
    """Append one line to the log, and see it on the disk; it holds no number."""
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "user": _user(),
        "who": request.who,
        "why": request.why,
        **asked,
    }
    try:
        request.log.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(request.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        msg = f"The log '{request.log}' cannot be written: {error.strerror}. Nothing is answered."
        raise OutputError(msg) from error


def _user() -> str:
    """Name the user of the system, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _named(file: Location) -> dict[str, str]:
    return {"file": masking.mask_text(str(file)), "sha256": paths.sha256(file)}
