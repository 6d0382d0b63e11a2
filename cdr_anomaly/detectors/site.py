"""Rooms of lines that call strangers: at one cell or on one handset, and where they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import wording
from cdr_anomaly.detectors.base import STRICT, Detector, days_back, ladder, setting
from cdr_anomaly.features import co_location
from cdr_anomaly.features.co_location import HANDSET_DAYS
from cdr_anomaly.wording import Text, say

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

    def counts(self) -> frozenset[str]:
        return frozenset({"cell"})

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
        found = odd.join(moves, on=["day", "place"], how="left").with_columns(
            came=(pl.col("n_moved") >= self.lines).fill_null(value=False)
        )
        move = wording.format_text(
            "; {} of them were at cell {} until {} and are here since {}",
            "n_moved",
            "before",
            "until",
            "here_since",
        )
        reason = wording.format_text(
            "one of {} lines (limit {}) that called strangers at cell {} on {}, {} expected by its "
            "traffic{}",
            "n_group",
            pl.lit(self.lines),
            "place",
            "day",
            pl.col("expected").round(1),
            pl.when("came").then(move).otherwise(pl.lit("")),
        )
        return self._of_each_line(
            tables,
            found,
            kind="site",
            threshold=self.lines,
            reason=reason,
            first=pl.col("day"),
            severity=ladder({"critical": pl.col("came")}, "high"),
            p_value=pl.col("p_value"),
            evidence=pl.struct(
                pl.col("expected").round(3),
                pl.col("q_value").round_sig_figs(3),
                "before",
                "until",
                "here_since",
                "n_moved",
                cell="place",
            ),
            would_clear_if=f"fewer than {self.lines} such lines there, or as many as its traffic "
            "explains",
        )

    def _handsets(self, tables: Tables) -> pl.LazyFrame:
        used = co_location.handset_groups(tables.cold_callers, since=tables.since)
        reason = wording.format_text(
            "one of {} lines (limit {}) that called strangers from handset {} in the {} days to {}",
            "n_group",
            pl.lit(self.cards),
            "place",
            pl.lit(HANDSET_DAYS),
            "day",
        )
        return self._of_each_line(
            tables,
            used.filter(pl.col("n_group") >= self.cards),
            kind="device",
            threshold=self.cards,
            reason=reason,
            first=days_back(pl.col("day"), HANDSET_DAYS - 1),
            severity="high",
            evidence=pl.struct(handset="place"),
            would_clear_if=f"fewer than {self.cards} such lines",
        )

    def _of_each_line(
        self, tables: Tables, places: pl.LazyFrame, *, kind: str, first: pl.Expr, **told: Any
    ) -> pl.LazyFrame:
        """Say what is found of a place of each of its lines that were at work on the day."""
        members = pl.col("group").list.eval(tables.written(pl.element()))
        today = tables.cold_callers.select("line", "day")
        lines = places.with_columns(line="group").explode(
            "line", empty_as_null=False, keep_nulls=False
        )
        return self.finding(
            lines.join(today, on=["line", "day"], how="semi"),
            subject_kind=kind,
            subject=tables.written(pl.col("line")),
            members=members,
            day=pl.col("day"),
            window_start=tables.opens(first),
            window_end=tables.closes(pl.col("day")),
            observed=pl.col("n_group"),
            **told,
        )
