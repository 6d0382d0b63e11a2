"""Every table that passes between steps, column by column, with its unit and meaning.

A line is carried as a 64-bit integer where every number of the feed can be (see numbering.py),
else as text; columns of type LINE are either. The tables that leave the house hold text only.
"""

from cdr_anomaly.schema.line_story import STORY
from cdr_anomaly.schema.outputs import (
    ALERTS,
    EVIDENCE,
    FINDINGS,
    VICTIMS,
)
from cdr_anomaly.schema.pipeline import (
    BESIDE,
    BIRTHS,
    CALLS,
    HOPS,
    LEGS,
    LINES,
    LINKS,
    LISTS,
    MEASURES,
    OUTBOUND,
    PROFILE,
    REACHED,
    REQUIRED,
    SHIFTS,
    SUBSCRIBERS,
    TESTS,
    TRAFFIC,
)
from cdr_anomaly.schema.state import (
    FEEDBACK,
    FORWARDED,
    LATE,
    LEDGER,
    LONG,
    SEEN,
    SUCCESSIONS,
    VOLUME,
)
from cdr_anomaly.schema.subject_kinds import SUBJECT_KINDS, kinds_with
from cdr_anomaly.schema.table import Column, Table, columns, empty, lines, require
from cdr_anomaly.vocabulary import SEVERITIES

__all__ = [
    "ALERTS", "BESIDE", "BIRTHS", "CALLS", "EVIDENCE", "FEEDBACK", "FINDINGS", "FORWARDED", "HOPS",
    "LATE", "LEDGER", "LEGS", "LINES", "LINKS", "LISTS", "LONG", "MEASURES", "OUTBOUND", "PROFILE",
    "REACHED", "REQUIRED", "SEEN", "SEVERITIES", "SHIFTS", "STORY", "SUBJECT_KINDS", "SUBSCRIBERS",
    "SUCCESSIONS", "TESTS", "TRAFFIC", "VICTIMS", "VOLUME", "Column", "Table", "columns", "empty",
    "kinds_with", "lines", "require",
]  # fmt: skip
