"""What a detector needs of a feed: lines to read again, and calls that nights keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines.profile import UNREACHABLE, NeededLines
from cdr_anomaly.features.shifts import ShiftNeeds

if TYPE_CHECKING:
    from cdr_anomaly.settings import ColdCallers


class Needs:
    """What one detector needs; each method has a default that needs nothing.

    The builder of tables takes the least limit and the widest span of all detectors.
    """

    def warm_up(self) -> int:
        """Say how many days of feed it takes before a first leg means a new line."""
        return 0

    def remembers(self) -> int:
        """Say from how many placed calls a day is busy, so that its calls are remembered."""
        return 1_000_000

    def link(self) -> int:
        """Say how many seconds may lie between two hops of one call."""
        return 0

    def cold_callers_rule(self) -> ColdCallers | None:
        """Say which line-days are of lines that call strangers one way, if that is its to say."""
        return None

    def counts(self) -> frozenset[str]:
        """Name what it needs TRAFFIC of: "cell", "trunk"; a night has that of its own day."""
        return frozenset()

    def reached_from(self) -> int:
        """Say how many seconds with a cold caller make somebody's calls needed (REACHED)."""
        return UNREACHABLE

    def least(self) -> NeededLines:
        """Say what a line must have for ``watch`` to hold on any of its days, unless it is new."""
        return NeededLines()

    def watch(self) -> pl.Expr:
        """Say which line-days of PROFILE make their line worth a second look.

        What a line received is not counted yet (``n_in`` may be 0); ``age_d`` is its age in days,
        empty where it is not new, and ``n_forwarded_all`` what it forwarded on all days, where it
        forwarded or is new (else it may be 0); ``abroad`` tells which are presented as of elsewhere
        than the home region (numbering.caller_id). The cut must be exact: no line without such a
        day, that is not sought either, can have a finding from its legs, or from what it received.
        """
        return pl.lit(value=False)

    def seeks(self, traffic: pl.DataFrame) -> pl.Expr | None:
        """Say, by TRAFFIC, which CALLS (trunk_in) make their caller worth a second look, if any."""
        del traffic
        return None

    def worth(self) -> pl.Expr:
        """Say which line-days (line, day, n_out, n_in, age_d) of a watched line need its legs.

        There are ``abroad``, as above, and ``sought``, too.

        Here, too, no line without such a day can have a finding from its legs. Detectors that need
        the counts alone need none.
        """
        return pl.lit(value=False)

    def reaches(self) -> int:
        """Say over how many days before the one that is judged it needs the calls of new lines."""
        return 0

    def working(self) -> ShiftNeeds:
        """Say which line-days it needs in SHIFTS; a night must keep their calls, too."""
        return ShiftNeeds()

    def keeps(self) -> pl.Expr:
        """Say which line-days of PROFILE, with ``age_d``, ``abroad``, a night keeps the calls of.

        These are those that ``find`` needs of the day itself, and of days before. The last hour of
        any line's day is kept beside them.
        """
        return pl.col("n_out") >= self.remembers()
