"""What a feed, a list or an analyst wrote is shown and not run; masked pages hold no number."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly.reports import html
from cdr_anomaly.reports.html import Look, Past
from cdr_anomaly.reports.html.template import unpack
from tests.helpers.browser_pages import open_all, ranks
from tests.helpers.builders import feed, line, past, scanned
from tests.helpers.paths import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cdr_anomaly.result import Result
    from tests.helpers.browser_pages import Window

pytestmark = pytest.mark.slow
HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "'><svg onload=window.hacked=1>",
    "{{7*7}}",
    "</script><script>window.hacked=1</script>",
    "<!--",
)
DIALLER, BANK = "+8613800000001", "+8613900000002"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Scan a feed whose cells, trunks, entities and feedback are written by somebody hostile."""
    on = past("2026-05-04", 1)[0]
    calls = [
        line(DIALLER).dials(300, on=on, at=f"{8 + n:02}:00", gap_s=10, cell_id=each, trunk_in=each)
        for n, each in enumerate(HOSTILE)
    ]
    bank = line(BANK).dials(1500, on=on, gap_s=20)
    folder = tmp_path_factory.mktemp("hostile")
    # What is written into the list of entities is one word a line.
    result = scanned(folder, feed(*calls, bank), entities={BANK: HOSTILE[0]})
    written = pl.lit(list(HOSTILE))
    texts = ("would_clear_if", "lowered_because", "replaces_case", "feedback")
    # Without values, as a state has them that was written before sentences had any.
    alerts = result.alerts.with_columns(
        pl.lit(None, result.alerts.schema[f"{name}_values"]).alias(f"{name}_values")
        for name in ("reasons", *texts)
    ).with_columns(
        pl.col("reasons").list.concat(written), **dict.fromkeys(texts, written.list.join(" "))
    )
    return replace(result, alerts=alerts)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_others_wrote_is_shown_and_not_run(
    show: Callable[..., Window], hostile: Result, tmp_path: Path, lang: str
) -> None:
    file = tmp_path / "hostile.html"
    file.write_text(html.night(hostile, Past.of_scan(hostile), Look(lang)), encoding="utf-8")
    shown = show(file).page
    open_all(shown)
    opened = shown.locator("td.told").first
    for text in HOSTILE:
        assert opened.locator("li").get_by_text(text, exact=True).count() == 1
        assert opened.locator("p").filter(has_text=text).count() == 4
    assert HOSTILE[0] in opened.locator("table").last.inner_text()
    shown.locator("details").first.locator("summary").click()
    assert HOSTILE[0] in shown.locator("details").first.inner_text()
    assert shown.locator("main :is(script, img, svg[onload])").count() == 0
    assert shown.evaluate("window.hacked") is None


@pytest.mark.parametrize("name", ["masked", "line masked"])
def test_a_masked_page_holds_no_number(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text(encoding="utf-8")
    held = unpack(text)
    own = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    told = own + json.dumps([held["pictures"], held["parts"]], default=str, ensure_ascii=False)
    known = numbers()
    assert re.search(r"\+86\d{3}\*{4}\d{4}", told)
    assert len(known) > 10_000
    runs = set(re.findall(r"\d{11,}", told))
    assert {run for run in runs if known & set(windows(run))} == set()


def numbers() -> set[str]:
    """Give the digits of all numbers, handsets and subscribers of the sample, with 11 or more."""
    calls = pl.scan_parquet(SAMPLE / "calls")
    texts = [name for name, dtype in calls.collect_schema().items() if dtype == pl.String]
    values = pl.concat([calls.select(value=name).unique() for name in texts]).unique()
    digits = values.collect()["value"].drop_nulls().str.extract(r"^\+?(\d{11,})$").drop_nulls()
    return {*digits, *(each.removeprefix("86") for each in digits if len(each) == 13)}


def windows(run: str) -> list[str]:
    """Give all parts of some digits that could be a number."""
    return [run[i : i + n] for n in range(11, 17) for i in range(len(run) - n + 1)]


def test_a_thousand_alerts(show: Callable[..., Window], sample: Result, tmp_path: Path) -> None:
    ranked = sample.alerts.drop_nulls("rank")
    many = pl.concat([ranked] * (1000 // ranked.height + 1)).head(1000)
    result = replace(sample, alerts=many.with_columns(rank=1 + pl.int_range(pl.len())))
    file = tmp_path / "thousand.html"
    file.write_text(html.night(result, Past.of_scan(result), Look()), encoding="utf-8")
    assert file.stat().st_size < 5_000_000
    shown = show(file).page
    assert ranks(shown) == list(range(1, 101))
    shown.get_by_role("link", name="next page").click()
    assert ranks(shown) == list(range(101, 201))
    shown.get_by_role("combobox", name="severity", exact=True).select_option("critical")
    assert (
        ranks(shown) == many.with_row_index("n", 1).filter(severity="critical")["n"].to_list()[:100]
    )
