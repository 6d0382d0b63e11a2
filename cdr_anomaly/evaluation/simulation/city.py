"""An invented city and its calls, with the truth about its lines; nothing else reads from here.

Same seed, same bytes on the same Polars and NumPy. No detector may import a value from here: the
planted and the honest are drawn from public reports on them, not from what is easy to find.
"""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.errors import OutputError, SettingError
from cdr_anomaly.evaluation.simulation import honest, planted, records, scenarios
from cdr_anomaly.evaluation.simulation.call_behaviour import calls_of_actors
from cdr_anomaly.evaluation.simulation.world import Calls, World, concat_calls, delay_overlapping
from cdr_anomaly.storage import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

FIRST_DAY = date(2026, 5, 1)
MIN_LINES, MIN_DAYS = 150, 8
MIN_HARD_LINES, MIN_HARD_DAYS = 1_000, 28  # a card has a past of weeks before a crew has it
SIDES = ("call", "both")
PATTERNS = ("usual", "hard")
# Planted kinds that take people whose calls and forwarding are drawn already.
GROUPS = (
    *planted.overseas_presentation.KINDS,
    *planted.campaigns.KINDS,
    *planted.sites.KINDS,
    *planted.hand_offs.KINDS,
    *planted.victims.KINDS,
)


class Sample(NamedTuple):
    """The calls, the truth about the lines, the lists an operator has, and the victims."""

    calls: pl.DataFrame
    truth: pl.DataFrame
    entities: pl.DataFrame
    subscribers: pl.DataFrame
    victims: pl.DataFrame


def simulate(  # noqa: PLR0913
    *,
    days: int = 36,
    lines: int = 20_000,
    seed: int = 1,
    start: date = FIRST_DAY,
    sides: str = "call",
    clean: bool = False,
    patterns: str = "usual",
    grade: int = len(scenarios.GRADES),
) -> Sample:
    """Return the records of a city with so many subscribers; `clean` plants nothing.

    `sides` is "call" (one row a call) or "both" (one row for each side). With `patterns` "hard"
    the planted are those of `scenarios`, each beside its honest twin, in a grade from 1 (plain) to
    3 (worst), and the truth tells the grade, and which pattern a twin resembles.
    """
    hard = patterns == "hard"
    _check(days, lines, sides)
    _check_patterns(days, lines, patterns, grade)
    world = World(seed, start, days, lines)
    batch = _calls(world, clean=clean or hard)
    if hard:
        lives = honest.districts.all_calls(world)
        batch = concat_calls([batch, lives, scenarios.all_calls(world, grade, clean=clean)])
    batch = delay_overlapping(batch, world.book.column("trunk").astype(bool))
    batch = records.keep_days(world, planted.victims.apply_captivity(world, batch))
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
    for number, minimum, what in ((lines, MIN_LINES, "lines"), (days, MIN_DAYS, "days")):
        if number < minimum:
            msg = f"{number} {what} are too few for all kinds; expected at least {minimum}."
            raise SettingError(msg)


def _check_patterns(days: int, lines: int, patterns: str, grade: int) -> None:
    if patterns not in PATTERNS:
        msg = f"'{patterns}' are no patterns; expected 'usual' or 'hard'."
        raise SettingError(msg)
    if not 1 <= grade <= len(scenarios.GRADES):
        msg = f"{grade} is not a grade; expected 1 (plain), 2 (hidden) or 3 (worst)."
        raise SettingError(msg)
    if patterns == "hard" and (days < MIN_HARD_DAYS or lines < MIN_HARD_LINES):
        msg = (
            f"{lines} lines and {days} days are too few for hard patterns; expected at least "
            f"{MIN_HARD_LINES} and {MIN_HARD_DAYS}."
        )
        raise SettingError(msg)


def _calls(world: World, *, clean: bool) -> Calls:
    """Return everybody's calls; kinds that take established lines for themselves come in turn."""
    honest.ordinary.settle(world)
    honest.ordinary.open_shops(world)
    honest.forwarding.open_voicemail(world)
    batches = [
        honest.ordinary.private_calls(world),
        honest.ordinary.abroad_and_withheld(world),
        honest.trades.all_calls(world),
        honest.institutions.all_calls(world),
        honest.forwarding.rotas(world),
        honest.forwarding.companies(world),
    ]
    if not clean:
        kinds = (*planted.diallers.KINDS, *planted.forwarding.KINDS, *planted.evasions.KINDS)
        batches.append(calls_of_actors(world, *kinds))
    batches = [honest.forwarding.personal_forwarding(world, concat_calls(batches))]
    if not clean:
        batches.append(calls_of_actors(world, *GROUPS, *planted.evasions.LATE_KINDS))
    batches.append(calls_of_actors(world, *honest.groups.KINDS))
    batches += [honest.roaming.all_calls(world), honest.long_talkers.all_calls(world)]
    return concat_calls(batches)


def count_kinds(sample: Sample) -> pl.DataFrame:
    """Count the lines of each kind, the planted ones first."""
    columns = ("pattern", "kind")
    counts = sample.truth.group_by("honest", *columns).agg(lines=pl.col("line").n_unique())
    return counts.sort("honest", *columns).select(*columns, "lines")


def check_folder(out: Path) -> None:
    """Fail before the work begins when `out` cannot hold a simulation, or holds other calls."""
    atomic_write.check_writable(out)
    if (out / "calls").exists() and not (out / "truth.parquet").exists():
        msg = f"'{out / 'calls'}' is there already and no simulation made it; choose another --out."
        raise OutputError(msg)


def write_sample(sample: Sample, out: Path) -> None:
    """Write one folder a local day under `out/calls`, and the small tables beside it.

    Only the owner can read them. All are written aside first, and replace those of an earlier
    simulation when the last one is complete.
    """
    check_folder(out)
    local = pl.col("start_time").dt.convert_time_zone(records.ZONE).dt.date()
    with atomic_write.staging_folder(out) as staging:
        for (day,), frame in sample.calls.group_by(local, maintain_order=True):
            folder = staging / "calls" / f"date={day!s}"
            folder.mkdir(parents=True)
            frame.write_parquet(folder / "calls.parquet", compression="zstd", compression_level=9)
        sample.truth.write_parquet(staging / "truth.parquet")
        sample.entities.write_csv(staging / "entities.csv")
        sample.subscribers.write_csv(staging / "subscribers.csv")
        sample.victims.write_parquet(staging / "victims.parquet")
        shutil.rmtree(out / "calls", ignore_errors=True)
