"""The kinds of picture that pages draw, as Vega-Lite specifications; their rows come beside them.

Each takes its rows from the data set ``rows``, whose columns its docstring names. Colours are the
page's own (page.css), so that they follow light, dark and print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import altair as alt

ACCENT, SOFT, INK, WARN = "var(--accent)", "var(--soft)", "var(--ink)", "var(--warn)"
# A family by name: the width of what inherits its own cannot be foreseen.
FONT = "system-ui, sans-serif"
HOURS = list(range(24))
STEP = 17
TALL, LOW = 190, 130
SEVERITIES = ("critical", "high", "medium")
# A page is drawn for the eye; what it draws is in its tables for those who cannot see it.
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": SOFT, "tickColor": SOFT,
        "gridColor": SOFT, "gridOpacity": 0.4, "labelFontSize": 11, "titleFontSize": 11,
        "titleFontWeight": "normal", "labelOverlap": True, "labelLimit": 220,
    },
    "legend": {
        "labelColor": INK, "titleColor": INK, "orient": "bottom", "titleFontWeight": "normal",
        "gradientLength": 90,
    },
    "text": {"fill": INK, "fontSize": 11},
}  # fmt: skip


def specifications(said: Callable[[str], str]) -> dict[str, Any]:
    """Return every kind of picture by name, its titles in the language that ``said`` gives."""
    import altair as alt

    rows = alt.Chart(alt.NamedData("rows"))
    drawn = {
        "grid": _heat(
            rows, ("hour", said("local hour")), ("day", said("day")), said("calls placed")
        ),
        "lines": _heat(rows, ("day", said("day")), ("line", said("line")), said("calls placed")),
        "used": _heat(rows, ("day", said("day")), ("name", said("name")), said("calls")),
        "hours": _hours(rows, said("calls placed"), said),
        "days": _days(rows, said),
        "births": _births(rows, said),
        "volume": _hours(rows, said("rows"), said),
        "graph": _graph(rows, said),
        "severity": _severities(rows, said),
        "found": _found(rows, said),
        "detector": _heat(
            rows, ("day", said("day")), ("detector", said("detector")), said("alerts")
        ),
    }
    specs = {name: chart.to_dict() for name, chart in drawn.items()}
    whole = {
        "config": CONFIG,
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
    return {name: spec | whole for name, spec in specs.items()}


def _heat(rows: alt.Chart, across: tuple[str, str], down: tuple[str, str], what: str) -> Any:
    """Draw ``n`` by two columns, each with its title, darker for more."""
    import altair as alt

    (x, across_title), (y, down_title) = across, down
    hours = x == "hour"
    return rows.mark_rect(fill=ACCENT, cornerRadius=1).encode(
        x=alt.X(
            f"{x}:O",
            title=across_title if hours else None,
            axis=alt.Axis(labelAngle=0 if hours else -45),
            scale=alt.Scale(domain=HOURS) if hours else alt.Undefined,
        ),
        y=alt.Y(f"{y}:O", title=None, sort=None),
        fillOpacity=alt.FillOpacity(
            "n:Q", title=what, scale=alt.Scale(type="sqrt", zero=True, range=[0.08, 1])
        ),
        tooltip=[_tip(f"{y}:N", down_title), _tip(f"{x}:N", across_title), _tip("n:Q", what)],
    ).properties(height=alt.Step(STEP))  # fmt: skip


def _hours(rows: alt.Chart, what: str, said: Callable[[str], str]) -> Any:
    """Draw ``n`` by ``hour`` as bars, and beside it what is ``usual`` as a line."""
    import altair as alt

    x = alt.X(
        "hour:O",
        title=said("local hour"),
        scale=alt.Scale(domain=HOURS),
        axis=alt.Axis(labelAngle=0),
    )
    bars = rows.mark_bar(fill=ACCENT).encode(
        x=x,
        y=alt.Y("n:Q", title=what),
        tooltip=[
            _tip("hour:O", said("local hour")),
            _tip("n:Q", what),
            _tip("usual:Q", said("usual")),
        ],
    )
    usual = rows.mark_line(stroke=INK, strokeDash=[3, 2], interpolate="step").encode(
        x=x, y=alt.Y("usual:Q")
    )
    return (bars + usual).properties(height=LOW)


def _days(rows: alt.Chart, said: Callable[[str], str]) -> Any:
    """Draw ``n`` by ``day`` as bars, its ``usual`` as ticks and the ``limit`` as a line."""
    import altair as alt

    x = alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-45))
    bars = rows.mark_bar(fill=ACCENT).encode(
        x=x,
        y=alt.Y("n:Q", title=None, axis=alt.Axis(tickMinStep=1)),
        tooltip=[
            _tip("day:O", said("day")),
            _tip("n:Q", said("count")),
            _tip("usual:Q", said("usual")),
            _tip("limit:Q", said("limit")),
        ],
    )
    usual = rows.mark_tick(stroke=INK, thickness=2).encode(x=x, y="usual:Q")
    limit = rows.mark_rule(stroke=WARN, strokeDash=[4, 3]).encode(y="max(limit):Q")
    return (bars + usual + limit).properties(height=TALL)


def _births(rows: alt.Chart, said: Callable[[str], str]) -> Any:
    """Draw new lines ``n`` of a block by ``day``, and the ``usual`` of the days before."""
    import altair as alt

    x = alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-45))
    bars = rows.mark_bar(fill=ACCENT).encode(
        x=x,
        y=alt.Y("n:Q", title=said("new lines")),
        tooltip=[
            _tip("day:O", said("day")),
            _tip("n:Q", said("new lines")),
            _tip("usual:Q", said("usual")),
        ],
    )
    usual = rows.mark_rule(stroke=INK, strokeDash=[3, 2]).encode(y="max(usual):Q")
    return (bars + usual).properties(height=TALL)


def _graph(rows: alt.Chart, said: Callable[[str], str]) -> Any:
    """Draw hops from (``x``, ``y``) to (``x2``, ``y2``) with ``n`` calls, and who stands there.

    Rows with a ``name`` are lines that stand at (``x``, ``y``), those without are hops.
    """
    import altair as alt

    plain = alt.Axis(labels=False, ticks=False, grid=False, domain=False)
    x = alt.X(
        "x:Q", title=said("who forwards, and where to"), axis=plain, scale=alt.Scale(padding=120)
    )
    y = alt.Y("y:O", title=None, axis=plain, scale=alt.Scale(type="point", padding=1))
    hops = rows.transform_filter("!isValid(datum.name)").mark_rule(stroke=SOFT).encode(
        x=x, y=y, x2="x2:Q", y2="y2:O", tooltip=[_tip("n:Q", said("calls forwarded"))],
        strokeWidth=alt.StrokeWidth("n:Q", legend=None, scale=alt.Scale(type="sqrt", range=[1, 6])),
    )  # fmt: skip
    lines = rows.transform_filter("isValid(datum.name)")
    ends = lines.mark_circle(fill=ACCENT, size=90, opacity=1).encode(
        x=x, y=y, tooltip=[_tip("name:N", said("line")), _tip("n:Q", said("calls forwarded"))]
    )
    first = lines.transform_filter("datum.x == 0").mark_text(align="right", dx=-9)
    later = lines.transform_filter("datum.x > 0").mark_text(align="left", dx=9)
    names = [each.encode(x=x, y=y, text="name:N") for each in (first, later)]
    return alt.layer(hops, ends, *names).properties(height=alt.Step(STEP))


def _found(rows: alt.Chart, said: Callable[[str], str]) -> Any:
    """Draw on which ``day`` which ``detector`` found something, and its ``severity``."""
    import altair as alt

    words = (*SEVERITIES, "low")
    names = [said(word) for word in words]
    colours = alt.Scale(domain=names, range=[f"var(--{word})" for word in words])
    return rows.mark_rect(cornerRadius=1).encode(
        x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-45)),
        y=alt.Y("detector:O", title=None),
        fill=alt.Fill("severity:N", title=None, scale=colours, sort=names),
        tooltip=[
            _tip("day:O", said("day")), _tip("detector:N", said("detector")),
            _tip("severity:N", said("severity")),
        ],
    ).properties(height=alt.Step(STEP))  # fmt: skip


def _severities(rows: alt.Chart, said: Callable[[str], str]) -> Any:
    """Draw how many alerts ``n`` there were by ``day`` and ``severity``."""
    import altair as alt

    names = [said(word) for word in SEVERITIES]
    colours = alt.Scale(domain=names, range=[f"var(--{word})" for word in SEVERITIES])
    return rows.mark_bar().encode(
        x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=-45)),
        y=alt.Y("sum(n):Q", title=said("alerts")),
        fill=alt.Fill("severity:N", title=None, scale=colours, sort=names),
        order=alt.Order("place:Q"),
        tooltip=[
            _tip("day:O", said("day")), _tip("severity:N", said("severity")),
            _tip("n:Q", said("alerts")),
        ],
    ).properties(height=LOW)  # fmt: skip


def _tip(column: str, title: str) -> alt.Tooltip:
    """Name what is shown beside the pointer."""
    import altair as alt

    return alt.Tooltip(column, title=title)
