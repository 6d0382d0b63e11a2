"""What is known of a feed as a whole, by which a detector says whether it is applicable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Feed:
    """What is known of a feed before any detector judges it.

    It is ``opaque`` if lines are carried as text because some are tokens, and holds no ``numbers``
    if all who place calls are. Tokens that are ``pseudonyms`` tell their class and block,
    and maybe which of them are ``neighbours``. ``told`` are the columns that a list of subscribers
    has.
    """

    columns: frozenset[str]
    first_day: date | None
    last_day: date | None
    opaque: bool
    attempts: bool
    talk: bool
    numbers: bool = True
    pseudonyms: bool = False
    neighbours: bool = True
    told: frozenset[str] = frozenset()

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that the feed covers."""
        if self.first_day is None or self.last_day is None:
            return ()
        return tuple(pl.date_range(self.first_day, self.last_day, eager=True))

    @property
    def classes(self) -> bool:
        """Whether the class and the block of every number are known."""
        return self.pseudonyms or not self.opaque

    @property
    def activations(self) -> bool:
        """Whether it is told when lines were activated."""
        return "activation" in self.told

    @property
    def forwards(self) -> bool:
        """Whether the feed can say who forwarded a call."""
        return "redirecting_number" in self.columns
