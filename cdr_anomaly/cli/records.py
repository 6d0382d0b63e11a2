"""The commands over records: scan, explain, check; and what the detectors are."""

from __future__ import annotations

from time import monotonic
from typing import Annotated

import typer

from cdr_anomaly.cli import answers, options, talk
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
    from cdr_anomaly import pipeline, report, results

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
        results.check_writable(to)
    with talk.progress() as say, talk.naming_the_damaged(files):
        result = pipeline.scan(files, told, entities=entities, subscribers=subscribers, say=say)
        if to is not None:
            from cdr_anomaly.page import Look, Past, night

            say("drawing the page")
            page = night(result, Past.of_scan(result), Look(lang.value, mask))
            say("writing the results")
            report.write(to, result, page)
    answers.show(result.alerts, form, rows, result.victims, hide=mask)
    for sentence in (*report.summary(result), f"Time: {monotonic() - began:.1f} s."):
        talk.LOG.info(sentence)
    if to is not None:
        answers.where(to)
    answers.fail_on(result.alerts, fail_on)


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
    from cdr_anomaly import edges as graphs
    from cdr_anomaly import mask as hidden
    from cdr_anomaly import pipeline, report, results, titled

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
    for file in (html, edges and graphs.forms(edges)[0]):
        if file is not None:
            results.check_writable(file.parent)
    with talk.progress() as say, talk.naming_the_damaged(files):
        story, result = pipeline.explain(line, files, told, subscribers=subscribers, say=say)
        if html is not None:
            from cdr_anomaly import page

            say("drawing the page")
            results.write_whole(html, page.line(story, result, page.Look(lang.value, mask)))
        if edges is not None:
            say("writing the contact graph")
            around = graphs.around(result.tables, result.line)
            graphs.write(edges, around.masked() if mask else around)
    for title, table in titled.tables(story).items():
        report.show(title, hidden.frame(table) if mask else table)
    if html is not None:
        talk.LOG.info("The page is in %s; open it in a browser.", html)
    if edges is not None:
        talk.LOG.info("The contact graph is in %s and %s.", *graphs.forms(edges))


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
    from cdr_anomaly import pipeline, report

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
    with talk.progress() as say, talk.naming_the_damaged(files):
        parts = pipeline.check(files, told, say=say)
    for title, table in parts.items():
        report.show(title, table)


def detectors(
    form: Form = Format.table,
) -> None:
    """Describe every detector, with its settings and their defaults."""
    from cdr_anomaly import report
    from cdr_anomaly.detectors import described

    for title, (text, table) in described().items():
        if form is Format.table:
            report.console().print(f"\n[bold]{title}[/]\n\n{text}")
            report.show("settings", table)
        else:
            report.put(table, form)
