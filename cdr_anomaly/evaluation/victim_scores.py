"""Scores of lists of people to warn against the victims: who is listed, how high, how soon.

A victim is somebody whom a planted actor held on the telephone; it counts on the local days from
its first_day to its last_day, and n is the number of victims on a day. A figure is null, never 0,
where there is nothing to compute it from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly.errors import InputError
from cdr_anomaly.evaluation import ground_truth
from cdr_anomaly.schema import VICTIMS

if TYPE_CHECKING:
    from pathlib import Path

VICTIMS_NAME = "victims.parquet"
LIST_COLUMNS = ("rank", "number", "day", "tier", "lines")
LIST_TYPES = {name: VICTIMS[name].dtype or pl.String() for name in LIST_COLUMNS}
VICTIM_TYPES = {
    "line": pl.String(),
    "actor": pl.String(),
    "first_day": pl.Date(),
    "last_day": pl.Date(),
}
MAIN, DELAYS, SUMS, TIERS = "people_to_warn", "time_to_warning", "lists_of_people", "who_is_listed"
ALL = "all"
LISTED_IN = NEAR, ANYWHERE = "first 2n", "any place"
# The list of the second day is made in the night after it.
SECOND_NIGHT_DAYS, MIN_SHARE_IN_TIME = 1, 0.5
NO_LISTS = f"no {VICTIMS_NAME} beside the alerts"
NO_TRUTH = f"no {VICTIMS_NAME} beside the truth"
NOBODY = f"no victim in the {VICTIMS_NAME} beside the truth"
RULES = {
    "victim": f"somebody in {VICTIMS_NAME} beside the truth, on the days from first_day to "
    "last_day; n is how many there are on a day, whoever holds them",
    "people to warn": "share of victims, of all their nights together, who are among the first n "
    "or 2n of that night's list; ever: on one of their nights, of those who have a night with a "
    "list",
    "time to warning": "days from a victim's first_day to the first list of its days that has it; "
    "of those listed; by second night: on the list of its first or its second day, of all victims "
    "of whose first day there is a list; if they are half, the median victim is in time",
    "who is listed": "people on all lists together: victims up to 7 days after their last_day, "
    "others who talked with a planted line on its days or 7 days after, and neither",
}


class VictimLists(NamedTuple):
    """Lists of people to warn, and the victims.

    ``names`` (list, list_day) has a row for each list; ``people`` are LIST_COLUMNS with these two
    columns; ``victims`` are VICTIM_TYPES with the ``kind`` of the actor: its name without a number.
    """

    names: pl.DataFrame
    people: pl.DataFrame
    victims: pl.DataFrame


def read_victim_lists(path: Path, truth: Path) -> VictimLists | str:
    """Read the lists beside the alerts in and below a folder, and the victims beside the truth.

    Returns a sentence that says what is missing if there are none.
    """
    files = [file.with_name(VICTIMS_NAME) for file in ground_truth.list_files(path)]
    files = [file for file in files if file.exists()]
    if not files:
        return NO_LISTS
    truth_file = truth.with_name(VICTIMS_NAME)
    # A victims.parquet beside both the truth and a list is the list.
    if not truth_file.exists() or truth_file.resolve() in {file.resolve() for file in files}:
        return NO_TRUTH
    victims = read_victims(truth_file)
    if victims.is_empty():
        return NOBODY
    return VictimLists(*ground_truth.read_dated(files, LIST_TYPES), victims)


def read_victims(file: Path) -> pl.DataFrame:
    """Read who was held by which actor, and on which days."""
    rows = ground_truth.read_columns(file, VICTIM_TYPES)
    for name in VICTIM_TYPES:
        if rows[name].null_count():
            msg = f"'{file}': a row has no {name}; a victim has {', '.join(VICTIM_TYPES)}."
            raise InputError(msg)
    ground_truth.check_days(file, rows)
    kind = pl.col("actor").str.replace(r"_\d+$", "")
    return rows.unique(maintain_order=True).with_columns(kind=kind)


def score_victim_lists(lists: VictimLists | str, truth: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return all tables of figures by name, or one that says what is missing."""
    if isinstance(lists, str):
        return {MAIN: pl.DataFrame({"state": [lists]})}
    rows = victim_nights(lists)
    kinds = sorted(lists.victims["kind"].unique())
    groups = {ALL: rows} | {kind: rows.filter(kind=kind) for kind in kinds}
    shares = [_share_row(*group) for group in groups.items()]
    delays = [_delay_row(*group, where) for group in groups.items() for where in LISTED_IN]
    return {
        MAIN: pl.DataFrame(shares, infer_schema_length=None),
        DELAYS: pl.DataFrame(delays, infer_schema_length=None),
        SUMS: summary(lists, rows),
        TIERS: count_by_tier(lists, truth),
    }


def victim_nights(lists: VictimLists) -> pl.DataFrame:
    """Return a row for each night of each victim: ``n`` of that night, and its rank on the list."""
    people = lists.people.with_columns(day=pl.coalesce("list_day", "day"))
    dated = lists.names.drop_nulls("list_day").select("list", day="list_day")
    days = pl.concat([dated, people.select("list", "day")]).unique()
    night = ["list", "day"]
    is_night = pl.col("day").is_between("first_day", "last_day")
    rows = lists.victims.join(days, how="cross").filter(is_night)
    ranks = people.group_by(*night, line="number").agg(pl.col("rank").min())
    return (
        rows.with_columns(n=pl.col("line").n_unique().over(night).cast(pl.Int64))
        .join(ranks, on=[*night, "line"], how="left")
        .sort("day", "list", *VICTIM_TYPES)
    )


def summary(lists: VictimLists, rows: pl.DataFrame) -> pl.DataFrame:
    """Return how many lists, people and victims there are; an empty list has 0 people."""
    counts = lists.names.join(lists.people.group_by("list").len(), on="list", how="left")
    a_list = counts["len"].fill_null(0)
    unlisted = lists.victims.join(rows, list(VICTIM_TYPES), "anti")
    sums: list[tuple[str, Any]] = [
        ("lists", lists.names.height),
        ("people a list, median", a_list.median()),
        ("people a list, most", a_list.max()),
        ("victims", lists.victims.height),
        ("victims of whose days there is no list", unlisted.height),
        ("victims a night, most", rows["n"].max()),
    ]
    return pl.DataFrame(sums, {"what": pl.String, "number": pl.Float64}, orient="row")


def count_by_tier(lists: VictimLists, truth: pl.DataFrame) -> pl.DataFrame:
    """Count the people listed in each tier: victims, others called by planted lines, neither."""
    people = lists.people.select("tier", "number", "lines", day=pl.coalesce("list_day", "day"))
    people = people.with_row_index("row")
    victims = people.join(lists.victims, left_on="number", right_on="line")
    planted = ground_truth.planted_lines(truth)
    called = people.explode("lines", empty_as_null=False, keep_nulls=False).join(
        planted, left_on="lines", right_on="line"
    )
    is_victim, is_called = (
        pl.col("row").is_in(part.filter(ground_truth.is_on_actor_day())["row"].unique().implode())
        for part in (victims, called)
    )
    counts = people.group_by("tier").agg(
        people=pl.len(),
        victims=is_victim.sum(),
        others_called=(is_called & ~is_victim).sum(),
        neither=(~is_called & ~is_victim).sum(),
    )
    tiers = pl.DataFrame({"tier": ["now", "today", "watch"]})
    rows = tiers.join(counts, on="tier", how="left", maintain_order="left").with_columns(
        pl.col("people", "victims", "others_called", "neither").fill_null(0).cast(pl.Int64)
    )
    return rows.with_columns(share_neither=ground_truth.share("neither", "people"))


def _share_row(who: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Return the shares of a group that are among the first of the lists, and that ever are."""
    nights = rows.unique(["list", "day", "line"])
    first, near = (
        nights.select((pl.col("rank") <= times * pl.col("n")).fill_null(value=False)).to_series()
        for times in (1, 2)
    )
    victims = rows.group_by(list(VICTIM_TYPES)).agg(
        near=(pl.col("rank") <= 2 * pl.col("n")).any(), listed=pl.col("rank").is_not_null().any()
    )
    return {
        "who": who,
        "victims": victims.height,
        "nights": nights.height,
        "in_first_n": _round(first.mean()),
        "in_first_2n": _round(near.mean()),
        "ever_in_first_2n": _round(victims["near"].mean()),
        "ever_listed": _round(victims["listed"].mean()),
    }


def _delay_row(who: str, rows: pl.DataFrame, where: str) -> dict[str, Any]:
    """Return the days until victims are listed, and how many are by their second night."""
    near = pl.col("rank") <= 2 * pl.col("n") if where == NEAR else pl.col("rank").is_not_null()
    victims = rows.group_by(list(VICTIM_TYPES)).agg(
        day=pl.col("day").filter(near).min(),
        from_first=pl.col("day").min() == pl.first("first_day"),
    )
    followed = victims.filter("from_first")
    days = followed.select((pl.col("day") - pl.col("first_day")).dt.total_days()).to_series()
    soon = _round((days <= SECOND_NIGHT_DAYS).fill_null(value=False).mean())
    return {
        "who": who,
        "listed_in": where,
        "victims": followed.height,
        "found": followed["day"].count(),
        "median_days": days.median(),
        "days_90": _round(days.quantile(0.9, "linear")),
        "by_second_night": soon,
        "in_time": None if soon is None else soon >= MIN_SHARE_IN_TIME,
    }


def _round(value: Any) -> float | None:
    return None if value is None else round(float(value), 4)
