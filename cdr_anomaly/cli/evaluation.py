"""The commands that tell how good lists and limits are: simulate, evaluate, tune."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from cdr_anomaly.cli import options, progress
from cdr_anomaly.cli.options import (
    DAY,
    LOCAL,
    Config,
    Engine,
    Entities,
    Form,
    Format,
    Home,
    Layout,
    Master,
    Memory,
    Since,
    Storage,
    Subscribers,
    Tz,
    Until,
    Words,
)
from cdr_anomaly.errors import InputError

Place = Annotated[
    Path, typer.Option("--out", **LOCAL, help="Folder for the records and the truth.")
]
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
    from cdr_anomaly.evaluation.simulation import city
    from cdr_anomaly.reports import terminal

    began = monotonic()
    city.check_place(out)
    first = options.day(start) or city.FIRST_DAY
    sample = city.simulate(
        days=days, lines=lines, seed=seed, start=first, sides=sides.value, clean=clean
    )
    city.write(sample, out)
    terminal.show("Lines that are not ordinary", city.kinds(sample))
    progress.LOG.info(
        "%s: %d record(s) of %d day(s), the truth about them, and %d victim(s), in %.1f s.",
        out,
        sample.calls.height,
        days,
        sample.victims.height,
        monotonic() - began,
    )


AlertLists = Annotated[
    Path, typer.Argument(**LOCAL, help="An alerts.parquet, or a folder of such lists.")
]
Truth = Annotated[
    Path,
    typer.Argument(
        **LOCAL,
        help="CSV or Parquet of what is known: line, kind, honest, actor, first_day, last_day, "
        "pattern.",
    ),
]
JsonFile = Annotated[Path | None, typer.Option(**LOCAL, help="JSON file for all the figures.")]


def evaluate(
    alerts: AlertLists,
    truth: Truth,
    out: JsonFile = None,
    form: Form = Format.table,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=10_000, help="Samples for intervals; 0 for none.")
    ] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples.")] = 1,
) -> None:
    """Hold lists of alerts against what is known: precision, recall, false alerts, delay.

    An alert is true where it names a planted line (not honest) from its first_day to 7 days after
    its last_day, and where at least half of its lines that are known at all are planted so. It
    names its subject and members; of a block or a hub the members alone decide. Where there is a
    victims.parquet beside the alerts, and one beside the truth (line, actor, first_day, last_day),
    the lists of people to warn are held against it, too.
    """
    from cdr_anomaly.evaluation import alert_scores, victim_scores
    from cdr_anomaly.evaluation.ground_truth import read, read_truth
    from cdr_anomaly.reports import terminal
    from cdr_anomaly.storage import atomic_write

    if out is not None:
        atomic_write.check_writable(out.parent)
    draws = alert_scores.Draws(bootstrap, seed)
    lists, told = read(alerts), read_truth(truth)
    tables = alert_scores.evaluated(lists, told, draws, victim_scores.read(alerts, truth))
    if form is Format.table:
        for title, table in alert_scores.shown(tables).items():
            terminal.show(title, table)
    else:
        terminal.put(tables[alert_scores.MAIN], form)
    if out is not None:
        rows = {name: table.to_dicts() for name, table in tables.items()}
        whole = rows | {"bootstrap": draws.number, "seed": draws.seed}
        atomic_write.write_text(
            out, json.dumps(whole, indent=2, default=str, ensure_ascii=False) + "\n"
        )
        progress.LOG.info("The figures are in %s.", out)


Files = Annotated[
    list[str] | None, typer.Argument(help="Parquet files, folders or globs; or give --state.")
]
OrState = Annotated[
    str | None, typer.Option("--state", help="Folder of what nights remember, instead of files.")
]


def tune(
    paths: Files = None,
    state: OrState = None,
    days: Annotated[int, typer.Option(min=1, help="Nights of a state that are counted.")] = 28,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    tz: Tz = None,
    home: Home = None,
    layout: Layout = None,
    since: Since = None,
    until: Until = None,
    memory: Memory = None,
    engine: Engine = None,
    master: Master = None,
    entities: Entities = None,
    subscribers: Subscribers = None,
    form: Form = Format.table,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Count what each limit would find if it were another, so that limits are chosen by looking.

    Of files, each limit is set to 0.5 to 3 times its value, one at a time; what was read once is
    judged by all. Of a state, what its nights have found is held against 1 to 5 times the limit.
    """
    from cdr_anomaly.evaluation import tuning
    from cdr_anomaly.reports import terminal

    given = {
        "tz": tz,
        "home": home,
        "layout": layout,
        "since": since,
        "until": until,
        "memory": memory,
        "engine": engine,
        "master": master,
    }
    if state is not None:
        _check_alone(paths, given | {"config": config, "set": words, "subscribers": subscribers})
        where = options.place(state, storage)
        with progress.naming_the_damaged([], where):
            table = tuning.of_state(where, days, entities)
        progress.LOG.info("A state remembers findings only: lower limits cannot be told from it.")
    elif paths:
        places = options.places(paths, storage)
        told = options.settings(config, words, **given)
        with progress.progress() as say, progress.naming_the_damaged(places):
            counted = tuning.of_files(
                places, told, entities=entities, subscribers=subscribers, say=say
            )
        table = counted.table
        for name, why in counted.not_applicable.items():
            progress.LOG.info("Not applicable: %s: %s.", name, why)
    else:
        msg = "There is nothing to count in: give files of calls, or --state."
        raise InputError(msg)
    if form is not Format.table:
        terminal.put(table, form)
        return
    for title, part in tuning.shown(table).items():
        terminal.show(title, part)


def _check_alone(paths: list[str] | None, given: dict[str, Any]) -> None:
    """Fail on words that say how files are to be read and judged, where a state is asked."""
    if paths:
        msg = "Give files of calls or --state, not both."
        raise InputError(msg)
    for name, value in given.items():
        if value:
            msg = f"--{name} is for files of calls: a state remembers what its nights were told."
            raise InputError(msg)
