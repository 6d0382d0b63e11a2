"""The lock of a state: one writer at a time, whose files nobody else may read.

The system releases the lock of a folder when its process dies. In a store the lock is an object
that is renewed, and that runs out.
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
# A process that only asks whether the folder is locked, locks it for a moment.
PATIENCE_S = 1.0
# How often a lock in a store is renewed, and after how long without a renewal it has run out.
BEAT_S, LEASE_S = 20.0, 120.0
# Parts of messages with which Delta says that another writer was first.
OVERTAKEN = ("Failed to commit transaction", "A table already exists")


@contextmanager
def lock_state(location: Location) -> Iterator[None]:
    """Lock a state, or raise an error that names the process that has locked it.

    The lock of a run that is killed ends at once; in a store after two minutes, or as soon as
    another run in the same machine and container asks.
    """
    with (
        _lock_folder(location)
        if isinstance(location, Path)
        else _lease_store(location / HOLD, location)
    ):
        yield


@contextmanager
def _lock_folder(location: Path) -> Iterator[None]:
    lock = FileLock(location / LOCK, timeout=PATIENCE_S, mode=0o600)
    umask = os.umask(0o077)
    try:
        location.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        (location / HOLDER).write_text(json.dumps(_me()) + "\n", encoding="utf-8")
    except Timeout:
        holder = _who(location / HOLDER)
        msg = f"Another run holds '{location}'{holder}; wait for its end, or stop it."
        raise StateError(msg) from None
    except OSError as error:
        msg = f"'{location}' cannot be written to: {error.strerror or error}."
        raise StateError(msg) from error
    finally:
        os.umask(umask)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def private_writes(location: Location) -> Iterator[None]:
    """Let only the owner read what is written. Raise an error of one sentence if it cannot be."""
    umask = os.umask(0o077)
    try:
        yield
    except Exception as error:
        text = str(error)
        if any(word in text for word in OVERTAKEN):
            msg = f"Another run changed the state in '{location}' meanwhile; run this again."
            raise StateError(msg) from error
        if not isinstance(location, Path):
            if isinstance(error, CdrAnomalyError) or not store_errors.is_store_error(error):
                raise
            why = store_errors.describe(error)
            msg = f"'{location}' {why}. What is half done is taken back then."
            raise StateError(msg) from error
        # Delta's errors are no OSError, but name the one behind them.
        if not isinstance(error, OSError) and "os error" not in text:
            raise
        if "os error 28" in text or getattr(error, "errno", None) == 28:
            disk = next(
                p for p in (location.resolve(), *location.resolve().parents) if p.is_mount()
            )
            free = shutil.disk_usage(disk).free
            text = f"the disk at '{disk}' is full ({free:,} bytes free); make room"
        msg = (
            f"The state in '{location}' cannot be written: {text}. It is as it was; run this again."
        )
        raise StateError(msg) from error
    finally:
        os.umask(umask)


def is_locked(location: Location) -> bool:
    """Return whether some run has locked the state."""
    if not isinstance(location, Path):
        facts = (location / HOLD).head()
        return facts is not None and not _is_over(location / HOLD, facts)
    if not (location / LOCK).exists():
        return False
    try:
        with FileLock(location / LOCK, timeout=0):
            return False
    except (Timeout, OSError):
        return True


@contextmanager
def _lease_store(mark: Address, location: Address) -> Iterator[None]:
    """Lock a folder of a store by an object in it, which is renewed as long as this process runs.

    If another run takes it over, because clocks differ, Delta refuses the later writer.
    """
    hold = uuid4().hex
    mine = paths.claim(mark, _sign(hold))
    if mine is None:
        facts = mark.head()
        over = facts and _is_over(mark, facts)
        mine = paths.claim(mark, _sign(hold), facts) if over else None
    if mine is None:
        msg = (
            f"Another run holds '{location}'{_who(mark)}; wait for its end, or stop it. A hold is "
            f"over {LEASE_S:.0f} s after the last sign of its run."
        )
        raise StateError(msg)
    if paths.claim(mark, _sign(hold)) is not None:
        mark.unlink()
        msg = (
            f"The store of '{location}' lets a file be made that is there (it ignores "
            "If-None-Match), so two runs could mix; keep the state elsewhere."
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
    """Return whether a lock has run out, or its process on this machine has ended."""
    if (datetime.now(UTC) - facts["last_modified"]).total_seconds() > LEASE_S:
        return True
    try:
        holder = json.loads(mark.read_text())
        if holder["among"] == _process_space():
            os.kill(holder["process"], 0)
    except (ProcessLookupError, FileNotFoundError):
        return True
    except (OSError, ValueError, KeyError):
        pass  # it may still run, or nobody can tell
    return False


def _sign(hold: str) -> bytes:
    return json.dumps(_me() | {"hold": hold, "renewed": datetime.now(UTC).isoformat()}).encode()


def _me() -> dict[str, str | int]:
    return {
        "user": os.environ.get("LOGNAME") or os.environ.get("USER") or str(os.getuid()),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "among": _process_space(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
    }


def _process_space() -> str:
    """Return a name of the machine and container whose processes this one can see."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}, {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # there are no containers where there is no such file
        return socket.gethostname()


def _who(holder: Location) -> str:
    try:
        facts = json.loads(holder.read_text(encoding="utf-8"))
        return ": process {process} of {user} on {host}, since {since}".format(**facts)
    except (OSError, ValueError, KeyError):
        return ""
