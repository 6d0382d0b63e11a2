"""Make synthetic call records: honest traffic, and a few planted actors; same seed, same bytes.

Run `python sample_data/make.py --help`; a test imports `make` and `write`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))

from synthetic import diverted, honest, ordinary, planted, records
from synthetic.world import World, one_at_a_time, together

FIRST_DAY = date(2026, 5, 1)
FEWEST_LINES = 150


class Sample(NamedTuple):
    """The calls, the truth about the lines, the declared lines, and the subscriber table."""

    calls: pl.DataFrame
    truth: pl.DataFrame
    entities: pl.DataFrame
    subscribers: pl.DataFrame


def make(
    *,
    days: int = 36,
    calls_per_day: int = 3_500,
    lines: int = 2_500,
    seed: int = 1,
    start: date = FIRST_DAY,
    sides: str = "call",
) -> Sample:
    """Make all frames; `calls_per_day` and `lines` are those of ordinary people alone.

    `sides` is "call" (one row a call) or "both" (one row for each side).
    """
    if sides not in {"call", "both"}:
        message = f'"{sides}" is not a way to write calls; expected "call" or "both".'
        raise ValueError(message)
    if lines < FEWEST_LINES:
        message = f"{lines} lines are too few for all kinds; expected at least {FEWEST_LINES}."
        raise ValueError(message)
    world = World(seed, start, days, calls_per_day, lines)
    people = ordinary.settle(world)
    ordinary.open_shops(world)
    diverted.open_voicemail(world)
    batch = together(
        [
            ordinary.chatter(world, people),
            ordinary.abroad_and_withheld(world, people),
            honest.everyone(world, people),
            diverted.rotas_and_desks(world),
            planted.everyone(world, people),
        ]
    )
    batch = diverted.personal(world, people, batch)
    batch = one_at_a_time(batch, world.book.column("trunk").astype(bool))
    batch = records.kept(world, batch)
    truth = records.truth(world, batch)
    entities = truth.filter(pl.col("kind").is_in(list(honest.DECLARED))).select(
        "line", purpose=pl.col("kind").replace_strict(honest.DECLARED)
    )
    made = records.records(world, batch, sides=sides)
    return Sample(made, truth, entities, records.subscribers(world))


def write(sample: Sample, out: Path) -> None:
    """Write one folder a local day under `out/calls`, and the small tables beside it."""
    shutil.rmtree(out / "calls", ignore_errors=True)
    local = pl.col("start_time").dt.convert_time_zone(records.ZONE).dt.date()
    by_day = sample.calls.with_columns(date=local).partition_by(
        "date", as_dict=True, include_key=False, maintain_order=True
    )
    for (day,), frame in by_day.items():
        folder = out / "calls" / f"date={day!s}"
        folder.mkdir(parents=True)
        frame.write_parquet(folder / "calls.parquet", compression="zstd", compression_level=12)
    sample.truth.write_parquet(out / "truth.parquet")
    sample.entities.write_csv(out / "entities.csv")
    sample.subscribers.write_csv(out / "subscribers.csv")


def plain(number: pl.Expr) -> pl.Expr:
    """Bring the written forms of a number back to the one that the truth uses."""
    return (
        number.str.replace("^00", "+")
        .str.replace(r"^0([1-9]\d{9,})$", "+86$1")
        .str.replace(r"^(1[3-9]\d{9})$", "+86$1")
    )


def check(sample: Sample) -> str:
    """Tell what was made: rows by record type, and calls a day by kind of the line."""
    first = sample.truth.unique("line", keep="first").select("line", "kind")
    counted = sample.calls.filter(pl.col("record_type").is_in(["call", "moc"]))
    local = pl.col("start_time").dt.convert_time_zone(records.ZONE).dt.date()
    caller = plain(pl.col("calling_number"))
    placed = counted.select(line=caller, day=local, answered=pl.col("duration_s") > 0)
    by_line = placed.group_by("line", "day").agg(n=pl.len(), answered=pl.col("answered").mean())
    kinds = (
        by_line.join(first, on="line", how="left")
        .group_by("kind")
        .agg(
            lines=pl.col("line").n_unique(),
            line_days=pl.len(),
            placed=pl.col("n").sum(),
            median_a_day=pl.col("n").median(),
            most_a_day=pl.col("n").max(),
            answered=pl.col("answered").mean().round(2),
        )
    )
    days = sample.calls.group_by(day=local).len()["len"]
    types = sample.calls["record_type"].value_counts(sort=True)
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        return f"{types}\nrows a day: {days.min()!s} to {days.max()!s}\n{kinds.sort('placed')}"


def main() -> None:
    """Read the words, make, write, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--calls-per-day", type=int, default=3_500)
    parser.add_argument("--lines", type=int, default=2_500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=date.fromisoformat, default=FIRST_DAY)
    parser.add_argument("--sides", choices=["call", "both"], default="call")
    words = vars(parser.parse_args())
    out = words.pop("out")
    sample = make(**words)
    write(sample, out)
    sys.stdout.write(check(sample) + "\n")


if __name__ == "__main__":
    main()
