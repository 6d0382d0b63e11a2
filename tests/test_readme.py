"""The commands of the README are run, one after another, as a reader would paste them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """Return the shell lines of the code blocks, without what is not ours."""
    blocks = re.findall(r"^```\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("make ")]


@pytest.mark.slow
def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    program = tmp_path / "bin" / "cdr-anomaly"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cdr_anomaly "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    lines = commands(README)
    assert len(lines) > 12
    for line in lines:
        # A backfill of the whole sample takes a minute and shows no more than eight nights.
        words = line.replace("--from 2026-05-01", "--from 2026-05-29")
        ran = subprocess.run(
            ["/bin/sh", "-c", words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{line}\n{ran.stderr}"
    for name in (
        "result/report.html",
        "result/alerts.csv",
        "line.html",
        "line.graphml",
        "clear.csv",
    ):
        assert (tmp_path / name).stat().st_size > 0
