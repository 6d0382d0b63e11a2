"""Lines that are used for something are compared with those that are used alike."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from cdr_anomaly import pipeline, settings
from cdr_anomaly.alerts import peer_scoring, unlike_peers
from cdr_anomaly.alerts.peer_scoring import BY_NIGHTS, PastNights
from cdr_anomaly.schema import EVIDENCE, TESTS, empty
from tests.helpers.builders import SHANGHAI, feed, line, past
from tests.helpers.measures import FAMILIES, MEASURES, NOBODY, day

if TYPE_CHECKING:
    from pathlib import Path

NIGHTS = 16
# How many calls the busy lines of a kind place, and how many of its lines are busy.
KINDS = {"private": (30, 900), "business": (120, 300)}


def drawn(told: bool, seed: int, asked: list[tuple[str, float]]) -> pl.DataFrame:  # noqa: FBT001
    """Draw the days of honest lines, and put some more on the last one: their kind and calls."""
    random = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for n in range(NIGHTS):
        for kind, (usual, lines) in KINDS.items():
            calls = random.poisson(random.gamma(5.0, usual / 5, lines)).tolist()
            calls += [value for of, value in asked if n == NIGHTS - 1 and of == kind]
            peers = f"mobile lines of kind {kind}" if told else "mobile lines"
            rows += [
                (f"+86{kind}{i}", day(n), peers, FAMILIES[name], name, value)
                for i, each in enumerate(calls)
                for name, value in (("calls", float(each)), ("back", random.beta(2, 5)))
            ]
    schema = {name: column.dtype or pl.String for name, column in TESTS.items()}
    return pl.DataFrame(rows, schema, orient="row")


def judged(tests: pl.DataFrame) -> pl.DataFrame:
    callers = {day(n): 1500 for n in range(NIGHTS)}
    made = peer_scoring.build_evidence(
        tests, NOBODY, PastNights(empty(EVIDENCE), callers), MEASURES
    )
    kind = pl.col("line").str.extract("(private|business)")
    volume = pl.col("families").list.eval(
        pl.element().struct.field("p_value").filter(pl.element().struct.field("family") == "volume")
    )
    return made.with_columns(kind=kind, volume=volume.list.first())


@pytest.fixture(scope="module")
def honest() -> pl.DataFrame:
    """Judge three worlds of honest lines; four in five of the active ones are compared."""
    rows = pl.concat([judged(drawn(told=True, seed=seed, asked=[])) for seed in range(3)])
    return rows.filter(pl.col("day") >= day(7))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", [0.3, 0.1, 0.03])
def test_among_lines_of_each_kind_p_is_what_it_says(
    honest: pl.DataFrame, kind: str, p: float
) -> None:
    own = honest.filter(kind=kind)
    assert own["calibrated_by"].unique().to_list() == [BY_NIGHTS]
    shares = own.select((pl.col("volume", "p_value") <= p).mean()).row(0, named=True)
    assert 0.7 * p < shares["volume"] < 1.4 * p
    # That of the day is twice the lesser of two that say much the same.
    assert 0.4 * p < shares["p_value"] < 1.4 * p


def test_without_being_told_one_kind_is_odd_for_what_it_is() -> None:
    """The same lines: those of the trade that calls most have nearly all the small p."""
    rows = judged(drawn(told=False, seed=1, asked=[])).filter(pl.col("day") >= day(7))
    shares = dict(rows.group_by("kind").agg((pl.col("volume") <= 0.1).mean()).iter_rows())
    assert shares["business"] > 0.3
    assert shares["private"] < 0.01


@pytest.mark.parametrize("told", [False, True])
def test_a_line_is_judged_among_those_that_are_used_alike(*, told: bool) -> None:
    """150 calls are much for a private line, and nothing for a business."""
    tests = drawn(told=told, seed=2, asked=[("private", 150.0), ("business", 150.0)])
    last = judged(tests).filter(day=day(NIGHTS - 1))
    lines = {kind: f"+86{kind}{n}" for kind, (_, n) in KINDS.items()}
    p = {kind: last.filter(line=own)["volume"].item() for kind, own in lines.items()}
    if told:
        assert p["private"] < 0.01
        assert p["business"] > 0.1
    else:
        assert p["private"] == p["business"]


def test_the_sentence_says_whom_a_line_is_unlike() -> None:
    tests = drawn(told=True, seed=3, asked=[("private", 400.0), ("business", 900.0)])
    rare = pl.col("peers").str.replace("private", "taxi")
    last = pl.col("line") == f"+86private{KINDS['private'][1]}"
    tests = tests.with_columns(peers=pl.when(last).then(rare).otherwise("peers"))
    made = judged(tests).drop("kind", "volume")
    wanted = made.filter(pl.col("line").str.ends_with("00"), day=day(NIGHTS - 1))
    told = unlike_peers.unlike_sentences(made, wanted.select("line", "day"), MEASURES)
    said = dict(told.select("line", "unlike").iter_rows())
    taxi, business = (said[f"+86{kind}{n}"] for kind, (_, n) in KINDS.items())
    assert business.startswith("unlike other mobile lines of kind business: 900 calls")
    assert taxi.startswith("unlike other mobile lines: 400 calls"), "there is no other taxi"


def test_a_list_tells_what_lines_are_used_for(tmp_path: Path) -> None:
    days = past("2026-05-01", 9)
    ours = [line(f"+8613800{n:06}").dials(34 + n % 3, on=days, gap_s=600) for n in range(30)]
    feed(*ours).write_parquet(tmp_path / "calls.parquet")
    file = tmp_path / "list.csv"
    told = {"line": [each.number for each in ours], "line_kind": ["shop", ""] * 15}
    pl.DataFrame(told).write_csv(file)
    calls, settings_ = [tmp_path / "calls.parquet"], settings.load_settings(tz=SHANGHAI)
    result = pipeline.scan(calls, settings_, subscribers=file)
    among = result.evidence.select("line", "peers", "measures").explode("measures")
    assert set(among["peers"]) == {"mobile lines"}
    named = among.select("line", pl.col("measures").struct.field("peers")).unique()
    kinds = dict(zip(*told.values(), strict=True))
    assert named.height == 30
    for number, peers in named.iter_rows():
        assert peers == "mobile lines" + (" of kind shop" if kinds[number] else "")
    plain = pipeline.scan(calls, settings_)
    assert plain.evidence.drop("measures").columns == result.evidence.drop("measures").columns
    assert date(2026, 5, 1) + timedelta(days=8) == result.evidence["day"].max()
