"""Rooms of lines that call strangers: at one cell or on one handset, and where they were before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting
from cdr_anomaly.detectors.grading import ladder
from cdr_anomaly.features import co_location
from cdr_anomaly.features.co_location import HANDSET_DAYS
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.wording import Text, first_sentence, say, sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables


@dataclass(frozen=True, config=STRICT)
class Site(Detector):
    """More lines that call strangers at one cell than its traffic explains, or on one handset.

    What it is to call strangers one way is said of campaign, whose settings hold. At a cell:
    ``lines`` of them on a day, a cell counting as theirs from 4 in 10 of the day's calls on, and
    ``times`` as many as the cell has of all other calls of that day, with a false-discovery rate
    of ``fdr`` over all cells. A mall or a station has much traffic and may have many. On a handset
    (the first 14 digits of its IMEI): ``cards`` of them in 7 days with 10 calls or more on a day;
    a repair shop tries many cards, and places few calls with each. High; critical where half of the
    group, and ``lines`` of it, were at another cell before, known again by number or by handset,
    and have left it: a room that has moved. A licensed centre, or the office of a firm that sells,
    is found too: declare its lines with --entities.

    Sample: one of 14 lines (limit 4) that called strangers at cell 460-00-5A10-20011 on 2026-05-12,
    0.4 expected by its traffic; 11 of them were at cell 460-00-5A11-25491 until 2026-05-08 and are
    here since 2026-05-11
    """

    name: ClassVar[str] = "site"
    title: ClassVar[str] = "sites"
    family: ClassVar[str] = "device"
    persistent: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = ("lines", "cards")

    lines: int = setting(4, "lines at one cell that make a finding", ge=2)
    times: float = setting(3.0, "how many times what is expected they must be", ge=1)
    fdr: float = setting(0.01, "false-discovery rate over all cells of a day", gt=0, le=1)
    cards: int = setting(4, "lines on one handset in 7 days that make a finding", ge=2)

    def not_applicable(self, feed: Feed) -> Text | None:
        if not feed.columns & {"cell_id", "imei"}:
            return say("site.no_cells", "the feed names no cells (cell_id) and no handsets (imei)")
        return None

    def needs(self) -> Needs:
        return Needs(traffic=frozenset({"cell"}))

    def find(self, tables: Tables) -> pl.LazyFrame:
        return pl.concat([self._cells(tables), self._handsets(tables)])

    def _cells(self, tables: Tables) -> pl.LazyFrame:
        crowded = co_location.crowded_cells(
            tables.cold_callers, tables.traffic, since=tables.since
        ).lazy()
        odd = crowded.filter(
            pl.col("n_group") >= self.lines,
            pl.col("n_group") >= self.times * pl.col("expected"),
            pl.col("q_value") <= self.fdr,
        )
        moves = co_location.find_moves(tables.cold_callers, odd)
        cells = odd.join(moves, on=["day", "place"], how="left").with_columns(
            came=(pl.col("n_moved") >= self.lines).fill_null(value=False)
        )
        moved = sentence(
            "site.moved",
            "; {n} of them were at cell {before} until {until} and are here since {since}",
            n="n_moved",
            before="before",
            until="until",
            since="here_since",
        )
        return self.finding(
            tables,
            _line_days(tables, cells),
            subject_kind="site",
            members=_members(tables),
            observed=pl.col("n_group"),
            threshold=self.lines,
            severity=ladder({"critical": pl.col("came")}, "high"),
            p_value=pl.col("p_value"),
            reason=sentence(
                "site.cell",
                "one of {lines} lines (limit {limit}) that called strangers at cell {cell} on "
                "{day}, {expected} expected by its traffic{moved}",
                lines="n_group",
                limit=self.lines,
                cell="place",
                day="day",
                expected=pl.col("expected").round(1),
                moved=first_sentence([(pl.col("came"), moved)]),
            ),
            would_clear_if=sentence(
                "site.clear_cell",
                "fewer than {lines} such lines there, or as many as its traffic explains",
                lines=self.lines,
            ),
            evidence=pl.struct(
                pl.col("expected").round(3),
                pl.col("q_value").round_sig_figs(3),
                "before",
                "until",
                "here_since",
                "n_moved",
                cell="place",
            ),
        )

    def _handsets(self, tables: Tables) -> pl.LazyFrame:
        used = co_location.handset_groups(tables.cold_callers, since=tables.since)
        return self.finding(
            tables,
            _line_days(tables, used.filter(pl.col("n_group") >= self.cards)),
            subject_kind="device",
            members=_members(tables),
            window_start=tables.opens(pl.col("day") - timedelta(days=HANDSET_DAYS - 1)),
            observed=pl.col("n_group"),
            threshold=self.cards,
            severity="high",
            reason=sentence(
                "site.handset",
                "one of {lines} lines (limit {limit}) that called strangers from handset {handset} "
                "in the {days} days to {day}",
                lines="n_group",
                limit=self.cards,
                handset="place",
                days=HANDSET_DAYS,
                day="day",
            ),
            would_clear_if=sentence(
                "site.clear_handset", "fewer than {lines} such lines", lines=self.cards
            ),
            evidence=pl.struct(handset="place"),
        )


def _members(tables: Tables) -> pl.Expr:
    return pl.col("group").list.eval(tables.written(pl.element()))


def _line_days(tables: Tables, groups: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row for each line of a group that was at work on the day."""
    lines = groups.with_columns(line="group").explode("line", empty_as_null=False, keep_nulls=False)
    today = tables.cold_callers.select("line", "day")
    return lines.join(today, on=["line", "day"], how="semi")
