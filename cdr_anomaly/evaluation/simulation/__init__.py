"""An invented city and its calls, with the truth about its lines; nothing else reads from here."""

from cdr_anomaly.evaluation.simulation.city import (
    FIRST_DAY,
    MIN_DAYS,
    MIN_LINES,
    SIDES,
    Sample,
    check_folder,
    count_kinds,
    simulate,
    write_sample,
)

__all__ = [
    "FIRST_DAY",
    "MIN_DAYS",
    "MIN_LINES",
    "SIDES",
    "Sample",
    "check_folder",
    "count_kinds",
    "simulate",
    "write_sample",
]
