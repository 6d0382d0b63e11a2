"""Pages to look at: single files that open from disk, with no network, and print."""

from __future__ import annotations

from cdr_anomaly.reports.html.alerts_page import NIGHTS, Past, night
from cdr_anomaly.reports.html.chart_data import GRID_DAYS
from cdr_anomaly.reports.html.language import Look
from cdr_anomaly.reports.html.line_page import line

__all__ = ["GRID_DAYS", "NIGHTS", "Look", "Past", "line", "night"]
