"""How unlike other days a line's day is: TESTS to EVIDENCE, with calibrated probabilities.

What is odd is counted twice: each measure among the line's peers, and what these say together among
all active lines of the nights before. A day has p = 1e-5 when one line in a hundred thousand scores
as much in a week. So no assumption on how calls are distributed is left in it, and nothing of what
is tested later may have been left out (algorithms, sections 2.0 and 3).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.schema import EVIDENCE, empty
from cdr_anomaly.wording import DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.features.peer_measures import Measure


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
# How many of all active lines are taken to be of each kind; counted are only those that are tested.
COMMON, COMMON_SHARE, RARE_SHARE = ("mobile lines", "lines"), 0.8, 0.05
# What a line does beside placing many calls is rare from here on (algorithms, section 3.6).
VOLUME, MAX_OTHER_P = "volume", 1e-3
# Nobody is compared with days that were found with a q like this.
SURELY_ODD = 0.01
NO_SCORES = pl.DataFrame(
    schema={"day": pl.Date, "peers": pl.String, "family": pl.String, "score": pl.Float64}
)
BY_NIGHTS, BY_ITSELF = "the nights before", "the same day"


class PastNights(NamedTuple):
    """What is known of nights: EVIDENCE of those before, and the lines that called on each."""

    evidence: pl.DataFrame
    callers: Mapping[date, int]

    @classmethod
    def nothing(cls, line: pl.DataType, callers: Mapping[date, int]) -> PastNights:
        """Know of no night before those of the feed itself, which carries lines as ``line``."""
        return cls(empty(EVIDENCE, line), callers)


class _Compared(NamedTuple):
    """What a day is compared with: peers' values and families' scores of the nights before it.

    Lines that called are ``callers`` on the day and ``before`` on those nights. Where too few of
    these are known the values are those of the day ``itself``, and there are no scores.
    """

    day: date
    values: pl.DataFrame
    scores: pl.DataFrame
    callers: int
    before: int
    itself: bool

    def is_new(self, scores: pl.DataFrame) -> bool:
        """Tell whether the scores of a kind and family are of too few nights to compare with."""
        first = scores["day"].min()
        return not isinstance(first, date) or (self.day - first).days < MIN_NIGHTS


def build_evidence(
    tests: pl.DataFrame, odd: pl.DataFrame, past: PastNights, measures: Mapping[str, Measure]
) -> pl.DataFrame:
    """Return EVIDENCE of every line-day of ``tests`` (TESTS), by the nights before its day.

    Its ``peers`` may be told more finely, as lines of a kind: its measures are compared with those,
    and its families with all lines, used for whatever.
    With lines that are ``odd`` (line, day), found grave by a rule, nobody is compared.
    """
    made = [past.evidence.cast({"line": tests.schema["line"]})]
    mark = odd.unique().with_columns(excluded_from_peers=pl.lit(value=True))
    marked = tests.join(mark, on=["line", "day"], how="left", maintain_order="left")
    marked = marked.with_columns(pl.col("excluded_from_peers").fill_null(value=False))
    for day in sorted(tests["day"].unique()):
        rows = marked.filter(pl.col("day") == day)
        compared = _compared(rows, day, pl.concat(made[-NIGHTS - 1 :]), past.callers)
        made.append(_of_day(rows, compared, measures))
    return pl.concat([made[0].clear(), *made[1:]]).sort("day", "line")


def kind(peers: pl.Expr) -> pl.Expr:
    """Give the kind of lines without what these are used for."""
    return peers.str.splitn(OF_KIND, 2).struct[0]


def least_other_p() -> pl.Expr:
    """Give the least p of a line-day's families beside volume, which by itself accuses nobody."""
    other = pl.element().struct.field("family") != VOLUME
    p_value = pl.element().struct.field("p_value")
    return pl.col("families").list.eval(p_value.filter(other)).list.min()


def _compared(
    rows: pl.DataFrame, day: date, before: pl.DataFrame, callers: Mapping[date, int]
) -> _Compared:
    nights = [night for n in range(1, NIGHTS + 1) if (night := day - timedelta(days=n)) in callers]
    usual = before.filter(pl.col("day").is_in(nights), ~pl.col("excluded_from_peers"))
    if len(nights) < MIN_NIGHTS or usual.is_empty():
        own = rows.filter(~pl.col("excluded_from_peers"))
        return _Compared(day, own, NO_SCORES, callers[day], 0, itself=True)
    values = usual.select("measures").explode("measures").unnest("measures")
    families = usual.select("day", "families").explode("families").unnest("families")
    totals = [usual.select("day", "peers", family=pl.lit(name), score=name) for name in TOTALS]
    scores = pl.concat([families.select(NO_SCORES.columns), *totals], how="diagonal")
    called = sum(callers[night] for night in nights)
    return _Compared(day, values, scores, callers[day], called, itself=False)


def _of_day(
    rows: pl.DataFrame, compared: _Compared, measures: Mapping[str, Measure]
) -> pl.DataFrame:
    """Judge the TESTS of a day: measures among peers, families and their sum among all lines."""
    rare = _with_share(_by_kind(rows), compared, measures).sort("line", "measure")
    rarity = pl.min_horizontal(-pl.col("share").log10(), MAX_RARITY)
    of_line = ("line", "day", "excluded_from_peers")
    kinds = rare.group_by(*of_line, "family", "peers", maintain_order=True)
    families = kinds.agg(score=rarity.sum().round(DIGITS))
    families = _with_p(families, compared)
    surprise = -pl.col("p_value").log10()
    # A line is of the rarest kind that it is compared with.
    common = pl.col("peers").is_in(COMMON)
    # The totals below are in the order of the lines, too.
    lone = families.group_by(*of_line, maintain_order=True).agg(
        pl.col("peers").sort_by(common, "peers").first(),
        families=pl.struct("family", "peers", "score", "p_value"),
        max_family_score=surprise.max().round(DIGITS),
        total_score=(surprise - NOISE).clip(0, MAX_FAMILY).sum().round(DIGITS),
    )
    told = rare.group_by("line", maintain_order=True).agg(
        measures=pl.struct(pl.col("among").alias("peers"), "measure", "value", "share")
    )
    totals = [
        _with_p(lone.select(*of_line, "peers", family=pl.lit(name), score=name), compared)
        for name in TOTALS
    ]
    p_value = (2 * pl.min_horizontal(*(each["p_value"] for each in totals))).clip(upper_bound=1)
    whole = lone.join(told, on="line", maintain_order="left").with_columns(p_value=p_value)
    q_value = pl.Series(significance.false_discovery(whole["p_value"].to_numpy(), compared.callers))
    return whole.with_columns(
        q_value=q_value,
        tested=pl.lit(compared.callers, pl.Int64),
        excluded_from_peers=pl.col("excluded_from_peers") | (q_value <= SURELY_ODD),
        calibrated_by=pl.lit(BY_ITSELF if compared.itself else BY_NIGHTS),
    ).select(list(EVIDENCE))


def _by_kind(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the peers that a measure is compared ``among``, and make ``peers`` their kind."""
    return rows.with_columns(among="peers", peers=kind(pl.col("peers")))


def _with_share(
    rows: pl.DataFrame, compared: _Compared, measures: Mapping[str, Measure]
) -> pl.DataFrame:
    """Add the ``share`` of peers' days that are as odd in each measure."""
    days = _by_kind(compared.values)
    keys = [["measure", "peers", "among"], ["measure", "peers"], ["measure"]]
    parts = [days.partition_by(key, as_dict=True) for key in keys]
    made, nobody = [], days.clear()
    for names, part in rows.partition_by(keys[0], as_dict=True).items():
        *nearer, everyone = (
            each.get(names[: len(key)], nobody) for key, each in zip(keys, parts, strict=True)
        )
        own = next((each for each in nearer if each.height >= MIN_PEERS), everyone)
        sign = -1.0 if measures[str(names[0])].low_is_odd else 1.0
        values, known = (sign * each["value"].to_numpy() for each in (part, own))
        among = ~part["excluded_from_peers"].to_numpy() & compared.itself
        share = significance.rarity(values, known, among=among)
        made.append(part.with_columns(share=pl.Series(share)))
    return pl.concat(made)


def _with_p(rows: pl.DataFrame, compared: _Compared) -> pl.DataFrame:
    """Add the share of all lines of the kind that score as much in the same family."""
    known = compared.scores.partition_by("peers", "family", as_dict=True)
    made = []
    for (kind, family), part in rows.partition_by("peers", "family", as_dict=True).items():
        usual = ~part["excluded_from_peers"].to_numpy()
        against, tested = known.get((kind, family)), compared.before
        itself = against is None or compared.is_new(against)
        if against is None or itself:
            against, tested = part.filter(usual), compared.callers
        lines = round(tested * (COMMON_SHARE if kind in COMMON else RARE_SHARE))
        scores, others = (each["score"].to_numpy() for each in (part, against))
        # A few odd lines among few of a kind would say where its tail goes.
        p_value = significance.calibrated(
            scores, others, lines, among=usual & itself, draw=kind in COMMON
        )
        made.append(part.with_columns(p_value=pl.Series(p_value)))
    return pl.concat(made).sort("line", "family")
