"""What is said of dealers, regions, holders and kinds of lines is said in Chinese, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly import pipeline, settings
from cdr_anomaly.reports import summary
from tests.helpers import sold_lines
from tests.helpers.builders import SHANGHAI, scanned
from tests.helpers.chinese import HOSTILE, ZH, assert_whole, said_of
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path

UNLIKE = (
    "unlike other mobile lines{}: 104 calls placed (median 44, 1 in 100 at least 90); such a day "
    "by chance: p 2.1e-5 (by the nights before)"
)
UNLIKE_ZH = "与其他{}移动号码不同"


@pytest.mark.parametrize("columns", [["dealer"], ["holder_region", "holder_token", "line_kind"]])
def test_all_that_is_said_with_a_list_is_said_in_chinese(
    tmp_path: Path, columns: list[str]
) -> None:
    """Names of dealers, regions and kinds are the operator's: here none has Latin letters."""
    names = pl.col(columns).str.replace_all("[A-Za-z]", "号")
    table = pl.read_csv(SAMPLE / "subscribers.csv", infer_schema=False)
    file = tmp_path / "list.csv"
    table.select("line", "activation", names).write_csv(file)
    result = pipeline.scan(
        [SAMPLE / "calls"], settings.load_settings(tz=SHANGHAI), subscribers=file
    )
    groups = set(result.findings["subject_kind"]) & {"dealer", "region"}
    assert groups == ({"dealer"} if "dealer" in columns else {"region"})
    for section, texts in said_of(result).items():
        assert_whole(texts, section)


def test_a_list_without_days_is_told_in_chinese(tmp_path: Path) -> None:
    lot = sold_lines.SOLD["mules"][0]
    table = sold_lines.listed(lot).drop("activation")
    result = scanned(tmp_path, sold_lines.calls(lot), subscribers=table)
    assert "the list of subscribers has no activation" in " ".join(summary.summary(result))
    assert_whole([text for text in summary.summary(result) if "Not known" in text], "summary")


@pytest.mark.parametrize("kind", ["business", HOSTILE])
def test_kinds_of_lines_stay_as_they_are_written(kind: str) -> None:
    told = ZH.said("reason", UNLIKE.format(f" of kind {kind}"))
    assert told is not None
    assert told.startswith(UNLIKE_ZH.format(f"“{kind}”类"))
    plain = ZH.said("reason", UNLIKE.format(""))
    assert plain is not None
    assert plain.startswith(UNLIKE_ZH.format(""))
