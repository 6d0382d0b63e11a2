"""The secret key of pseudonyms, from a file or the environment.

No log, error, result or state contains it.
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
MIN_BYTES = 32
HOW_TO_MAKE = "make one with: openssl rand -hex 32"


class Key:
    """A key that only computes HMACs."""

    __slots__ = ("_text",)

    def __init__(self, secret: bytes) -> None:
        # The key of the HMAC is the hex of the bytes, because the library takes text.
        self._text = secret.hex()

    def __repr__(self) -> str:
        return "Key(hidden)"

    def __reduce__(self) -> str:
        msg = "a key is not to be stored"
        raise TypeError(msg)

    def hmac(self, tag: str, text: pl.Expr) -> pl.Expr:
        """Return the HMAC-SHA256 of a tag and a text, in hex; null stays null.

        The tag makes the tokens of two kinds differ.
        """
        try:
            from polars_hash import concat_str
        except ModuleNotFoundError as error:
            msg = "Pseudonyms need polars-hash: pip install 'cdr-anomaly[pseudonyms]'."
            raise SettingError(msg) from error
        return concat_str(pl.lit(f"{tag}:"), text).chash.hmac_sha256(key=self._text)

    def hmac_text(self, tag: str, text: str) -> str:
        """Return the HMAC of one text."""
        return hmac.new(self._text.encode(), f"{tag}:{text}".encode(), "sha256").hexdigest()


def read_key(file: Path | None) -> tuple[Key, str | None]:
    """Return the key of a file, else of the environment, and a warning about the file, if any.

    Blanks and line ends around it are removed.
    """
    if file is not None:
        try:
            secret, mode = file.read_bytes(), file.stat().st_mode
        except OSError as error:
            msg = f"The key file '{file}' cannot be read: {error.strerror}."
            raise InputError(msg) from error
        warning = f"The key file '{file}' can be read by others: chmod 600 '{file}'."
        return _check(secret, f"The key in '{file}'"), warning if mode & 0o077 else None
    text = os.environ.get(VARIABLE)
    if text is None:
        msg = f"There is no key: give --key-file, or set {VARIABLE}; {HOW_TO_MAKE}."
        raise SettingError(msg)
    return _check(os.fsencode(text), f"The key in {VARIABLE}"), None


def _check(secret: bytes, name: str) -> Key:
    secret = secret.strip()
    if len(secret) < MIN_BYTES:
        msg = f"{name} has {len(secret)} bytes, and needs {MIN_BYTES} or more; {HOW_TO_MAKE}."
        raise SettingError(msg)
    return Key(secret)
