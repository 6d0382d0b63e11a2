"""Pages to look at: single files that open from disk, with no network, and print."""

from __future__ import annotations

from cdr_anomaly.page.line import line
from cdr_anomaly.page.night import NIGHTS, Past, night
from cdr_anomaly.page.pictures import GRID_DAYS
from cdr_anomaly.page.words import LANGUAGES, Look

__all__ = ["GRID_DAYS", "LANGUAGES", "NIGHTS", "Look", "Past", "line", "night"]
