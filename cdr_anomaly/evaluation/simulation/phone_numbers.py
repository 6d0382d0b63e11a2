"""Invented numbers: city blocks, other operators' blocks, fixed lines, numbers abroad."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

AREA = "591"
MAX_SUBSCRIBER_SUFFIX = 9_000  # people's last four digits stay below; actors' lie above
VIRTUAL = np.array([1700_123, 1711_456, 1651_234, 1672_345])  # no other line is in these blocks
_PREFIXES = (135, 136, 138, 139, 150, 159, 182, 187, 188, 130, 131, 156, 186, 133, 153, 177, 189)
_MVNO = (1703, 1705, 1709, 1650, 1671)


class Special(NamedTuple):
    """The seven-digit blocks in which more happens than in others; people have lines there, too."""

    bridge: Ints
    dialler: Ints
    promotion: Ints


def special(rng: np.random.Generator, n_promotions: int, n_planted: int) -> Special:
    """Draw the blocks of bridges, of new diallers and of a shop's promotions."""
    bridge = 1344_000 + rng.choice(1_000, n_planted, replace=False)
    brand = rng.choice([1707_000, 1516_000], n_planted)
    dialler = brand + rng.choice(1_000, n_planted, replace=False)
    return Special(bridge, dialler, 1525_000 + rng.choice(1_000, n_promotions, replace=False))


def blocks(rng: np.random.Generator, n: int, avoid: Ints) -> Ints:
    """Draw n seven-digit blocks, one in twelve of a virtual operator."""
    drawn = rng.choice(_PREFIXES, 2 * n) * 10_000 + rng.integers(0, 10_000, 2 * n)
    virtual = rng.choice(_MVNO, 2 * n) * 1_000 + rng.integers(0, 1_000, 2 * n)
    drawn = np.where(rng.random(2 * n) < 1 / 12, virtual, drawn)
    fresh = np.unique(drawn[~np.isin(drawn, avoid)])
    rng.shuffle(fresh)
    return fresh[:n]


def free(ids: Ints, block: Ints) -> list[str]:
    """Return numbers that no subscriber has, one a line id, spread over the blocks."""
    code = ids * 7_919 % (499 * len(block))
    return mobiles(block[code % len(block)], MAX_SUBSCRIBER_SUFFIX + code // len(block))


def mobiles(block: Ints, suffix: Ints) -> list[str]:
    """Return block and last four digits as E.164."""
    return [f"+86{b}{s:04d}" for b, s in zip(block.tolist(), suffix.tolist(), strict=True)]


def subscribers(rng: np.random.Generator, block: Ints, n: int) -> list[str]:
    """Draw n different numbers spread over the blocks."""
    code = rng.choice(len(block) * MAX_SUBSCRIBER_SUFFIX, n, replace=False)
    return mobiles(block[code // MAX_SUBSCRIBER_SUFFIX], code % MAX_SUBSCRIBER_SUFFIX)


def batch(rng: np.random.Generator, block: int, n: int, *, offset: int) -> list[str]:
    """Draw n numbers close together, as cards of one delivery; `offset` keeps deliveries apart."""
    suffix = MAX_SUBSCRIBER_SUFFIX + offset + np.sort(rng.choice(2 * n, n, replace=False))
    return mobiles(np.full(n, block), suffix)


def fixed(rng: np.random.Generator, n: int, *, exchange: int) -> list[str]:
    """Draw n fixed lines of the city; the four-digit exchange keeps kinds apart."""
    return [f"+86{AREA}{exchange}{s:04d}" for s in rng.choice(10_000, n, replace=False)]


def abroad(rng: np.random.Generator, n: int) -> list[str]:
    """Draw n numbers of a few countries."""
    plans = ("+85265{:06d}", "+447911{:06d}", "+1646555{:04d}", "+63917{:07d}", "+6591{:06d}")
    width = (10**6, 10**6, 10**4, 10**7, 10**6)
    which = np.arange(n) % len(plans)
    drawn = [plans[k].format(rng.integers(width[k])) for k in which]
    return list(dict.fromkeys(drawn))


def imeis(handset: Ints, change: Ints) -> list[str]:
    """Return an IMEI with a right check digit for each handset and number of its change."""
    serial = handset * 4 + change
    models = 35_000_000 + (np.arange(40) * 7_919_311) % 999_983
    body = models[serial * 31 % 40] * 10**6 + serial * 7_919 % 10**6
    digits = body[:, None] // 10 ** np.arange(13, -1, -1) % 10
    double = digits[:, 1::2] * 2
    total = digits[:, ::2].sum(axis=1) + (double // 10 + double % 10).sum(axis=1)
    return [f"{b:014d}{c}" for b, c in zip(body.tolist(), (-total % 10).tolist(), strict=True)]


def short_code(k: int, kind: int) -> str:
    """Return the k-th 95 number; those of kind 1 are licensed, others are nobody's."""
    return f"95{130 + kind}{(4_027 + k * 373) % 1_000:03d}"
