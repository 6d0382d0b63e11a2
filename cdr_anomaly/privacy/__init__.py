"""Numbers, handsets and identities to pseudonyms by a secret key, and back for those who may.

``pseudonymiser`` makes the pseudonyms, ``records`` and ``lists`` write files with them, and
``reidentify`` finds the numbers again, with the key and the records, and logs who asked.
"""

from cdr_anomaly.privacy.lists import pseudonymise_entities, pseudonymise_subscribers
from cdr_anomaly.privacy.pseudonymiser import Pseudonymiser
from cdr_anomaly.privacy.records import RecordCounts, write_records
from cdr_anomaly.privacy.reidentify import Request, reidentify

__all__ = [
    "Pseudonymiser",
    "RecordCounts",
    "Request",
    "pseudonymise_entities",
    "pseudonymise_subscribers",
    "reidentify",
    "write_records",
]
