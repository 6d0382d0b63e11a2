"""The command line: words to settings, settings to the pipeline, errors to exit codes."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from cdr_anomaly.cli import evaluation, nightly, privacy, progress, scan
from cdr_anomaly.errors import CdrAnomalyError

if TYPE_CHECKING:
    from collections.abc import Callable


class CommandGroup(TyperGroup):
    """The commands; their list in the help is divided by panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the name of each command, and the first paragraph of its help."""
        del ctx
        for panel, functions in PANELS.items():
            texts = ((function.__name__, function.__doc__ or "") for function in functions)
            with formatter.section(panel):
                formatter.write_dl([(name, text.partition("\n\n")[0]) for name, text in texts])


app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,  # boxes around the help take three times as long as everything else
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    help="Find mass diallers, high-frequency callers, forwarding chains, new-SIM bursts, overseas "
    "presentation, agent shifts, campaigns, sites and hand-offs in call records, and say why.",
)
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Records": (scan.scan, scan.explain, scan.check, scan.detectors),
    "Every night": (
        nightly.nightly,
        nightly.backfill,
        nightly.status,
        nightly.alerts,
        nightly.feedback,
        nightly.retention,
    ),
    "Privacy": (privacy.pseudonymise, privacy.reidentify),
    "Quality": (evaluation.simulate, evaluation.evaluate, evaluation.tune),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)

# Pydantic looks through every installed package for plugins at its first model; none is wanted.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# Polars' allocator gives memory back after half a second, and a scan asks for the same again and
# again: a quarter of its time went into that. Only what is set before Polars is loaded counts.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")


THRESHOLDS = gc.get_threshold()
# A start makes so many objects, and a small scan no more.
START_OBJECTS = 150_000


def main() -> None:
    """Run the command line; what the user can mend is one sentence and exit code 2."""
    progress.start_logging(as_json="--json-log" in sys.argv)
    # To look for garbage while libraries are loaded takes a fifth of a start, and finds none.
    gc.set_threshold(START_OBJECTS)
    gc.callbacks.append(_end_start)
    try:
        app()
    except CdrAnomalyError as error:
        progress.log_error(error, mask="--mask" in sys.argv)
        sys.exit(2)
    finally:
        _end_start()


def _end_start(*_: object) -> None:
    """Collect garbage as usual again; called before the first collection."""
    gc.set_threshold(*THRESHOLDS)
    if _end_start in gc.callbacks:
        gc.callbacks.remove(_end_start)
