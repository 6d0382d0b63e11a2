"""Write what the docs say of detectors, tables, layouts and settings, from the code itself.

    make docs

The picture of a scan is drawn from the synthetic records of sample_data/.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from cdr_anomaly import detectors, pipeline, schema, settings
from cdr_anomaly.ingest import layouts
from cdr_anomaly.reports import terminal as reports_terminal

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from cdr_anomaly.detectors import Detector

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def detectors_page() -> str:
    """Describe every detector, with its settings and their defaults."""
    head = (
        "# Detectors\n\nEvery setting is given as `--set detector.setting=value` or in a TOML file "
        "(`--config`) under `[detectors.NAME]`; those of `cold_callers` stand "
        "under `[cold_callers]`. This page is written by `make docs` from the "
        "detectors themselves; `cdr-anomaly detectors` prints the same.\n"
    )
    described = detectors.described()
    patterns = [
        f"| [`{detector.name}`](#{detector.name}) | {detector.title} | {text.splitlines()[0]} |"
        for detector, (text, _) in zip(detectors.ALL, described.values(), strict=False)
    ]
    head += "\n| detector | finds | one finding |\n|---|---|---|\n" + "\n".join(patterns) + "\n"
    parts, kinds = [head], {detector.name: detector for detector in detectors.ALL}
    for name, (text, table) in described.items():
        rows = [f"| `{s}` | `{d}` | {m} |" for s, d, m in table.iter_rows()]
        top = "| setting | default | meaning |\n|---|---|---|"
        plain = text.replace("``", "`")
        parts.append(f"## {name}\n\n{plain}\n\n{top}\n" + "\n".join(rows) + "\n")
        if name in kinds:
            parts += [gradings_table(kinds[name]), measures_table(kinds[name])]
    return "\n".join(parts)


def gradings_table(detector: type[Detector]) -> str:
    """Return the numbers that decide a severity and are no settings."""
    if not detector.gradings:
        return "No number but its settings decides a severity.\n"
    rows = "\n".join(f"| {grading.meaning} | {grading:g} |" for grading in detector.gradings)
    return f"Numbers that decide a severity:\n\n| meaning | value |\n|---|---|\n{rows}\n"


def measures_table(detector: type[Detector]) -> str:
    """Return the measures by which a detector's lines are compared with peers (evidence.md)."""
    lowered = (
        "stays as grave as it is found" if detector.fixed_limit else "is lowered where it is usual"
    )
    if not detector.measures:
        return f"What it finds {lowered}; its lines are compared by no measure of its own.\n"
    odd = {True: "little", False: "much"}
    rows = [
        f"| `{m.name}` | {family} | {m.phrase.replace('{value}', '…')} | {odd[m.low_is_odd]} |"
        for family, measures in detector.measures.items()
        for m in measures
    ]
    head = "| measure | family | as it is said | what is odd |\n|---|---|---|---|\n"
    return (
        f"Compared with peers ([evidence.md](evidence.md)); what it finds {lowered}:\n\n"
        + head
        + "\n".join(rows)
        + "\n"
    )


def tables_page() -> str:
    """Describe the tables at the border, and the settings and layouts of reading."""
    parts = ["# Tables, settings, layouts\n\nWritten by `make docs` from the code.\n"]
    for title, table in schema.TABLES.items():
        rows = [
            f"| `{name}` | {column.dtype or 'Int64, or String'} | {column.meaning} |"
            for name, column in table.items()
        ]
        parts.append(
            f"## {title}\n\n| column | type | meaning |\n|---|---|---|\n" + "\n".join(rows)
        )
    required = ", ".join(f"`{name}`" for name in schema.REQUIRED)
    parts.append(f"\nRequired of CALLS: {required}; of SUBSCRIBERS: `line` and any other.\n")
    rows = [
        f"| `{name}` | {default_of(name, field)} | {field.description} |"
        for name, field in settings.Settings.model_fields.items()
    ]
    head = "| setting | default | meaning |\n|---|---|---|\n"
    parts.append("## Settings of a run\n\n" + head + "\n".join(rows))
    rows = [
        f"| `{layout.name}` | {layout.title} |" for layout in layouts.shipped_layouts().values()
    ]
    parts.append("\n## Layouts\n\n| `--layout` | records |\n|---|---|\n" + "\n".join(rows))
    return "\n".join(parts) + "\n"


def default_of(name: str, field: FieldInfo) -> str:
    """Return the default of a setting; a section has one for each of its settings."""
    if name == settings.SECTION:
        return f"[a section](detectors.md#{name})"
    return f"`{field.get_default(call_default_factory=True)!r}`"


def draw_scan() -> str:
    """Draw the head of the list that `make demo` prints."""
    result = pipeline.scan(
        [ROOT / "sample_data" / "calls"],
        settings.load_settings(),
        entities=ROOT / "sample_data" / "entities.csv",
    )
    terminal = Console(width=100, record=True, file=io.StringIO(), force_terminal=True)
    terminal.print(reports_terminal.alerts_table(result.alerts, 6))
    return terminal.export_svg(title="cdr-anomaly scan (synthetic records)", unique_id="scan")


def pages() -> dict[Path, str]:
    """Return every page that is written from the code, by its path."""
    return {DOCS / "detectors.md": detectors_page(), DOCS / "tables.md": tables_page()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    (DOCS / "scan.svg").write_text(draw_scan(), encoding="utf-8")
