"""The commands over pseudonyms: pseudonymise, reidentify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdr_anomaly.cli import options, progress
from cdr_anomaly.errors import OutputError

if TYPE_CHECKING:
    from cdr_anomaly.privacy.key import Key

KeyFile = Annotated[
    Path | None,
    typer.Option(
        **options.LOCAL,
        help="File of the secret key, 32 bytes or more; by default CDR_ANOMALY_KEY of the "
        "environment.",
    ),
]


def pseudonymise(
    paths: options.Paths,
    out: Annotated[str, typer.Argument(help="Folder for the same records with pseudonyms.")],
    key_file: KeyFile = None,
    entities: options.Entities = None,
    subscribers: options.Subscribers = None,
    neighbours: Annotated[
        bool,
        typer.Option(
            help="Keep which numbers of a block are neighbours, as campaigns by ranges need it. "
            "Who learns one number of a block can then tell the others."
        ),
    ] = True,
    config: options.Config = None,
    words: options.Words = [],  # noqa: B006 - typer copies it
    tz: options.Tz = None,
    home: options.Home = None,
    layout: options.Layout = None,
    storage: options.Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Write call records, and lists that belong to them, with tokens for numbers and handsets."""
    from cdr_anomaly import ingest, privacy
    from cdr_anomaly.alerts.detect import FINDERS
    from cdr_anomaly.storage import atomic_write

    told = options.settings(config, words, tz=tz, home=home, layout=layout)
    key = _key(key_file)
    where, to = options.places(paths, storage), options.place(out, storage)
    atomic_write.check_writable(to)
    for name, given in (("entities.csv", entities), ("subscribers.csv", subscribers)):
        if given is not None and (to / name).exists():
            msg = f"There is a file '{to / name}' already; remove it, or choose another folder."
            raise OutputError(msg)
    with progress.progress() as say, progress.naming_the_damaged(where):
        source = ingest.open_source(where, told)
        maker = privacy.Maker(key, source.plan, neighbours)
        lists = {}
        if entities is not None:
            lists["entities.csv"] = privacy.entities(entities, maker, FINDERS)
        if subscribers is not None:
            lists["subscribers.csv"] = privacy.subscribers(subscribers, maker)
        say("writing the calls with pseudonyms", source.rows)
        made = privacy.write(source, maker, to, say.done)
    for name, table in lists.items():
        with atomic_write.staging_folder(to) as place:
            table.write_csv(place / name)
        progress.LOG.info("The list in %s has %d row(s).", to / name, table.height)
    progress.LOG.info("%s", made.sentence())
    if neighbours:
        progress.LOG.info(
            "Neighbours are kept: who learns one number of a block can tell its others; "
            "--no-neighbours leaves that out, and campaigns by ranges are not found."
        )
    progress.LOG.info("Next: cdr-anomaly scan %s --tz %s", out, source.tz)


def reidentify(
    listed: Annotated[
        Path,
        typer.Argument(
            parser=options.local, metavar="LIST", help="A file of a run: alerts, findings, victims."
        ),
    ],
    paths: options.Paths,
    out: Annotated[
        Path, typer.Option(**options.LOCAL, help="File for the list with numbers, CSV or Parquet.")
    ],
    audit: Annotated[
        Path, typer.Option(**options.LOCAL, help="Log to which it is added who asked for what.")
    ],
    who: Annotated[str, typer.Option(help="Who asks.")],
    why: Annotated[str, typer.Option(help="Why, as a case number.")],
    key_file: KeyFile = None,
    config: options.Config = None,
    words: options.Words = [],  # noqa: B006 - typer copies it
    tz: options.Tz = None,
    home: options.Home = None,
    layout: options.Layout = None,
    storage: options.Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Turn the tokens of a list back into numbers, by the records, and log who asked for them."""
    from cdr_anomaly import ingest, privacy
    from cdr_anomaly.storage import atomic_write

    told = options.settings(config, words, tz=tz, home=home, layout=layout)
    key = _key(key_file)
    where = options.places(paths, storage)
    atomic_write.check_writable(out.parent)
    with progress.progress() as say, progress.naming_the_damaged(where):
        source = ingest.open_source(where, told)
        say("reading the records")
        request = privacy.Request(who, why, audit)
        maker = privacy.Maker(key, source.plan)
        found, missing = privacy.reidentify(listed, source, maker, out, request)
    progress.LOG.info("%d token(s) are numbers again in %s; the log is %s.", found, out, audit)
    if missing:
        progress.LOG.warning("%d token(s) are of no number in these records, by this key.", missing)


def _key(file: Path | None) -> Key:
    from cdr_anomaly.privacy import key as privacy_key

    key, warning = privacy_key.read(file)
    if warning is not None:
        progress.LOG.warning(warning)
    return key
