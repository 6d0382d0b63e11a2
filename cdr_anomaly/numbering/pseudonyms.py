"""The text form of pseudonyms: `+861344002xxxx~mobile~TOKEN`.

A token alone says nothing of its number. What detectors need besides stands in columns next to it
(schema.BESIDE), and both make one text: the visible digits of the number, its class, the token and,
if neighbours were kept, a position among the numbers of its block. Handsets and subscriber
identities have the same form: `35209900~TOKEN`, `460~TOKEN`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

MARK, HIDDEN_DIGIT = "~", "x"
TOKEN_DIGITS = 32  # 128 bits of an HMAC-SHA256, in hex
TOKEN = rf"[0-9a-f]{{{TOKEN_DIGITS}}}"
# A pseudonym of any kind, anywhere in a text.
PSEUDONYM = rf"\+?[0-9a-jx]*{MARK}(?:[a-z0-9_]+{MARK})?{TOKEN}(?:{MARK}\d{{4}})?"
HIDDEN_DIGITS = 4  # the numbers of a block differ in these last digits
POOL_DIGITS = 3  # the numbers of a pool abroad differ in at least so many last digits
BLOCK_SIZE = 10**HIDDEN_DIGITS

# The columns whose values stand before and after the token of a column of CALLS.
COLUMNS_BEFORE = {
    **{
        f"{who}_number": (f"{who}_block", f"{who}_class")
        for who in ("calling", "called", "redirecting")
    },
    "imei": ("imei_model",),
    "imsi": ("imsi_country",),
}
COLUMN_AFTER = {f"{who}_number": f"{who}_place" for who in ("calling", "called", "redirecting")}
POSITION_COLUMN = COLUMN_AFTER["called_number"]


def has_pseudonyms(columns: Collection[str]) -> bool:
    """Return whether records with these columns hold pseudonyms."""
    return {*COLUMNS_BEFORE["calling_number"], *COLUMNS_BEFORE["called_number"]} <= set(columns)


def join_pseudonym(column: str, columns: Collection[str]) -> pl.Expr | None:
    """Return the pseudonym of a column of CALLS, joined from its token and the columns next to it.

    None if ``columns`` lack these. A value that is not a token stays as it is.
    """
    before, after = COLUMNS_BEFORE.get(column, ()), COLUMN_AFTER.get(column, "")
    if not before or not set(before) <= set(columns):
        return None
    token = pl.col(column).cast(pl.String)
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in before]
    joined = pl.concat_str([*parts, token], separator=MARK)
    if after in columns:
        position = pl.concat_str(pl.lit(MARK), pl.col(after).cast(pl.String))
        joined = pl.concat_str(joined, position.fill_null(""))
    return pl.when(token.str.contains(f"^{TOKEN}$")).then(joined).otherwise(token)


def is_pseudonym(text: pl.Expr) -> pl.Expr:
    """Return whether a text is a pseudonym."""
    return text.str.contains(f"^{PSEUDONYM}$")


def visible_part(line: pl.Expr) -> pl.Expr:
    """Return the digits that a pseudonym shows, hidden ones as letters; any other text whole."""
    return line.str.replace(rf"{MARK}.*$", "")


def visible_length(line: pl.Expr) -> pl.Expr:
    """Return the length of the visible part in characters, with its +."""
    return visible_part(line).str.len_bytes().cast(pl.Int64)


def number_class(line: pl.Expr) -> pl.Expr:
    """Return the number class in a pseudonym, null for any other text."""
    return line.str.extract(rf"^[^{MARK}]*{MARK}([a-z0-9_]+){MARK}{TOKEN}")


def token_of(line: pl.Expr) -> pl.Expr:
    """Return the token in a pseudonym, null for any other text."""
    return line.str.extract(rf"{MARK}({TOKEN})(?:{MARK}\d{{4}})?$")


def block_number(line: pl.Expr) -> pl.Expr:
    """Return a number of the same block for a pseudonym of an E.164 number, as an integer.

    Its position in the block is the one that was kept, else one that follows from the token.
    """
    block = visible_part(line).str.extract(rf"^\+(\d+).{{{HIDDEN_DIGITS}}}$")
    position = line.str.extract(rf"{MARK}(\d{{{HIDDEN_DIGITS}}})$").cast(pl.Int64)
    hashed = token_of(line).str.head(8).str.to_integer(base=16, strict=False)
    number: pl.Expr = block.cast(pl.Int64, strict=False) * BLOCK_SIZE
    return number + pl.coalesce(position, hashed % BLOCK_SIZE)
