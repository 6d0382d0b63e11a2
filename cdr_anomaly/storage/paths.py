"""Locations: local paths, and addresses in object stores that have the same methods.

Polars and Delta read and write stores by themselves; every other access to a store is here.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from cdr_anomaly.errors import SettingError
from cdr_anomaly.storage.store_errors import explain_store_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from obstore.store import ObjectStore

# The first letters of the options of each kind of store. Options of the connection have none.
PREFIXES = {"s3": "aws_", "gs": "google_", "az": "azure_"}
CLIENT_KEYS = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "timeout",
    "proxy_url",
}
# A store that does not answer is reported after seconds, not after minutes.
MAX_RETRIES, RETRY_S = 3, 15
TIMEOUTS = {"connect_timeout": "5s", "timeout": "60s"}
CHUNK_BYTES = 8 * 2**20
A = TypeVar("A")
B = TypeVar("B")
MAX_REQUESTS = 16  # requests that are sent to a store at the same time


@dataclass(frozen=True)
class Address:
    """A file of an object store, or a folder: all keys that begin with its key and "/".

    ``options`` may hold secrets and is never printed.
    """

    root: str
    key: str
    options: Mapping[str, str] = field(repr=False, compare=False)
    store: ObjectStore = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.root}/{self.key}"

    def __truediv__(self, name: str) -> Address:
        return replace(self, key=f"{self.key}/{name}".strip("/"))

    @property
    def parts(self) -> tuple[str, ...]:
        return (self.root, *filter(None, self.key.split("/")))

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def parent(self) -> Address:
        return replace(self, key=self.key.rpartition("/")[0])

    def resolve(self) -> Address:
        return self

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        return self.size() >= 0

    def is_dir(self) -> bool:
        return next(self.list_files(), None) is not None

    def unlink(self) -> None:
        import obstore

        with explain_store_errors(self):
            obstore.delete(self.store, self.key)

    def iterdir(self) -> Iterator[Address]:
        begin = len(self.key) + 1 if self.key else 0
        names = {key[begin:].partition("/")[0]: None for key, _ in self.list_files()}
        return (self / name for name in names)

    def size(self) -> int:
        """Return the size of the file in bytes, -1 if there is no file."""
        metadata = self.head()
        return -1 if metadata is None else int(metadata["size"])

    def head(self) -> Any:
        """Return the metadata of the file (size, e_tag, last_modified), or None."""
        import obstore

        with explain_store_errors(self):
            try:
                return obstore.head(self.store, self.key) if self.key else None
            except FileNotFoundError:
                return None

    def list_files(self) -> Iterator[tuple[str, int]]:
        """Yield the key and the size of every file below this folder."""
        import obstore

        with explain_store_errors(self):
            for batch in obstore.list(self.store, self.key or None):
                for metadata in batch:
                    yield metadata["path"], metadata["size"]

    def open(self, mode: str = "rb", buffering: int = 0) -> io.BufferedIOBase | io.RawIOBase:
        """Open the file for reading by ranges; ``buffering`` is the least size of a request."""
        assert mode == "rb"  # noqa: S101 - write() writes whole files
        raw = _Ranges(self, self.size())
        return io.BufferedReader(raw, buffering) if buffering else raw

    def read_text(self, encoding: str = "utf-8") -> str:
        import obstore

        with explain_store_errors(self):
            return bytes(obstore.get(self.store, self.key).bytes()).decode(encoding)


Location: TypeAlias = Path | Address


class _Ranges(io.RawIOBase):
    """A file of a store that fetches only the ranges that are read."""

    def __init__(self, address: Address, size: int) -> None:
        self.address, self.size, self.position = address, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = offset + (0, self.position, self.size)[whence]
        return self.position

    def readinto(self, buffer: Any) -> int:
        import obstore

        length = min(len(buffer), self.size - self.position)
        if length <= 0:
            return 0
        with explain_store_errors(self.address):
            content = obstore.get_range(
                self.address.store, self.address.key, start=self.position, length=length
            )
        buffer[: len(content)] = memoryview(content)
        self.position += len(content)
        return len(content)


def parse_location(text: str | Location, options: Mapping[str, str] | None = None) -> Location:
    """Return a store address for s3://, gs:// and az://, else a local path.

    ``options`` are those of parse_options(); an address takes what concerns its store.
    """
    if not isinstance(text, str):
        return text
    scheme, mark, rest = text.partition("://")
    if not mark:
        return Path(text)
    prefix = PREFIXES.get(scheme)
    if prefix is None:
        schemes = ", ".join(f"{name}://" for name in PREFIXES)
        msg = f"'{scheme}://' is not a supported address; use {schemes} or a local path."
        raise SettingError(msg)
    bucket, _, key = rest.partition("/")
    if not bucket or "@" in bucket:
        msg = f"An address is {scheme}://bucket/folder, without credentials in it."
        raise SettingError(msg)
    chosen = {k: v for k, v in (options or {}).items() if k.startswith(prefix) or k in CLIENT_KEYS}
    root = f"{scheme}://{bucket}"
    return Address(root, key.strip("/"), chosen, _store(root, prefix, chosen))


def parse_options(words: Iterable[str]) -> dict[str, str]:
    """Read store options, each ``name=value``; an error never repeats a value.

    Raises SettingError if one is not an option of a store.
    """
    options = {}
    for word in words:
        key, equals, value = word.partition("=")
        name = key.strip().lower()
        bare = name.removeprefix("aws_")
        name = bare if bare in CLIENT_KEYS else name
        if not equals or not (name in CLIENT_KEYS or name.startswith(tuple(PREFIXES.values()))):
            begin = ", ".join(PREFIXES.values())
            # A word without a name, or one that may be a secret that ends in =, is not repeated.
            plain = equals and re.fullmatch(r"\w*", key) and value.strip("=")
            what = f"'{key}'" if plain else "What was given"
            msg = (
                f"{what} is no storage option: give name=value, where names begin with {begin} "
                f"or are one of {', '.join(sorted(CLIENT_KEYS))}."
            )
            raise SettingError(msg)
        options[name] = value
    return options


def _store(root: str, prefix: str, options: Mapping[str, str]) -> ObjectStore:
    from obstore import exceptions
    from obstore.store import from_url

    # obstore does not look for client options in the environment if some are given here.
    client = TIMEOUTS | {name: value for name, value in options.items() if name in CLIENT_KEYS}
    if "allow_http" not in options:
        client["allow_http"] = os.environ.get(f"{prefix}allow_http".upper(), "false")
    config = {name: value for name, value in options.items() if name not in CLIENT_KEYS}
    retry = {"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)}
    try:
        return from_url(root, config=config, client_options=client, retry_config=retry)  # type: ignore[call-overload, no-any-return]
    except exceptions.UnknownConfigurationKeyError as error:
        msg = f"One of the storage options {', '.join(sorted(config))} is none of {root[:5]}."
        raise SettingError(msg) from error
    except (exceptions.BaseError, ValueError) as error:
        msg = f"'{root}' cannot be opened; check the storage options and the environment."
        raise SettingError(msg) from error


def map_concurrently(function: Callable[[A], B], items: Collection[A]) -> list[B]:
    """Return ``function`` of each item; several items wait for a store at the same time."""
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(MAX_REQUESTS) as pool:
        return list(pool.map(function, items))


def polars_options(location: Location) -> dict[str, Any]:
    """Return the keyword arguments with which Polars reads a location; credentials as in Delta."""
    if isinstance(location, Path):
        return {}
    options = TIMEOUTS | dict(location.options) | {"max_retries": MAX_RETRIES}
    return {"storage_options": options, "credential_provider": None}


def delta_options(location: Location) -> dict[str, str] | None:
    """Return the storage options with which Delta reads and writes a location."""
    if isinstance(location, Path):
        return None
    retries = {"max_retries": str(MAX_RETRIES), "retry_timeout": f"{RETRY_S}s"}
    return TIMEOUTS | retries | dict(location.options)


def file_sizes(location: Location) -> dict[str, int]:
    """Return the size of every file below a folder, by its path inside the folder."""
    if isinstance(location, Path):
        inside = (file for file in location.rglob("*") if file.is_file())
        return {file.relative_to(location).as_posix(): file.stat().st_size for file in inside}
    begin = len(location.key) + 1 if location.key else 0
    return {key[begin:]: size for key, size in location.list_files()}


def write(location: Location, content: bytes | Path) -> None:
    """Write a file atomically: a reader finds the old content or the new one."""
    if isinstance(location, Path):
        location.parent.mkdir(parents=True, exist_ok=True)
        unfinished = location.with_name(f".{location.name}")
        unfinished.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        unfinished.replace(location)
        return
    import obstore

    with explain_store_errors(location):
        obstore.put(location.store, location.key, content)


def sha256(location: Location) -> str:
    """Return the SHA-256 of a file; a file in a store is downloaded, as stores hash differently."""
    with location.open("rb", CHUNK_BYTES) as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()  # type: ignore[arg-type]


def claim(location: Address, content: bytes, previous: Any = None) -> Any:
    """Write a file if there is none, or if it is still the ``previous`` one (metadata of head()).

    Returns the metadata of the new file, None if another process was first.
    """
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    names = ("e_tag", "version")
    version = {name: previous[name] for name in names if previous[name]} if previous else {}
    try:
        with explain_store_errors(location, but=(AlreadyExistsError, PreconditionError)):
            return obstore.put(location.store, location.key, content, mode=version or "create")  # type: ignore[arg-type]
    except (AlreadyExistsError, PreconditionError):
        return None


def remove(location: Location) -> None:
    """Delete a folder and its content, if it exists."""
    if isinstance(location, Path):
        shutil.rmtree(location, ignore_errors=True)
        return
    import obstore

    with explain_store_errors(location):
        obstore.delete(location.store, [key for key, _ in location.list_files()])
