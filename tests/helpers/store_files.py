"""Folders of this machine, put into a store and compared with what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.storage.paths import Address


def put(folder: Path, where: Address) -> Address:
    """Copy a folder or a file as it is."""
    if folder.is_file():
        paths.write(where, folder)
        return where
    for inside in paths.file_sizes(folder):
        paths.write(where / inside, folder / inside)
    return where


def held(where: Address) -> dict[str, bytes]:
    """Read all files below an address."""
    found = {}
    for inside in paths.file_sizes(where):
        with (where / inside).open("rb", paths.CHUNK_BYTES) as file:
            found[inside] = file.read()
    return found
