"""The examples of docs/nightly.md do what the page says."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from cdr_anomaly import detectors, numbering
from cdr_anomaly.alerts import entities
from cdr_anomaly.nights import state
from cdr_anomaly.schema import STATE_TABLES
from cdr_anomaly.settings import Settings
from tests.helpers.builders import SHANGHAI, feed, line
from tests.helpers.paths import DOCS

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (DOCS / "nightly.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def at_home(tmp_path: Path) -> Any:
    """Put the page's folders below a folder of ours, with yesterday's calls and those of May.

    Those of today, too: midnight may pass between here and the night.
    """
    today = datetime.now(ZoneInfo(SHANGHAI)).date()
    for folder in ("data/cdr", "data/alerts", "var/lib/node_exporter", "var/log"):
        (tmp_path / folder).mkdir(parents=True)
    for day in (str(today - timedelta(days=1)), str(today), "2026-05-04"):
        calls = feed(line("+865918800001").dials(1100, on=day, gap_s=20, at="08:00"))
        calls.write_parquet(tmp_path / f"data/cdr/{day}.parquet")

    def moved(text: str) -> str:
        here = re.sub(r"(?<![\w.])/(data|var)/", rf"{tmp_path}/\1/", text)
        return here.replace("cdr-anomaly ", f"{sys.executable} -m cdr_anomaly ", 1)

    return moved


def run(command: str) -> None:
    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_first_commands(at_home: Any) -> None:
    (block,) = blocks("sh")
    for command in block.strip().splitlines():
        run(at_home(command))


def test_the_line_for_cron(at_home: Any, tmp_path: Path) -> None:
    (entry,) = blocks("cron")
    times, command = re.fullmatch(r"((?:\S+ ){5})(.*)\n", entry).groups()  # type: ignore[union-attr]
    assert re.fullmatch(r"\d+ \d+ \* \* \* ", times)
    assert "%" not in command, "cron would take it for the end of the line"
    run(at_home(command))
    assert (tmp_path / "var/lib/node_exporter/cdr_anomaly.prom").exists()
    assert '"event"' in (tmp_path / "var/log/cdr-anomaly.log").read_text(encoding="utf-8")
    assert state.open_readonly(tmp_path / "var/lib/cdr-anomaly").ledger["event"].to_list() == [
        "begun",
        "done",
    ]


def test_the_units_for_systemd(at_home: Any, tmp_path: Path) -> None:
    units = []
    for block in blocks("ini"):
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(block)
        units.append(unit)
    service, timer = units
    assert (service["Service"]["Type"], service["Service"]["UMask"]) == ("oneshot", "0077")
    run(at_home(service["Service"]["ExecStart"]))
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d", timer["Timer"]["OnCalendar"])
    assert timer["Install"]["WantedBy"] == "timers.target"
    if shutil.which("systemd-analyze"):  # pragma: no cover - few machines of tests have it
        for name, block in zip(("service", "timer"), blocks("ini"), strict=True):
            file = tmp_path / f"cdr-anomaly.{name}"
            file.write_text(block.replace("=cdr-anomaly ", "=/bin/true "), encoding="utf-8")
            subprocess.run(["systemd-analyze", "verify", file], check=False)  # noqa: S607


def test_the_dag_for_airflow(at_home: Any) -> None:
    dag = ast.parse(next(block for block in blocks("python") if "airflow" in block))
    (call,) = (
        node
        for node in ast.walk(dag)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "BashOperator"
    )
    command = next(ast.literal_eval(k.value) for k in call.keywords if k.arg == "bash_command")
    day = "{{ data_interval_start | ds }}"
    assert day in command
    run(at_home(command.replace(day, "2026-05-04")))


def test_the_queries(at_home: Any, tmp_path: Path) -> None:
    run(at_home(blocks("sh")[0].splitlines()[0]))
    query = next(block for block in blocks("python") if "scan_delta" in block)
    query = query.replace("/var/lib", f"{tmp_path}/var/lib")
    found: dict[str, Any] = {}
    exec(query, found)  # noqa: S102 - a page of ours
    assert found["alerts"]["subject"].to_list() == ["+865918800001"]
    assert (865918800001, 1100.0) in found["usual"].rows()


def test_the_entities(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    file = tmp_path / "known.toml"
    file.write_text(block, encoding="utf-8")
    names = [detector.name for detector in detectors.ALL]
    told = entities.read_entities(file, numbering.home_plan("CN"), names)
    assert told.height == block.count("[[entity]]") == 5
    assert set(entities.WHO) <= {name for name in told.columns if told[name].count()}


def test_the_page_names_every_table_and_setting() -> None:
    assert all(f"`{name}`" in PAGE for name in (*STATE_TABLES, "ledger"))
    for name in ("keep_profiles_days", "keep_calls_days", "repeat_after_days"):
        assert name in Settings.model_fields
        assert f"`{name}`" in PAGE
