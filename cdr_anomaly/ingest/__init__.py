"""Vendor files to CALLS: mapping, units, zone, repeats; counts and keeps what it refused."""

from cdr_anomaly.ingest.file_group import FileGroup, add_local_day, has_party_in, midnight
from cdr_anomaly.ingest.files import File
from cdr_anomaly.ingest.mapping import CODED
from cdr_anomaly.ingest.source import Part, Reader, Source, open_source, read_locally
from cdr_anomaly.ingest.validate import IGNORED, REFUSED, VERDICTS

__all__ = [
    "CODED",
    "IGNORED",
    "REFUSED",
    "VERDICTS",
    "File",
    "FileGroup",
    "Part",
    "Reader",
    "Source",
    "add_local_day",
    "has_party_in",
    "midnight",
    "open_source",
    "read_locally",
]
