"""Which rows may be calls of some lines, told from numbers as written, before any is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.ingest.mapping import NUMBERS
from cdr_anomaly.numbering import BLANKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cdr_anomaly.numbering import HomePlan

# All ways to write a number end with the same digits; so many tell most numbers of a feed apart.
ENDING = 7


@dataclass(frozen=True)
class LineFilter:
    """The ends of some numbers, the digits of a number block, and handsets (numbering.handset_id).

    The filter loses no call of these lines, in whatever form their numbers are written. A few calls
    of other lines pass it, too.
    """

    endings: frozenset[str] = frozenset()
    block: str | None = None
    handsets: frozenset[str] = frozenset()

    @classmethod
    def of_lines(
        cls,
        lines: Iterable[str],
        home: HomePlan,
        *,
        block: str | None = None,
        handsets: Iterable[str] = (),
    ) -> LineFilter:
        """Return the filter for lines as findings write them: E.164 with +, or tokens.

        Lines of the ``home`` region may be written without its calling code.
        """
        texts = pl.Series(list(lines), dtype=pl.String).str.replace_all(BLANKS, "")
        national = texts.str.strip_prefix(f"+{home.calling_code}").str.strip_prefix("+")
        return cls(frozenset(national.str.tail(ENDING)), block, frozenset(handsets))

    def may_name(self, written: Mapping[str, pl.Expr], *, tokens: bool) -> pl.Expr:
        """Return whether a row may be a call of the lines, of the block, or on the handsets.

        ``written`` are columns of CALLS as the files have them. Numbers with blanks or hyphens
        pass; they are few, unless there are ``tokens``.
        """
        numbers = [written[column] for column in NUMBERS if column in written]
        if tokens:
            numbers = [number.str.replace_all(BLANKS, "") for number in numbers]
        patterns = () if tokens else (BLANKS,)
        conditions = [fits for number in numbers for fits in self._fits(number, patterns)]
        if self.handsets and "imei" in written:
            handset = numbering.handset_id(written["imei"])
            conditions.append(handset.is_in(pl.Series(sorted(self.handsets)).implode()))
        return pl.any_horizontal(pl.lit(value=False), *conditions).fill_null(value=False)

    def _fits(self, number: pl.Expr, patterns: Iterable[str]) -> Iterator[pl.Expr]:
        """Yield two conditions at most, as each of them reads the text again."""
        many = [ending for ending in self.endings if len(ending) == ENDING]
        few = self.endings.difference(many) if len(many) > 1 else self.endings
        if len(many) > 1:
            yield number.str.tail(ENDING).is_in(pl.Series(sorted(many)).implode())
        found = [*patterns, *(f"{re.escape(ending)}$" for ending in sorted(few))]
        found += [] if self.block is None else [re.escape(self.block)]
        if found:
            yield number.str.contains("|".join(found))
