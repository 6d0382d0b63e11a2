"""What stands for a number, a handset, a subscriber identity or a call id: by a secret key.

A token is the same wherever its number stands, in whatever form it was written. What is shown
beside it is what detectors need: the class, and the number without its last four digits. Where a
detector needs more of these, each digit becomes a letter: the same one for numbers that have all
digits up to it in common, and another one for each other digit.
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

# A caller is somebody else's called number: numbers of all columns are of one kind.
NUMBER, HANDSET, IDENTITY, CALL, HOLDER = "num", "imei", "imsi", "call", "holder"
LETTER, PLACE = "digit", "place"
LETTERS = "abcdefghij"
# Of the shortest numbers so many digits are shown, although fewer than four are hidden then:
# those of a calling code, and the two that tell 95 codes from 96 codes.
ABROAD, SHORT = 3, 2
# Other texts of calls, and a number within a text.
NAMES, NAME = ("cell_id", "trunk_in", "region", "release_cause", "redirect_reason"), "name"
WRITTEN_OUT = r"\+\d{7}"
# The longest block that detectors look at; a number of so many national digits has a shorter one.
BLOCK_DIGITS = 7
MODEL_DIGITS, COUNTRY_DIGITS = 8, 3


class Maker(NamedTuple):
    """Makes pseudonyms by a ``key``; numbers are classed as they are seen from ``plan``.

    With ``neighbours`` they tell which numbers of a block are neighbours, and how far apart.
    """

    key: Key
    plan: HomePlan
    neighbours: bool = True

    def token(self, text: pl.Expr, kind: str = NUMBER) -> pl.Expr:
        """Make the token of a spelled line, or of a text of another kind; null stays null."""
        return self.key.hmac(kind, text).str.head(pseudonyms.TOKEN_DIGITS)

    def of_lines(self, lines: pl.Series) -> pl.DataFrame:
        """Give what stands for each spelled line (line, number, class, block, maybe place)."""
        line = pl.col("line")
        places = [pl.col(str(back)) for back in range(pseudonyms.HIDDEN_DIGITS, 0, -1)]
        made = {
            "number": self.token(line),
            "class": numbering.number_class(line, self.plan),
            "block": pl.concat_str("sign", pl.col("digits").str.slice(0, pl.col("shown")), *places),
            "place": self._place(line),
        }
        # In steps: what is not a column by then would be worked out for each of its uses.
        known = lines.alias("line").to_frame().with_columns(**self._measured(line))
        known = known.with_columns(
            self._hidden(back).alias(str(back)) for back in range(pseudonyms.HIDDEN_DIGITS, 0, -1)
        )
        own = known.select("line", **made)
        return own if self.neighbours else own.drop("place")

    def carried(self, lines: pl.Series) -> pl.Series:
        """Write spelled lines as findings show them: '+861344002xxxx~mobile~TOKEN'."""
        made = self.of_lines(lines).drop("line")
        own = made.rename({name: f"calling_{name}" for name in made.columns})
        whole = pseudonyms.join_pseudonym("calling_number", own.columns)
        return own.select(whole).to_series().alias(lines.name)

    def handset(self, imei: pl.Expr) -> dict[str, pl.Expr]:
        """Give what stands for an IMEI; one of other than 14 to 16 digits tells no model."""
        whole = imei.str.contains(r"^\d{14,16}$")
        return {
            "imei": self.token(numbering.handset_id(imei), HANDSET),
            "imei_model": pl.when(whole).then(imei.str.head(MODEL_DIGITS)),
        }

    def identity(self, imsi: pl.Expr) -> dict[str, pl.Expr]:
        """Give what stands for an IMSI; one of other than 14 or 15 digits tells no country."""
        whole = imsi.str.contains(r"^\d{14,15}$")
        return {
            "imsi": self.token(imsi, IDENTITY),
            "imsi_country": pl.when(whole).then(imsi.str.head(COUNTRY_DIGITS)),
        }

    def calls(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Put tokens, and what is beside them, in the place of all that tells who somebody is.

        ``rows`` have columns of CALLS, lines as text. Call ids are replaced, too: some hold a
        number.
        """
        columns = set(rows.columns)
        numbers = [column for column in NUMBERS if column in columns]
        # Lines are fewer than calls, and most of the work is done once for each.
        lines = pl.concat([rows[column].rename("line") for column in numbers])
        known = self.of_lines(lines.drop_nulls().unique())
        for column in numbers:
            who = column.removesuffix("number")
            theirs = known.rename({name: f"{who}{name}" for name in known.columns})
            rows = rows.rename({column: f"{who}line"})
            rows = rows.join(theirs, on=f"{who}line", how="left", maintain_order="left")
        names = self.names(rows, NAMES)
        others = pl.col([column for column in NAMES if column in columns])
        rows = rows.with_columns(others.replace(names["name"], names["token"]))
        made = {
            "imei": self.handset(pl.col("imei")),
            "imsi": self.identity(pl.col("imsi")),
            "call_id": {"call_id": self.token(pl.col("call_id"), CALL)},
        }
        rows = rows.with_columns(
            **{
                name: text
                for column in made
                if column in columns
                for name, text in made[column].items()
            }
        )
        return rows.select(c for c in (*CALLS, *BESIDE) if c in rows.columns)

    def names(self, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        """Give the names in columns that are a number, or hold one with its + (name, token)."""
        there = [column for column in columns if column in rows.columns]
        each = [rows[column].rename("name").unique() for column in there]
        names = pl.concat([pl.Series("name", dtype=pl.String), *each]).unique().drop_nulls()
        line = pl.col("line")
        # In steps, as above.
        told = names.to_frame().with_columns(line=numbering.line_text(pl.col("name"), self.plan))
        told = told.with_columns(kind=numbering.number_class(line, self.plan))
        private = numbering.classes_with(is_private=True)
        is_number = pl.col("kind").is_in(private) | pl.col("name").str.contains(WRITTEN_OUT)
        found = told.filter(is_number)
        return found.select("name", token=self.token(pl.col("name"), NAME))

    def _measured(self, line: pl.Expr) -> dict[str, pl.Expr]:
        """Say of the digits of a number how many are shown, and how many detectors need."""
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

    def _hidden(self, back: int) -> pl.Expr:
        """Write the digit so many places from the end: not at all if shown, a letter if needed."""
        place, digits = pl.col("size") - back, pl.col("digits")
        asked = pl.when(place >= pl.col("shown"), place < pl.col("needed"))
        before = asked.then(digits.str.slice(0, place))
        own = self.key.hmac(LETTER, pl.concat_str(before, digits.str.slice(place, 1)))
        others = (self.key.hmac(LETTER, before + str(n)) for n in range(10))
        rank = pl.sum_horizontal((other < own).cast(pl.Int64) for other in others)
        letter = pl.when(own.is_not_null()).then(pl.lit(LETTERS).str.slice(rank, 1))
        hidden = pl.when(place >= pl.col("shown")).then(letter.fill_null(pseudonyms.HIDDEN_DIGIT))
        return hidden.otherwise(pl.lit(""))

    def _place(self, line: pl.Expr) -> pl.Expr:
        """Give an E.164 number its place in its block, shifted by as much as all of the block."""
        block, last = (
            line.str.extract(rf"^\+(\d+)(\d{{{pseudonyms.HIDDEN_DIGITS}}})$", n) for n in (1, 2)
        )
        shift = self.key.hmac(PLACE, block).str.head(8).str.to_integer(base=16)
        place: pl.Expr = (last.cast(pl.Int64) + shift) % pseudonyms.BLOCK_SIZE
        return place.cast(pl.String).str.zfill(pseudonyms.HIDDEN_DIGITS)
