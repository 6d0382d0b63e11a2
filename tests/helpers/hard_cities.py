"""Cities of hard patterns as tests look at them."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from cdr_anomaly.evaluation.simulation import city
from tests.helpers.city_records import ZONE, plain

SEEDS = (1, 2)


class HardCity:
    """The calls and legs of a city, numbers in one form, with the truth about who acts."""

    def __init__(self, seed: int, grade: int) -> None:
        self.sample = city.simulate(lines=1_000, days=28, seed=seed, patterns="hard", grade=grade)
        numbers = ("calling_number", "called_number", "redirecting_number")
        local = pl.col("start_time").dt.convert_time_zone(ZONE)
        self.rows = self.sample.calls.with_columns(
            *(plain(number) for number in numbers)
        ).with_columns(
            day=local.dt.date(),
            hour=local.dt.hour(),
            line=pl.coalesce("redirecting_number", "calling_number"),
        )
        self.calls = self.rows.filter(record_type="call")
        self.truth = self.sample.truth
        self.subscribers = self.sample.subscribers.with_columns(pl.col("activation").cast(pl.Date))

    def lines(self, *kinds: str) -> pl.DataFrame:
        """Return what is known of the lines of some kinds."""
        return self.truth.filter(pl.col("kind").is_in(kinds))

    def placed(self, *kinds: str) -> pl.DataFrame:
        """Return the calls that lines of these kinds placed on the days of their actor."""
        own = self.calls.join(self.lines(*kinds), left_on="calling_number", right_on="line")
        return own.filter(pl.col("day").is_between("first_day", "last_day"))

    def received(self, *kinds: str) -> pl.DataFrame:
        """Return the calls that reached lines of these kinds on the days of their actor."""
        own = self.calls.join(self.lines(*kinds), left_on="called_number", right_on="line")
        return own.filter(pl.col("day").is_between("first_day", "last_day"))

    def forwarded(self, *kinds: str) -> pl.DataFrame:
        """Return the legs that lines of these kinds passed on."""
        legs = self.rows.filter(record_type="fwd")
        return legs.join(self.lines(*kinds), left_on="redirecting_number", right_on="line")

    def before(self, *kinds: str) -> pl.DataFrame:
        """Return the calls that lines of these kinds placed before the days of their actor."""
        own = self.calls.join(self.lines(*kinds), left_on="calling_number", right_on="line")
        return own.filter(pl.col("day") < pl.col("first_day"))

    def lived_share(self, *kinds: str) -> float:
        """Return the share of lines that placed calls before the days of their actor."""
        lines = self.lines(*kinds)["line"].n_unique()
        return self.before(*kinds)["calling_number"].n_unique() / lines


@lru_cache(maxsize=6)
def hard_city(seed: int, grade: int = 3) -> HardCity:
    """Simulate a city of hard patterns, once for all tests that look at the same one."""
    return HardCity(seed, grade)


def rate(calls: pl.DataFrame) -> float:
    """Return how many calls a line places on a day, in the mean."""
    return float(calls.group_by("calling_number", "day").len()["len"].mean())  # type: ignore[arg-type]


def answered(calls: pl.DataFrame) -> float:
    """Return the share of calls with talk."""
    return float((calls["duration_s"] > 0).mean())  # type: ignore[arg-type]


def known_share(calls: pl.DataFrame) -> float:
    """Return the share of calls to numbers that the same set of lines called on a day before."""
    first = calls.group_by("actor", "called_number").agg(first=pl.col("day").min())
    late = calls.join(first, on=["actor", "called_number"])
    last_days = late.filter(pl.col("day") > pl.col("last_day") - pl.duration(days=5))
    return float((last_days["day"] > last_days["first"]).mean())  # type: ignore[arg-type]


def called_by_several(calls: pl.DataFrame) -> float:
    """Return the share of called numbers that two lines of a set or more called."""
    lines = calls.group_by("actor", "called_number").agg(pl.col("calling_number").n_unique())
    return float((lines["calling_number"] > 1).mean())  # type: ignore[arg-type]
