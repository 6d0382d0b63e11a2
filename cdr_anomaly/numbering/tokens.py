"""Pseudonyms as the house carries them: `+861344002xxxx~mobile~TOKEN`, put together, taken apart.

A token alone says nothing of its number. What detectors must know of a number besides stands in
columns beside it (schema.BESIDE), and is carried with it in one text: as much as is shown of the
number, its class, the token, and, where neighbours were kept, a place among the numbers of its
block. Handsets and subscriber identities are carried alike: `35209900~TOKEN`, `460~TOKEN`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

MARK, HIDDEN = "~", "x"
# 128 bits of an HMAC-SHA256, in hex.
DIGITS = 32
TOKEN = rf"[0-9a-f]{{{DIGITS}}}"
# A pseudonym of any kind, wherever it stands in a text.
ANY = rf"\+?[0-9a-jx]*{MARK}(?:[a-z0-9_]+{MARK})?{TOKEN}(?:{MARK}\d{{4}})?"
# The numbers of a block differ in their last four digits.
LAST = 4
# The numbers of a pool abroad differ in their last digits: so many, or more.
POOL = 3
BLOCK = 10**LAST

# The columns beside one of CALLS: those that are carried before its token, and after it.
BEFORE = {
    **{
        f"{who}_number": (f"{who}_block", f"{who}_class")
        for who in ("calling", "called", "redirecting")
    },
    "imei": ("imei_model",),
    "imsi": ("imsi_country",),
}
AFTER = {f"{who}_number": f"{who}_place" for who in ("calling", "called", "redirecting")}
PLACE = AFTER["called_number"]


def are_in(columns: Collection[str]) -> bool:
    """Tell whether records with these columns hold pseudonyms."""
    return {*BEFORE["calling_number"], *BEFORE["called_number"]} <= set(columns)


def joined(column: str, columns: Collection[str]) -> pl.Expr | None:
    """Put what stands beside a token of a column of CALLS together with it; None where nothing is.

    A value that is no token stays as it is.
    """
    before, after = BEFORE.get(column, ()), AFTER.get(column, "")
    if not before or not set(before) <= set(columns):
        return None
    token = pl.col(column).cast(pl.String)
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in before]
    whole = pl.concat_str([*parts, token], separator=MARK)
    if after in columns:
        place = pl.concat_str(pl.lit(MARK), pl.col(after).cast(pl.String))
        whole = pl.concat_str(whole, place.fill_null(""))
    return pl.when(token.str.contains(f"^{TOKEN}$")).then(whole).otherwise(token)


def is_one(text: pl.Expr) -> pl.Expr:
    """Tell which texts are pseudonyms."""
    return text.str.contains(f"^{ANY}$")


def shown(line: pl.Expr) -> pl.Expr:
    """Keep as much of a line as is shown of its number; of any other text all of it."""
    return line.str.replace(rf"{MARK}.*$", "")


def number_class(line: pl.Expr) -> pl.Expr:
    """Give the class that is told of a pseudonym; of any other text nothing."""
    return line.str.extract(rf"^[^{MARK}]*{MARK}([a-z0-9_]+){MARK}{TOKEN}")


def token(line: pl.Expr) -> pl.Expr:
    """Give the token in a pseudonym; of any other text nothing."""
    return line.str.extract(rf"{MARK}({TOKEN})(?:{MARK}\d{{4}})?$")


def number(line: pl.Expr) -> pl.Expr:
    """Give a pseudonym of an E.164 number one in the same block, as an integer.

    Neighbours stay neighbours where its place was kept; else the token puts it anywhere.
    """
    digits = shown(line).str.extract(rf"^\+(\d+).{{{LAST}}}$").cast(pl.Int64, strict=False)
    kept = line.str.extract(rf"{MARK}(\d{{{LAST}}})$").cast(pl.Int64)
    anywhere: pl.Expr = token(line).str.head(8).str.to_integer(base=16, strict=False) % BLOCK
    block: pl.Expr = digits * BLOCK
    return block + pl.coalesce(kept, anywhere)
