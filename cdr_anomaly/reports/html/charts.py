"""The kinds of chart that pages draw, as Vega-Lite specifications without their rows.

Each takes its rows from the data set ``rows``, whose columns its docstring names. Colours are the
page's own (page.css), so that they follow light, dark and print. A specification is plain data:
no library is needed to write one, and tests check each against the schema of Vega-Lite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdr_anomaly.schema import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"
ACCENT, SOFT, INK, WARN = "var(--accent)", "var(--soft)", "var(--ink)", "var(--warn)"
NOMINAL, ORDINAL, QUANTITY = "nominal", "ordinal", "quantitative"
# A family by name: the width of what inherits its own cannot be foreseen.
FONT = "system-ui, sans-serif"
HOURS = list(range(24))
STEP = {"step": 17}
TALL, LOW = 190, 130
GRAVEST_FIRST = SEVERITIES[::-1]
# A page is drawn for the eye; what it draws is in its tables for those who cannot see it.
CONFIG: Spec = {
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
# What all kinds have in common: where their rows come from, how wide they are, how they look.
FRAME: Spec = {
    "$schema": SCHEMA,
    "config": CONFIG,
    "data": {"name": "rows"},
    "width": "container",
    "autosize": {"type": "fit-x", "contains": "padding"},
}


def specifications(word: Callable[[str], str]) -> dict[str, Spec]:
    """Return every kind of chart by name; ``word`` translates their titles."""
    hour, day, line = (
        ("hour", word("local hour")),
        ("day", word("day")),
        ("line", word("line")),
    )
    name, detector = ("name", word("name")), ("detector", word("detector"))
    specs = {
        "grid": _heat(hour, day, word("calls placed")),
        "lines": _heat(day, line, word("calls placed")),
        "used": _heat(day, name, word("calls")),
        "hours": _hours(word("calls placed"), word),
        "days": _days(word),
        "births": _births(word),
        "volume": _hours(word("rows"), word),
        "graph": _graph(word),
        "severity": _severities(word),
        "found": _findings(word),
        "detector": _heat(day, detector, word("alerts")),
    }
    return {kind: FRAME | spec for kind, spec in specs.items()}


def _heat(across: tuple[str, str], down: tuple[str, str], what: str) -> Spec:
    """Draw ``n`` by two columns, each with its title, darker for more."""
    (x, across_title), (y, down_title) = across, down
    shade = {"type": "sqrt", "zero": True, "range": [0.08, 1]}
    return {
        "height": STEP,
        "mark": {"type": "rect", "cornerRadius": 1, "fill": ACCENT},
        "encoding": {
            "x": _hour_axis(across_title) if x == "hour" else _day_axis(),
            "y": _column(y, ORDINAL, title=None, sort=None),
            "fillOpacity": _column("n", QUANTITY, title=what, scale=shade),
            "tooltip": [
                _column(y, NOMINAL, title=down_title),
                _column(x, NOMINAL, title=across_title),
                _column("n", QUANTITY, title=what),
            ],
        },
    }


def _hours(what: str, word: Callable[[str], str]) -> Spec:
    """Draw ``n`` by ``hour`` as bars, and what is ``usual`` as a line."""
    x, n = _hour_axis(word("local hour")), _column("n", QUANTITY, title=what)
    hour = _column("hour", ORDINAL, title=word("local hour"))
    bars = _bars(x, n, [hour, n, _column("usual", QUANTITY, title=word("usual"))])
    usual = {
        "mark": {"type": "line", "stroke": INK, "strokeDash": [3, 2], "interpolate": "step"},
        "encoding": {"x": x, "y": _column("usual", QUANTITY)},
    }
    return {"height": LOW, "layer": [bars, usual]}


def _bars(x: Spec, y: Spec, tooltip: list[Spec]) -> Spec:
    """Return bars, and what is told of each of them."""
    encoding = {"x": x, "y": y, "tooltip": tooltip}
    return {"mark": {"type": "bar", "fill": ACCENT}, "encoding": encoding}


def _days(word: Callable[[str], str]) -> Spec:
    """Draw ``n`` by ``day`` as bars, its ``usual`` as ticks and the ``limit`` as a line."""
    n = _column("n", QUANTITY, title=None, axis={"tickMinStep": 1})
    tooltip = [
        _column("day", ORDINAL, title=word("day")),
        _column("n", QUANTITY, title=word("count")),
        _column("usual", QUANTITY, title=word("usual")),
        _column("limit", QUANTITY, title=word("limit")),
    ]
    usual = {
        "mark": {"type": "tick", "stroke": INK, "thickness": 2},
        "encoding": {"x": _day_axis(), "y": _column("usual", QUANTITY)},
    }
    limit = {
        "mark": {"type": "rule", "stroke": WARN, "strokeDash": [4, 3]},
        "encoding": {"y": _column("limit", QUANTITY, aggregate="max")},
    }
    return {"height": TALL, "layer": [_bars(_day_axis(), n, tooltip), usual, limit]}


def _births(word: Callable[[str], str]) -> Spec:
    """Draw new lines ``n`` of a block by ``day``, and the ``usual`` of the days before."""
    n = _column("n", QUANTITY, title=word("new lines"))
    day = _column("day", ORDINAL, title=word("day"))
    bars = _bars(_day_axis(), n, [day, n, _column("usual", QUANTITY, title=word("usual"))])
    usual = {
        "mark": {"type": "rule", "stroke": INK, "strokeDash": [3, 2]},
        "encoding": {"y": _column("usual", QUANTITY, aggregate="max")},
    }
    return {"height": TALL, "layer": [bars, usual]}


def _graph(word: Callable[[str], str]) -> Spec:
    """Draw hops from (``x``, ``y``) to (``x2``, ``y2``) with ``n`` calls, and who stands there.

    Rows with a ``name`` are lines that stand at (``x``, ``y``), those without are hops.
    """
    bare = {"labels": False, "ticks": False, "grid": False, "domain": False}
    title = word("who forwards, and where to")
    position = {
        "x": _column("x", QUANTITY, title=title, axis=bare, scale={"padding": 120}),
        "y": _column("y", ORDINAL, title=None, axis=bare, scale={"type": "point", "padding": 1}),
    }
    calls = _column("n", QUANTITY, title=word("calls forwarded"))
    width = {"type": "sqrt", "range": [1, 6]}
    is_line = {"filter": "isValid(datum.name)"}
    hops = {
        "transform": [{"filter": "!isValid(datum.name)"}],
        "mark": {"type": "rule", "stroke": SOFT},
        "encoding": position
        | {
            "x2": {"field": "x2"},
            "y2": {"field": "y2"},
            "strokeWidth": _column("n", QUANTITY, legend=None, scale=width),
            "tooltip": [calls],
        },
    }
    ends = {
        "transform": [is_line],
        "mark": {"type": "circle", "fill": ACCENT, "size": 90, "opacity": 1},
        "encoding": position | {"tooltip": [_column("name", NOMINAL, title=word("line")), calls]},
    }
    names = [
        {
            "transform": [is_line, {"filter": f"datum.x {which} 0"}],
            "mark": {"type": "text", "align": align, "dx": pixels},
            "encoding": position | {"text": _column("name", NOMINAL)},
        }
        for which, align, pixels in (("==", "right", -9), (">", "left", 9))
    ]
    return {"height": STEP, "layer": [hops, ends, *names]}


def _findings(word: Callable[[str], str]) -> Spec:
    """Draw on which ``day`` which ``detector`` found something, and its ``severity``."""
    return {
        "height": STEP,
        "mark": {"type": "rect", "cornerRadius": 1},
        "encoding": {
            "x": _day_axis(),
            "y": _column("detector", ORDINAL, title=None),
            "fill": _severity_colours(GRAVEST_FIRST, word),
            "tooltip": [
                _column("day", ORDINAL, title=word("day")),
                _column("detector", NOMINAL, title=word("detector")),
                _column("severity", NOMINAL, title=word("severity")),
            ],
        },
    }


def _severities(word: Callable[[str], str]) -> Spec:
    """Draw how many alerts ``n`` there were by ``day`` and ``severity``."""
    return {
        "height": LOW,
        "mark": {"type": "bar"},
        "encoding": {
            "x": _day_axis(),
            "y": _column("n", QUANTITY, title=word("alerts"), aggregate="sum"),
            "fill": _severity_colours(GRAVEST_FIRST[:-1], word),
            "order": _column("place", QUANTITY),
            "tooltip": [
                _column("day", ORDINAL, title=word("day")),
                _column("severity", NOMINAL, title=word("severity")),
                _column("n", QUANTITY, title=word("alerts")),
            ],
        },
    }


def _severity_colours(severities: tuple[str, ...], word: Callable[[str], str]) -> Spec:
    """Return the fill by ``severity``: each has its colour, in the order of their gravity."""
    names = [word(severity) for severity in severities]
    scale = {"domain": names, "range": [f"var(--{severity})" for severity in severities]}
    return _column("severity", NOMINAL, title=None, scale=scale, sort=names)


def _hour_axis(title: str) -> Spec:
    """Return the place of a mark by ``hour``, on an axis that holds all hours of a day."""
    axis = {"labelAngle": 0}
    return _column("hour", ORDINAL, title=title, scale={"domain": HOURS}, axis=axis)


def _day_axis() -> Spec:
    """Return the place of a mark by ``day``; names of days are long, so they stand aslant."""
    return _column("day", ORDINAL, title=None, axis={"labelAngle": -45})


def _column(field: str, kind: str, **options: Any) -> Spec:
    """Return how a column of the rows is shown: its kind of value, and options of Vega-Lite."""
    return {"field": field, "type": kind, **options}
