"""Who holds the new lines of a surge: people from elsewhere, or a few who hold many of them.

``lines`` are as in births.surges(): a row a line with its groups, among them the ``region`` of its
holder where a list tells it.
"""

from __future__ import annotations

import polars as pl

from cdr_anomaly.detectors.new_sim_burst import surges as new_sim_burst_surges
from cdr_anomaly.detectors.new_sim_burst.surges import SURGE
from cdr_anomaly.wording import Sentence, first_sentence, sentence

HOME = ["home", "usual_elsewhere"]


def elsewhere(lines: pl.DataFrame, surges: pl.DataFrame, members: pl.LazyFrame) -> pl.LazyFrame:
    """Count the new lines of surges whose holders are of another region than is usual.

    Usual is the ``home`` of most of the group's lines that were born before the window, or of all
    lines where the group has none. Returns (by, group, day, home, n_placed, n_elsewhere, n_regions,
    usual_elsewhere): how many new lines have a known region, how many of them another one than
    home, in how many regions, and the share that was so before. Of regions nothing is said.
    """
    apart = surges.filter(pl.col("by") != "region").select(*SURGE, "window_days").lazy()
    windows = apart.select("day", "window_days").unique()
    own = [
        _by_birth(lines, group=by).join(apart.filter(pl.col("by") == by), on="group")
        for by in new_sim_burst_surges.ways(lines)
    ]
    homes = _homes(pl.concat(own), SURGE)
    of_all = _homes(_by_birth(lines).join(windows, how="cross"), ["day", "window_days"])
    both = apart.join(homes, on=SURGE, how="left").join(
        of_all, on=["day", "window_days"], how="left", suffix="_of_all"
    )
    either = both.select(*SURGE, *(pl.coalesce(c, f"{c}_of_all") for c in HOME)).drop_nulls()
    away = pl.col("region") != pl.col("home")
    return (
        members.join(lines.lazy().select("line", "region").drop_nulls(), on="line")
        .join(either, on=SURGE)
        .group_by(*SURGE, *HOME)
        .agg(
            n_placed=pl.len().cast(pl.Int64),
            n_elsewhere=away.sum().cast(pl.Int64),
            n_regions=pl.col("region").filter(away).n_unique().cast(pl.Int64),
        )
        .with_columns(pl.col("home").str.strip_prefix("region "))
    )


def several(members: pl.LazyFrame, tokens: pl.LazyFrame) -> pl.LazyFrame:
    """Count who holds several of a surge's lines: (by, group, day, n_holders, n_theirs).

    ``tokens`` (line, holder_token) are of lines whose holder is known, ``n_theirs`` the lines of
    those who hold several.
    """
    held = members.join(tokens, on="line").group_by(*SURGE, "holder_token").agg(n=pl.len())
    many = pl.col("n").filter(pl.col("n") > 1)
    counts = {"n_holders": many.len(), "n_theirs": many.sum()}
    return held.group_by(SURGE).agg(**{name: n.cast(pl.Int64) for name, n in counts.items()})


def elsewhere_sentence() -> Sentence:
    """Say what elsewhere() has counted; nothing where it has not."""
    known = sentence(
        "new_sim_burst.elsewhere",
        "; {away} of {known} are held by people registered outside {place}, in {regions} other "
        "region(s); usual {share} %",
        away="n_elsewhere",
        known="n_placed",
        place="home",
        regions="n_regions",
        share=(100 * pl.col("usual_elsewhere")).round().cast(pl.Int64),
    )
    return first_sentence([(known.text.is_not_null(), known)])


def several_sentence() -> Sentence:
    """Say what several() has counted; nothing where it has not."""
    some = sentence(
        "new_sim_burst.several",
        "; {holders} holder(s) have several of them, {theirs} in all",
        holders="n_holders",
        theirs="n_theirs",
    )
    nobody = sentence("new_sim_burst.nobody_several", "; no holder has several of them")
    n_holders = pl.col("n_holders")
    return first_sentence([(n_holders > 0, some), (n_holders == 0, nobody)])


def _by_birth(lines: pl.DataFrame, **group: str) -> pl.LazyFrame:
    """Count lines by day of birth, region and group, which are few beside the lines."""
    known = lines.lazy().select("born", "region", **group).drop_nulls(["region", *group])
    return known.group_by("born", "region", *group).agg(n=pl.len())


def _homes(counts: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    """Say where most of the lines born before a window are held, and the share held elsewhere."""
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    older = counts.filter(pl.col("born").is_null() | (age >= pl.col("window_days")))
    regions = older.group_by(*keys, "region").agg(pl.col("n").sum())
    most = regions.sort("n", "region", descending=[True, False]).group_by(keys, maintain_order=True)
    return most.agg(
        home=pl.col("region").first(), usual_elsewhere=1 - pl.col("n").first() / pl.col("n").sum()
    )
