"""Errors of object stores as one sentence, for all libraries that access them.

The messages of the libraries are not repeated, because they may contain signed addresses.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cdr_anomaly.errors import CdrAnomalyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Words in the errors of Polars, Delta and obstore, which use the same store library.
STORE_ERRORS = (
    "Generic S3 error",
    "Generic GCS error",
    "Generic MicrosoftAzure error",
    "object-store error",
    "Object at location",
)
NO_CREDENTIALS = (
    "cannot be read without credentials, and none were found; set those of the environment "
    "(AWS_ACCESS_KEY_ID and its like), or give --storage-option"
)
CAUSES = (
    (("NoSuchBucket", "bucket does not exist", "ContainerNotFound"),
     "is in no bucket that the store has; check the name"),
    (("latest/api/token", "169.254.169.254", "computeMetadata", "metadata/identity"),
     NO_CREDENTIALS),
    (("401 Unauthorized", "403 Forbidden", "AccessDenied", "PermissionDenied", "Unauthenticated",
      "lacked the necessary privileges", "lacked valid authentication"),
     "is refused to these credentials; check them, and what they may do there"),
    (("BadScheme",), "is at an endpoint without TLS; give --storage-option allow_http=true"),
    (("condition failure", "already exists", "412 Precondition", "NotImplemented"),
     "was written by another run meanwhile, or its store knows no conditional writes"),
    (("not found", "404 Not Found"), "is not there"),
)  # fmt: skip
UNREACHABLE = "cannot be reached; check the endpoint and the network, and run this again"


def is_store_error(error: BaseException) -> bool:
    """Return whether the error of any library is about a store that cannot be read or written."""
    return any(word in str(error) for word in STORE_ERRORS)


def describe(error: BaseException) -> str:
    """Return what is wrong with a store, as the end of a sentence that begins with its address."""
    text = str(error)
    causes = (cause for words, cause in CAUSES if any(word in text for word in words))
    return next(causes, UNREACHABLE)


@contextmanager
def explain_store_errors(
    *locations: object, but: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Raise errors of stores as StoreError, except those of missing files and those in ``but``.

    ``locations`` are those that may have caused the error.
    """
    try:
        yield
    except (CdrAnomalyError, *but):  # type: ignore[misc]
        raise
    except Exception as error:
        absent = isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error)
        remote = [f"'{location}'" for location in locations if not isinstance(location, Path)]
        if absent or not remote or not is_store_error(error):
            raise
        msg = f"{' or '.join(remote)} {describe(error)}."
        raise StoreError(msg) from error
