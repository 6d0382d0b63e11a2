"""What is said of dealers, regions, holders and kinds of lines is said in Chinese, too."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly import detectors, pipeline, settings, wording
from cdr_anomaly.alerts import peer_scoring, unlike_peers
from cdr_anomaly.reports import summary
from tests.helpers import sold_lines
from tests.helpers.builders import SHANGHAI, scanned
from tests.helpers.chinese import HOSTILE, assert_chinese, assert_texts_chinese, sentences_of
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
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
    for pairs in sentences_of(result).values():
        assert_chinese(pairs)


def test_a_list_without_days_is_told_in_chinese(tmp_path: Path) -> None:
    lot = sold_lines.SOLD["mules"][0]
    table = sold_lines.listed(lot).drop("activation")
    result = scanned(tmp_path, sold_lines.calls(lot), subscribers=table)
    assert "the list of subscribers has no activation" in " ".join(summary.summary(result))
    assert_texts_chinese(text for text in summary.summary(result) if "Not known" in text)


@pytest.mark.parametrize("kind", ["business", HOSTILE])
def test_kinds_of_lines_stay_as_they_are_written(kind: str) -> None:
    day = date(2026, 5, 3)
    peers = ["mobile lines", f"mobile lines of kind {kind}"]
    measured = {"measure": "n_out", "value": 104.0, "share": 0.01}
    measures = [{"peers": name} | measured for name in peers]
    evidence = pl.DataFrame(
        [
            {
                "line": line,
                "day": day,
                "peers": "mobile lines",
                "measures": [measure],
                "p_value": 2.1e-5,
                "calibrated_by": peer_scoring.BY_ITSELF,
                "excluded_from_peers": False,
            }
            # So many are needed for a kind to be compared by itself.
            for line, measure in enumerate([*measures, *(measures * peer_scoring.MIN_PEERS)])
        ]
    )
    selected = evidence.head(2).select("line", "day")
    unlike = unlike_peers.unlike_sentences(evidence, selected, detectors.MEASURES).sort("line")
    plain, of_kind = wording.localized(unlike, "zh")["unlike"]
    assert plain.startswith("与其他移动号码不同：呼出 104 次（中位数 104，")
    assert of_kind.startswith(f"与其他“{kind}”类移动号码不同：呼出 104 次（中位数 104，")
    assert unlike["unlike"][1].startswith(f"unlike other mobile lines of kind {kind}: 104 calls")
