"""Calls and results as they are under a key, worked out apart, to be held against a run's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import ingest, numbering, privacy, settings
from cdr_anomaly.detectors.new_sim_burst.surges import LEVELS
from cdr_anomaly.ingest.mapping import NUMBERS
from cdr_anomaly.privacy import key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdr_anomaly.ingest import Source

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = key.Key(SECRET)
POOL_DIGITS = (3, 4)


def maker(home: str = "CN", *, neighbours: bool = True) -> privacy.Pseudonymiser:
    return privacy.Pseudonymiser(KEY, numbering.home_plan(home), neighbours)


def written(records: Path, out: Path, *, neighbours: bool = True, **told: Any) -> Path:
    """Write records with pseudonyms, and return where."""
    source = ingest.open_source([records], settings.load_settings(**told))
    privacy.write_records(source, maker(neighbours=neighbours), out, lambda _: None)
    return out


def lines(source: Source) -> pl.Series:
    """Name every line of a feed, as it is spelled."""
    rows = source.with_text().map_rows()
    columns = [rows.select(line=c) for c in NUMBERS if c in source.columns]
    return pl.concat(columns).drop_nulls().unique().collect()["line"].sort()


def identities(source: Source) -> set[str]:
    """Name every handset and subscriber identity of a feed."""
    rows = source.with_text().map_rows()
    found = [
        rows.select(c).drop_nulls().unique().collect()[c]
        for c in ("imei", "imsi")
        if c in source.columns
    ]
    return {text for column in found for text in column}


def names(source: Source, made: privacy.Pseudonymiser) -> dict[str, str]:
    """Say what stands for each line, block, pool and handset of a feed in what is found."""
    clear = lines(source)
    own = made.pseudonymise_lines(clear)
    table = pl.DataFrame({"clear": clear, "own": own})
    parts = [
        {
            f"{who}_{n}": numbering.number_block(pl.col(who), made.plan, n)
            for who in ("clear", "own")
        }
        for n in LEVELS
    ]
    told = dict(zip(clear, own, strict=True))
    for n, part in zip(LEVELS, parts, strict=True):
        blocks = table.select(**part).drop_nulls().unique()
        told |= {block: other for block, other in blocks.iter_rows() if block != other}
        assert blocks[f"clear_{n}"].n_unique() == blocks[f"own_{n}"].n_unique() == blocks.height
    for number, other in table.filter(pl.col("clear").str.starts_with("+")).iter_rows():
        for n in POOL_DIGITS:
            told[number[:-n] + "x" * n] = other.partition("~")[0][:-n] + "x" * n
    if "imei" in source.columns:
        rows = source.map_rows().select(clear=numbering.handset_id(pl.col("imei"))).drop_nulls()
        used = rows.unique().collect().with_columns(**made.handset_columns(pl.col("clear")))
        carried = used.select("clear", pl.concat_str("imei_model", "imei", separator="~"))
        told |= dict(carried.iter_rows())
    return {a: b for a, b in told.items() if a != b}


def disguised(table: pl.DataFrame, told: dict[str, str]) -> list[dict[str, Any]]:
    """Put what stands for it in the place of all that is clear in a table; rows in one order."""
    long = sorted((clear for clear in told if len(clear) > 6), key=len, reverse=True)
    was = pl.Series(long, dtype=pl.String).implode()
    now = pl.Series([told[clear] for clear in long], dtype=pl.String).implode()

    def own(text: pl.Expr) -> pl.Expr:
        return text.replace(told).str.replace_many(was, now, leftmost=True)

    lists = [name for name, dtype in table.schema.items() if dtype == pl.List(pl.String)]
    changed = table.with_columns(own(pl.col(pl.String))).to_dicts()
    for name in lists:
        flat = table.select(text=pl.col(name).explode().unique().drop_nulls())
        words = dict(flat.with_columns(own=own(pl.col("text"))).iter_rows())
        for row in changed:
            row[name] = row[name] and [words.get(each, each) for each in row[name]]
    return sorted(map(_in_order, changed), key=repr)


def ordered(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Put rows in one order, and lists of lines, which stand in the order of their numbers."""
    return sorted((_in_order(row) for row in table.to_dicts()), key=repr)


def _in_order(row: dict[str, Any]) -> dict[str, Any]:
    evidence = {"evidence": _sorted(json.loads(row["evidence"]))} if "evidence" in row else {}
    return {name: _sorted(value) for name, value in row.items()} | evidence


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(each) for name, each in value.items()}
    return sorted(value, key=repr) if isinstance(value, list) else value


def clear_in(texts: Iterable[bytes], clear: Iterable[str]) -> set[str]:
    """Name which of the clear texts stand anywhere in what was written."""
    whole = pl.Series([text.decode("utf-8", "replace") for text in texts])
    wanted = pl.Series(sorted(clear)).implode()
    found = whole.to_frame("text").select(pl.col("text").str.extract_many(wanted)).to_series()
    return set(found.explode().drop_nulls())
