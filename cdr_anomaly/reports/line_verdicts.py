"""What was found of lines before: by a scan, in its folder of results, or by nights, in a state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError
from cdr_anomaly.schema import ALERTS, EVIDENCE, FINDINGS, VICTIMS
from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from cdr_anomaly.result import Result
    from cdr_anomaly.storage.paths import Location


class Verdicts(NamedTuple):
    """Where it comes from what is found of a line; by default it is not judged.

    ``result`` is a folder that `scan --out` has written, ``state`` that of nights; to ``judge`` is
    to scan all calls.
    """

    result: Location | None = None
    state: Location | None = None
    judge: bool = False


NOT_JUDGED = Verdicts()
# Tables of a result, and files of its folder, by their names there.
VERDICTS = {"findings": FINDINGS, "evidence": EVIDENCE, "alerts": ALERTS, "victims": VICTIMS}


def add_verdicts(result: Result, verdicts: Verdicts) -> Result:
    """Add the findings, evidence, alerts and victims of a scan or of nights to a result."""
    if verdicts.result is not None:
        tables = {name: _read(verdicts.result / f"{name}.parquet") for name in VERDICTS}
    elif verdicts.state is not None:
        tables = _remembered(verdicts.state)
    else:
        return result
    return replace(
        result,
        has_verdicts=True,
        findings=tables["findings"],
        evidence=tables["evidence"],
        alerts=tables["alerts"],
        victims=tables["victims"],
    )


def _remembered(state: Location) -> dict[str, pl.DataFrame]:
    from cdr_anomaly.nights.state import open_readonly

    opened = open_readonly(state)
    tables = {name: opened.read(name) for name in VERDICTS}
    tables["evidence"] = numbering.format_lines(tables["evidence"], ("line",), opened.names)
    return dict(zip(tables, pl.collect_all(tables.values()), strict=True))


def _read(file: Location) -> pl.DataFrame:
    if not file.exists():
        msg = f"There is no file '{file}'; give the folder that `scan --out` has written."
        raise InputError(msg)
    rows = pl.scan_parquet(str(file), glob=False, **paths.polars_options(file))
    table = VERDICTS[file.name.partition(".")[0]]
    missing = [f"'{name}'" for name in table if name not in rows.collect_schema()]
    if missing:
        msg = f"'{file}' lacks {', '.join(missing)}: it is of another version; scan again."
        raise InputError(msg)
    return rows.select(list(table)).collect()
