from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly import actors
from tests import naive

SUBJECTS = st.lists(st.sampled_from("abcdefgh"), unique=True)
# Some names are of no subject: handsets.
LINKS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefghxyz")))
TYPES = {"one": pl.String, "other": pl.String}


@given(subjects=SUBJECTS, links=LINKS)
@effort(max_examples=150, deadline=None)
def test_actors_are_those_of_the_slow_twin(
    subjects: list[str], links: list[tuple[str, str]]
) -> None:
    made = actors.grouped(
        pl.Series(subjects, dtype=pl.String), pl.DataFrame(links, TYPES, orient="row")
    )
    assert sorted(made["subject"]) == sorted(subjects), "each once"
    groups = {frozenset(part["subject"]) for part in made.partition_by("actor")}
    assert groups == naive.actors(subjects, links)


def test_two_who_share_a_handset_are_one_and_the_handset_is_nobody() -> None:
    links = pl.DataFrame([("a", "imei 1"), ("b", "imei 1"), ("c", "imei 2")], TYPES, orient="row")
    made = dict(actors.grouped(pl.Series(["a", "b", "c"]), links).select("subject", "actor").rows())
    assert made["a"] == made["b"] != made["c"]
    assert made.keys() == {"a", "b", "c"}
