"""Lines that work one list of called numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, no_findings, setting
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.features import components, rolling
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.shared_targets import LIST_DAYS, RANGE, is_sure
from cdr_anomaly.settings import ColdCallers
from cdr_anomaly.wording import first_sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables

CRITICAL_TIMES = Grading(3, "times `lines` that make it critical")


@dataclass(frozen=True, config=STRICT)
class Campaign(Detector):
    """Lines that call strangers one way, and have more of the numbers in common than by chance.

    Whoever deals a list over many lines stays below every limit of a line; but whom one of them
    does not reach another one tries, and a list that is a range of numbers is dealt in turn. So
    lines are compared two by two over 7 days: how many numbers both called, and how many stand
    within 5 of one of the other's. By chance two lines meet where they call into the same blocks
    (the numbers that differ in the last four digits), as often as other busy lines do that day,
    whose customers may well be the same; numbers that more than 50 lines call are hotlines, and
    left out. A link is ``numbers`` in common, ``times`` what is expected, and a false-discovery
    rate of ``fdr`` over all pairs of such lines. Lines that call each other are not linked.
    Lines that are linked make a group, which is found from ``lines`` on: high, critical from three
    times as many.

    Which line-days are of calling strangers one way is set in ``[cold_callers]``: many calls to
    many numbers, few of which answer, call back or were called before. Couriers of one depot,
    franchises and clinics share customers, too, but these answer and call back; so do families.
    Collection agencies and pollsters work lists: declare them with --entities.

    Sample: one of 12 lines (limit 3) with called numbers in common in the 7 days to 2026-05-03: 214
    of its 388 were called by others of them, too; 46 by one of these (0.3 expected by chance)
    """

    name: ClassVar[str] = "campaign"
    title: ClassVar[str] = "campaigns"
    family: ClassVar[str] = "network"
    persistent: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = ("numbers", "lines")
    gradings: ClassVar[tuple[Grading, ...]] = (CRITICAL_TIMES,)

    lines: int = setting(3, "lines with numbers in common that make a finding", ge=2)
    numbers: int = setting(4, "numbers in common that link two lines", ge=4)
    times: float = setting(3.0, "how many times what is expected they must be", ge=1)
    fdr: float = setting(0.01, "false-discovery rate over all pairs of lines", gt=0, le=0.1)
    cold_callers: ColdCallers = ColdCallers()

    def needs(self) -> Needs:
        rule = self.cold_callers
        return Needs(
            calls_day=rule.calls_day,
            out_share=rule.out_share,
            busy_calls=rule.calls_day,
            cold_callers=rule,
        )

    def find(self, tables: Tables) -> pl.LazyFrame:
        links = tables.links.filter(
            pl.col("n_shared") >= self.numbers, is_sure(self.times, self.fdr)
        )
        pairs = links.collect()
        if pairs.is_empty():
            return no_findings()
        groups = _line_groups(pairs).lazy().filter(pl.col("n_group") >= self.lines)
        today = tables.cold_callers.select("line", "day")
        found = (
            groups.join(today, on=["line", "day"], how="semi")
            .join(_closest_links(links), on=["line", "day"])
            .join(_common_numbers(tables.lists, groups), on=["line", "day"])
        )
        by = first_sentence(
            [(pl.col("by") == RANGE, sentence("campaign.near", "within 5 of those of"))],
            sentence("campaign.same", "by"),
        )
        return self.finding(
            tables,
            found,
            subject_kind="campaign",
            members=pl.col("group").list.eval(tables.written(pl.element())),
            window_start=tables.opens(pl.col("day") - timedelta(days=LIST_DAYS - 1)),
            severity=ladder({"critical": pl.col("n_group") >= CRITICAL_TIMES * self.lines}, "high"),
            observed=pl.col("n_group"),
            threshold=self.lines,
            p_value=(pl.col("p_value") * (pl.col("n_lines") - 1)).clip(upper_bound=1.0),
            reason=sentence(
                "campaign.numbers",
                "one of {lines} lines (limit {limit}) with called numbers in common in the {days} "
                "days to {day}: {common} of its {numbers} were called by others of them, too; "
                "{shared} {near} one of these ({expected} expected by chance)",
                lines="n_group",
                limit=self.lines,
                days=LIST_DAYS,
                day="day",
                common="n_common",
                numbers="n_numbers",
                shared="n_shared",
                near=by,
                expected=pl.col("expected").round(1),
            ),
            would_clear_if=sentence(
                "campaign.clear",
                "fewer than {numbers} numbers in common, or fewer than {lines} lines",
                numbers=self.numbers,
                lines=self.lines,
            ),
            evidence=pl.struct(
                "by", "n_shared", pl.col("expected").round(3), "n_common", "n_numbers", "n_links"
            ),
        )


def _line_groups(links: pl.DataFrame) -> pl.DataFrame:
    """Put the lines that are linked on a day together (line, day, actor, group, n_group).

    An actor is the number of a group of a day.
    """
    day = pl.col("day").cast(pl.String)
    node = {end: day + " " + pl.col(end).cast(pl.String) for end in ("one", "other")}
    ends = [links.select("day", line=end, node=node[end]) for end in node]
    nodes = pl.concat(ends).unique(maintain_order=True)
    numbered = components.number_components(nodes["node"], links.select(**node))
    lines = nodes.join(numbered, left_on="node", right_on="subject")
    groups = lines.group_by("actor").agg(group=pl.col("line").sort(), n_group=pl.len())
    return lines.join(groups, on="actor").select(
        "line", "day", "actor", "group", pl.col("n_group").cast(pl.Int64)
    )


def _closest_links(links: pl.LazyFrame) -> pl.LazyFrame:
    """Take each line's link with the least p, and count its links."""
    ends = [links.with_columns(line=end) for end in ("one", "other")]
    ordered = pl.concat(ends).sort(
        "p_value", "n_shared", "one", "other", descending=[False, True, False, False]
    )
    return ordered.group_by("line", "day", maintain_order=True).agg(
        pl.col("by", "n_shared", "expected", "p_value", "n_lines").first(),
        n_links=pl.len().cast(pl.Int64),
    )


def _common_numbers(lists: pl.LazyFrame, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Count the numbers of 7 days that each line, and that others of its group, called."""
    of_days = groups.select("line", "day", "actor").join(
        lists.select("line", "counterpart", called="day"), on="line"
    )
    recent = rolling.is_recent("called", LIST_DAYS)
    pairs = of_days.filter(recent).unique(["line", "day", "counterpart"])
    among = pl.len().over("actor", "counterpart")
    return (
        pairs.with_columns(common=among > 1)
        .group_by("line", "day")
        .agg(n_common=pl.col("common").sum().cast(pl.Int64), n_numbers=pl.len().cast(pl.Int64))
    )
