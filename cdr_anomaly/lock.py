"""One writer at a time, whose files nobody else may read: who holds a folder, and since when."""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from cdr_anomaly.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK, HOLDER = ".lock", ".holder.json"
# Somebody who only asks whether the folder is held, holds it for a moment.
PATIENCE_S = 1.0


@contextmanager
def held(place: Path) -> Iterator[None]:
    """Hold a folder, or say who does; a run that is killed lets go of it at once."""
    lock = FileLock(place / LOCK, timeout=PATIENCE_S, mode=0o600)
    umask = os.umask(0o077)
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        (place / HOLDER).write_text(json.dumps(_me()) + "\n", encoding="utf-8")
    except Timeout:
        msg = f"Another run holds '{place}'{_who(place)}; wait for its end, or stop it."
        raise StateError(msg) from None
    except OSError as error:
        msg = f"'{place}' cannot be written to: {error.strerror or error}."
        raise StateError(msg) from error
    finally:
        os.umask(umask)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Write what only its owner may read, and say in one sentence why it cannot be written."""
    umask = os.umask(0o077)
    try:
        yield
    except Exception as error:
        # Delta's errors are no OSError, but name the one behind them.
        if not isinstance(error, OSError) and "os error" not in str(error):
            raise
        told = str(error)
        if "os error 28" in told or getattr(error, "errno", None) == 28:
            disk = next(p for p in (place.resolve(), *place.resolve().parents) if p.is_mount())
            free = shutil.disk_usage(disk).free
            told = f"the disk at '{disk}' is full ({free:,} bytes free); make room"
        msg = f"The state in '{place}' cannot be written: {told}. It is as it was; run this again."
        raise StateError(msg) from error
    finally:
        os.umask(umask)


def is_held(place: Path) -> bool:
    """Tell whether some run holds the folder."""
    if not (place / LOCK).exists():
        return False
    try:
        with FileLock(place / LOCK, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _me() -> dict[str, str | int]:
    return {
        "user": os.environ.get("LOGNAME") or os.environ.get("USER") or str(os.getuid()),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
    }


def _who(place: Path) -> str:
    try:
        told = json.loads((place / HOLDER).read_text(encoding="utf-8"))
        return ": process {process} of {user} on {host}, since {since}".format(**told)
    except (OSError, ValueError, KeyError):
        return ""
