"""Places: local paths, and addresses in object stores, which answer to the same names.

Polars and Delta read and write stores by themselves; whatever else is done there is done here.
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
from cdr_anomaly.storage.store_errors import reaching

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from obstore.store import ObjectStore

# How the options of each kind of store begin; those of the connection go without.
PREFIXES = {"s3": "aws_", "gs": "google_", "az": "azure_"}
CONNECTION = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "timeout",
    "proxy_url",
}
# An operator who waits for a store that is gone learns of it in seconds.
RETRIES, RETRY_S = 3, 15
PATIENCE = {"connect_timeout": "5s", "timeout": "60s"}
CHUNK = 8 * 2**20
A = TypeVar("A")
B = TypeVar("B")
AT_ONCE = 16  # answers of a store that are waited for together


@dataclass(frozen=True)
class Address:
    """A file or a folder of an object store, by its key; a folder is what begins with it and /.

    ``options`` may hold secrets, and is shown by nothing.
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
        return next(self.listed(), None) is not None

    def unlink(self) -> None:
        import obstore

        with reaching(self):
            obstore.delete(self.store, self.key)

    def iterdir(self) -> Iterator[Address]:
        begin = len(self.key) + 1 if self.key else 0
        names = {key[begin:].partition("/")[0]: None for key, _ in self.listed()}
        return (self / name for name in names)

    def size(self) -> int:
        """Return how many bytes a file holds, and -1 where there is none."""
        facts = self.head()
        return -1 if facts is None else int(facts["size"])

    def head(self) -> Any:
        """Return what the store says of a file (size, e_tag, last_modified), None if nothing."""
        import obstore

        with reaching(self):
            try:
                return obstore.head(self.store, self.key) if self.key else None
            except FileNotFoundError:
                return None

    def listed(self) -> Iterator[tuple[str, int]]:
        """Yield each file below, by its key, with its size."""
        import obstore

        with reaching(self):
            for batch in obstore.list(self.store, self.key or None):
                for facts in batch:
                    yield facts["path"], facts["size"]

    def open(self, mode: str = "rb", buffering: int = 0) -> io.BufferedIOBase | io.RawIOBase:
        """Open to read, by ranges; ``buffering`` is how much a request brings at least."""
        assert mode == "rb"  # noqa: S101 - what is written is written whole
        raw = _Ranges(self, self.size())
        return io.BufferedReader(raw, buffering) if buffering else raw

    def read_text(self, encoding: str = "utf-8") -> str:
        import obstore

        with reaching(self):
            return bytes(obstore.get(self.store, self.key).bytes()).decode(encoding)


Place: TypeAlias = Path | Address


class _Ranges(io.RawIOBase):
    """A file of a store, of which only what is asked for is fetched."""

    def __init__(self, address: Address, size: int) -> None:
        self.address, self.end, self.at = address, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + (0, self.at, self.end)[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        import obstore

        length = min(len(buffer), self.end - self.at)
        if length <= 0:
            return 0
        with reaching(self.address):
            got = obstore.get_range(
                self.address.store, self.address.key, start=self.at, length=length
            )
        buffer[: len(got)] = memoryview(got)
        self.at += len(got)
        return len(got)


def place(text: str | Place, options: Mapping[str, str] | None = None) -> Place:
    """Tell an address (s3://, gs://, az://) from a local path; ``options`` hold for addresses."""
    if not isinstance(text, str):
        return text
    scheme, mark, rest = text.partition("://")
    if not mark:
        return Path(text)
    prefix = PREFIXES.get(scheme)
    if prefix is None:
        known = ", ".join(f"{each}://" for each in PREFIXES)
        msg = f"'{scheme}://' is no kind of address that is known; {known} are, and local paths."
        raise SettingError(msg)
    bucket, _, key = rest.partition("/")
    if not bucket or "@" in bucket:
        msg = f"An address is {scheme}://bucket/folder, without credentials in it."
        raise SettingError(msg)
    own = {k: v for k, v in (options or {}).items() if k.startswith(prefix) or k in CONNECTION}
    root = f"{scheme}://{bucket}"
    return Address(root, key.strip("/"), own, _store(root, prefix, own))


def options(words: Iterable[str]) -> dict[str, str]:
    """Read options of stores as they are given, key=value each; values are never shown."""
    told = {}
    for word in words:
        key, equals, value = word.partition("=")
        name = key.strip().lower()
        bare = name.removeprefix("aws_")
        name = bare if bare in CONNECTION else name
        if not equals or not (name in CONNECTION or name.startswith(tuple(PREFIXES.values()))):
            begin = ", ".join(PREFIXES.values())
            # What has no name, or looks like a secret that ends in =, is not repeated.
            plain = equals and re.fullmatch(r"\w*", key) and value.strip("=")
            what = f"'{key}'" if plain else "What was given"
            msg = (
                f"{what} is no storage option: give name=value, where names begin with {begin} "
                f"or are one of {', '.join(sorted(CONNECTION))}."
            )
            raise SettingError(msg)
        told[name] = value
    return told


def _store(root: str, prefix: str, told: Mapping[str, str]) -> ObjectStore:
    from obstore import exceptions
    from obstore.store import from_url

    # Given here, they would not be looked for in the environment.
    client = PATIENCE | {name: value for name, value in told.items() if name in CONNECTION}
    if "allow_http" not in told:
        client["allow_http"] = os.environ.get(f"{prefix}allow_http".upper(), "false")
    own = {name: value for name, value in told.items() if name not in CONNECTION}
    retry = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)}
    try:
        return from_url(root, config=own, client_options=client, retry_config=retry)  # type: ignore[call-overload, no-any-return]
    except exceptions.UnknownConfigurationKeyError as error:
        msg = f"One of the storage options {', '.join(sorted(own))} is none of {root[:5]}."
        raise SettingError(msg) from error
    except (exceptions.BaseError, ValueError) as error:
        msg = f"'{root}' cannot be opened; check the storage options and the environment."
        raise SettingError(msg) from error


def answers(ask: Callable[[A], B], items: Collection[A]) -> list[B]:
    """Return what ``ask`` says of each; of several the answers of a store are awaited together."""
    if len(items) < 2:
        return [ask(item) for item in items]
    with ThreadPoolExecutor(AT_ONCE) as together:
        return list(together.map(ask, items))


def for_polars(where: Place) -> dict[str, Any]:
    """Say what Polars must be told to read there; it looks for credentials as Delta does."""
    if isinstance(where, Path):
        return {}
    told = PATIENCE | dict(where.options) | {"max_retries": RETRIES}
    return {"storage_options": told, "credential_provider": None}


def for_delta(where: Place) -> dict[str, str] | None:
    """Say what Delta must be told to read and write there."""
    if isinstance(where, Path):
        return None
    retries = {"max_retries": str(RETRIES), "retry_timeout": f"{RETRY_S}s"}
    return PATIENCE | retries | dict(where.options)


def below(where: Place) -> dict[str, int]:
    """List every file below a folder, by its path inside, with its size."""
    if isinstance(where, Path):
        inside = (file for file in where.rglob("*") if file.is_file())
        return {file.relative_to(where).as_posix(): file.stat().st_size for file in inside}
    begin = len(where.key) + 1 if where.key else 0
    return {key[begin:]: size for key, size in where.listed()}


def write(where: Place, held: bytes | Path) -> None:
    """Write a file whole; whoever reads it finds the old one or the new one."""
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        aside = where.with_name(f".{where.name}")
        aside.write_bytes(held if isinstance(held, bytes) else held.read_bytes())
        aside.replace(where)
        return
    import obstore

    with reaching(where):
        obstore.put(where.store, where.key, held)


def sha256(where: Place) -> str:
    """Hash what a file holds; one in a store is fetched for it, as only so it is known anywhere."""
    with where.open("rb", CHUNK) as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()  # type: ignore[arg-type]


def claim(where: Address, held: bytes, after: Any = None) -> Any:
    """Write a file where there is none, or only the one that ``after`` tells of (see head).

    Returns what tells of it now, or None where somebody else was first.
    """
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    facts = {name: after[name] for name in ("e_tag", "version") if after[name]} if after else {}
    try:
        with reaching(where, but=(AlreadyExistsError, PreconditionError)):
            return obstore.put(where.store, where.key, held, mode=facts or "create")  # type: ignore[arg-type]
    except (AlreadyExistsError, PreconditionError):
        return None


def remove(where: Place) -> None:
    """Delete a folder and all that is in it, if it is there."""
    if isinstance(where, Path):
        shutil.rmtree(where, ignore_errors=True)
        return
    import obstore

    with reaching(where):
        obstore.delete(where.store, [key for key, _ in where.listed()])
