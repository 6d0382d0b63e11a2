"""A template, its rows and all that it needs, to one file that opens anywhere without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from cdr_anomaly import mask
from cdr_anomaly.page import charts, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from cdr_anomaly.page.words import Look

HERE = Path(__file__).parent
SCRIPTS = (
    "vega.min.js", "vega-lite.min.js", "vega-embed.min.js", "dataTables.min.js",
    "dataTables.buttons.min.js",
)  # fmt: skip
STYLES = ("dataTables.dataTables.min.css",)
# What DataTables says beside a table; the names are its own.
TABLES = {
    "search": "Search:", "info": "_START_ to _END_ of _TOTAL_", "infoEmpty": "none",
    "infoFiltered": "(of _MAX_)", "zeroRecords": "Nothing is like that.", "copy": "Copy the list",
    "emptyTable": "Nothing is on the list.",
}  # fmt: skip


class Picture(NamedTuple):
    """The rows of a picture, its kind (charts.py), and what is said of it beside it."""

    kind: str
    rows: pl.DataFrame
    title: str


class Pictures:
    """The pictures of one page: each gets a number, by which the page's script finds its rows."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.held: list[dict[str, Any]] = []

    def add(self, picture: Picture) -> dict[str, Any]:
        """Keep a picture's rows for the page, and return what its template needs of it."""
        rows = mask.frame(picture.rows) if self.look.mask else picture.rows
        self.held.append({"kind": picture.kind, "columns": rows.columns, "rows": rows.rows()})
        return {"number": len(self.held) - 1, "title": picture.title}

    def kinds(self) -> Iterable[str]:
        """Name the kinds of picture that the page has."""
        return {each["kind"] for each in self.held}


def written(template: str, look: Look, pictures: Pictures, **content: Any) -> str:
    """Write a page from its template; what is shown in it is escaped, and masked if so wanted."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    env = Environment(
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        finalize=lambda value: words.shown(value, look),
        loader=PackageLoader("cdr_anomaly.page"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    known = words.translations(look.lang)
    env.install_gettext_translations(known, newstyle=True)  # type: ignore[attr-defined]
    specs = charts.specifications(known.gettext)
    scripts = [*(_asset("vendor", name) for name in SCRIPTS), _asset("page.js")]
    styles = [*(_asset("vendor", name) for name in STYLES), _asset("page.css")]
    return env.get_template(template).render(
        language=words.LANGUAGES[look.lang],
        styles=[Markup(style) for style in styles],  # noqa: S704 - our own files
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
        policy=_policy(scripts),
        specs=_json({kind: specs[kind] for kind in sorted(pictures.kinds())}),
        pictures=_json(pictures.held),
        said=_json({key: known.gettext(text) for key, text in TABLES.items()}),
        **content,
    )


def _policy(scripts: list[str]) -> str:
    """Let the page's own scripts run and no others, and let it load nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts)
    own = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {own}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(*path: str) -> str:
    """Return a script or style of ours, to stand in the page as it is."""
    return HERE.joinpath(*path).read_text(encoding="utf-8").replace("</script", "<\\/script")


def _json(value: object) -> Markup:
    """Write what a script of the page reads, so that nothing in it can end the script."""
    text = json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped here
