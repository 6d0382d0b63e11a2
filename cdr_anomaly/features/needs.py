"""What detectors need of a feed, as one value each, and all of it together as one value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines.profile import UNREACHABLE, NeededLines
from cdr_anomaly.features import line_ages
from cdr_anomaly.features.shifts import ShiftNeeds
from cdr_anomaly.numbering import caller_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cdr_anomaly.ingest import Source
    from cdr_anomaly.settings import ColdCallers

# Detectors multiply or divide by a share, and the last bits of both may differ.
SHARE_MARGIN = 1e-6


@dataclass(frozen=True)
class Needs:
    """What one detector needs; by default nothing.

    No line that lacks all of it may have a finding by the detector: only the calls of lines that
    have some of it are read again, and nights keep those of the days themselves.

    Lines. ``calls_day`` calls placed within ``span_days`` local days in a row, and ``out_share`` of
    the calls of a day placed; ``burst_calls`` placed within 60 minutes over midnight; ``forwards``
    forwarded in all, and ``own_calls`` placed at most on a day with one; ``new_line_calls`` placed,
    or one forwarded, on a day that is up to ``new_line_days`` after the first of a new line;
    presented as ``foreign``; or calls placed on the ``trunks`` of TRAFFIC (a function to day,
    trunk_in).

    Tables. Days with ``busy_calls`` placed calls count in windows over several days. A first leg
    means a new line after ``warm_up_days`` of feed. ``hop_link_s`` seconds may lie between two hops
    of one call. TRAFFIC counts the kinds of ``traffic``: "cell", "trunk". COLD_CALLERS keep to
    ``cold_callers``, and REACHED has the calls of whom these talked to for ``talk_s`` seconds.
    SHIFTS has days with ``calls_day`` calls and ``shift_talk_s`` seconds of talk, up to
    ``shift_days`` before the day that is judged.
    """

    calls_day: int = UNREACHABLE
    span_days: int = 1
    out_share: float = 0.0
    burst_calls: int = UNREACHABLE
    forwards: int = UNREACHABLE
    own_calls: int = 0
    new_line_calls: int = UNREACHABLE
    new_line_days: int = 0
    foreign: bool = False
    trunks: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None
    busy_calls: int = UNREACHABLE
    warm_up_days: int = 0
    hop_link_s: int = 0
    traffic: frozenset[str] = frozenset()
    cold_callers: ColdCallers | None = None
    talk_s: int = UNREACHABLE
    shift_talk_s: int = UNREACHABLE
    shift_days: int = 0

    @classmethod
    def merge(cls, needs: Iterable[Needs]) -> FeedNeeds:
        """Return what covers the needs of several detectors."""
        return FeedNeeds(tuple(dict.fromkeys(needs)))

    @property
    def day_calls(self) -> int:
        """How many calls a line has placed at least on one of ``span_days`` with ``calls_day``."""
        return -(-self.calls_day // self.span_days)


@dataclass(frozen=True)
class FeedNeeds:
    """What all detectors of a run need together: the least limits and the widest spans.

    Expressions are of line-days of PROFILE, with ``age_d``, the age in days, null unless the line
    is new; ``abroad``, whether it is presented as of elsewhere than the home region; and
    ``n_forwarded_all``, what it forwarded on all days.
    """

    of_detectors: tuple[Needs, ...]

    @property
    def day_calls(self) -> int:
        """From how many placed calls on a day a line is watched."""
        return min(needs.day_calls for needs in self.of_detectors)

    @property
    def burst_calls(self) -> int:
        """From how many calls placed within 60 minutes over midnight a line is watched."""
        return min(needs.burst_calls for needs in self.of_detectors)

    @property
    def busy_calls(self) -> int:
        """From how many placed calls a day counts in windows over several days."""
        return min(needs.busy_calls for needs in self.of_detectors)

    @property
    def forwards(self) -> int:
        """How many forwarded calls make a line watched."""
        return min(needs.forwards for needs in self.of_detectors)

    @property
    def warm_up_days(self) -> int:
        """After how many days of feed a first leg means a new line."""
        return max(needs.warm_up_days for needs in self.of_detectors)

    @property
    def new_line_days(self) -> int:
        """Up to which age in days the calls of new lines are needed."""
        return max(needs.new_line_days for needs in self.of_detectors)

    @property
    def hop_link_s(self) -> int:
        """How many seconds may lie between two hops of one call."""
        return max(needs.hop_link_s for needs in self.of_detectors)

    @property
    def talk_s(self) -> int:
        """How many seconds of talk with a cold caller make somebody REACHED."""
        return min(needs.talk_s for needs in self.of_detectors)

    @property
    def traffic(self) -> frozenset[str]:
        """The kinds of TRAFFIC that are counted."""
        return frozenset().union(*(needs.traffic for needs in self.of_detectors))

    @property
    def cold_callers(self) -> ColdCallers:
        """The rule of COLD_CALLERS, which one detector has."""
        rules = (needs.cold_callers for needs in self.of_detectors)
        return next(rule for rule in rules if rule is not None)

    @property
    def shifts(self) -> ShiftNeeds:
        """Which line-days SHIFTS has."""
        some = [needs for needs in self.of_detectors if needs.shift_talk_s < UNREACHABLE]
        return ShiftNeeds(
            min((needs.calls_day for needs in some), default=UNREACHABLE),
            min((needs.shift_talk_s for needs in some), default=UNREACHABLE),
            max((needs.shift_days for needs in some), default=0),
        )

    def of_tables(self) -> Needs:
        """Return what the tables depend on, whichever lines were read for them."""
        return Needs(
            calls_day=self.day_calls,
            busy_calls=self.busy_calls,
            cold_callers=self.cold_callers,
            talk_s=self.talk_s,
        )

    def needed_lines(
        self, source: Source, activations: pl.LazyFrame | None, line: object
    ) -> NeededLines:
        """Return what a line must have to be needed, where the days of activation are listed.

        ``line`` is needed whatever it did, unless it is None.
        """
        lines = [pl.Series([] if line is None else [line], dtype=source.line_type)]
        if activations is not None:
            extent = source.time_range
            # One day more on either side: zones, and an activation counts from its midnight.
            since = extent[0].date() - line_ages.WEEK - timedelta(days=2) if extent else date.min
            fresh = activations.filter(pl.col("activation") >= since).select("line")
            lines.append(fresh.collect().to_series())
        foreign = any(needs.foreign for needs in self.of_detectors)
        return NeededLines(
            self.day_calls, self.forwards, pl.concat(lines), foreign and is_abroad(source)
        )

    def watch(self) -> pl.Expr:
        """Return which line-days make their line watched: its calls are read again.

        What a line received need not be counted yet (n_in may be 0).
        """
        forwards = pl.col("n_forwarded") > 0
        quiet = [
            forwards
            & (pl.col("n_out") <= needs.own_calls)
            & (pl.col("n_forwarded_all") >= needs.forwards)
            for needs in self.of_detectors
            if needs.forwards < UNREACHABLE
        ]
        new = self._is_young() & ((pl.col("n_out") >= self._new_line_calls) | forwards)
        return pl.any_horizontal(pl.col("n_out") >= self.day_calls, new, self._is_foreign(), *quiet)

    def legs(self) -> pl.Expr:
        """Return which line-days of a watched line make its LEGS needed.

        There is ``sought``, too: whether it placed calls on the trunks that are needed.
        """
        new = self._is_young() & (pl.col("n_out") >= self._new_line_calls)
        rules = dict.fromkeys((n.calls_day, n.span_days, n.out_share) for n in self.of_detectors)
        many = (_is_calling(*rule) for rule in rules if rule[0] < UNREACHABLE)
        return pl.any_horizontal("sought", new, self._is_foreign(), *many)

    def retention(self) -> pl.Expr:
        """Return which line-days a night keeps the calls of, for itself and for nights to come.

        The last hour of any line's day is kept beside them.
        """
        many = pl.col("n_out") >= min(self.day_calls, self.busy_calls)
        return pl.any_horizontal(many, self._is_young(), self._is_foreign())

    def on_trunks(self, traffic: pl.DataFrame) -> pl.Expr | None:
        """Return which CALLS (trunk_in) make their caller watched by TRAFFIC, if any do."""
        trunks = [needs.trunks for needs in self.of_detectors if needs.trunks is not None]
        names = {name for find in trunks for name in find(traffic.lazy()).collect()["trunk_in"]}
        listed = pl.Series(sorted(names), dtype=pl.String)
        return pl.col("trunk_in").is_in(listed.implode()) if names else None

    @property
    def _new_line_calls(self) -> int:
        return min(needs.new_line_calls for needs in self.of_detectors)

    def _is_young(self) -> pl.Expr:
        days = self.new_line_days
        return pl.col("age_d").is_between(0, days) if days else pl.lit(value=False)

    def _is_foreign(self) -> pl.Expr:
        # A number of a pool may place a single call: none that calls is left out.
        foreign = any(needs.foreign for needs in self.of_detectors)
        return pl.col("abroad") & (pl.col("n_out") > 0) if foreign else pl.lit(value=False)


def is_abroad(source: Source) -> pl.Expr:
    """Return which lines (line) are presented as of elsewhere than the home region."""
    return caller_id.is_foreign_number(pl.col("line"), source.plan, as_text=source.as_text)


def _is_calling(calls: int, span_days: int, out_share: float) -> pl.Expr:
    """Return which line-days end a span with so many placed calls, and are mostly outgoing."""
    n_out = pl.col("n_out")
    placed = n_out
    if span_days > 1:
        placed = n_out.rolling_sum_by("day", window_size=f"{span_days}d").over("line")
    return (placed >= calls) & (n_out + SHARE_MARGIN >= out_share * (n_out + pl.col("n_in")))
