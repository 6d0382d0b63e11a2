"""Which other numbers have something in common with a line, from what the run knows of them.

- *same handset*: lines that used a handset of the line (14 digits of the IMEI); ``count`` of its
  calls on these, ``of`` all that name a handset;
- *same forward target*: lines that forward to where the line forwards; calls forwarded there, of
  all that it forwarded. Targets of more than 50 lines are platforms, and left out;
- *campaign list*, *campaign range*: LINKS that are nearly sure: numbers that both called, or that
  are neighbours of a number of the other, in the 7 days with most of them; the days are the last of
  such 7. All cold callers are compared, so this is exact, and the number by chance is known;
- *shared contacts*: two numbers or more that both have calls with, of all of its contacts. Numbers
  that more than 50 lines have calls with are left out. By chance it shares as large a part of its
  contacts as the other lines do; that is known where these are twenty or more, and then lines with
  less than three times as many are left out;
- *same block*: lines with the same first 7 national digits, the nearest first; ``count`` is how far
  apart the two numbers are.

Limits: only lines that a scan reads again have legs. Of all others neither contacts nor handsets
are known, and in a block only lines that are read again, new, or forwarded to are known. Where the
line's calls are read alone (line_calls.py), all numbers that share its contacts, handsets or
targets are known, and all lines of its block; but not the lists of cold callers, nor what chance
explains (so a fiftieth of its contacts must be shared), and ``of`` only of its contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.features import shared_targets
from cdr_anomaly.schema import STORY

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables

HANDSET, TARGET, CONTACTS, BLOCK = (
    "same handset",
    "same forward target",
    "shared contacts",
    "same block",
)
HOW = (HANDSET, TARGET, "campaign list", "campaign range", CONTACTS, BLOCK)
# One contact in common is nothing: of two lines of a town many have called one shop.
MIN_CONTACTS, MIN_OTHERS = 2, 20
# Nor is this share of the line's contacts, where it is not known what chance explains.
MIN_SHARE = 0.02
BLOCK_DIGITS = 7


def find_related(tables: Tables, line: object, complete: pl.Series | None = None) -> pl.LazyFrame:
    """Return the related numbers in the order of above, those with most in common first.

    ``complete`` are the lines of which all calls were read, where others have LEGS, too.
    """
    center = tables.literal(line)
    handset, n = numbering.handset_id(pl.col("imei")), pl.len()
    days = {"n": n, "first": pl.col("day").min(), "last": pl.col("day").max()}
    on = tables.legs.drop_nulls("imei").group_by("line", key=handset).agg(**days)
    to = tables.hops.group_by(line="forwarder", key="target").agg(**days)
    met = tables.legs.drop_nulls("counterpart").group_by("line", key="counterpart")
    some = pl.col("count") > 0
    contacts = _shared(_without_platforms(met.agg(**days | {"n": 1})), center, complete)
    own = met.agg(n=pl.len()).filter(pl.col("line") == center).select(own=pl.len())
    least = pl.max_horizontal(MIN_CONTACTS, MIN_SHARE * pl.col("own"))
    several = contacts.join(own, how="cross").filter(pl.col("count") >= least)
    parts = [
        _as_related(_shared(on, center, complete).filter(some), HANDSET),
        _as_related(_shared(_without_platforms(to), center, complete).filter(some), TARGET),
        _on_one_list(tables, center),
        _as_related(_more_than_chance(contacts) if complete is None else several, CONTACTS),
        _neighbours(tables, center),
    ]
    rows = pl.concat([part.with_columns(position=n) for n, part in enumerate(parts)])
    related = add_number_class(tables, rows.with_columns(number=tables.written(pl.col("line"))))
    # Ten of its ten contacts say more than twenty of its thousand; of blocks those near come first.
    share = pl.col("count") / pl.col("of").fill_null(pl.col("count"))
    weight = pl.when(how=BLOCK).then(-pl.col("count")).otherwise(pl.col("count") * share)
    order = ("position", "how", weight, "number")
    return related.sort(*order, descending=[False, False, True, False]).select(
        list(STORY["related"])
    )


def add_number_class(tables: Tables, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the class of each number (number_class)."""
    return rows.with_columns(number_class=numbering.number_class(pl.col("number"), tables.plan))


def _shared(
    pairs: pl.LazyFrame, center: pl.Expr, complete: pl.Series | None = None
) -> pl.LazyFrame:
    """Sum, by line, the pairs (line, key, n, first, last) whose key the line in the centre has.

    Lines with nothing in common have a ``count`` of 0. ``of`` is null for lines not ``complete``.
    """
    is_own = pl.col("line") == center
    common = pl.col("common")
    counts = (
        pairs.with_columns(common=is_own.any().over("key"))
        .group_by("line")
        .agg(
            count=pl.col("n").filter(common).sum(),
            of=pl.col("n").sum(),
            first=pl.col("first").filter(common).min(),
            last=pl.col("last").filter(common).max(),
        )
    )
    of = pl.col("of")
    if complete is not None:
        of = pl.when(pl.col("line").is_in(complete.implode())).then(of)
    return counts.filter(~is_own).with_columns(pl.col("count").cast(pl.Int64), of.cast(pl.Int64))


def _more_than_chance(counts: pl.LazyFrame) -> pl.LazyFrame:
    """Add how many contacts are expected by chance, and leave out lines with no more than that."""
    count, of = pl.col("count"), pl.col("of")
    share = (count.sum() - count) / (of.sum() - of)
    expected = pl.when(pl.len() >= MIN_OTHERS).then(of * share)
    some = counts.with_columns(expected=expected).filter(count >= MIN_CONTACTS)
    beyond = count >= shared_targets.SURE_TIMES * pl.col("expected")
    return some.filter(beyond.fill_null(value=True))


def _without_platforms(pairs: pl.LazyFrame) -> pl.LazyFrame:
    return pairs.filter(pl.len().over("key") <= shared_targets.MAX_CALLERS)


def _on_one_list(tables: Tables, center: pl.Expr) -> pl.LazyFrame:
    one, other = pl.col("one"), pl.col("other")
    links = tables.links.filter(shared_targets.is_sure(), (one == center) | (other == center))
    counts = (
        links.with_columns(line=pl.when(one == center).then(other).otherwise(one))
        .sort("n_shared", "day", descending=[True, False])
        .group_by("line", "by")
        .agg(
            count=pl.col("n_shared").first(),
            expected=pl.col("expected").first(),
            first=pl.col("day").min(),
            last=pl.col("day").max(),
        )
    )
    return _as_related(counts, wording.format_text("campaign {}", "by"))


def _neighbours(tables: Tables, center: pl.Expr) -> pl.LazyFrame:
    block = numbering.number_block(pl.col("number"), tables.plan, BLOCK_DIGITS)
    is_own = pl.col("line") == center
    digits = pl.col("number").str.slice(1).cast(pl.Int64, strict=False)
    lines = tables.lines.with_columns(block=block, digits=digits)
    mine = lines.filter(is_own).select("block", own_digits="digits")
    apart = (pl.col("digits") - pl.col("own_digits")).abs()
    near = lines.filter(~is_own).join(mine, on="block").with_columns(count=apart)
    days = tables.profile.group_by("line").agg(first=pl.col("day").min(), last=pl.col("day").max())
    rows = near.join(days, on="line", how="left")
    return _as_related(rows, BLOCK)


def _as_related(rows: pl.LazyFrame, how: str | pl.Expr) -> pl.LazyFrame:
    columns = rows.collect_schema()
    nothing = {"of": pl.lit(None, pl.Int64), "expected": pl.lit(None, pl.Float64)}
    return rows.with_columns(
        how=pl.lit(how) if isinstance(how, str) else how,
        **{name: empty for name, empty in nothing.items() if name not in columns},
    ).select("line", "how", pl.col("count", "of").cast(pl.Int64), "expected", "first", "last")
