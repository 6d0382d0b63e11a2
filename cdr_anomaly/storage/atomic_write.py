"""Atomic writes of results, readable by their owner only."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cdr_anomaly.errors import OutputError
from cdr_anomaly.storage import paths, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdr_anomaly.storage.paths import Location

UNFINISHED_PREFIX, ABANDONED_S = ".unfinished-", 3600


def write_text(file: Path, text: str) -> None:
    """Write a text file atomically, readable by its owner only."""
    with staging_folder(file.parent) as folder:
        (folder / file.name).write_text(text, encoding="utf-8")


def check_writable(out: Location) -> None:
    """Raise OutputError, before the work begins, if ``out`` cannot be a folder of results."""
    if not isinstance(out, Path):
        out.exists()  # raises StoreError if the store cannot be reached or refuses
        return
    folder = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        reason = "may not be written to" if folder.is_dir() else "is a file, not a folder"
        msg = f"The results cannot be written to '{out}': '{folder}' {reason}."
        raise OutputError(msg)


@contextmanager
def staging_folder(out: Location) -> Iterator[Path]:
    """Yield a temporary folder, and move its files into ``out`` at the end, for their owner only.

    In a store each file appears whole, and the store decides who may read it.
    """
    umask = os.umask(0o077)
    staging = None
    try:
        parent = out if isinstance(out, Path) else Path(tempfile.gettempdir())
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        staging = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=parent))
        yield staging
        for file in (file for file in sorted(staging.rglob("*")) if file.is_file()):
            name = file.relative_to(staging)
            if isinstance(out, Path):
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                file.replace(out / name)
            else:
                paths.write(out / name.as_posix(), file)
    except OSError as error:
        if store_errors.is_store_error(error):
            raise  # the error of a store that is an input: the reader reports it
        msg = f"The results cannot be written to '{out}': {error.strerror or error}."
        raise OutputError(msg) from error
    finally:
        os.umask(umask)
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    """Remove staging folders of killed runs: those that nobody changed for ABANDONED_S."""
    for left in parent.glob(f"{UNFINISHED_PREFIX}*"):
        with suppress(FileNotFoundError):  # another run was faster
            if time.time() - left.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
