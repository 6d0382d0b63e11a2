"""The secret key that pseudonyms are made with: from a file, or from the environment.

It is shown nowhere: no log, error, result or state has it, and it does not print itself.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.errors import InputError, SettingError

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "CDR_ANOMALY_KEY"
LEAST_BYTES = 32
MAKE = "make one with: openssl rand -hex 32"


class Key:
    """A key; ``hmac`` is all that it is used for."""

    __slots__ = ("_text",)

    def __init__(self, secret: bytes) -> None:
        # The library takes text, a file may hold any bytes: HMAC is keyed with their hex.
        self._text = secret.hex()

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __reduce__(self) -> str:
        msg = "a key is not to be stored"
        raise TypeError(msg)

    def hmac(self, tag: str, text: pl.Expr) -> pl.Expr:
        """Make the HMAC-SHA256, in hex, of a tag and a text; null stays null.

        The tag keeps the tokens of one kind apart from those of another.
        """
        try:
            from polars_hash import concat_str
        except ModuleNotFoundError as error:
            msg = "Pseudonyms need polars-hash: pip install 'cdr-anomaly[pseudonyms]'."
            raise SettingError(msg) from error
        return concat_str(pl.lit(f"{tag}:"), text).chash.hmac_sha256(key=self._text)

    def of_one(self, tag: str, text: str) -> str:
        """Make the same of one text, at once."""
        return hmac.new(self._text.encode(), f"{tag}:{text}".encode(), "sha256").hexdigest()


def read(file: Path | None) -> tuple[Key, str | None]:
    """Read the key from a file, else from the environment; and say what is wrong with the file.

    Blanks and line ends about it do not count.
    """
    if file is not None:
        try:
            secret, mode = file.read_bytes(), file.stat().st_mode
        except OSError as error:
            msg = f"The key file '{file}' cannot be read: {error.strerror}."
            raise InputError(msg) from error
        open_to = f"The key file '{file}' can be read by others: chmod 600 '{file}'."
        return _checked(secret, f"The key in '{file}'"), open_to if mode & 0o077 else None
    told = os.environ.get(VARIABLE)
    if told is None:
        msg = f"There is no key: give --key-file, or set {VARIABLE}; {MAKE}."
        raise SettingError(msg)
    return _checked(os.fsencode(told), f"The key in {VARIABLE}"), None


def _checked(secret: bytes, what: str) -> Key:
    secret = secret.strip()
    if len(secret) < LEAST_BYTES:
        msg = f"{what} has {len(secret)} bytes, and needs {LEAST_BYTES} or more; {MAKE}."
        raise SettingError(msg)
    return Key(secret)
