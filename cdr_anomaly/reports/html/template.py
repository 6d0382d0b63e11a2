"""A template and the rows of its charts to one file that opens without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from cdr_anomaly import wording
from cdr_anomaly.numbering import masking
from cdr_anomaly.reports.html import charts, language

if TYPE_CHECKING:
    import polars as pl
    from jinja2 import Environment

    from cdr_anomaly.reports.html.language import Look

HERE = Path(__file__).parent
SCRIPTS = (
    "vega.min.js",
    "vega-lite.min.js",
    "vega-embed.min.js",
    "dataTables.min.js",
    "dataTables.buttons.min.js",
)
STYLES = ("dataTables.dataTables.min.css",)
# The texts of DataTables, by the names that it gives them.
TABLES = {
    "search": "search", "info": "_START_ to _END_ of _TOTAL_", "infoEmpty": "none",
    "infoFiltered": "(of _MAX_)", "zeroRecords": "Nothing is like that.", "copy": "Copy the list",
    "emptyTable": "Nothing is on the list.", "copyTitle": "Copied",
    "copySuccess": "%d rows, to be pasted anywhere", "orderable": ": sort",
    "orderableReverse": ": sort the other way around", "orderableRemove": ": as it was",
    "first": "first page", "previous": "page before", "next": "next page", "last": "last page",
    "pages": "pages",
}  # fmt: skip


class Picture(NamedTuple):
    """The rows of a chart, its kind (charts.py), and its title."""

    kind: str
    rows: pl.DataFrame
    title: str


class Sheet:
    """One page: its pictures and the parts that open, each with a number, and its frame.

    All text is escaped, and masked if the look says so. The parts that open are compressed: those
    of a thousand alerts would be larger than the page.
    """

    def __init__(self, look: Look) -> None:
        self.look = look
        self.word = language.word_translator(look.lang)
        self.pictures: list[dict[str, Any]] = []
        self.parts: list[str] = []
        self.env = _templates(look)

    def picture(self, picture: Picture) -> dict[str, Any]:
        """Keep a picture's rows for the page, and return what its template needs of it."""
        rows = masking.mask_table(picture.rows) if self.look.mask else picture.rows
        self.pictures.append({"kind": picture.kind, "columns": rows.columns, "rows": rows.rows()})
        return {"number": len(self.pictures) - 1, "title": picture.title}

    def part(self, template: str, **content: Any) -> int:
        """Keep a part of the page that the reader can open, and return its number."""
        self.parts.append(self.env.get_template(template).render(**content))
        return len(self.parts) - 1

    def render(self, template: str, **content: Any) -> str:
        """Return the text of the page."""
        kinds = {picture["kind"] for picture in self.pictures}
        specs = charts.specifications(self.word)
        content_of_script = {
            "specs": {kind: specs[kind] for kind in sorted(kinds)},
            "pictures": self.pictures,
            "parts": self.parts,
            "words": {key: self.word(word) for key, word in TABLES.items()},
        }
        scripts = [*(_asset("vendor", name) for name in SCRIPTS), _asset("page.js")]
        styles = [*(_asset("vendor", name) for name in STYLES), _asset("page.css")]
        return self.env.get_template(template).render(
            language=wording.LANGUAGES[self.look.lang],
            styles=[Markup(style) for style in styles],  # noqa: S704 - our own files
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            policy=_policy(scripts),
            held=_pack(content_of_script),
            **content,
        )


@cache
def _templates(look: Look) -> Environment:
    """Return the templates as they are read for a look; each is compiled once a process."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    env = Environment(
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        finalize=lambda value: language.display(value, look),
        loader=PackageLoader("cdr_anomaly.reports.html"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    word = language.word_translator(look.lang)
    env.install_gettext_callables(word, lambda one, _many, _n: word(one), newstyle=True)  # type: ignore[attr-defined]
    return env


def unpack(page: str) -> dict[str, Any]:
    """Return the compressed content of a page: specs, pictures, parts and words."""
    text = page.split('id="held">')[1].split("<", maxsplit=1)[0]
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return content


def _pack(content: dict[str, Any]) -> str:
    """Return what the script of the page reads, compressed; equal content gives equal text."""
    text = json.dumps(content, default=str, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _policy(scripts: list[str]) -> str:
    """Return a policy by which only the scripts of the page run, and nothing is loaded."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(*path: str) -> str:
    """Return a script or style of ours, to stand in the page as it is."""
    return HERE.joinpath(*path).read_text(encoding="utf-8").replace("</script", "<\\/script")
