"""What holds for a state as a whole, in a file beside its tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cdr_anomaly.errors import StateError
from cdr_anomaly.nights.lock import private_writes
from cdr_anomaly.nights.upgrade import VERSION
from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from cdr_anomaly.storage.paths import Location

FILE_NAME = "state.json"


@dataclass(frozen=True)
class Header:
    """What holds for a state as a whole: its version, and how days and numbers are to be read."""

    version: int
    zone: str
    home: str


def read(location: Location) -> Header | None:
    """Return the header of a state; None where there is no state."""
    if not isinstance(location, Path) and quote(location.key, safe="/=") != location.key:
        # Delta writes such names in another way than Polars reads them.
        msg = f"'{location}' cannot be a state: name it by letters, digits and - _ . = alone."
        raise StateError(msg)
    if not location.exists():
        return None
    if not location.is_dir():
        msg = f"'{location}' is a file; a state is a folder."
        raise StateError(msg)
    try:
        header = Header(**json.loads((location / FILE_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        others = [file.name for file in location.iterdir() if not file.name.startswith(".")]
        if others:
            msg = (
                f"'{location}' is no state: it holds '{min(others)}' and no {FILE_NAME}; "
                "name another."
            )
            raise StateError(msg) from None
        return None
    except (OSError, ValueError, TypeError) as error:
        msg = f"'{location / FILE_NAME}' cannot be read; put it back from a backup."
        raise StateError(msg) from error
    if header.version > VERSION:
        msg = (
            f"The state in '{location}' is of version {header.version}, this program knows "
            f"{VERSION}: a newer cdr-anomaly wrote it; update this one."
        )
        raise StateError(msg)
    return header


def write(location: Location, header: Header) -> None:
    """Write the header of a state."""
    with private_writes(location):
        paths.write(location / FILE_NAME, f"{json.dumps(header.__dict__)}\n".encode())
