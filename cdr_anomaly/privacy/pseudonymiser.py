"""Pseudonyms of numbers, handsets, subscriber identities and call ids, by a secret key.

A number has the same token everywhere, in whatever form it was written. A pseudonym also shows what
detectors need: the class, and the number without its last four digits. If a detector needs some of
these, too, they become letters: numbers with the same digits up to a position have the same letter
there, and another digit has another letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.ingest.mapping import NUMBERS
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.schema import BESIDE, CALLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdr_anomaly.numbering import HomePlan
    from cdr_anomaly.privacy.key import Key

# The kinds of tokens; numbers of all columns are of one kind.
NUMBER, HANDSET, IDENTITY, CALL, HOLDER = "num", "imei", "imsi", "call", "holder"
LETTER, POSITION = "digit", "place"  # also kinds, of HMACs that are not tokens
LETTERS = "abcdefghij"
# The least visible digits, even if fewer than four are hidden then: a calling code abroad, and the
# two digits that tell 95 codes from 96 codes.
ABROAD, SHORT = 3, 2
# Other text columns of CALLS, and a number inside a text.
NAMES, NAME = ("cell_id", "trunk_in", "region", "release_cause", "redirect_reason"), "name"
WRITTEN_OUT = r"\+\d{7}"
# The national digits of the longest block; a number that is not longer has a shorter block.
BLOCK_DIGITS = 7
MODEL_DIGITS, COUNTRY_DIGITS = 8, 3


class Pseudonymiser(NamedTuple):
    """Makes pseudonyms with a ``key``; number classes are those of the home ``plan``.

    With ``keep_neighbours`` pseudonyms show the distance between numbers of a block.
    """

    key: Key
    plan: HomePlan
    keep_neighbours: bool = True

    def token(self, text: pl.Expr, kind: str = NUMBER) -> pl.Expr:
        """Return the token of a line as text, or of another kind of text; null stays null."""
        return self.key.hmac(kind, text).str.head(pseudonyms.TOKEN_DIGITS)

    def line_columns(self, lines: pl.Series) -> pl.DataFrame:
        """Return the columns of each line as text (line, number, class, block, maybe place)."""
        line = pl.col("line")
        backward = range(pseudonyms.HIDDEN_DIGITS, 0, -1)
        hidden = [pl.col(str(back)) for back in backward]
        columns = {
            "number": self.token(line),
            "class": numbering.number_class(line, self.plan),
            "block": pl.concat_str("sign", pl.col("digits").str.slice(0, pl.col("shown")), *hidden),
            "place": self._position(line),
        }
        # In steps, because each of these columns is used many times.
        rows = lines.alias("line").to_frame().with_columns(**self._digit_counts(line))
        rows = rows.with_columns(self._hidden_digit(back).alias(str(back)) for back in backward)
        rows = rows.select("line", **columns)
        return rows if self.keep_neighbours else rows.drop("place")

    def pseudonymise_lines(self, lines: pl.Series) -> pl.Series:
        """Return the pseudonym of each line as text: '+861344002xxxx~mobile~TOKEN'."""
        columns = self.line_columns(lines).drop("line").select(pl.all().name.prefix("calling_"))
        pseudonym = pseudonyms.join_pseudonym("calling_number", columns.columns)
        return columns.select(pseudonym).to_series().alias(lines.name)

    def handset_columns(self, imei: pl.Expr) -> dict[str, pl.Expr]:
        """Return token and model of an IMEI; no model if it has not 14 to 16 digits."""
        is_whole = imei.str.contains(r"^\d{14,16}$")
        return {
            "imei": self.token(numbering.handset_id(imei), HANDSET),
            "imei_model": pl.when(is_whole).then(imei.str.head(MODEL_DIGITS)),
        }

    def identity_columns(self, imsi: pl.Expr) -> dict[str, pl.Expr]:
        """Return token and country of an IMSI; no country if it has not 14 or 15 digits."""
        is_whole = imsi.str.contains(r"^\d{14,15}$")
        return {
            "imsi": self.token(imsi, IDENTITY),
            "imsi_country": pl.when(is_whole).then(imsi.str.head(COUNTRY_DIGITS)),
        }

    def pseudonymise_calls(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return calls with tokens, and the columns of BESIDE, for all that identifies people.

        ``rows`` have columns of CALLS, with lines as text. Call ids get tokens, too, because some
        contain a number.
        """
        columns = set(rows.columns)
        numbers = [column for column in NUMBERS if column in columns]
        # Each line once: there are fewer lines than calls.
        lines = pl.concat([rows[column].rename("line") for column in numbers])
        by_line = self.line_columns(lines.drop_nulls().unique())
        for column in numbers:
            party = column.removesuffix("number")
            rows = rows.rename({column: f"{party}line"}).join(
                by_line.select(pl.all().name.prefix(party)),
                on=f"{party}line",
                how="left",
                maintain_order="left",
            )
        names = self.name_tokens(rows, NAMES)
        others = pl.col([column for column in NAMES if column in columns])
        rows = rows.with_columns(others.replace(names["name"], names["token"]))
        tokens = {
            "imei": self.handset_columns(pl.col("imei")),
            "imsi": self.identity_columns(pl.col("imsi")),
            "call_id": {"call_id": self.token(pl.col("call_id"), CALL)},
        }
        for column in tokens.keys() & columns:
            rows = rows.with_columns(**tokens[column])
        return rows.select(c for c in (*CALLS, *BESIDE) if c in rows.columns)

    def name_tokens(self, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        """Return the names in columns that are a number, or contain one with + (name, token)."""
        values = [rows[name].rename("name").unique() for name in columns if name in rows.columns]
        names = pl.concat([pl.Series("name", dtype=pl.String), *values]).unique().drop_nulls()
        # In steps, as in line_columns().
        table = names.to_frame().with_columns(line=numbering.line_text(pl.col("name"), self.plan))
        table = table.with_columns(kind=numbering.number_class(pl.col("line"), self.plan))
        private = numbering.classes_with(is_private=True)
        is_number = pl.col("kind").is_in(private) | pl.col("name").str.contains(WRITTEN_OUT)
        return table.filter(is_number).select("name", token=self.token(pl.col("name"), NAME))

    def _digit_counts(self, line: pl.Expr) -> dict[str, pl.Expr]:
        """Return the digits of a number, how many are shown, and how many detectors need."""
        country = str(self.plan.calling_code)
        signed, home = line.str.starts_with("+"), line.str.starts_with(f"+{country}")
        digits = pl.when(line.str.contains(r"^\+?\d+$")).then(line.str.strip_prefix("+"))
        size = digits.str.len_bytes().cast(pl.Int64)
        least = pl.when(home).then(len(country) + SHORT).when(signed).then(ABROAD).otherwise(SHORT)
        national = size - len(country)
        block = pl.min_horizontal(national - 1, BLOCK_DIGITS)
        needed = (
            pl.when(home & (national >= BLOCK_DIGITS))
            .then(len(country) + block)
            .when(signed & ~home)
            .then(size - pseudonyms.POOL_DIGITS)
            .otherwise(0)
        )
        return {
            "digits": digits,
            "size": size,
            "needed": needed,
            "sign": line.str.extract(r"^(\+?)"),
            "shown": pl.max_horizontal(size - pseudonyms.HIDDEN_DIGITS, least),
        }

    def _hidden_digit(self, back: int) -> pl.Expr:
        """Return the text for the digit ``back`` from the end: "" if shown, a letter if needed."""
        index, digits = pl.col("size") - back, pl.col("digits")
        needed = pl.when(index >= pl.col("shown"), index < pl.col("needed"))
        before = needed.then(digits.str.slice(0, index))
        digit = self.key.hmac(LETTER, pl.concat_str(before, digits.str.slice(index, 1)))
        all_digits = (self.key.hmac(LETTER, before + str(n)) for n in range(10))
        rank = pl.sum_horizontal((other < digit).cast(pl.Int64) for other in all_digits)
        letter = pl.when(digit.is_not_null()).then(pl.lit(LETTERS).str.slice(rank, 1))
        hidden = pl.when(index >= pl.col("shown")).then(letter.fill_null(pseudonyms.HIDDEN_DIGIT))
        return hidden.otherwise(pl.lit(""))

    def _position(self, line: pl.Expr) -> pl.Expr:
        """Return the position of an E.164 number in its block, shifted by a secret of the block."""
        pattern = rf"^\+(\d+)(\d{{{pseudonyms.HIDDEN_DIGITS}}})$"
        block, last = line.str.extract(pattern, 1), line.str.extract(pattern, 2)
        shift = self.key.hmac(POSITION, block).str.head(8).str.to_integer(base=16)
        position: pl.Expr = (last.cast(pl.Int64) + shift) % pseudonyms.BLOCK_SIZE
        return position.cast(pl.String).str.zfill(pseudonyms.HIDDEN_DIGITS)
