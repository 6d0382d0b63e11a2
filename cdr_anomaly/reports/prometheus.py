"""What a night tells its watchers: a text file for Prometheus' node exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from cdr_anomaly.alerts.detect import FINDERS
from cdr_anomaly.errors import OutputError
from cdr_anomaly.schema import SEVERITIES

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.nights.run import Outcome

EVERYBODY = 0o644


def write(file: Path, outcome: Outcome) -> None:
    """Write the figures of a night that came to its end.

    The file holds no number of a line; whoever collects it may be another user, and may read it.
    """
    registry, counts = CollectorRegistry(), outcome.result.counts
    figures = {
        "seconds": ("How long the night took", outcome.seconds),
        "calls_read": ("Rows of the day that were read", counts.read),
        "calls_used": ("Calls that were judged", counts.used),
        "rows_refused": ("Rows that could not be used", sum(counts.refused.values())),
        "warnings": ("Things that its operator should look at", len(outcome.warnings)),
    }
    for name, (meaning, value) in figures.items():
        Gauge(f"cdr_anomaly_{name}", meaning, registry=registry).set(value)
    success = Gauge(
        "cdr_anomaly_last_success_timestamp_seconds",
        "When a night was last done",
        registry=registry,
    )
    success.set_to_current_time()
    day = Gauge("cdr_anomaly_last_day", "Which day it judged, as yyyymmdd", registry=registry)
    day.set(int(f"{outcome.day:%Y%m%d}"))
    found, alerts = outcome.result.findings, outcome.result.alerts
    listed = alerts.filter(alerts["rank"].is_not_null())
    for name, label, words, values in (
        ("findings", "detector", FINDERS, found["detector"]),
        ("alerts", "severity", SEVERITIES, listed["severity"]),
    ):
        by_label = Gauge(f"cdr_anomaly_{name}", f"{name} of the night", [label], registry=registry)
        for word in words:
            by_label.labels(word).set(int((values == word).sum()))
    try:
        write_to_textfile(str(file), registry)
        file.chmod(EVERYBODY)
    except OSError as error:
        msg = f"The figures cannot be written to '{file}': {error.strerror or error}."
        raise OutputError(msg) from error
