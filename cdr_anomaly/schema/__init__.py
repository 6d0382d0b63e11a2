"""Every table that passes between steps, column by column, with its unit and meaning.

A line is carried as a 64-bit integer where every number of the feed can be (see numbering/),
else as text; columns of type LINE are either. The tables that leave the house hold text only.
"""

from cdr_anomaly.schema.line_story import STORY
from cdr_anomaly.schema.outputs import ALERTS, EVIDENCE, FINDINGS, VICTIMS
from cdr_anomaly.schema.pipeline import (
    BESIDE,
    CALLS,
    COLD_CALLERS,
    HOPS,
    LEGS,
    LINE_AGES,
    LINES,
    LINKS,
    LISTS,
    MEASURES,
    PROFILE,
    REACHED,
    REQUIRED,
    SHIFTS,
    SUBSCRIBERS,
    TESTS,
    TRAFFIC,
)
from cdr_anomaly.schema.registry import STATE_TABLES, TABLES
from cdr_anomaly.schema.state import (
    CARRY_OVER,
    FEEDBACK,
    FORWARD_LEGS,
    LEDGER,
    LINE_REPLACEMENTS,
    LINE_SIGHTINGS,
    LONG_CALLS,
    VOLUME,
)
from cdr_anomaly.schema.subject_kinds import SUBJECT_KINDS, kinds_with
from cdr_anomaly.schema.table import Column, Table, empty, lines, require, with_all_columns
from cdr_anomaly.vocabulary import SEVERITIES

__all__ = [
    "ALERTS", "BESIDE", "CALLS", "CARRY_OVER", "COLD_CALLERS", "EVIDENCE", "FEEDBACK", "FINDINGS",
    "FORWARD_LEGS", "HOPS", "LEDGER", "LEGS", "LINES", "LINE_AGES", "LINE_REPLACEMENTS",
    "LINE_SIGHTINGS", "LINKS", "LISTS", "LONG_CALLS", "MEASURES", "PROFILE", "REACHED", "REQUIRED",
    "SEVERITIES", "SHIFTS", "STATE_TABLES", "STORY", "SUBJECT_KINDS", "SUBSCRIBERS", "TABLES",
    "TESTS", "TRAFFIC", "VICTIMS", "VOLUME", "Column", "Table", "empty", "kinds_with", "lines",
    "require", "with_all_columns",
]  # fmt: skip
