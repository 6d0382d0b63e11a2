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


def read(place: Location) -> Header | None:
    """Read what holds for a state as a whole; None where there is none."""
    if not isinstance(place, Path) and quote(place.key, safe="/=") != place.key:
        # Delta writes such names in another way than Polars reads them.
        msg = f"'{place}' cannot be a state: name it by letters, digits and - _ . = alone."
        raise StateError(msg)
    if not place.exists():
        return None
    if not place.is_dir():
        msg = f"'{place}' is a file; a state is a folder."
        raise StateError(msg)
    try:
        told = Header(**json.loads((place / FILE_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        others = [file.name for file in place.iterdir() if not file.name.startswith(".")]
        if others:
            msg = (
                f"'{place}' is no state: it holds '{min(others)}' and no {FILE_NAME}; name another."
            )
            raise StateError(msg) from None
        return None
    except (OSError, ValueError, TypeError) as error:
        msg = f"'{place / FILE_NAME}' cannot be read; put it back from a backup."
        raise StateError(msg) from error
    if told.version > VERSION:
        msg = (
            f"The state in '{place}' is of version {told.version}, this program knows {VERSION}: "
            "a newer cdr-anomaly wrote it; update this one."
        )
        raise StateError(msg)
    return told


def write(place: Location, told: Header) -> None:
    """Write it whole."""
    with private_writes(place):
        paths.write(place / FILE_NAME, f"{json.dumps(told.__dict__)}\n".encode())
