"""How unlike other days a line's day is: TESTS to EVIDENCE, with calibrated probabilities.

What is odd is counted twice: each measure among the line's peers, and what these say together among
all active lines of the nights before. A day has p = 1e-5 when one line in a hundred thousand scores
as much in a week. So no assumption on how calls are distributed is left in it, and nothing of what
is tested later may have been left out (algorithms, sections 2.0 and 3).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.schema import EVIDENCE, empty
from cdr_anomaly.wording import DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cdr_anomaly.features.peer_measures import Measure

    Codes = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Truths = NDArray[np.bool_]

# The nights that a night is calibrated by, and how many of them must be known.
NIGHTS, MIN_NIGHTS = 7, 5
# Fewer days of its own kind tell too little; then those of all kinds are its peers.
MIN_PEERS = 200
# Where it is told what lines are used for, those of a kind that are used alike are peers.
OF_KIND = " of kind "
# -log10 of the share of peers that are as odd, at most: no measure outvotes those of its family.
MAX_RARITY = 3.0
# One family cannot outvote the others, and p > 0.1 is noise (algorithms, section 3.2).
NOISE, MAX_FAMILY = 1.0, 5.0
TOTALS = ("max_family_score", "total_score")
# What the arrays have rows of.
LINE_DAYS, ROWS, FAMILIES, ALL_TOTALS = "line-days", "measures", "families", "totals"
# Makes 0.0 of the -0.0 that is -log10 of 1.
NO_MINUS = 0.0
# How many of all active lines are taken to be of each kind; counted are only those that are tested.
COMMON, COMMON_SHARE, RARE_SHARE = ("mobile lines", "lines"), 0.8, 0.05
# What a line does beside placing many calls is rare from here on (algorithms, section 3.6).
VOLUME, MAX_OTHER_P = "volume", 1e-3
# Nobody is compared with days that were found with a q like this.
SURELY_ODD = 0.01
BY_NIGHTS, BY_ITSELF = "the nights before", "the same day"
EPOCH = date(1970, 1, 1).toordinal()


class PastNights(NamedTuple):
    """What is known of nights: EVIDENCE of those before, and the lines that called on each."""

    evidence: pl.DataFrame
    callers: Mapping[date, int]

    @classmethod
    def nothing(cls, line: pl.DataType, callers: Mapping[date, int]) -> PastNights:
        """Know of no night before those of the feed itself, which carries lines as ``line``."""
        return cls(empty(EVIDENCE, line), callers)


class _Scores(NamedTuple):
    """Scores of line-days in the order of days, each compared with those of its ``group``.

    A score sums up the rows from ``first`` on. All lines of a group are of one ``kind``.
    """

    day: Codes
    line_day: Codes
    kind: Codes
    group: Codes
    first: Codes
    score: Floats
    p_value: Floats

    @classmethod
    def of(cls, rows: pl.DataFrame, *names: str) -> _Scores:
        """Take the columns of rows; several scores of a row follow each other, in groups apart."""
        day, line_day, kinds, group, first = (
            np.repeat(column, len(names)) for column in _numbers(rows, *cls._fields[:5])
        )
        group = group * len(names) + np.tile(np.arange(len(names)), rows.height)
        score = rows.select(pl.col(names).fill_null(0.0)).to_numpy(order="c", writable=True)
        return cls(day, line_day, kinds, group, first, score.reshape(-1), np.ones(len(day)))


class _Night(NamedTuple):
    """A day to be judged, by the nights before it or, where these are too few, by itself.

    It is counted from 1970 on. Lines that called are ``callers`` on it, and ``before`` on them.
    """

    day: int
    callers: int
    before: int
    itself: bool


class _Slices(NamedTuple):
    """The rows of the week before a day, and those of the day, of rows in the order of days."""

    week: slice
    day: slice


def _slices(rows: Codes, days: Codes) -> dict[int, _Slices]:
    """Return the slices of each of the days, by the day of each row."""
    bounds = np.searchsorted(rows, np.stack([days - NIGHTS, days, days + 1])).T.tolist()
    return {
        day: _Slices(slice(week, begin), slice(begin, end))
        for day, (week, begin, end) in zip(days.tolist(), bounds, strict=True)
    }


def build_evidence(
    tests: pl.DataFrame, odd: pl.DataFrame, past: PastNights, measures: Mapping[str, Measure]
) -> pl.DataFrame:
    """Return EVIDENCE of every line-day of ``tests`` (TESTS), by the nights before its day.

    Its ``peers`` may be told more finely, as lines of a kind: its measures are compared with those,
    and its families with all lines, used for whatever.
    With lines that are ``odd`` (line, day), found grave by a rule, nobody is compared. The nights
    of ``past`` are before all those of ``tests``.
    """
    if tests.is_empty():
        return empty(EVIDENCE, tests.schema["line"])
    low = [name for name, measure in measures.items() if measure.low_is_odd]
    scoring = _Scoring(tests, odd, past, low)
    for day in scoring.slices[LINE_DAYS]:
        scoring.judge(day)
    return scoring.evidence()


def kind(peers: pl.Expr) -> pl.Expr:
    """Give the kind of lines without what these are used for."""
    return peers.str.splitn(OF_KIND, 2).struct[0]


def least_other_p() -> pl.Expr:
    """Give the least p of a line-day's families beside volume, which by itself accuses nobody."""
    other = pl.element().struct.field("family") != VOLUME
    p_value = pl.element().struct.field("p_value")
    return pl.col("families").list.eval(p_value.filter(other)).list.min()


class _Scoring:
    """Line-days of nights before, then those of tests, as arrays that are coded and sorted once.

    What is odd on one day is left out of what the next days are compared with, so days are judged
    in turn; but that takes slices of arrays alone, and frames are made once, of all days.
    """

    def __init__(
        self, tests: pl.DataFrame, odd: pl.DataFrame, past: PastNights, low: Sequence[str]
    ) -> None:
        """Code the names, and sort by day, line, family, kind and measure.

        ``low`` are the measures of which small values are odd.
        """
        earlier = past.evidence.cast({"line": tests.schema["line"]}).sort("day", "line")
        self.callers = {day.toordinal() - EPOCH: lines for day, lines in past.callers.items()}
        self.n_past = earlier.height
        self.line_days = _line_days(tests, odd, earlier)
        self.rows, families, self.kinds = _coded(tests, earlier, self.line_days)
        self.is_common = np.array([name in COMMON for name in self.kinds])
        self.family_rows = _with_new(families, self.rows, self.n_past)
        self.families = _Scores.of(self.family_rows, "score")
        totals = _totals(self.line_days, self.family_rows, earlier)
        self.totals = _Scores.of(totals, *TOTALS)
        self.first, self.kind = _numbers(totals, "first", "kind")
        self.day = self.totals.day[:: len(TOTALS)]
        self.excluded = self.line_days["excluded_from_peers"].to_numpy(writable=True)
        self.usual = ~self.excluded & np.isin(self.day, list(self.callers))
        row_day, self.row_line_day = _numbers(self.rows, "day", "line_day")
        self.peers = _numbers(self.rows, "alike", "of_kind", "of_measure")
        sign = np.where(self.rows["measure"].is_in(low).to_numpy(), -1.0, 1.0)
        self.value = sign * self.rows["value"].to_numpy()
        self.share = np.zeros(len(self.value))
        self.n_peers = [int(peers.max()) + 1 for peers in self.peers]
        self.n_groups = int(max(self.families.group.max(), self.totals.group.max())) + 1
        rows_of = {
            LINE_DAYS: self.day,
            ROWS: row_day,
            FAMILIES: self.families.day,
            ALL_TOTALS: self.totals.day,
        }
        days = np.unique(self.day[self.n_past :])
        self.slices = {name: _slices(rows, days) for name, rows in rows_of.items()}
        self.p_value, self.q_value = np.ones((2, len(self.day)))
        self.by_itself = np.zeros(len(self.day), np.bool_)

    def judge(self, day: int) -> None:
        """Judge a day: measures among peers, then families and their sum among all lines."""
        past, own = self.slices[LINE_DAYS][day]
        before = [self.callers[n] for n in range(day - NIGHTS, day) if n in self.callers]
        itself = len(before) < MIN_NIGHTS or not self.usual[past].any()
        night = _Night(day, self.callers[day], sum(before), itself)
        rows, families, totals = (self.slices[n][day].day for n in (ROWS, FAMILIES, ALL_TOTALS))
        self._compare_measures(night)
        rarity = np.minimum(-np.log10(self.share[rows]), MAX_RARITY)
        score = np.add.reduceat(rarity, self.families.first[families] - rows.start)
        self.families.score[families] = np.round(score, DIGITS) + NO_MINUS
        self._calibrate(self.families, self.slices[FAMILIES][day], night)
        surprise = -np.log10(self.families.p_value[families])
        first = self.first[own] - families.start
        most = np.maximum.reduceat(surprise, first)
        several = np.add.reduceat((surprise - NOISE).clip(0, MAX_FAMILY), first)
        score = np.round(np.stack([most, several], axis=1), DIGITS) + NO_MINUS
        self.totals.score[totals] = score.reshape(-1)
        self._calibrate(self.totals, self.slices[ALL_TOTALS][day], night)
        least = self.totals.p_value[totals].reshape(-1, len(TOTALS)).min(axis=1)
        self.p_value[own] = np.minimum(2 * least, 1)
        self.q_value[own] = significance.false_discovery(self.p_value[own], night.callers)
        self.by_itself[own] = itself
        self.excluded[own] |= self.q_value[own] <= SURELY_ODD
        self.usual[own] = ~self.excluded[own]

    def _compare_measures(self, night: _Night) -> None:
        """Tell the share of peers' days that are as odd in each measure of a day."""
        past, own = self.slices[ROWS][night.day]
        usual = self.usual[self.row_line_day[own]]
        reference = own if night.itself else past
        known = reference.start + np.flatnonzero(self.usual[self.row_line_day[reference]])
        # The nearest peers that are enough.
        alike, of_kind = (
            np.bincount(peers[known], minlength=n)[peers[own]]
            for peers, n in zip(self.peers[:2], self.n_peers, strict=False)
        )
        nearest = np.where(alike >= MIN_PEERS, 0, np.where(of_kind >= MIN_PEERS, 1, 2))
        for level, peers in enumerate(self.peers):
            at = np.flatnonzero(nearest == level)
            if len(at):
                rows = own.start + at
                self.share[rows] = significance.rarity(
                    self.value[rows],
                    self.value[known],
                    among=usual[at] & night.itself,
                    groups=significance.Groups(peers[rows], peers[known]),
                )

    def _calibrate(self, scores: _Scores, slices: _Slices, night: _Night) -> None:
        """Tell the share of all lines of the kind that score as much in the group as on a day."""
        past, own = slices
        known = past.start + np.flatnonzero(self.usual[scores.line_day[past]])
        group, kinds = scores.group[own], scores.kind[own]
        # Groups that are known of too few nights are compared by the day itself.
        first = np.full(self.n_groups, night.day)
        if not night.itself:
            np.minimum.at(first, scores.group[known], scores.day[known])
        alone = night.day - first < MIN_NIGHTS
        usual = self.usual[scores.line_day[own]] & alone[group]
        known = known[~alone[scores.group[known]]]
        reference = np.concatenate([known, own.start + np.flatnonzero(usual)])
        lines = np.where(alone[group], night.callers, night.before)
        share = np.where(self.is_common[kinds], COMMON_SHARE, RARE_SHARE)
        scores.p_value[own] = significance.calibrated(
            scores.score[own],
            scores.score[reference],
            np.rint(lines * share).astype(np.int64),
            among=usual,
            # A few odd lines among few of a kind would say where its tail goes.
            draw=self.is_common[kinds],
            groups=significance.Groups(group, scores.group[reference]),
        )

    def evidence(self) -> pl.DataFrame:
        """Return EVIDENCE of the line-days of tests, all of them judged."""
        of_tests, kinds = pl.col("line_day") >= self.n_past, pl.Series(self.kinds)
        measures = self.rows.with_columns(share=pl.Series(self.share)).filter(of_tests)
        families = self.family_rows.with_columns(
            peers=kinds.gather(self.families.kind),
            score=pl.Series(self.families.score),
            p_value=pl.Series(self.families.p_value),
        ).filter(of_tests)
        lists = {
            "measures": _listed(
                measures.sort("line_day", "of_measure", "alike"),
                ("peers", "measure", "value", "share"),
            ),
            "families": _listed(families, ("family", "peers", "score", "p_value")),
        }
        totals = self.totals.score.reshape(-1, len(TOTALS)).T
        days = self.line_days.with_columns(
            peers=kinds.gather(self.kind),
            **{name: pl.Series(scores) for name, scores in zip(TOTALS, totals, strict=True)},
            p_value=pl.Series(self.p_value),
            q_value=pl.Series(self.q_value),
            tested=pl.Series([self.callers.get(day) for day in self.day.tolist()], dtype=pl.Int64),
            calibrated_by=pl.Series(np.where(self.by_itself, BY_ITSELF, BY_NIGHTS)),
            excluded_from_peers=pl.Series(self.excluded),
        ).filter(of_tests)
        return days.with_columns(**lists).select(list(EVIDENCE))


def _line_days(tests: pl.DataFrame, odd: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Number the line-days, and tell of which it is known that nobody is compared with them."""
    mark = odd.unique().with_columns(excluded_from_peers=pl.lit(value=True))
    own = tests.select("line", "day").unique().join(mark, on=["line", "day"], how="left")
    own = own.with_columns(pl.col("excluded_from_peers").fill_null(value=False))
    own = own.sort("day", "line")
    return pl.concat([earlier.select(own.columns), own]).with_row_index("line_day")


def _coded(
    tests: pl.DataFrame, earlier: pl.DataFrame, line_days: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Return measures and known families of line-days with codes, and the names of kinds.

    Measures have the peers that are used ``alike``, and those of the kind, each with the measure.
    """
    known = earlier.with_row_index("line_day")
    measured, weighed = (
        known.select("line_day", "day", name).explode(name).unnest(name)
        for name in ("measures", "families")
    )
    own = tests.join(line_days[earlier.height :], on=["line", "day"])
    columns = ("line_day", "day", "peers", "family", "measure", "value")
    measured = pl.concat(
        [measured.with_columns(family=pl.lit("")).select(columns), own.select(columns)]
    )
    peers = pl.concat([measured["peers"], weighed["peers"], earlier["peers"]]).unique().sort()
    # A line is of the rarest kind that it is compared with, the first one of these.
    kinds = sorted(
        peers.to_frame().select(kind(pl.col("peers"))).to_series().unique(),
        key=lambda name: (name in COMMON, name),
    )
    families = pl.concat([measured["family"], weighed["family"]]).unique().sort()
    codes = {
        "kind": _code(kind(pl.col("peers")), kinds),
        "of_family": _code(pl.col("family"), families),
    }
    measures = measured["measure"].unique().sort()
    of_measure = _code(pl.col("measure"), measures)
    rows = measured.with_columns(
        **codes,
        of_measure=of_measure,
        alike=of_measure * len(peers) + _code(pl.col("peers"), peers),
        of_kind=of_measure * len(kinds) + codes["kind"],
    ).sort("line_day", "of_family", "kind", "of_measure", "alike")
    return rows, weighed.with_columns(**codes), kinds


def _with_new(families: pl.DataFrame, rows: pl.DataFrame, n_past: int) -> pl.DataFrame:
    """Append the families of the line-days of tests, still to be weighed, to those known."""
    own = rows.with_row_index("first").filter(pl.col("line_day") >= n_past)
    own = own.group_by("line_day", "of_family", "kind", maintain_order=True).agg(
        pl.col("day", "family", "first").first()
    )
    n_kinds = pl.col("kind").max() + 1
    return pl.concat([families, own], how="diagonal").with_columns(
        group=pl.col("of_family") * n_kinds + pl.col("kind")
    )


def _totals(line_days: pl.DataFrame, families: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Return the totals of line-days, by the first of their families and the rarest kind."""
    by_line_day = (
        families.drop("first").with_row_index("first").group_by("line_day", maintain_order=True)
    )
    own = by_line_day.agg(pl.col("first").first(), pl.col("kind").min())
    known = earlier.select(*TOTALS, "p_value").with_row_index("line_day")
    days = line_days.select("line_day", "day").join(own, on="line_day", how="left")
    days = days.join(known, on="line_day", how="left").sort("line_day")
    return days.with_columns(group=pl.col("kind"))


def _listed(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Put the rows of each line-day, in their order, into one list."""
    by_line_day = rows.group_by("line_day", maintain_order=True)
    return by_line_day.agg(rows=pl.struct(columns))["rows"]


def _code(column: pl.Expr, names: Sequence[str] | pl.Series) -> pl.Expr:
    return column.cast(pl.Enum(names)).to_physical().cast(pl.Int64)


def _numbers(rows: pl.DataFrame, *names: str) -> list[Codes]:
    numbers = rows.select(pl.col(names).to_physical().cast(pl.Int64).fill_null(0))
    return [column.to_numpy() for column in numbers]
