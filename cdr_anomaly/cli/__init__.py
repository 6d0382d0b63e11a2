"""The command line: words to settings, settings to the pipeline, errors to exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from cdr_anomaly.cli import desk, nights, privacy, quality, records, talk
from cdr_anomaly.errors import CdrAnomalyError

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    help="Find mass diallers, high-frequency callers, forwarding chains and new-SIM bursts in call "
    "records, and say why.",
)
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Records": (records.scan, records.explain, records.check, records.detectors),
    "Every night": (
        nights.nightly, nights.backfill, desk.status, desk.alerts, desk.feedback, desk.retention,
    ),
    "Privacy": (privacy.pseudonymise, privacy.reidentify),
    "Quality": (quality.simulate, quality.evaluate, quality.tune),
}  # fmt: skip
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)

# Polars' allocator gives memory back after half a second, and a scan asks for the same again and
# again: a quarter of its time went into that. Only what is set before Polars is loaded counts.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")
# Pydantic looks through every installed package for plugins at its first model; none is wanted.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def main() -> None:
    """Run the command line; what the user can mend is one sentence and exit code 2."""
    talk.begin(as_json="--json-log" in sys.argv)
    try:
        app()
    except CdrAnomalyError as error:
        talk.fail(error, hide="--mask" in sys.argv)
        sys.exit(2)
