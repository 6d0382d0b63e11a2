"""Numbers, handsets and identities to tokens, by a secret key, and tokens of a list back to them.

``made`` has what stands for what, ``records`` and ``lists`` write it in the place of files, and
``back`` finds the numbers again, for those who have the key and the records, and logs who asked.
"""

from cdr_anomaly.privacy.lists import entities, subscribers
from cdr_anomaly.privacy.pseudonymiser import Maker
from cdr_anomaly.privacy.records import Made, write
from cdr_anomaly.privacy.reidentify import Request, reidentify

__all__ = ["Made", "Maker", "Request", "entities", "reidentify", "subscribers", "write"]
