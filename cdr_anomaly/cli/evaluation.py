"""The commands that tell how good lists and limits are: simulate, evaluate, tune."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Literal

from typer import Argument, Option

from cdr_anomaly.cli import options
from cdr_anomaly.cli.command import command
from cdr_anomaly.cli.options import DAY, LOCAL, day_of
from cdr_anomaly.cli.progress import LOG, report_damage, show_progress
from cdr_anomaly.errors import InputError


@command
def simulate(
    *,
    out: Annotated[Path, Option(**LOCAL, help="Folder for the records and the truth.")],
    days: Annotated[int, Option(help="Days of records, 8 at least.")] = 36,
    lines: Annotated[int, Option(help="Subscribers of the city, 150 at least.")] = 20_000,
    seed: Annotated[int, Option(min=0, help="Another seed makes another city.")] = 1,
    start: Annotated[
        datetime | None, Option(formats=DAY, help="First local day; by default 2026-05-01.")
    ] = None,
    sides: Annotated[
        Literal["call", "both"],
        Option(help="One row a call, or one for each side that the operator sees."),
    ] = "call",
    clean: Annotated[bool, Option("--clean", help="Plant nothing: honest lines only.")] = False,
    patterns: Annotated[
        Literal["usual", "hard"],
        Option(help="What is planted; hard patterns each have an honest twin."),
    ] = "usual",
    grade: Annotated[
        int, Option(min=1, max=3, help="Of hard patterns: 1 plain, 2 hidden, 3 worst.")
    ] = 3,
) -> None:
    """Write call records of an invented city, and the truth about its lines."""
    from cdr_anomaly.evaluation.simulation import city
    from cdr_anomaly.reports import terminal

    began = monotonic()
    city.check_folder(out)
    first = day_of(start) or city.FIRST_DAY
    sample = city.simulate(
        days=days,
        lines=lines,
        seed=seed,
        start=first,
        sides=sides,
        clean=clean,
        patterns=patterns,
        grade=grade,
    )
    city.write_sample(sample, out)
    terminal.print_tables({"Lines that are not ordinary": city.count_kinds(sample)})
    LOG.info(
        "%s: %d record(s) of %d day(s), the truth about them, and %d victim(s), in %.1f s.",
        out,
        sample.calls.height,
        days,
        sample.victims.height,
        monotonic() - began,
    )


@command
def evaluate(
    alerts: Annotated[
        Path, Argument(**LOCAL, help="An alerts.parquet, or a folder of such lists.")
    ],
    truth: Annotated[
        Path,
        Argument(
            **LOCAL,
            help="CSV or Parquet of what is known: line, kind, honest, actor, first_day, "
            "last_day, pattern.",
        ),
    ],
    *,
    out: Annotated[Path | None, Option(**LOCAL, help="JSON file for all the figures.")] = None,
    form: options.Form = "table",
    bootstrap: Annotated[
        int, Option(min=0, max=10_000, help="Samples for intervals; 0 for none.")
    ] = 500,
    seed: Annotated[int, Option(min=0, help="Seed of the samples.")] = 1,
) -> None:
    """Hold lists of alerts against what is known: precision, recall, false alerts, delay.

    An alert is true where it names a planted line (not honest) from its first_day to 7 days after
    its last_day, and where at least half of its lines that are known at all are planted so. It
    names its subject and members; of a block or a hub the members alone decide. Where there is a
    victims.parquet beside the alerts, and one beside the truth (line, actor, first_day, last_day),
    the lists of people to warn are held against it, too.
    """
    from cdr_anomaly.evaluation import alert_scores, victim_scores
    from cdr_anomaly.evaluation.ground_truth import read_lists, read_truth
    from cdr_anomaly.reports import terminal
    from cdr_anomaly.storage import atomic_write

    if out is not None:
        atomic_write.check_writable(out.parent)
    lists, labels = read_lists(alerts), read_truth(truth)
    victim_lists = victim_scores.read_victim_lists(alerts, truth)
    samples = alert_scores.Bootstrap(bootstrap, seed)
    tables = alert_scores.evaluate(lists, labels, samples, victim_lists)
    terminal.print_tables(alert_scores.display_tables(tables), form, tables[alert_scores.MAIN])
    if out is not None:
        rows = {name: table.to_dicts() for name, table in tables.items()}
        figures = rows | {"bootstrap": bootstrap, "seed": seed}
        text = json.dumps(figures, indent=2, default=str, ensure_ascii=False)
        atomic_write.write_text(out, text + "\n")
        LOG.info("The figures are in %s.", out)


@command
def tune(
    paths: Annotated[
        list[str] | None, Argument(help="Parquet files, folders or globs; or give --state.")
    ] = None,
    *,
    state: Annotated[
        str | None, Option(help="Folder of what nights remember, instead of files.")
    ] = None,
    days: Annotated[int, Option(min=1, help="Nights of a state that are counted.")] = 28,
    config: options.ScanOptions,
    lists: options.ListOptions,
    form: options.Form = "table",
    storage: options.StorageOptions,
) -> None:
    """Count what each limit would find if it were another, so that limits are chosen by looking.

    Of files, each limit is set to 0.5 to 3 times its value, one at a time; what was read once is
    judged by all. Of a state, what its nights have found is held against 1 to 5 times the limit.
    """
    from cdr_anomaly.evaluation import tuning
    from cdr_anomaly.reports import terminal

    if state is not None:
        _check_alone(paths, asdict(config) | {"subscribers": lists.subscribers})
        location = storage.location(state)
        with report_damage(state=location):
            table = tuning.count_in_state(location, days, lists.entities)
        LOG.info("A state remembers findings only: lower limits cannot be told from it.")
    elif paths:
        files, settings = storage.locations(paths), config.settings()
        with show_progress(files) as progress:
            counted = tuning.count_in_files(files, settings, **asdict(lists), progress=progress)
        table = counted.table
        for name, why in counted.not_applicable.items():
            LOG.info("Not applicable: %s: %s.", name, why)
    else:
        msg = "There is nothing to count in: give files of calls, or --state."
        raise InputError(msg)
    terminal.print_tables(tuning.display_tables(table), form, table)


def _check_alone(paths: list[str] | None, options: dict[str, Any]) -> None:
    """Fail on options that say how files are read and judged, where a state is asked."""
    if paths:
        msg = "Give files of calls or --state, not both."
        raise InputError(msg)
    for name, value in options.items():
        if value:
            option = "set" if name == "assignments" else name
            msg = f"--{option} is for files of calls: a state remembers what its nights were told."
            raise InputError(msg)
