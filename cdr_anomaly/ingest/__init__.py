"""Vendor files to CALLS: mapping, units, zone, repeats; counts and keeps what it refused."""

from cdr_anomaly.ingest.file_group import Shape, dated, midnight, of_lines
from cdr_anomaly.ingest.files import File
from cdr_anomaly.ingest.source import Part, Reader, Source, here, open_source
from cdr_anomaly.ingest.validate import LEFT_OUT, REFUSED, VERDICTS

__all__ = [
    "LEFT_OUT",
    "REFUSED",
    "VERDICTS",
    "File",
    "Part",
    "Reader",
    "Shape",
    "Source",
    "dated",
    "here",
    "midnight",
    "of_lines",
    "open_source",
]
