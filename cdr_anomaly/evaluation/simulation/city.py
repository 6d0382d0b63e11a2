"""An invented city and its calls, with the truth about its lines; nothing else reads from here.

Same seed, same bytes on the same Polars and NumPy. No detector may import a value from here: the
planted and the honest are drawn from what is publicly told of them, not from what is easy to find.
"""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.errors import OutputError, SettingError
from cdr_anomaly.evaluation.simulation import records
from cdr_anomaly.evaluation.simulation.honest import (
    forwarding,
    institutions,
    long_talkers,
    ordinary,
    roaming,
    trades,
)
from cdr_anomaly.evaluation.simulation.honest import groups as honest_groups
from cdr_anomaly.evaluation.simulation.planted import (
    campaigns,
    diallers,
    evasions,
    hand_offs,
    overseas_presentation,
    sites,
)
from cdr_anomaly.evaluation.simulation.planted import forwarding as planted_forwarding
from cdr_anomaly.evaluation.simulation.planted import victims as planted_victims
from cdr_anomaly.evaluation.simulation.world import World, one_at_a_time, together
from cdr_anomaly.storage import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.evaluation.simulation.world import Calls

FIRST_DAY = date(2026, 5, 1)
FEWEST_LINES, FEWEST_DAYS = 150, 8
SIDES = ("call", "both")


class Sample(NamedTuple):
    """The calls, the truth about the lines, the lists an operator has, and who was held when."""

    calls: pl.DataFrame
    truth: pl.DataFrame
    entities: pl.DataFrame
    subscribers: pl.DataFrame
    victims: pl.DataFrame


def simulate(
    *,
    days: int = 36,
    lines: int = 20_000,
    seed: int = 1,
    start: date = FIRST_DAY,
    sides: str = "call",
    clean: bool = False,
) -> Sample:
    """Make the records of a city with so many subscribers; `clean` plants nothing.

    `sides` is "call" (one row a call) or "both" (one row for each side).
    """
    _check(days, lines, sides)
    world = World(seed, start, days, lines)
    batch = _calls(world, clean=clean)
    batch = one_at_a_time(batch, world.book.column("trunk").astype(bool))
    batch = records.kept(world, planted_victims.settled(world, batch))
    return Sample(
        records.records(world, batch, sides=sides),
        records.truth(world, batch),
        records.entities(world),
        records.subscribers(world),
        records.victims(world),
    )


def _check(days: int, lines: int, sides: str) -> None:
    if sides not in SIDES:
        msg = f"'{sides}' is not a way to write calls; expected 'call' or 'both'."
        raise SettingError(msg)
    for given, fewest, what in ((lines, FEWEST_LINES, "lines"), (days, FEWEST_DAYS, "days")):
        if given < fewest:
            msg = f"{given} {what} are too few for all kinds; expected at least {fewest}."
            raise SettingError(msg)


def _calls(world: World, *, clean: bool) -> Calls:
    """Make everybody's calls; those who take established lines for themselves come in turn."""
    people = ordinary.settle(world)
    ordinary.open_shops(world)
    forwarding.open_voicemail(world)
    made = [
        ordinary.chatter(world, people),
        ordinary.abroad_and_withheld(world, people),
        trades.everyone(world, people),
        institutions.everyone(world, people),
        forwarding.rotas_and_desks(world),
    ]
    if not clean:
        made += [part.everyone(world) for part in (diallers, planted_forwarding, evasions)]
    made = [forwarding.personal(world, people, together(made))]
    if not clean:
        groups = (overseas_presentation, campaigns, sites, hand_offs)
        made += [part.everyone(world, people) for part in groups]
        made += [planted_victims.captors(world, people), evasions.replacements(world)]
    made += [honest_groups.everyone(world)]
    made += [part.everyone(world, people) for part in (roaming, long_talkers)]
    return together(made)


def kinds(sample: Sample) -> pl.DataFrame:
    """Count the lines of each kind, the planted ones first."""
    of = ("pattern", "kind")
    counted = sample.truth.group_by("honest", *of).agg(lines=pl.col("line").n_unique())
    return counted.sort("honest", *of).select(*of, "lines")


def check_place(out: Path) -> None:
    """Fail before the work begins when `out` cannot hold a simulation, or holds other calls."""
    atomic_write.check_writable(out)
    if (out / "calls").exists() and not (out / "truth.parquet").exists():
        msg = f"'{out / 'calls'}' is there already and no simulation made it; choose another --out."
        raise OutputError(msg)


def write(sample: Sample, out: Path) -> None:
    """Write one folder a local day under `out/calls`, and the small tables beside it.

    All are readable by their owner only, are written aside, and replace those of an earlier
    simulation when the last one is whole.
    """
    check_place(out)
    local = pl.col("start_time").dt.convert_time_zone(records.ZONE).dt.date()
    with atomic_write.staging_folder(out) as place:
        for (day,), frame in sample.calls.group_by(local, maintain_order=True):
            folder = place / "calls" / f"date={day!s}"
            folder.mkdir(parents=True)
            frame.write_parquet(folder / "calls.parquet", compression="zstd", compression_level=9)
        sample.truth.write_parquet(place / "truth.parquet")
        sample.entities.write_csv(place / "entities.csv")
        sample.subscribers.write_csv(place / "subscribers.csv")
        sample.victims.write_parquet(place / "victims.parquet")
        shutil.rmtree(out / "calls", ignore_errors=True)
