"""One writer at a time, whose files nobody else may read: who holds a folder, and since when.

The system lets go of a folder when its holder dies. A store does not: there a hold is an object
that is renewed, and runs out.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from filelock import FileLock, Timeout

from cdr_anomaly.errors import CdrAnomalyError, StateError
from cdr_anomaly.storage import paths, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdr_anomaly.storage.paths import Address, Location

LOCK, HOLDER, HOLD = ".lock", ".holder.json", ".hold.json"
# Somebody who only asks whether the folder is held, holds it for a moment.
PATIENCE_S = 1.0
# A hold in a store is renewed so often, and is over when it was not for so long.
BEAT_S, LEASE_S = 20.0, 120.0
# How Delta says that somebody else was first.
OVERTAKEN = ("Failed to commit transaction", "A table already exists")


@contextmanager
def lock_state(place: Location) -> Iterator[None]:
    """Hold a folder, or say who does.

    A run that is killed lets go of it at once, and in a store after two minutes, or as soon as
    another run on the same machine, and in the same container, asks.
    """
    with _lock_folder(place) if isinstance(place, Path) else _lease_store(place / HOLD, place):
        yield


@contextmanager
def _lock_folder(place: Path) -> Iterator[None]:
    lock = FileLock(place / LOCK, timeout=PATIENCE_S, mode=0o600)
    umask = os.umask(0o077)
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        (place / HOLDER).write_text(json.dumps(_me()) + "\n", encoding="utf-8")
    except Timeout:
        msg = f"Another run holds '{place}'{_who(place / HOLDER)}; wait for its end, or stop it."
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
def private_writes(place: Location) -> Iterator[None]:
    """Write what only its owner may read, and say in one sentence why it cannot be written."""
    umask = os.umask(0o077)
    try:
        yield
    except Exception as error:
        told = str(error)
        if any(word in told for word in OVERTAKEN):
            msg = f"Another run changed the state in '{place}' meanwhile; run this again."
            raise StateError(msg) from error
        if not isinstance(place, Path):
            if isinstance(error, CdrAnomalyError) or not store_errors.is_store_error(error):
                raise
            msg = f"'{place}' {store_errors.describe(error)}. What is half done is taken back then."
            raise StateError(msg) from error
        # Delta's errors are no OSError, but name the one behind them.
        if not isinstance(error, OSError) and "os error" not in told:
            raise
        if "os error 28" in told or getattr(error, "errno", None) == 28:
            disk = next(p for p in (place.resolve(), *place.resolve().parents) if p.is_mount())
            free = shutil.disk_usage(disk).free
            told = f"the disk at '{disk}' is full ({free:,} bytes free); make room"
        msg = f"The state in '{place}' cannot be written: {told}. It is as it was; run this again."
        raise StateError(msg) from error
    finally:
        os.umask(umask)


def is_locked(place: Location) -> bool:
    """Tell whether some run holds the folder."""
    if not isinstance(place, Path):
        facts = (place / HOLD).head()
        return facts is not None and not _is_over(place / HOLD, facts)
    if not (place / LOCK).exists():
        return False
    try:
        with FileLock(place / LOCK, timeout=0):
            return False
    except (Timeout, OSError):
        return True


@contextmanager
def _lease_store(mark: Address, place: Address) -> Iterator[None]:
    """Hold a folder of a store by an object in it, which is renewed as long as this process runs.

    Should it be taken over all the same, by clocks that differ, Delta refuses the one who is late.
    """
    hold = uuid4().hex
    mine = paths.claim(mark, _sign(hold))
    if mine is None:
        facts = mark.head()
        over = facts and _is_over(mark, facts)
        mine = paths.claim(mark, _sign(hold), facts) if over else None
    if mine is None:
        msg = (
            f"Another run holds '{place}'{_who(mark)}; wait for its end, or stop it. A hold is "
            f"over {LEASE_S:.0f} s after the last sign of its run."
        )
        raise StateError(msg)
    if paths.claim(mark, _sign(hold)) is not None:
        mark.unlink()
        msg = (
            f"The store of '{place}' lets a file be made that is there (it ignores If-None-Match), "
            "so two runs could mix; keep the state elsewhere."
        )
        raise StateError(msg)
    ended = Event()
    beats = Thread(target=_renew_lease, args=(mark, hold, mine, ended), daemon=True)
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        _let_go(mark, hold)


def _renew_lease(mark: Address, hold: str, mine: Any, ended: Event) -> None:
    while mine is not None and not ended.wait(BEAT_S):
        try:
            mine = paths.claim(mark, _sign(hold), mine)
        except CdrAnomalyError:
            continue  # the store may be back before the hold is over


def _let_go(mark: Address, hold: str) -> None:
    try:
        if json.loads(mark.read_text()).get("hold") == hold:
            mark.unlink()
    except (CdrAnomalyError, OSError, ValueError):
        return  # it is over by itself, soon


def _is_over(mark: Address, facts: Any) -> bool:
    """Tell whether a hold was not renewed for long, or its process is none of this machine's."""
    if (datetime.now(UTC) - facts["last_modified"]).total_seconds() > LEASE_S:
        return True
    try:
        told = json.loads(mark.read_text())
        if told["among"] == _among():
            os.kill(told["process"], 0)
    except (ProcessLookupError, FileNotFoundError):
        return True
    except (OSError, ValueError, KeyError):
        pass  # it is somebody's who may run, or nobody can tell
    return False


def _sign(hold: str) -> bytes:
    return json.dumps(_me() | {"hold": hold, "renewed": datetime.now(UTC).isoformat()}).encode()


def _me() -> dict[str, str | int]:
    return {
        "user": os.environ.get("LOGNAME") or os.environ.get("USER") or str(os.getuid()),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "among": _among(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
    }


def _among() -> str:
    """Tell the processes that this one can see from those of other machines and containers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}, {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # there are no containers where there is no such file
        return socket.gethostname()


def _who(holder: Location) -> str:
    try:
        told = json.loads(holder.read_text(encoding="utf-8"))
        return ": process {process} of {user} on {host}, since {since}".format(**told)
    except (OSError, ValueError, KeyError):
        return ""
