"""The commands over pseudonyms: pseudonymise, reidentify."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from cdr_anomaly.cli import options
from cdr_anomaly.cli.command import command
from cdr_anomaly.cli.options import LOCAL, local_path
from cdr_anomaly.cli.progress import LOG, show_progress
from cdr_anomaly.errors import OutputError

if TYPE_CHECKING:
    from cdr_anomaly.privacy.key import Key


@dataclass(frozen=True)
class KeyOptions:
    """The secret key of pseudonyms."""

    key_file: Annotated[
        Path | None,
        Option(
            **LOCAL,
            help="File of the secret key, 32 bytes or more; by default CDR_ANOMALY_KEY of the "
            "environment.",
        ),
    ] = None

    def key(self) -> Key:
        """Return the key; log why it is a weak one."""
        from cdr_anomaly.privacy import key

        secret, warning = key.read_key(self.key_file)
        if warning is not None:
            LOG.warning(warning)
        return secret


@command
def pseudonymise(
    paths: options.Paths,
    out: Annotated[str, Argument(help="Folder for the same records with pseudonyms.")],
    *,
    key: KeyOptions,
    lists: options.ListOptions,
    neighbours: Annotated[
        bool,
        Option(
            help="Keep which numbers of a block are neighbours, as campaigns by ranges need it. "
            "Who learns one number of a block can then tell the others."
        ),
    ] = True,
    config: options.InputOptions,
    storage: options.StorageOptions,
) -> None:
    """Write call records, and lists that belong to them, with tokens for numbers and handsets."""
    from cdr_anomaly import ingest, privacy
    from cdr_anomaly.alerts.detect import FINDERS
    from cdr_anomaly.storage import atomic_write

    settings, secret = config.settings(), key.key()
    files, folder = storage.locations(paths), storage.location(out)
    atomic_write.check_writable(folder)
    for name, file in (("entities.csv", lists.entities), ("subscribers.csv", lists.subscribers)):
        if file is not None and (folder / name).exists():
            msg = f"There is a file '{folder / name}' already; remove it, or choose another folder."
            raise OutputError(msg)
    with show_progress(files) as progress:
        source = ingest.open_source(files, settings)
        maker = privacy.Pseudonymiser(secret, source.plan, neighbours)
        tables = {}
        if lists.entities is not None:
            tables["entities.csv"] = privacy.pseudonymise_entities(lists.entities, maker, FINDERS)
        if lists.subscribers is not None:
            tables["subscribers.csv"] = privacy.pseudonymise_subscribers(lists.subscribers, maker)
        progress("writing the calls with pseudonyms", source.rows)
        records = privacy.write_records(source, maker, folder, progress.done)
    for name, table in tables.items():
        with atomic_write.staging_folder(folder) as unfinished:
            table.write_csv(unfinished / name)
        LOG.info("The list in %s has %d row(s).", folder / name, table.height)
    LOG.info("%s", records.sentence())
    if neighbours:
        LOG.info(
            "Neighbours are kept: who learns one number of a block can tell its others; "
            "--no-neighbours leaves that out, and campaigns by ranges are not found."
        )
    LOG.info("Next: cdr-anomaly scan %s --tz %s", out, source.tz)


@command
def reidentify(
    tokens: Annotated[
        Path,
        Argument(
            parser=local_path,
            metavar="LIST",
            help="A file of a run: alerts, findings, victims.",
        ),
    ],
    paths: options.Paths,
    *,
    out: Annotated[Path, Option(**LOCAL, help="File for the list with numbers, CSV or Parquet.")],
    audit: Annotated[Path, Option(**LOCAL, help="Log to which it is added who asked for what.")],
    who: Annotated[str, Option(help="Who asks.")],
    why: Annotated[str, Option(help="Why, as a case number.")],
    key: KeyOptions,
    config: options.InputOptions,
    storage: options.StorageOptions,
) -> None:
    """Turn the tokens of a list back into numbers, by the records, and log who asked for them."""
    from cdr_anomaly import ingest, privacy
    from cdr_anomaly.storage import atomic_write

    settings, secret = config.settings(), key.key()
    files = storage.locations(paths)
    atomic_write.check_writable(out.parent)
    with show_progress(files) as progress:
        source = ingest.open_source(files, settings)
        progress("reading the records")
        request = privacy.Request(who, why, audit)
        maker = privacy.Pseudonymiser(secret, source.plan)
        found, missing = privacy.reidentify(tokens, source, maker, out, request)
    LOG.info("%d token(s) are numbers again in %s; the log is %s.", found, out, audit)
    if missing:
        LOG.warning("%d token(s) are of no number in these records, by this key.", missing)
