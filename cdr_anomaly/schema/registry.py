"""Every table that users may read: of feeds, of results and of states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdr_anomaly.schema.outputs import ALERTS, EVIDENCE, FINDINGS, VICTIMS
from cdr_anomaly.schema.pipeline import (
    BESIDE,
    CALLS,
    COLD_CALLERS,
    LEGS,
    PROFILE,
    SHIFTS,
    SUBSCRIBERS,
    TESTS,
)
from cdr_anomaly.schema.state import (
    CARRY_OVER,
    FEEDBACK,
    FORWARD_LEGS,
    LEDGER,
    LINE_NAMES,
    LINE_REPLACEMENTS,
    LINE_SIGHTINGS,
    LONG_CALLS,
    VOLUME,
)

if TYPE_CHECKING:
    from cdr_anomaly.schema.table import Table

# Of feeds, lists and results, by their titles in the docs.
BORDER_TABLES: dict[str, Table] = {
    "CALLS, what a feed may hold": CALLS,
    "Beside the tokens of pseudonymised CALLS": BESIDE,
    "SUBSCRIBERS, what is known of lines (`--subscribers`)": SUBSCRIBERS,
    "FINDINGS (`findings.parquet`)": FINDINGS,
    "ALERTS (`alerts.parquet`, `.csv`, `.jsonl`)": ALERTS,
    "EVIDENCE (`evidence.parquet`)": EVIDENCE,
    "VICTIMS, whom to warn (`victims.parquet`, `.csv`)": VICTIMS,
    "TESTS, what is compared; EVIDENCE is made of it": TESTS,
}
# Of a state, by the names of their folders; its ledger says which versions of them are good.
STATE_TABLES: dict[str, Table] = {
    "profile": PROFILE,
    "forward_legs": FORWARD_LEGS,
    "legs": LEGS,
    "carry_over": CARRY_OVER,
    "line_sightings": LINE_SIGHTINGS,
    "line_names": LINE_NAMES,
    "shifts": SHIFTS,
    "volume": VOLUME,
    "cold_callers": COLD_CALLERS,
    "line_replacements": LINE_REPLACEMENTS,
    "long_calls": LONG_CALLS,
    "findings": FINDINGS,
    "evidence": EVIDENCE,
    "alerts": ALERTS,
    "victims": VICTIMS,
    "feedback": FEEDBACK,
}
# All of them, by their titles in the docs; a table of a state that is a result, too, stands once.
TABLES = BORDER_TABLES | {
    f"`{name}` of a state": table
    for name, table in (STATE_TABLES | {"ledger": LEDGER}).items()
    if table not in BORDER_TABLES.values()
}
