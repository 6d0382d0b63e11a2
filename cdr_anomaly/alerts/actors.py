"""Who belongs together: subjects of findings that name each other, use one handset, are a crew."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.features.components import number_components

# Groups that share so much of the smaller one are one crew, seen again or by another detector; with
# less, somebody happens to be in both.
MIN_SHARED_PART, MIN_SHARED_MEMBERS = 0.5, 2


def crews(groups: pl.DataFrame) -> pl.DataFrame:
    """Give each subject the crew that it was found in most often.

    ``groups`` (subject, members) are of each time that a subject was found in a group. Returns
    (subject, crew); groups are one crew where they have half of the smaller one in common.
    """
    keyed = groups.with_columns(group=pl.col("members").list.sort().list.join(" "))
    of_group = keyed.select("group", "members").unique("group").sort("group")
    sized = of_group.with_columns(n=pl.col("members").list.n_unique())
    rows = sized.explode("members").unique()
    pairs = rows.join(rows.rename({"group": "other", "n": "n_other"}), on="members").filter(
        pl.col("group") < pl.col("other")
    )
    common = pairs.group_by("group", "other", "n", "n_other").len("common")
    smaller = pl.min_horizontal("n", "n_other")
    alike = common.filter(
        pl.col("common") >= MIN_SHARED_MEMBERS, pl.col("common") >= MIN_SHARED_PART * smaller
    ).select("other", one="group")
    numbered = number_components(of_group["group"], alike).rename(
        {"subject": "group", "actor": "crew"}
    )
    times = keyed.join(numbered, on="group").group_by("subject", "crew").len("times")
    most = times.sort("subject", "times", "crew", descending=[False, True, False])
    return most.unique("subject", keep="first", maintain_order=True).select("subject", "crew")


def matching_groups(groups: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Pair groups with those of the others that they are one with (one, other), nearest first.

    Both are (subject, members), of each time that a subject was found. They have half of the
    smaller one in common.
    """
    ends = {"one": groups, "other": others}
    rows = [
        table.select(pl.col("subject").alias(end), member="members")
        .explode("member")
        .unique()
        .with_columns(pl.len().over(end).alias(f"n_{end}"))
        for end, table in ends.items()
    ]
    pairs = rows[0].join(rows[1], on="member").filter(pl.col("one") != pl.col("other"))
    common = pairs.group_by("one", "other", "n_one", "n_other").len("common")
    smaller = pl.min_horizontal("n_one", "n_other")
    kept = common.filter(
        pl.col("common") >= MIN_SHARED_MEMBERS, pl.col("common") >= MIN_SHARED_PART * smaller
    )
    ordered = kept.sort("one", "common", "other", descending=[False, True, False])
    return ordered.select("one", "other")
