"""What is odd about a line's day, against the definition by the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import wording
from cdr_anomaly.alerts import peer_scoring, unlike_peers
from cdr_anomaly.alerts.peer_scoring import BY_ITSELF, BY_NIGHTS, MIN_NIGHTS, NIGHTS, PastNights
from cdr_anomaly.schema import EVIDENCE, FINDINGS, TESTS, empty
from tests.helpers import naive
from tests.helpers.measures import FAMILIES, MEASURES, NOBODY, day

if TYPE_CHECKING:
    from datetime import date

Row = tuple[Any, ...]


def drawn(days: int, lines: int, seed: int = 1, peers: str = "mobile lines") -> list[Row]:
    """Draw measures of exchangeable lines: every line-day by the same die."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for n in range(days):
        calls = random.poisson(random.gamma(3.0, 10.0, lines))
        peak = random.poisson(1 + calls / 10)
        back = random.beta(2, 5, lines).round(3)
        for line in range(lines):
            own = {"calls": calls[line], "peak": peak[line], "back": back[line]}
            rows += [
                (f"+86{line}", day(n), peers, FAMILIES[name], name, float(value))
                for name, value in own.items()
            ]
    return rows


def frame(rows: list[Row]) -> pl.DataFrame:
    schema = {name: column.dtype or pl.String for name, column in TESTS.items()}
    return pl.DataFrame(rows, schema, orient="row")


def judged(
    rows: list[Row] | pl.DataFrame, callers: int | dict[date, int], odd: pl.DataFrame = NOBODY
) -> pl.DataFrame:
    tests = rows if isinstance(rows, pl.DataFrame) else frame(rows)
    days = dict.fromkeys(tests["day"].unique(), callers) if isinstance(callers, int) else callers
    return peer_scoring.build_evidence(tests, odd, PastNights(empty(EVIDENCE), days), MEASURES)


@pytest.fixture(scope="module")
def clean() -> pl.DataFrame:
    return judged(drawn(days=27, lines=400), 500)


def test_the_table_is_complete(clean: pl.DataFrame) -> None:
    assert dict(clean.schema) == {
        name: column.dtype or pl.String for name, column in EVIDENCE.items()
    }
    assert clean.select("line", "day").n_unique() == clean.height == 27 * 400
    assert clean.select("day", "line").equals(clean.select("day", "line").sort("day", "line"))
    assert clean["p_value"].is_between(1e-300, 1).all()
    assert (clean["q_value"] >= clean["p_value"]).all()


def test_no_tests_no_evidence() -> None:
    assert judged([], {}).is_empty()
    assert unlike_peers.find_unlike(judged([], {}), 0.05, MEASURES).is_empty()


def test_it_is_that_of_the_slow_twin() -> None:
    """Few lines, so that each is counted; two kinds, one of which has too few days of its own.

    What some of the lines are used for is told: by many, by too few, and by too few of few.
    """
    rows = [*drawn(8, 30), *drawn(8, 6, seed=2, peers="fixed lines")]
    rows += drawn(8, 32, seed=3, peers="mobile lines of kind business")
    rows += drawn(8, 4, seed=4, peers="mobile lines of kind taxi")
    rows += drawn(8, 3, seed=5, peers="fixed lines of kind business")
    rows = [(f"{line}/{kind}", *more) for line, *more in rows for kind in more[1:2]]
    odd = pl.DataFrame({"line": ["+863/mobile lines"], "day": [day(3)]})
    callers = {day(n): 100 for n in range(8)}
    told = naive.evidence(rows, {*odd.iter_rows()}, callers, {"back"})
    assert_as_weighed(judged(rows, 100, odd), told)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_that_of_the_slow_twin_at_random(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days without lines or callers, lines of two kinds, and such that are odd beyond doubt."""
    monkeypatch.setattr(peer_scoring, "MIN_PEERS", 25)
    monkeypatch.setattr(peer_scoring, "SURELY_ODD", 0.9)
    random = np.random.default_rng(seed)
    uses = ["", " of kind business", " of kind taxi"]
    kinds = ["mobile lines", "lines", "fixed lines", "new lines"]
    days = sorted(random.choice(16, 12, replace=False).tolist())
    rows = []
    for n in days:
        for line in random.choice(14, 9, replace=False).tolist():
            peers = {kinds[line % 4 if n > 6 else line % 3] + uses[line % 3], kinds[line % 2]}
            wild = 100 if random.random() < 0.05 else 1
            rows += [
                (f"+86{line}", day(n), kind, FAMILIES[name], name, float(value * wild))
                for kind in sorted(peers)[: 1 + (line + n) % 2]
                for name, value in zip(MEASURES, random.integers(0, 6, 3), strict=True)
            ]
    odd = {(f"+86{line}", day(n)) for line, n in random.integers(0, 14, (6, 2)).tolist()}
    callers = {
        day(n): int(random.integers(12, 60)) for n in {*days, *random.integers(0, 16, 3).tolist()}
    }
    told = naive.evidence(rows, odd, callers, {"back"}, enough=25, surely=0.9)
    marked = pl.DataFrame(sorted(odd), NOBODY.schema, orient="row")
    made = judged(frame(rows).sample(fraction=1, shuffle=True, seed=seed), callers, marked)
    assert_as_weighed(made, told)
    known = made.filter(pl.col("day") <= day(days[6]))
    past = PastNights(known.filter(pl.col("day") >= day(days[6] - NIGHTS)), callers)
    rest = frame([row for row in rows if row[1] > day(days[6])])
    whole = pl.concat([known, peer_scoring.build_evidence(rest, marked, past, MEASURES)])
    assert_frame_equal(whole, made)


def assert_as_weighed(
    evidence: pl.DataFrame, expected: dict[tuple[str, date], naive.Weighed]
) -> None:
    """Compare with the slow twin, to the last digit but for the exponential of drawn tails."""
    assert {row[:2] for row in evidence.iter_rows()} == set(expected)
    for row in evidence.to_dicts():
        told = expected[row["line"], row["day"]]
        shares = {(each["peers"], each["measure"]): each["share"] for each in row["measures"]}
        assert shares == told.shares
        families = {(each["family"], each["peers"]): each["p_value"] for each in row["families"]}
        assert families == pytest.approx(told.families, rel=1e-12)
        names = ("max_family_score", "total_score", "p_value", "q_value")
        scores = (told.most, told.total, told.p_value, told.q_value)
        assert [row[name] for name in names] == pytest.approx(scores, rel=1e-12)
        facts = (row["peers"], row["calibrated_by"], row["excluded_from_peers"])
        assert facts == (told.peers, told.by, told.odd)


def test_the_order_of_rows_does_not_matter() -> None:
    tests = frame(drawn(9, 60))
    shuffled = tests.sample(fraction=1, shuffle=True, seed=4)
    assert judged(shuffled, 100).equals(judged(tests, 100))


def test_nights_one_by_one_say_what_all_at_once_say() -> None:
    tests, callers = frame(drawn(12, 80)), {day(n): 100 + n for n in range(12)}
    whole = judged(tests, callers)
    made = empty(EVIDENCE)
    for n in range(12):
        known = made.filter(pl.col("day") >= day(n - NIGHTS))
        own = tests.filter(day=day(n))
        until = {d: lines for d, lines in callers.items() if d <= day(n)}
        made = pl.concat(
            [made, peer_scoring.build_evidence(own, NOBODY, PastNights(known, until), MEASURES)]
        )
    assert_frame_equal(made, whole)


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_fewer_known_nights_are_not_enough(missing: int) -> None:
    tests = frame(drawn(8, 50))
    callers = {day(n): 60 for n in range(missing, 8)}
    made = judged(tests.filter(pl.col("day") >= day(missing)), callers)
    by = made.filter(day=day(7))["calibrated_by"].unique().to_list()
    assert by == [BY_NIGHTS if NIGHTS - missing >= MIN_NIGHTS else BY_ITSELF]


def test_a_night_that_was_judged_by_itself_tells_the_same_to_others_of_its_day() -> None:
    made = judged(drawn(1, 50), 60)
    assert made["calibrated_by"].unique().to_list() == [BY_ITSELF]
    least = made["p_value"].min()
    assert isinstance(least, float)
    assert least > 1 / 60 / 2, "no p is less than one of all lines, itself"


def test_nobody_is_compared_with_the_odd() -> None:
    """A hundred lines that dial a thousand times make nobody usual, once they are known."""
    rows = drawn(8, 300)
    loud = [
        (f"+44{n}", d, "mobile lines", "volume", "calls", 1000.0 + n)
        for n in range(30)
        for d in (day(m) for m in range(7))
    ]
    asked = ("+44", day(7), "mobile lines", "volume", "calls", 900.0)
    odd = pl.DataFrame([row[:2] for row in loud], NOBODY.schema, orient="row")

    def p_value(marked: pl.DataFrame) -> float:
        made = judged([*rows, *loud, asked], 500, marked)
        value: float = made.filter(line="+44")["p_value"].item()
        return value

    assert p_value(odd) < p_value(NOBODY) / 10


def test_what_is_surely_odd_is_compared_with_nobody() -> None:
    """A score that nobody comes near, which is known by the night after its own."""
    peers = "mobile lines"
    whole = judged(drawn(8, 400, peers=peers), 500)
    scores = pl.col("families").list.eval(
        pl.element().struct.with_fields(score=pl.field("score") * 0.2)
    )
    before = whole.filter(pl.col("day") < day(7)).with_columns(
        scores,
        max_family_score=pl.col("max_family_score") * 0.2,
        total_score=pl.col("total_score") * 0.2,
    )
    callers = {day(n): 500 for n in range(8)}
    asked = [("+44", day(7), peers, FAMILIES[name], name, 9000.0) for name in ("calls", "peak")]
    asked += [("+44", day(7), peers, "dispersion", "back", 0.0)]
    made = peer_scoring.build_evidence(frame(asked), NOBODY, PastNights(before, callers), MEASURES)
    assert made["q_value"].item() <= peer_scoring.SURELY_ODD
    assert made["excluded_from_peers"].item()


@pytest.mark.parametrize("p", [1e-2, 1e-3])
def test_on_clean_nights_p_is_what_it_says(p: float) -> None:
    """Twenty nights, drawn three times: of 60,000 line-days 60 may have p = 1e-3."""
    ratios = []
    for seed in range(3):
        # Only four in five of the active lines are taken to be of this kind.
        made = judged(drawn(27, 1000, seed=seed + 10), 1250)
        rows = made.filter(pl.col("day") >= day(7))
        assert rows["calibrated_by"].unique().to_list() == [BY_NIGHTS]
        ratios.append(rows.filter(pl.col("p_value") <= p).height / (p * rows.height))
    assert 0.3 < np.mean(ratios) < 3


def test_the_sentence(clean: pl.DataFrame) -> None:
    asked = [
        ("+44", day(27), "mobile lines", FAMILIES[name], name, value)
        for name, value in {"calls": 412.0, "peak": 96.0, "back": 0.0}.items()
    ]
    before = clean.filter(pl.col("day") >= day(20))
    callers = {day(n): 500 for n in range(20, 28)}
    own = peer_scoring.build_evidence(frame(asked), NOBODY, PastNights(before, callers), MEASURES)
    whole = pl.concat([before, own])
    (row,) = unlike_peers.unlike_sentences(whole, own.select("line", "day"), MEASURES).to_dicts()
    values = before.select("measures").explode("measures").unnest("measures")
    usual = {
        name: (v.median(), v.quantile(0.99), v.quantile(0.01))
        for name in MEASURES
        for v in [values.filter(measure=name)["value"]]
    }
    calls, peak, back = (usual[name] for name in ("calls", "peak", "back"))
    p = own["p_value"].item()
    said = [
        f"412 calls (median {calls[0]:g}, 1 in 100 at least {calls[1]:g})",
        f"96 at once (median {peak[0]:g}, 1 in 100 at least {peak[1]:g})",
        f"0 % called back (median {100 * back[0]:.3g} %, 1 in 100 at most {100 * back[2]:.2g} %)",
    ]
    # The odder first; then by name.
    shares = {each["measure"]: each["share"] for each in own["measures"].item()}
    order = sorted(range(3), key=lambda n: (shares[list(MEASURES)[n]], list(MEASURES)[n]))
    power = int(np.floor(np.log10(p)))
    assert row["unlike"] == (
        f"unlike other mobile lines: {', '.join(said[n] for n in order)}; such a day by chance: "
        f"p {p / 10**power:.1f}e{power} (by the nights before)"
    )


def test_what_a_tenth_do_is_not_told(clean: pl.DataFrame) -> None:
    usual = clean.filter(day=day(20), line="+861").select("line", "day")
    measures = clean.join(usual, on=["line", "day"])["measures"].item()
    assert min(each["share"] for each in measures) > unlike_peers.MAX_SHARE, (
        "else draw by another seed"
    )
    assert unlike_peers.unlike_sentences(clean, usual, MEASURES).is_empty()


def as_found(
    rows: pl.DataFrame,
    *,
    q: float,
    p: float = 1e-8,
    by: str = BY_NIGHTS,
    volume: float = 1e-8,
    dispersion: float = 1e-8,
) -> pl.DataFrame:
    """Give the oddest line of a night that p and that q, and its families those."""
    (row,) = rows.filter(day=day(20)).sort("p_value", "line").head(1).to_dicts()
    families = [
        {"family": name, "peers": "mobile lines", "score": 1.0, "p_value": p_value}
        for name, p_value in (("dispersion", dispersion), ("volume", volume))
    ]
    own = (pl.col("line") == row["line"]) & (pl.col("day") == row["day"])
    given = {"p_value": p, "q_value": q}
    return rows.with_columns(
        families=pl.when(own)
        .then(pl.lit(pl.Series([families], dtype=rows.schema["families"])))
        .otherwise("families"),
        **{name: pl.when(own).then(value).otherwise(1.0) for name, value in given.items()},
        calibrated_by=pl.when(pl.col("day") == day(20)).then(pl.lit(by)).otherwise("calibrated_by"),
    )


@pytest.mark.parametrize(
    ("told", "n", "why"),
    [
        ({"q": 0.05}, 1, "at the rate"),
        ({"q": 0.0501}, 0, "above it"),
        ({"q": 0.001, "by": BY_ITSELF}, 0, "too little is known of what is usual"),
        ({"q": 0.05, "dispersion": peer_scoring.MAX_OTHER_P}, 1, "as rare apart from its volume"),
        ({"q": 0.05, "dispersion": 0.0011}, 0, "its volume alone is rare"),
        ({"q": 0.05, "volume": 1.0}, 1, "volume is not asked for"),
    ],
)
def test_what_is_found_by_itself(
    clean: pl.DataFrame, told: dict[str, Any], n: int, why: str
) -> None:
    rows = as_found(clean, **told)
    made = unlike_peers.find_unlike(rows, 0.05, MEASURES)
    assert dict(made.schema) == {name: c.dtype or pl.String for name, c in FINDINGS.items()}
    assert made.height == n, why
    for row in made.to_dicts():
        assert (row["detector"], row["severity"], row["fixed_limit"]) == (
            unlike_peers.NAME,
            "medium",
            False,
        )
        assert row["reason"].startswith("unlike other mobile lines: ")
        assert row["reason"].endswith("such a day by chance: p 1.0e-8 (by the nights before)")
        assert row["members"] == [row["subject"]]
        assert row["observed"] == 8.0
        assert row["threshold"] == pytest.approx(8 + np.log10(told["q"] / 0.05), abs=0.01)
        assert row["would_clear_if"] == "a q over 0.05; this one has 5.0e-2"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.14e-9, "2.1e-9"),
        (0.05, "5.0e-2"),
        (1.0, "1.0e0"),
        (9.96e-5, "1.0e-4"),
        (9.94e-5, "9.9e-5"),
        (1e-300, "1.0e-300"),
        (0.0, "below 1e-300"),
        (None, None),
        *((float(f"1e-{n}"), f"1.0e-{n}") for n in range(1, 30)),
    ],
)
def test_probabilities_as_they_are_written(value: float | None, text: str | None) -> None:
    shown = pl.DataFrame({"p": [value]}, {"p": pl.Float64}).select(wording.scientific(pl.col("p")))
    assert shown.item() == text


def test_a_kind_that_is_known_of_too_few_nights_is_compared_by_its_own_day() -> None:
    old, young = drawn(16, 60), drawn(16, 60, seed=2, peers="new lines")
    named = [(f"{row[0]}/{row[2]}", *row[1:]) for row in [*old, *young]]
    rows = [row for row in named if row[2] == "mobile lines" or row[1] >= day(8)]
    made = judged(rows, 1000).filter(peers="new lines")
    p_values = made.select("day", "families").explode("families").unnest("families")
    least = dict(p_values.group_by("day").agg(pl.col("p_value").min()).iter_rows())
    # The oddest of the 50 lines that a kind is taken to have on a day is one of 51.
    own_day = [day(8 + n) for n in range(MIN_NIGHTS)]
    assert all(least[when] == pytest.approx(1 / 51) for when in own_day)
    assert least[day(8 + MIN_NIGHTS)] < 1 / 100, "by the nights before"
