"""Tables to findings and their evidence: every detector judges, then chance is weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import detectors, numbering
from cdr_anomaly.alerts import peer_scoring, unlike_peers
from cdr_anomaly.alerts.severity import is_grave
from cdr_anomaly.features import line_replacements
from cdr_anomaly.schema import FINDINGS, TESTS, empty

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cdr_anomaly.alerts.peer_scoring import PastNights
    from cdr_anomaly.detectors import Detector, Tables

# The first digits of national numbers that make a block: carrier and city.
BLOCK_DIGITS = 7
# What a finding may be of: a detector, and evidence by itself.
FINDERS = (*detectors.NAMES, unlike_peers.NAME)


class Detection(NamedTuple):
    """What was found, and EVIDENCE of the days judged as the calls carry lines.

    ``weights`` is the same EVIDENCE with that of the nights before, and lines as text.
    """

    findings: pl.DataFrame
    evidence: pl.DataFrame
    weights: pl.DataFrame


def detect(
    applicable: Sequence[Detector], tables: Tables, past: PastNights, fdr: float
) -> Detection:
    """Let every detector judge, and find the lines that are unlike their peers beside.

    ``past`` are the nights before; ``fdr`` is the false-discovery rate of the latter.
    """
    findings = pl.concat(
        [empty(FINDINGS), *pl.collect_all([detector.find(tables) for detector in applicable])]
    ).filter(pl.col("day") >= tables.since)
    own = _build_evidence(applicable, tables, findings, past)
    weights = pl.concat([past.evidence.cast(own.schema), own])
    weights = weights.with_columns(line=tables.written(pl.col("line")))
    odd = unlike_peers.find_unlike(weights, fdr, detectors.MEASURES, since=tables.since)
    order = ("day", "detector", "subject_kind", "subject", "window_start", "reason")
    return Detection(pl.concat([findings, odd]).sort(order), own, weights)


def evidence_of_findings(findings: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Keep the EVIDENCE of what was found, with the sentence on what it is ``unlike`` in.

    ``weights`` is EVIDENCE with lines as text, that of the nights before included.
    """
    wanted = findings.select("day", line="subject").unique()
    sentences = unlike_peers.unlike_sentences(weights, wanted, detectors.MEASURES)
    rows = weights.join(wanted, on=["line", "day"], how="semi")
    return rows.join(sentences, on=["line", "day"], how="left")


def find_line_replacements(tables: Tables, day: date | None = None) -> pl.DataFrame:
    """Say which lines take the place of others, with lines as text (line, earlier, by).

    With a ``day`` as the night of that day knows it, else as the last day judged does.
    """
    block = numbering.number_block(tables.written(pl.col("line")), tables.plan, BLOCK_DIGITS)
    known = (pl.col("day") <= day) if day else pl.lit(value=True)
    judged = (pl.col("day") == day) if day else pl.col("day") >= tables.since
    days = tables.cold_callers.filter(known).collect()
    if days["line"].n_unique() < 2:
        return pl.DataFrame(schema=dict.fromkeys(("line", "earlier", "by"), pl.String))
    cold_callers = days.lazy()
    today = cold_callers.filter(judged).select("line")
    found = line_replacements.find_replacements(cold_callers, tables.links.filter(judged), block)
    ours = found.join(today, on="line", how="semi", maintain_order="left")
    ends = {end: tables.written(pl.col(end)) for end in ("line", "earlier")}
    return ours.with_columns(**ends).collect()


def _with_line_kinds(tests: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Tell the peers of TESTS by what a list says that lines are used for."""
    told = tests.join(lines, on="line", how="left", maintain_order="left")
    finer = pl.concat_str("peers", pl.lit(peer_scoring.OF_KIND), "line_kind")
    return told.with_columns(peers=pl.coalesce(finer, "peers")).select(list(TESTS))


def _build_evidence(
    applicable: Sequence[Detector], tables: Tables, findings: pl.DataFrame, past: PastNights
) -> pl.DataFrame:
    """Compare the line-days that detectors test, and give EVIDENCE of them."""
    frames = [tests for detector in applicable if (tests := detector.tests(tables)) is not None]
    kind = tables.profile.collect_schema()["line"]
    rows = pl.concat([empty(TESTS, kind), *pl.collect_all(frames)])
    lines = tables.lines.select("line", "number", "line_kind").collect()
    if "line_kind" in tables.feed.listed_columns:
        rows = _with_line_kinds(rows, lines)
    # Nobody is compared with what is found as grave as this.
    grave = findings.filter(is_grave("high")).select("day", number="members")
    odd = grave.explode("number").join(lines, on="number").select("line", "day")
    return peer_scoring.build_evidence(rows, odd, past, detectors.MEASURES)
