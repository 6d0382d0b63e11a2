"""Who holds the lines of an invented city: the planted buy as it is told, and the honest do not."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from cdr_anomaly.evaluation.simulation import city as simulation_city
from cdr_anomaly.schema import SUBSCRIBERS

LAST = simulation_city.FIRST_DAY + timedelta(days=35)


@pytest.fixture(scope="module", params=[1, 2, 3])
def city(request: pytest.FixtureRequest) -> simulation_city.Sample:
    return simulation_city.simulate(lines=1000, seed=request.param)


@pytest.fixture(scope="module")
def known(city: simulation_city.Sample) -> pl.DataFrame:
    day = pl.col("activation").cast(pl.Date)
    return city.subscribers.with_columns(day).join(city.truth, on="line", how="left")


def test_every_column_is_told_of_every_line(city: simulation_city.Sample) -> None:
    assert city.subscribers.columns == list(SUBSCRIBERS)
    assert city.subscribers.null_count().sum_horizontal().item() == 0
    assert city.subscribers["line"].is_sorted()


def test_most_are_of_the_city(known: pl.DataFrame) -> None:
    old = known.filter(pl.col("activation") < LAST - timedelta(days=14))
    assert 0.8 < (old["holder_region"] == "Fuzhou").mean() < 0.92  # type: ignore[operator]
    assert old.group_by("holder_token").len()["len"].max() in {2, 3}
    sold = old["dealer"].value_counts(sort=True)["count"]
    assert sold[0] > 3 * sold[-1]


@pytest.mark.parametrize("kind", ["bridge_forwarder", "new_sim_dialler"])
def test_new_sims_of_a_block_are_bought_by_people_from_elsewhere(
    known: pl.DataFrame, kind: str
) -> None:
    patterns = ["forwarding_hub", "block_burst"]
    for _, own in known.filter(pl.col("pattern").is_in(patterns), kind=kind).group_by("actor"):
        assert own["dealer"].n_unique() <= 2
        assert own["holder_region"].n_unique() <= 3
        assert (own["holder_region"] == "Fuzhou").mean() < 0.5  # type: ignore[operator]
        assert own["holder_token"].n_unique() < own.height


def test_honest_traps_lie_beside_them(known: pl.DataFrame) -> None:
    """A dealer's opening week, and a region whose students come."""
    for _, own in known.filter(kind="promotion").group_by("actor"):
        (dealer,) = own["dealer"].unique()
        assert set(known.filter(dealer=dealer)["kind"]) == {"promotion"}
        assert (own["holder_region"] == "Fuzhou").mean() > 0.6  # type: ignore[operator]
    week = known.filter(pl.col("activation") > LAST - timedelta(days=7), pl.col("kind").is_null())
    assert (week["holder_region"] == "Zunyi").mean() > 0.5  # type: ignore[operator]


def test_a_trade_is_a_business_and_a_desk_is_fixed(known: pl.DataFrame) -> None:
    kinds = known.group_by("kind").agg(pl.col("line_kind").unique())
    told = dict(kinds.iter_rows())
    assert told["courier"] == ["business"]
    assert told["alarm"] in (["iot"], ["fixed"])
    assert set(told[None]) <= {"private", "fixed"}


def test_the_same_seed_lists_the_same_holders() -> None:
    one, other = (simulation_city.simulate(days=8, lines=200, seed=4).subscribers for _ in range(2))
    assert one.equals(other)
