"""The commands that tell how good the detectors are: simulate."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from cdr_anomaly.cli import options, talk
from cdr_anomaly.cli.options import DAY

Place = Annotated[Path, typer.Option("--out", help="Folder for the records and the truth.")]
Start = Annotated[
    datetime | None, typer.Option(formats=DAY, help="First local day; by default 2026-05-01.")
]


class Sides(StrEnum):
    """How a call is written: as one row, or as one for each side."""

    call = "call"
    both = "both"


def simulate(
    out: Place,
    days: Annotated[int, typer.Option(help="Days of records, 8 at least.")] = 36,
    lines: Annotated[int, typer.Option(help="Subscribers of the city, 150 at least.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes another city.")] = 1,
    start: Start = None,
    sides: Annotated[
        Sides, typer.Option(help="One row a call, or one for each side that the operator sees.")
    ] = Sides.call,
    clean: Annotated[
        bool, typer.Option("--clean", help="Plant nothing: honest lines only.")
    ] = False,
) -> None:
    """Write call records of an invented city, and the truth about its lines."""
    from cdr_anomaly import report
    from cdr_anomaly import simulate as city

    began = monotonic()
    city.check_place(out)
    first = options.day(start) or city.FIRST_DAY
    sample = city.simulate(
        days=days, lines=lines, seed=seed, start=first, sides=sides.value, clean=clean
    )
    city.write(sample, out)
    report.show("Lines that are not ordinary", city.kinds(sample))
    talk.LOG.info(
        "%s: %d record(s) of %d day(s), and the truth about them, in %.1f s.",
        out, sample.calls.height, days, monotonic() - began,
    )  # fmt: skip
