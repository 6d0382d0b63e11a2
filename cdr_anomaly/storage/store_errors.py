"""What goes wrong with object stores, in one sentence, whichever library met with it.

Their own messages are not repeated: they may hold signed addresses.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cdr_anomaly.errors import CdrAnomalyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the libraries call any trouble with a store; Polars, Delta and obstore share one below.
TROUBLE = (
    "Generic S3 error",
    "Generic GCS error",
    "Generic MicrosoftAzure error",
    "object-store error",
    "Object at location",
)
UNKNOWN = (
    "cannot be read without credentials, and none were found; set those of the environment "
    "(AWS_ACCESS_KEY_ID and its like), or give --storage-option"
)
FAULTS = (
    (("NoSuchBucket", "bucket does not exist", "ContainerNotFound"),
     "is in no bucket that the store has; check the name"),
    (("latest/api/token", "169.254.169.254", "computeMetadata", "metadata/identity"), UNKNOWN),
    (("401 Unauthorized", "403 Forbidden", "AccessDenied", "PermissionDenied", "Unauthenticated",
      "lacked the necessary privileges", "lacked valid authentication"),
     "is refused to these credentials; check them, and what they may do there"),
    (("BadScheme",), "is at an endpoint without TLS; give --storage-option allow_http=true"),
    (("condition failure", "already exists", "412 Precondition", "NotImplemented"),
     "was written by another run meanwhile, or its store knows no conditional writes"),
    (("not found", "404 Not Found"), "is not there"),
)  # fmt: skip
UNREACHED = "cannot be reached; check the endpoint and the network, and run this again"


def is_trouble(error: BaseException) -> bool:
    """Tell whether an error of any library is about a store that could not be read or written."""
    return any(word in str(error) for word in TROUBLE)


def why(error: BaseException) -> str:
    """Say what is wrong with a store, as the end of a sentence that names the place."""
    told = str(error)
    found = (said for words, said in FAULTS if any(word in told for word in words))
    return next(found, UNREACHED)


@contextmanager
def reaching(*places: object, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Say in one sentence why a store cannot be used; a file that is not there is left to others.

    ``places`` are those that may have made the trouble.
    """
    try:
        yield
    except (CdrAnomalyError, *but):  # type: ignore[misc]
        raise
    except Exception as error:
        absent = isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error)
        remote = [f"'{each}'" for each in places if not isinstance(each, Path)]
        if absent or not remote or not is_trouble(error):
            raise
        msg = f"{' or '.join(remote)} {why(error)}."
        raise StoreError(msg) from error
