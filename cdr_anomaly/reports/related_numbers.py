"""Which other numbers have something in common with a line, from what the run knows of them.

- *same handset*: lines that used a handset of the line (14 digits of the IMEI); ``count`` of its
  calls on these, ``of`` all that name a handset;
- *same forward target*: lines that forward to where the line forwards; calls forwarded there, of
  all that it forwarded. Targets of more than 50 lines are platforms, and left out;
- *campaign list*, *campaign range*: LINKS that leave hardly any doubt: called numbers that both
  have, or that stand beside one of the other's, in the 7 days with the most of them; the days are
  the last ones of such 7. All lines that call strangers are compared, so this is exact, and how
  many chance would give is known;
- *shared contacts*: numbers, two or more, that both called or were called by, of all of its own.
  Numbers that more than 50 lines have calls with are left out. Expected is as great a share of its
  contacts as all others of these lines have in common with the line; from twenty of them on that
  is known, and less than three times as many are left out;
- *same block*: lines with the same first 7 national digits, the nearest first; how far apart the
  two numbers are.

What cannot be seen: only lines that are looked at twice have legs, so of all others neither
contacts nor handsets are known, and of lines in the block only those that are looked at twice,
new, or forwarded to. An ordinary line that shares a handset or every contact is not here.
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
LEAST_CONTACTS, ENOUGH_OTHERS = 2, 20
BLOCK_DIGITS = 7


def numbers(tables: Tables, line: object) -> pl.LazyFrame:
    """List them in the order of above, those with most in common first."""
    own = tables.literal(line)
    handset, n = numbering.handset_id(pl.col("imei")), pl.len()
    days = {"n": n, "first": pl.col("day").min(), "last": pl.col("day").max()}
    on = tables.legs.drop_nulls("imei").group_by("line", key=handset).agg(**days)
    to = tables.hops.group_by(line="forwarder", key="target").agg(**days)
    met = tables.legs.drop_nulls("counterpart").group_by("line", key="counterpart")
    some = pl.col("count") > 0
    found = [
        _shaped(_shared(on, own).filter(some), HANDSET),
        _shaped(_shared(_unpopular(to), own).filter(some), TARGET),
        _linked(tables, own),
        _shaped(_met(_shared(_unpopular(met.agg(**days | {"n": 1})), own)), CONTACTS),
        _neighbours(tables, own),
    ]
    rows = pl.concat([part.with_columns(place=place) for place, part in enumerate(found)])
    whole = classed(tables, rows.with_columns(number=tables.written(pl.col("line"))))
    # Ten of its ten contacts say more than twenty of its thousand; of blocks those near come first.
    share = pl.col("count") / pl.col("of").fill_null(pl.col("count"))
    weight = pl.when(how=BLOCK).then(-pl.col("count")).otherwise(pl.col("count") * share)
    order = ("place", "how", weight, "number")
    return whole.sort(*order, descending=[False, False, True, False]).select(list(STORY["related"]))


def classed(tables: Tables, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the class of each number."""
    return rows.with_columns(number_class=numbering.number_class(pl.col("number"), tables.plan))


def _shared(pairs: pl.LazyFrame, own: pl.Expr) -> pl.LazyFrame:
    """Sum, by line, the pairs (line, key, n, first, last) whose key the line of its own has.

    Lines with nothing in common have a ``count`` of 0.
    """
    is_own = pl.col("line") == own
    common = pl.col("common")
    counted = (
        pairs.with_columns(common=is_own.any().over("key"))
        .group_by("line")
        .agg(
            count=pl.col("n").filter(common).sum(),
            of=pl.col("n").sum(),
            first=pl.col("first").filter(common).min(),
            last=pl.col("last").filter(common).max(),
        )
    )
    return counted.filter(~is_own).with_columns(pl.col("count", "of").cast(pl.Int64))


def _met(counted: pl.LazyFrame) -> pl.LazyFrame:
    """Say how many contacts each line would share by chance, and leave out those with no more."""
    count, of = pl.col("count"), pl.col("of")
    share = (count.sum() - count) / (of.sum() - of)
    expected = pl.when(pl.len() >= ENOUGH_OTHERS).then(of * share)
    found = counted.with_columns(expected=expected).filter(count >= LEAST_CONTACTS)
    beyond = count >= shared_targets.SURE_TIMES * pl.col("expected")
    return found.filter(beyond.fill_null(value=True))


def _unpopular(pairs: pl.LazyFrame) -> pl.LazyFrame:
    return pairs.filter(pl.len().over("key") <= shared_targets.MAX_CALLERS)


def _linked(tables: Tables, own: pl.Expr) -> pl.LazyFrame:
    one, other = pl.col("one"), pl.col("other")
    links = tables.links.filter(shared_targets.is_sure(), (one == own) | (other == own))
    counted = (
        links.with_columns(line=pl.when(one == own).then(other).otherwise(one))
        .sort("n_shared", "day", descending=[True, False])
        .group_by("line", "by")
        .agg(
            count=pl.col("n_shared").first(),
            expected=pl.col("expected").first(),
            first=pl.col("day").min(),
            last=pl.col("day").max(),
        )
    )
    return _shaped(counted, wording.format_text("campaign {}", "by"))


def _neighbours(tables: Tables, own: pl.Expr) -> pl.LazyFrame:
    block = numbering.number_block(pl.col("number"), tables.plan, BLOCK_DIGITS)
    is_own = pl.col("line") == own
    digits = pl.col("number").str.slice(1).cast(pl.Int64, strict=False)
    lines = tables.lines.with_columns(block=block, digits=digits)
    mine = lines.filter(is_own).select("block", own_digits="digits")
    apart = (pl.col("digits") - pl.col("own_digits")).abs()
    near = lines.filter(~is_own).join(mine, on="block").with_columns(count=apart)
    days = tables.profile.group_by("line").agg(first=pl.col("day").min(), last=pl.col("day").max())
    rows = near.join(days, on="line", how="left")
    return _shaped(rows, BLOCK)


def _shaped(rows: pl.LazyFrame, how: str | pl.Expr) -> pl.LazyFrame:
    known = rows.collect_schema()
    nothing = {"of": pl.lit(None, pl.Int64), "expected": pl.lit(None, pl.Float64)}
    return rows.with_columns(
        how=pl.lit(how) if isinstance(how, str) else how,
        **{name: empty for name, empty in nothing.items() if name not in known},
    ).select("line", "how", pl.col("count", "of").cast(pl.Int64), "expected", "first", "last")
