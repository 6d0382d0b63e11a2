"""The commands that say how good a list is, and what other limits would give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cdr_anomaly.cli import talk
from cdr_anomaly.cli.options import Form, Format

AlertLists = Annotated[Path, typer.Argument(help="An alerts.parquet, or a folder of such lists.")]
Truth = Annotated[
    Path,
    typer.Argument(
        help="CSV or Parquet of what is known: line, kind, honest, actor, first_day, last_day, "
        "pattern."
    ),
]
JsonFile = Annotated[Path | None, typer.Option(help="JSON file for all the figures.")]


def evaluate(
    alerts: AlertLists,
    truth: Truth,
    out: JsonFile = None,
    form: Form = Format.table,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=100_000, help="Samples for intervals; 0 for none.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples.")] = 1,
) -> None:
    """Hold lists of alerts against what is known: precision, recall, false alerts, delay.

    An alert is true where it names a planted line (not honest) from its first_day to 7 days after
    its last_day, and where at least half of its lines that are known at all are planted so. It
    names its subject and members; of a block or a hub the members alone decide.
    """
    from cdr_anomaly import evaluation, report
    from cdr_anomaly.truth import read, read_truth

    if out is not None:
        report.check_writable(out.parent)
    draws = evaluation.Draws(bootstrap, seed)
    tables = evaluation.evaluated(read(alerts), read_truth(truth), draws)
    if form is Format.table:
        for title, table in evaluation.shown(tables).items():
            report.show(title, table)
    else:
        report.put(tables[evaluation.MAIN], form)
    if out is not None:
        rows = {name: table.to_dicts() for name, table in tables.items()}
        whole = rows | {"bootstrap": draws.number, "seed": draws.seed}
        report.write_whole(out, json.dumps(whole, indent=2, default=str, ensure_ascii=False) + "\n")
        talk.LOG.info("The figures are in %s.", out)
