"""The examples of docs/evidence.md do what the page says."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from cdr_anomaly.alerts import peer_scoring, severity
from cdr_anomaly.detectors import MEASURES
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.slow
def test_the_examples(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    (block,) = blocks("sh")
    said = {}
    for command in block.strip().splitlines():
        program, *words = shlex.split(command)
        assert program == "cdr-anomaly"
        ran = run(*words)
        assert ran.code == 0, ran.err
        said[words[0]] = ran
    assert "Calibration: 31 day(s) by the 7 nights before, 5 by the same day" in said["scan"].err
    assert "How unlike its peers" in said["explain"].out
    assert "no evidence.parquet" not in said["evaluate"].out
    (block,) = blocks("python")
    found: dict[str, Any] = {}
    exec(block, found)  # noqa: S102 - a page of ours
    assert set(found["measures"]["measure"]) <= set(MEASURES)
    assert found["odd"].height == 10


@pytest.mark.parametrize(
    "words",
    [
        f"fewer than {peer_scoring.MIN_PEERS} days of lines that are used alike",
        f"{peer_scoring.MAX_RARITY:.0f} at most",
        f"a q of {peer_scoring.SURELY_ODD} or less",
        f"with a q over {severity.RARE}",
        f"{severity.MANY_CALL_BACKS:.0%}".replace("%", " % or more"),
        f"in the last {severity.CLEARED_FOR.days} days",
        f"1 in {10**severity.UNLIKE_ITSELF:,.0f} of its days",
        (
            f"{100 * peer_scoring.COMMON_SHARE:.0f} % are taken to be mobile, "
            f"{100 * peer_scoring.RARE_SHARE:.0f} % of"
        ),
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_program(words: str) -> None:
    assert words in PAGE


def test_five_of_seven_nights() -> None:
    assert (peer_scoring.MIN_NIGHTS, peer_scoring.NIGHTS) == (5, 7)
    assert "five of the seven nights before" in PAGE
