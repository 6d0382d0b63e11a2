"""The commands over records: scan, explain, check; and what the detectors are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Annotated

from typer import Argument, Option

from cdr_anomaly.cli import options
from cdr_anomaly.cli.command import command
from cdr_anomaly.cli.options import LOCAL
from cdr_anomaly.cli.progress import LOG, show_progress

Html = Annotated[Path | None, Option(**LOCAL, help="File for a page of the same.")]
Edges = Annotated[
    Path | None,
    Option(
        **LOCAL,
        help="File for the contact graph around the line: GraphML if it ends in .graphml, CSV if "
        "in .csv; the other one is written beside it.",
    ),
]


@command
def scan(
    paths: options.Paths,
    *,
    out: options.Out = None,
    config: options.ScanOptions,
    lists: options.ListOptions,
    output: options.OutputOptions,
    page: options.PageOptions,
    storage: options.StorageOptions,
) -> None:
    """Judge call records by every detector; remembers nothing."""
    from cdr_anomaly import pipeline

    began = monotonic()
    files, settings = storage.locations(paths), config.settings(max_alerts=output.max_alerts)
    folder = storage.folder(out)
    with show_progress(files) as progress:
        result = pipeline.scan(files, settings, **asdict(lists), progress=progress)
        if folder is not None:
            from cdr_anomaly.reports.html import Past

            page.write(folder, result, Past.of_scan(result), progress)
    output.print_result(result, monotonic() - began, page=page, folder=folder)
    output.exit_if_grave(result.alerts)


@command
def explain(
    line: Annotated[str, Argument(help="A line, in any form that the records use.")],
    paths: options.Paths,
    *,
    verdicts: options.VerdictOptions,
    config: options.ScanOptions,
    subscribers: options.Subscribers = None,
    html: Html = None,
    edges: Edges = None,
    page: options.PageOptions,
    storage: options.StorageOptions,
) -> None:
    """Tell one line's story: days, hours, contacts, handsets, forwards, related lines, findings.

    Only the calls of the line and of those beside it are read. What is found of it, and how unlike
    its peers it is, depends on all lines: take it from a result or a state, or let it be judged.
    """
    from cdr_anomaly.reports import contact_graph, line_story, line_story_terminal, terminal
    from cdr_anomaly.storage import atomic_write

    files, settings = storage.locations(paths), config.settings()
    chosen = verdicts.verdicts(storage)
    for file in (html, edges and contact_graph.file_pair(edges)[0]):
        if file is not None:
            atomic_write.check_writable(file.parent)
    with show_progress(files) as progress:
        story, result = line_story.explain(
            line, files, settings, subscribers=subscribers, verdicts=chosen, progress=progress
        )
        if html is not None:
            from cdr_anomaly.reports import html as pages

            progress("drawing the page")
            look = pages.Look(page.lang, page.mask)
            atomic_write.write_text(html, pages.line(story, result, look))
        if edges is not None:
            progress("writing the contact graph")
            graph = contact_graph.build_graph(result.tables, result.line)
            contact_graph.write(edges, graph.masked() if page.mask else graph)
    story_tables = line_story_terminal.tables(story, page.lang, has_verdicts=result.has_verdicts)
    terminal.print_tables(story_tables, mask=page.mask, lang=page.lang)
    if html is not None:
        LOG.info("The page is in %s; open it in a browser.", html)
    if edges is not None:
        LOG.info("The contact graph is in %s and %s.", *contact_graph.file_pair(edges))


@command
def check(
    paths: options.Paths, *, config: options.ScanOptions, storage: options.StorageOptions
) -> None:
    """Say what the records are and what is wrong with them; judges no line."""
    from cdr_anomaly import pipeline
    from cdr_anomaly.reports import terminal

    files, settings = storage.locations(paths), config.settings()
    with show_progress(files) as progress:
        parts = pipeline.check(files, settings, progress=progress)
    terminal.print_tables(parts)


@command
def detectors(*, form: options.Form = "table") -> None:
    """Describe every detector, with its settings and their defaults."""
    from cdr_anomaly.detectors import described
    from cdr_anomaly.reports import terminal

    for title, (text, table) in described().items():
        if form == "table":
            terminal.console().print(f"\n[bold]{title}[/]\n\n{text}")
            terminal.print_table("settings", table)
        else:
            terminal.write_table(table, form)
