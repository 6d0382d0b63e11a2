"""The commands over records: scan, explain, check; and what the detectors are."""

from __future__ import annotations

from time import monotonic
from typing import Annotated

import typer

from cdr_anomaly.cli import options, output, progress
from cdr_anomaly.cli.options import (
    Config,
    Edges,
    Engine,
    Entities,
    FailOn,
    Form,
    Format,
    Home,
    Html,
    Lang,
    Language,
    Layout,
    Mask,
    Master,
    MaxAlerts,
    Memory,
    Out,
    Paths,
    Rows,
    Since,
    Storage,
    Subscribers,
    Tz,
    Until,
    Words,
)


def scan(
    paths: Paths,
    out: Out = None,
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
    rows: Rows = 50,
    max_alerts: MaxAlerts = None,
    fail_on: FailOn = None,
    lang: Lang = Language.en,
    mask: Mask = False,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Judge call records by every detector; remembers nothing."""
    from cdr_anomaly import pipeline
    from cdr_anomaly.reports import files as reports_files
    from cdr_anomaly.reports import summary
    from cdr_anomaly.storage import atomic_write

    began = monotonic()
    files, to = options.places(paths, storage), options.place(out, storage)
    told = options.settings(
        config,
        words,
        tz=tz,
        home=home,
        layout=layout,
        since=since,
        until=until,
        memory=memory,
        engine=engine,
        master=master,
        max_alerts=max_alerts,
    )
    if to is not None:
        atomic_write.check_writable(to)
    with progress.progress() as say, progress.naming_the_damaged(files):
        result = pipeline.scan(files, told, entities=entities, subscribers=subscribers, say=say)
        if to is not None:
            from cdr_anomaly.reports.html import Look, Past, night

            say("drawing the page")
            page = night(result, Past.of_scan(result), Look(lang.value, mask))
            say("writing the results")
            reports_files.write(to, result, page)
    output.show(result.alerts, form, rows, result.victims, hide=mask)
    for sentence in (*summary.summary(result), f"Time: {monotonic() - began:.1f} s."):
        progress.LOG.info(sentence)
    if to is not None:
        output.where(to)
    output.fail_on(result.alerts, fail_on)


def explain(
    line: Annotated[str, typer.Argument(help="A line, in any form that the records use.")],
    paths: Paths,
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
    subscribers: Subscribers = None,
    html: Html = None,
    edges: Edges = None,
    lang: Lang = Language.en,
    mask: Mask = False,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Tell one line's story: days, hours, contacts, handsets, forwards, findings, related lines."""
    from cdr_anomaly.numbering import masking
    from cdr_anomaly.reports import contact_graph, line_story, line_story_terminal, terminal
    from cdr_anomaly.storage import atomic_write

    files = options.places(paths, storage)
    told = options.settings(
        config,
        words,
        tz=tz,
        home=home,
        layout=layout,
        since=since,
        until=until,
        memory=memory,
        engine=engine,
        master=master,
    )
    for file in (html, edges and contact_graph.forms(edges)[0]):
        if file is not None:
            atomic_write.check_writable(file.parent)
    with progress.progress() as say, progress.naming_the_damaged(files):
        story, result = line_story.explain(line, files, told, subscribers=subscribers, progress=say)
        if html is not None:
            from cdr_anomaly.reports import html as reports_html

            say("drawing the page")
            atomic_write.write_text(
                html, reports_html.line(story, result, reports_html.Look(lang.value, mask))
            )
        if edges is not None:
            say("writing the contact graph")
            around = contact_graph.around(result.tables, result.line)
            contact_graph.write(edges, around.masked() if mask else around)
    for title, table in line_story_terminal.tables(story).items():
        terminal.show(title, masking.mask_table(table) if mask else table)
    if html is not None:
        progress.LOG.info("The page is in %s; open it in a browser.", html)
    if edges is not None:
        progress.LOG.info("The contact graph is in %s and %s.", *contact_graph.forms(edges))


def check(
    paths: Paths,
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
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Say what the records are and what is wrong with them; judges no line."""
    from cdr_anomaly import pipeline
    from cdr_anomaly.reports import terminal

    files = options.places(paths, storage)
    told = options.settings(
        config,
        words,
        tz=tz,
        home=home,
        layout=layout,
        since=since,
        until=until,
        memory=memory,
        engine=engine,
        master=master,
    )
    with progress.progress() as say, progress.naming_the_damaged(files):
        parts = pipeline.check(files, told, progress=say)
    for title, table in parts.items():
        terminal.show(title, table)


def detectors(
    form: Form = Format.table,
) -> None:
    """Describe every detector, with its settings and their defaults."""
    from cdr_anomaly.detectors import described
    from cdr_anomaly.reports import terminal

    for title, (text, table) in described().items():
        if form is Format.table:
            terminal.console().print(f"\n[bold]{title}[/]\n\n{text}")
            terminal.show("settings", table)
        else:
            terminal.put(table, form)
