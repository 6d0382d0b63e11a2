"""An invented city and its calls, with the truth about its lines; nothing else reads from here."""

from cdr_anomaly.evaluation.simulation.city import (
    FEWEST_DAYS,
    FEWEST_LINES,
    FIRST_DAY,
    SIDES,
    Sample,
    check_place,
    kinds,
    simulate,
    write,
)

__all__ = [
    "FEWEST_DAYS",
    "FEWEST_LINES",
    "FIRST_DAY",
    "SIDES",
    "Sample",
    "check_place",
    "kinds",
    "simulate",
    "write",
]
