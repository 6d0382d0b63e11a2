"""Blocks, dealers and regions with a surge of new lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.new_sim_burst import holders, surges, uses
from cdr_anomaly.schema import kinds_with
from cdr_anomaly.wording import NOTHING, Sentence, first_sentence, probability, sentence, word

if TYPE_CHECKING:
    from cdr_anomaly.detectors.new_sim_burst.settings import NewSimBurstSettings
    from cdr_anomaly.features.tables import Tables

ODD_LINES = Grading(3, "new lines of a group that forward or dial, from which it is medium or high")
HIGH_SHARE = Grading(0.5, "share of its new lines that do so and make it high")
MEDIUM_SHARE = Grading(0.2, "share of its new lines that do so and make it medium")
SILENT_SHARE = Grading(0.8, "share of its new lines that place no call, which makes it medium")
GRADINGS = (ODD_LINES, HIGH_SHARE, MEDIUM_SHARE, SILENT_SHARE, *uses.GRADINGS)
# The figures of a surge that columns of a list of subscribers give.
HOLDER_FIGURES = {
    "holder_region": ("home", "n_placed", "n_elsewhere", "n_regions", "usual_elsewhere"),
    "holder_token": ("n_holders", "n_theirs"),
}


def find(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return findings of the groups with a surge of new lines, by what these lines do."""
    listed = [column for column in HOLDER_FIGURES if column in tables.feed.listed_columns]
    figures = [name for column in listed for name in HOLDER_FIGURES[column]]
    # A dealer who opens a shop, or a region whose students come, is nobody to look at.
    wanted = pl.col("kind").is_in(kinds_with(is_prefix=True)) | (pl.col("severity") != "low")
    first = pl.col("day") - pl.duration(days=pl.col("window_days") - 1)
    return limits.finding(
        tables,
        _surging(limits, tables).with_columns(severity=_severity(tables)).filter(wanted),
        subject_kind=pl.col("kind"),
        subject=pl.col("group"),
        members=pl.col("line").list.eval(tables.written(pl.element())),
        window_start=tables.opens(first),
        severity=pl.col("severity"),
        observed=pl.col("n_new"),
        threshold=limits.block_lines,
        baseline=pl.col("expected").round(3),
        p_value=pl.col("p_value"),
        reason=_reason(limits, tables),
        would_clear_if=sentence(
            "new_sim_burst.clear_group",
            "fewer than {lines} new lines, or {times} times what is expected of the {group}",
            lines=limits.block_lines,
            times=limits.block_ratio,
            group=word(pl.col("kind")),
        ),
        evidence=pl.struct(
            "level", "window_days", "q_value", "passes_on", "dials", "silent", *figures
        ),
    )


def _severity(tables: Tables) -> pl.Expr:
    odd, n_new = pl.col("passes_on") + pl.col("dials"), pl.col("n_new")
    # An activated line that the feed has never named may lie in a shop.
    # Where the feed tells of forwarding, lines that only receive are watches and alarms.
    unused = (pl.col("silent") >= SILENT_SHARE * n_new) & (
        not (tables.feed.activations or tables.feed.forwards)
    )
    some = odd >= ODD_LINES
    return ladder(
        {
            "high": some & (odd >= HIGH_SHARE * n_new),
            "medium": (some & (odd >= MEDIUM_SHARE * n_new)) | unused,
        },
        default="low",
    )


def _reason(limits: NewSimBurstSettings, tables: Tables) -> Sentence:
    columns, kind, group = tables.feed.listed_columns, pl.col("kind"), pl.col("group")
    # The name of a dealer or region stands after the word.
    dealer, region = (group.str.strip_prefix(f"{name} ") for name in ("dealer", "region"))
    sold = first_sentence(
        [
            (
                kind == "dealer",
                sentence("new_sim_burst.of_dealer", "sold by dealer {dealer}", dealer=dealer),
            ),
            (
                kind == "region",
                sentence("new_sim_burst.of_region", "of holders in region {place}", place=region),
            ),
        ],
        sentence("new_sim_burst.of_block", "of the block {block}", block="group"),
    )
    return sentence(
        "new_sim_burst.group",
        "{lines} lines {sold} were new in the {days} day(s) to {day} (limit {limit}, and {times} "
        "times the expected {expected}); {forwarding} of them forward 80 % or more of what they "
        "receive and placed no more than 1, {dialling} place {calls} or more calls on a day, "
        "{silent} have placed none; p {p}{elsewhere}{several}",
        lines="n_new",
        sold=sold,
        days="window_days",
        day="day",
        limit=limits.block_lines,
        times=limits.block_ratio,
        expected=pl.col("expected").round(2),
        forwarding="passes_on",
        dialling="dials",
        calls=_busy_calls(limits),
        silent="silent",
        p=probability(pl.col("p_value")),
        elsewhere=holders.elsewhere_sentence() if "holder_region" in columns else NOTHING,
        several=holders.several_sentence() if "holder_token" in columns else NOTHING,
    )


def _surging(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return the surging groups, with the lines that were born then, what they do, and whose."""
    lines = tables.groups(surges.LEVELS).collect()
    known = [day for day in tables.judged_days if day >= tables.births_from]
    surging = surges.surges(
        lines,
        known,
        known_from=tables.births_from,
        rule=surges.Rule(limits.block_lines, limits.block_ratio, limits.fdr),
    )
    members = uses.members(lines, surging)
    used = uses.used(members, tables.profile, busy=_busy_calls(limits), begun=tables.feed.first_day)
    groups = (
        surging.lazy()
        .with_columns(
            kind=pl.col("by").str.replace(r"_\d$", ""),
            level=pl.col("by").str.extract(r"_(\d)$").cast(pl.Int64),
        )
        .join(used, on=surges.SURGE, how="left")
        .with_columns(pl.col("passes_on", "dials", "silent").fill_null(0))
        .join(members.sort("line").group_by(surges.SURGE).agg("line"), on=surges.SURGE)
    )
    if "holder_region" in tables.feed.listed_columns:
        placed = holders.elsewhere(lines, surging, members)
        groups = groups.join(placed, on=surges.SURGE, how="left")
    if "holder_token" in tables.feed.listed_columns:
        tokens = tables.subscribers.select("line", "holder_token").drop_nulls()
        several = holders.several(members, tokens)
        groups = groups.join(several, on=surges.SURGE, how="left")
    return groups


def _busy_calls(limits: NewSimBurstSettings) -> int:
    """Return from how many calls on a day a new line of a group dials."""
    return -(-limits.line_calls // 3)
