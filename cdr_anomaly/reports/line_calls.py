"""The calls that a line's story needs: those that name it, and those of the numbers beside them.

The calls from, to and through a line are read first, alone. With them all is known that it did:
PROFILE, MEASURES, SHIFTS and LEGS are as in a scan. Then come the calls of the numbers that it has
calls with, forwards to or is forwarded to by, those on its handsets, and those of its number block.
They tell which numbers have something in common with it, and who of its contacts calls whom.

Nothing of it is judged: what is usual, and how unlikely a day is, depends on all lines.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import detectors, engines, ingest, numbering, pipeline
from cdr_anomaly.engines import legs as engines_legs
from cdr_anomaly.engines.base import COUNTED_COLUMNS, FORWARD_COLUMNS, LEG_COLUMNS
from cdr_anomaly.features import forwarding_hops
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.second_look import describe_lines
from cdr_anomaly.features.tables import build_tables
from cdr_anomaly.ingest import deduplicate
from cdr_anomaly.ingest.line_filter import LineFilter
from cdr_anomaly.reports.related_numbers import BLOCK_DIGITS
from cdr_anomaly.result import Result
from cdr_anomaly.schema import ALERTS, EVIDENCE, FINDINGS, LINKS, VICTIMS, empty

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cdr_anomaly.features.feed import FeedReader
    from cdr_anomaly.features.tables import Tables
    from cdr_anomaly.ingest import Source
    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


def read_line(
    line: str,
    paths: Iterable[str | Location],
    settings: Settings,
    *,
    subscribers: Path | None = None,
    progress: Progress,
) -> Result:
    """Read the calls that name a line, and return them as a result in which nothing is judged."""
    progress("opening the files")
    engine = engines.build_engine(settings)
    source = ingest.open_source(paths, settings, engine.reader)
    text = numbering.one_line_text(line, source.plan)
    own = source.with_line_filter(LineFilter.of_lines([] if text is None else [text], source.plan))
    needs = Needs.merge(detector.needs() for detector in detectors.build(settings))
    reading = pipeline.read_twice(
        engine, own, needs, subscribers=subscribers, extra_line=line, progress=progress
    )
    reader, tables = reading.reader, build_tables(reading, needs)
    complete = pl.Series(dtype=reader.source.line_type)
    if reader.line is not None:
        progress("reading the calls of its contacts")
        tables, complete = _with_others(tables, reader, needs.hop_link_s)
    return Result(
        findings=empty(FINDINGS),
        evidence=empty(EVIDENCE, pl.String()),
        alerts=empty(ALERTS),
        victims=empty(VICTIMS),
        counts=pipeline.count_rows(reader.look),
        not_applicable={},
        tables=tables,
        source=reader.source,
        line=reader.line,
        has_verdicts=False,
        complete_lines=complete,
    )


def _with_others(tables: Tables, reader: FeedReader, hop_link_s: int) -> tuple[Tables, pl.Series]:
    """Add the calls of the numbers beside the line's calls. Return also whose calls are all read.

    PROFILE has no calls of others that they forwarded.
    """
    source, line = reader.source, pl.col("line")
    center = tables.literal(reader.line)
    complete = _ends_of_calls(tables, center)
    calls = _read_calls(source, _filter_of(tables, complete, center))
    every = pl.concat([calls["calling_number"], calls["called_number"]]).unique().drop_nulls()
    legs = engines_legs.legs_of(calls, every.alias("line").to_frame())
    hops = tables.hops
    if "redirecting_number" in source.columns:
        forwarded = engines_legs.forwarded_legs(calls)
        hops = forwarding_hops.hops(forwarded, link_seconds=hop_link_s).lazy()
    placed, no_calls = pl.col("outgoing").sum(), pl.lit(0, pl.Int64)
    profile = (
        legs.lazy()
        .filter(line != center)
        .group_by("line", "day")
        .agg(n_out=placed.cast(pl.Int64), n_in=(pl.len() - placed).cast(pl.Int64))
        .with_columns(n_forwarded=no_calls)
    )
    lines = tables.lines.collect()
    block = _block(tables, center)
    same = numbering.number_block(tables.written(line), tables.plan, BLOCK_DIGITS) == block
    near = legs.lazy().filter("outgoing").select("line").unique().filter(same).collect()
    near = near.join(lines, on="line", how="anti")
    others = describe_lines(near, tables.line_ages.collect(), reader)
    own_days = tables.profile.filter(line == center)
    widened = replace(
        tables,
        legs=legs.lazy(),
        hops=hops,
        profile=pl.concat([own_days, profile.select(own_days.collect_schema().names())]),
        lines=pl.concat([lines, others.select(lines.columns)]).lazy(),
        links=empty(LINKS, source.line_type).lazy(),
        two_way=True,
    )
    return widened, complete


def _ends_of_calls(tables: Tables, center: pl.Expr) -> pl.Series:
    """Return the line, and all numbers that have a call or a forward with it."""
    legs, hops = tables.legs.filter(pl.col("line") == center), tables.hops
    ends = [
        pl.select(line=center).lazy(),
        legs.select(line="counterpart"),
        hops.filter(pl.col("forwarder") == center).select(line="target"),
        hops.filter(pl.col("target") == center).select(line="forwarder"),
    ]
    return pl.concat(ends).drop_nulls().unique().collect()["line"].sort()


def _filter_of(tables: Tables, complete: pl.Series, center: pl.Expr) -> LineFilter:
    """Return the filter of the calls of some lines, on the line's handsets, and of its block."""
    texts = complete.to_frame("line").select(tables.written(pl.col("line"))).to_series()
    of_line = tables.legs.filter(pl.col("line") == center)
    handset = numbering.handset_id(pl.col("imei"))
    handsets = of_line.select(handset.drop_nulls().unique()).collect().to_series()
    block = pl.select(_block(tables, center)).item()
    national = block and block.removeprefix(f"+{tables.plan.calling_code}")
    return LineFilter.of_lines(texts, tables.plan, block=national, handsets=handsets)


def _block(tables: Tables, center: pl.Expr) -> pl.Expr:
    return numbering.number_block(tables.written(center), tables.plan, BLOCK_DIGITS)


def _read_calls(source: Source, line_filter: LineFilter) -> pl.DataFrame:
    """Return the calls that pass a filter, each once, with their ``day``."""
    names = dict.fromkeys((*COUNTED_COLUMNS, *FORWARD_COLUMNS, *LEG_COLUMNS))
    columns = [name for name in names if name in source.columns]
    filtered = source.with_line_filter(line_filter)
    filtered.read_names()
    rows = filtered.run_query(
        lambda group: (
            group.map_rows(source.columns, source.line_type).filter("valid").select(columns)
        )
    )
    calls = deduplicate.merge_calls(pl.concat(rows), source.columns).collect()
    return ingest.add_local_day(calls, source.tz)
