"""Numbers for the pseudonyms of a list, by the key and the records; the request is logged first."""

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
    from collections.abc import Mapping
    from pathlib import Path

    from cdr_anomaly.ingest import Source
    from cdr_anomaly.privacy.pseudonymiser import Pseudonymiser
    from cdr_anomaly.storage.paths import Location


SEPARATOR = "\x1f"  # of the texts of a list; no text contains it


class Request(NamedTuple):
    """Who asks for the numbers of a list, and why; ``log`` is the file of requests."""

    who: str
    why: str
    log: Path


def reidentify(
    file: Path, source: Source, pseudonymiser: Pseudonymiser, out: Path, request: Request
) -> tuple[int, int]:
    """Write a list with numbers for pseudonyms; return the number of tokens with and without one.

    ``file`` is a file of a run, Parquet or CSV; ``out`` is CSV if its name ends in .csv. The log
    has the tokens of the request before anything is written.
    """
    table = _read(file)
    requested = _pseudonyms(table)
    if requested.is_empty():
        msg = f"'{file}' holds no pseudonym."
        raise InputError(msg)
    if source.has_pseudonyms:
        msg = f"'{source.files[0].path}' holds pseudonyms; give the records they were made of."
        raise InputError(msg)
    tokens = requested["token"].unique().sort()
    matches = requested.join(_find_numbers(source, pseudonymiser, tokens), on="token")
    answered = set(matches["token"])
    entry = {
        "list": _describe_file(file),
        "records": [_describe_file(record.path) for record in source.files],
        "tokens": [{"token": token, "answered": token in answered} for token in tokens],
    }
    _log(request, entry)
    clear = _replace_pseudonyms(table, matches)
    with atomic_write.staging_folder(out.parent) as folder:
        if out.suffix == ".csv":
            csv.escape_formulas(csv.join_lists(clear)).write_csv(folder / out.name)
        else:
            clear.write_parquet(folder / out.name)
    return len(answered), len(tokens) - len(answered)


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


def _pseudonyms(table: pl.DataFrame) -> pl.DataFrame:
    """Return the pseudonyms in all texts of a table (pseudonym, token)."""
    texts = table.select(pl.col(pl.String), pl.col(pl.List(pl.String)).list.join(" "))
    text = texts.unpivot(variable_name="column", value_name="text")["text"].cast(pl.String)
    matches = text.str.extract_all(pseudonyms.PSEUDONYM).rename("pseudonym").to_frame()
    unique = matches.explode("pseudonym", empty_as_null=False).drop_nulls().unique()
    return unique.with_columns(token=pseudonyms.token_of(pl.col("pseudonym")))


def _find_numbers(source: Source, pseudonymiser: Pseudonymiser, tokens: pl.Series) -> pl.DataFrame:
    """Return the numbers, handsets and identities of the records with these tokens."""
    rows = source.with_text().map_rows()
    kinds = dict.fromkeys(NUMBERS, NUMBER) | {"imei": HANDSET, "imsi": IDENTITY}
    frames = []
    for column in (c for c in kinds if c in source.columns):
        value = pl.col(column)
        clear = numbering.handset_id(value) if column == "imei" else value
        token = pseudonymiser.token(pl.col("clear"), kinds[column])
        values = rows.select(clear=clear).drop_nulls().unique().with_columns(token=token)
        frames.append(values.filter(pl.col("token").is_in(tokens.implode())))
    return pl.concat(frames).unique().collect()


def _replace_pseudonyms(table: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    """Return the table with numbers for pseudonyms, anywhere in a text."""
    old, new = matches["pseudonym"].implode(), matches["clear"].implode()
    texts, lists = pl.col(pl.String), pl.col(pl.List(pl.String))
    # Not by list.eval, which takes the patterns of some lists for one per row (Polars 2.1).
    joined = lists.list.join(SEPARATOR).str.replace_many(old, new).str.split(SEPARATOR)
    return table.with_columns(
        texts.str.replace_many(old, new),
        pl.when(lists.list.len() > 0).then(joined).otherwise(lists),
    )


def _log(request: Request, entry: Mapping[str, object]) -> None:
    """Append one line without numbers to the log, and wait until it is on the disk."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "user": _user(),
        "who": request.who,
        "why": request.why,
        **entry,
    }
    try:
        request.log.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(request.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        msg = f"The log '{request.log}' cannot be written: {error.strerror}. Nothing is answered."
        raise OutputError(msg) from error


def _user() -> str:
    """Return the user of the process, not the one of the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _describe_file(file: Location) -> dict[str, str]:
    return {"file": masking.mask_text(str(file)), "sha256": paths.sha256(file)}
