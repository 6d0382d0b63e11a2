"""Where results are written: files that are whole when they are seen, for their owner only."""

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

    from cdr_anomaly.storage.paths import Place

UNFINISHED, ABANDONED_S = ".unfinished-", 3600


def write_whole(file: Path, text: str) -> None:
    """Write a file that only its owner may read; whoever reads it finds it whole."""
    with aside(file.parent) as place:
        (place / file.name).write_text(text, encoding="utf-8")


def check_writable(out: Place) -> None:
    """Fail before the work begins, not after it, when ``out`` cannot be a folder of results."""
    if not isinstance(out, Path):
        out.exists()  # a store that cannot be reached or refuses says so
        return
    place = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        why = "may not be written to" if place.is_dir() else "is a file, not a folder"
        msg = f"The results cannot be written to '{out}': '{place}' {why}."
        raise OutputError(msg)


@contextmanager
def aside(out: Place) -> Iterator[Path]:
    """Yield a folder whose files are moved into ``out`` in the end, for their owner only.

    In a store each file is whole when it is seen, and who may read it is the store's to say.
    """
    umask = os.umask(0o077)
    place = None
    try:
        beside = out if isinstance(out, Path) else Path(tempfile.gettempdir())
        beside.mkdir(parents=True, exist_ok=True)
        _clear(beside)
        place = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=beside))
        yield place
        for file in (file for file in sorted(place.rglob("*")) if file.is_file()):
            _move(file, out, file.relative_to(place))
    except OSError as error:
        if store_errors.is_trouble(error):
            raise  # of a store that was read meanwhile; whoever reads it says so
        msg = f"The results cannot be written to '{out}': {error.strerror or error}."
        raise OutputError(msg) from error
    finally:
        os.umask(umask)
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)


def _move(file: Path, out: Place, name: Path) -> None:
    if isinstance(out, Path):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        file.replace(out / name)
    else:
        paths.write(out / name.as_posix(), file)


def _clear(beside: Path) -> None:
    """Remove what runs that were killed have left; no run writes its results for so long."""
    for left in beside.glob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # another run was faster
            if time.time() - left.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
