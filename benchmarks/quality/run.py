"""What a run of the benchmark measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from benchmarks.quality import real_nights
from benchmarks.quality.cities import ALL_PARTS, City, CleanCity, Size, concat_lists

if TYPE_CHECKING:
    from benchmarks.quality.sichuan import Sample
    from cdr_anomaly.evaluation.ground_truth import Lists
    from cdr_anomaly.evaluation.victim_scores import VictimLists


class QualityRun(NamedTuple):
    """What a run of the benchmark measured: all that the page is made of."""

    size: Size
    cities: list[City]
    clean: list[CleanCity]
    peers: dict[str, Lists]
    sample: Sample | None
    minutes: float

    def truth(self) -> pl.DataFrame:
        """Return the truth of all cities."""
        return pl.concat([city.truth for city in self.cities])

    def lists(self, name: str = ALL_PARTS) -> Lists:
        """Return the lists of all cities, by what they were made with."""
        return concat_lists([city.lists[name] for city in self.cities])

    def victim_lists(self) -> VictimLists:
        """Return the lists of people to warn of all cities."""
        return real_nights.concat_victim_lists([city.victim_lists for city in self.cities])
