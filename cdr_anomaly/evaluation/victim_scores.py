"""Lists of people to warn held against those who were held: who is on them, how high, how soon.

A victim counts on the local days from its first_day to its last_day, and n is how many there are on
a day. Where there is nothing to work a figure out from it is empty, never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly.errors import InputError
from cdr_anomaly.evaluation import ground_truth
from cdr_anomaly.schema import VICTIMS

if TYPE_CHECKING:
    from pathlib import Path

NAME = "victims.parquet"
LISTED = ("rank", "number", "day", "tier", "lines")
HELD = {
    "line": pl.String(),
    "actor": pl.String(),
    "first_day": pl.Date(),
    "last_day": pl.Date(),
}
MAIN, DELAYS, SUMS, TIERS = "people_to_warn", "time_to_warning", "lists_of_people", "who_is_listed"
ALL = "all"
PLACES = NEAR, ANYWHERE = "first 2n", "any place"
# The list of the second day is made in the night after it.
SECOND_NIGHT, HALF = 1, 0.5
NO_LISTS = f"no {NAME} beside the alerts"
NO_TRUTH = f"no {NAME} beside the truth"
NOBODY = f"no victim in the {NAME} beside the truth"
RULES = {
    "victim": f"somebody in {NAME} beside the truth, on the days from first_day to last_day; "
    "n is how many there are on a day, whoever holds them",
    "people to warn": "share of victims, of all their nights together, who are among the first n "
    "or 2n of that night's list; ever: on one of their nights, of those who have a night with a "
    "list",
    "time to warning": "days from a victim's first_day to the first list of its days that has it; "
    "of those listed; by second night: on the list of its first or its second day, of all victims "
    "of whose first day there is a list; if they are half, the median victim is in time",
    "who is listed": "people on all lists together: victims up to 7 days after their last_day, "
    "others who talked with a planted line on its days or 7 days after, and neither",
}


class People(NamedTuple):
    """Lists of people to warn, and those who were held.

    ``names`` (list, list_day) has a row for each list, ``listed`` are LISTED with these two
    columns; ``held`` are HELD with the ``kind`` of the actor: its name without its number.
    """

    names: pl.DataFrame
    listed: pl.DataFrame
    held: pl.DataFrame


def read(place: Path, truth: Path) -> People | str:
    """Read the lists beside the alerts in and below a folder, and who was held; or say why not."""
    files = [file.with_name(NAME) for file in ground_truth.files(place)]
    there = [file for file in files if file.exists()]
    if not there:
        return NO_LISTS
    of_truth = truth.with_name(NAME)
    # Where the truth lies beside a list, what is there is that list.
    if not of_truth.exists() or of_truth.resolve() in {file.resolve() for file in there}:
        return NO_TRUTH
    held = read_held(of_truth)
    return NOBODY if held.is_empty() else People(*ground_truth.dated(there, _types()), held)


def read_held(file: Path) -> pl.DataFrame:
    """Read who was held by which actor, and on which days."""
    told = ground_truth.columns(file, HELD)
    for name in HELD:
        if told[name].null_count():
            msg = f"'{file}': a row has no {name}; a victim has {', '.join(HELD)}."
            raise InputError(msg)
    ground_truth.check_days(file, told)
    return told.unique(maintain_order=True).with_columns(
        kind=pl.col("actor").str.replace(r"_\d+$", "")
    )


def tables(people: People | str, truth: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Work out every figure, or say in one line why there is none."""
    if isinstance(people, str):
        return {MAIN: pl.DataFrame({"state": [people]})}
    rows = nights(people)
    groups = {ALL: rows} | {
        kind: rows.filter(kind=kind) for kind in sorted(people.held["kind"].unique())
    }
    return {
        MAIN: pl.DataFrame([_among(*group) for group in groups.items()], infer_schema_length=None),
        DELAYS: pl.DataFrame(
            [_delay(kind, group, where) for kind, group in groups.items() for where in PLACES],
            infer_schema_length=None,
        ),
        SUMS: summed_up(people, rows),
        TIERS: by_tier(people, truth),
    }


def nights(people: People) -> pl.DataFrame:
    """Give a row for each night of each victim: ``n`` of that night, and its place on the list."""
    listed = people.listed.with_columns(day=pl.coalesce("list_day", "day"))
    dated = people.names.drop_nulls("list_day").select("list", day="list_day")
    days = pl.concat([dated, listed.select("list", "day")]).unique()
    of_night = ["list", "day"]
    rows = people.held.join(days, how="cross").filter(
        pl.col("day").is_between("first_day", "last_day")
    )
    places = listed.group_by(*of_night, line="number").agg(pl.col("rank").min())
    return (
        rows.with_columns(n=pl.col("line").n_unique().over(of_night).cast(pl.Int64))
        .join(places, on=[*of_night, "line"], how="left")
        .sort("day", "list", *HELD)
    )


def summed_up(people: People, rows: pl.DataFrame) -> pl.DataFrame:
    """Say how many lists, people and victims there are; an empty list has 0 people."""
    counts = people.names.join(people.listed.group_by("list").len(), on="list", how="left")
    a_list = counts["len"].fill_null(0)
    told: list[tuple[str, Any]] = [
        ("lists", people.names.height),
        ("people a list, median", a_list.median()),
        ("people a list, most", a_list.max()),
        ("victims", people.held.height),
        (
            "victims of whose days there is no list",
            people.held.join(rows, list(HELD), "anti").height,
        ),
        ("victims a night, most", rows["n"].max()),
    ]
    return pl.DataFrame(told, {"what": pl.String, "number": pl.Float64}, orient="row")


def by_tier(people: People, truth: pl.DataFrame) -> pl.DataFrame:
    """Count of those listed in each tier the victims, others whom a planted line talked with."""
    listed = people.listed.select(
        "tier", "number", "lines", day=pl.coalesce("list_day", "day")
    ).with_row_index("row")
    theirs = listed.join(people.held, left_on="number", right_on="line").filter(
        ground_truth.on_its_day()
    )
    talked = (
        listed.explode("lines", empty_as_null=False, keep_nulls=False)
        .join(ground_truth.planted(truth), left_on="lines", right_on="line")
        .filter(ground_truth.on_its_day())
    )
    victim, met = (pl.col("row").is_in(part["row"].unique().implode()) for part in (theirs, talked))
    counts = listed.group_by("tier").agg(
        people=pl.len(),
        victims=victim.sum(),
        others_called=(met & ~victim).sum(),
        neither=(~met & ~victim).sum(),
    )
    order = pl.DataFrame({"tier": ["now", "today", "watch"]})
    whole = order.join(counts, on="tier", how="left", maintain_order="left").with_columns(
        pl.col("people", "victims", "others_called", "neither").fill_null(0).cast(pl.Int64)
    )
    some = pl.col("people") > 0
    share = pl.when(some).then(pl.col("neither") / pl.col("people"))
    return whole.with_columns(share_neither=share.round(4))


def _among(who: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Give the shares of a group that are among the first of the lists, and that ever are."""
    each = rows.unique(["list", "day", "line"])
    first, near = (_within(each, times) for times in (1, 2))
    victims = rows.group_by(list(HELD)).agg(
        near=(pl.col("rank") <= 2 * pl.col("n")).any(), listed=pl.col("rank").is_not_null().any()
    )
    return {
        "who": who,
        "victims": victims.height,
        "nights": each.height,
        "in_first_n": first,
        "in_first_2n": near,
        "ever_in_first_2n": _rounded(victims["near"].mean()),
        "ever_listed": _rounded(victims["listed"].mean()),
    }


def _within(each: pl.DataFrame, times: int) -> float | None:
    near = each.select((pl.col("rank") <= times * pl.col("n")).fill_null(value=False))
    return _rounded(near.to_series().mean())


def _delay(who: str, rows: pl.DataFrame, where: str) -> dict[str, Any]:
    """Give the days until victims are listed, and how many are by their second night."""
    near = pl.col("rank") <= 2 * pl.col("n") if where == NEAR else pl.col("rank").is_not_null()
    victims = rows.group_by(list(HELD)).agg(
        day=pl.col("day").filter(near).min(),
        from_first=pl.col("day").min() == pl.first("first_day"),
    )
    followed = victims.filter("from_first")
    days = followed.select((pl.col("day") - pl.col("first_day")).dt.total_days()).to_series()
    soon = _rounded((days <= SECOND_NIGHT).fill_null(value=False).mean())
    return {
        "who": who,
        "listed_in": where,
        "victims": followed.height,
        "found": followed["day"].count(),
        "median_days": days.median(),
        "days_90": _rounded(days.quantile(0.9, "linear")),
        "by_second_night": soon,
        "in_time": None if soon is None else soon >= HALF,
    }


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 4)


def _types() -> dict[str, pl.DataType]:
    return {name: VICTIMS[name].dtype or pl.String() for name in LISTED}
