"""The list of alerts in a browser: it is searched, filtered, sorted, and gone through by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from playwright.sync_api import expect

from cdr_anomaly import numbering
from cdr_anomaly.alerts.severity import GRADES
from cdr_anomaly.reports.html import alert_rows
from tests.helpers.browser_pages import ranks, tabbed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from cdr_anomaly.result import Result
    from tests.helpers.browser_pages import Window

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(show: Callable[..., Window], pages: dict[str, Path]) -> Page:
    return show(pages["en"]).page


@pytest.fixture
def alerts(sample: Result) -> pl.DataFrame:
    plan = sample.tables.plan
    return sample.alerts.drop_nulls("rank").with_columns(
        number_class=numbering.number_class(pl.col("lines").list.first(), plan),
        block=numbering.number_block(pl.col("subject"), plan, alert_rows.BLOCK_DIGITS),
    )


def of(alerts: pl.DataFrame, wanted: pl.Expr) -> list[int]:
    return alerts.filter(wanted)["rank"].to_list()


def test_all_are_listed_at_first(opened: Page, alerts: pl.DataFrame) -> None:
    assert ranks(opened) == alerts["rank"].to_list()


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("severity", "critical", pl.col("severity") == "critical"),
        ("severity", "medium", pl.col("severity") == "medium"),
        ("detector", "site", pl.col("detectors").list.contains("site")),
        ("detector", "hand_off", pl.col("detectors").list.contains("hand_off")),
        ("class", "fixed", pl.col("number_class") == "fixed"),
    ],
)
def test_what_is_chosen_is_shown(
    opened: Page, alerts: pl.DataFrame, field: str, value: str, wanted: pl.Expr
) -> None:
    choice = opened.get_by_role("combobox", name=field, exact=True)
    choice.select_option(value)
    assert ranks(opened) == of(alerts, wanted) != []
    choice.select_option("")
    assert len(ranks(opened)) == alerts.height


def test_choices_are_taken_together(opened: Page, alerts: pl.DataFrame) -> None:
    opened.get_by_role("combobox", name="severity", exact=True).select_option("high")
    opened.get_by_role("combobox", name="detector", exact=True).select_option("high_frequency")
    both = pl.col("detectors").list.contains("high_frequency") & (pl.col("severity") == "high")
    assert ranks(opened) == of(alerts, both) != []


def test_a_block_is_filtered_by(opened: Page, alerts: pl.DataFrame) -> None:
    block = opened.get_by_role("searchbox", name="block", exact=True)
    block.fill("+8613")
    assert ranks(opened) == of(alerts, pl.col("block").str.contains("+8613", literal=True)) != []
    block.fill("+999")
    assert ranks(opened) == []
    assert opened.get_by_text("Nothing is like that.").is_visible()


def test_the_list_is_searched(opened: Page, alerts: pl.DataFrame) -> None:
    field = opened.get_by_role("searchbox", name="search", exact=True)
    last = alerts.row(-1, named=True)
    field.fill(last["subject"])
    assert last["rank"] in ranks(opened)
    assert len(ranks(opened)) < alerts.height
    field.fill("forwarded to by")
    assert ranks(opened) == of(
        alerts, pl.col("reasons").list.first().str.contains("forwarded to by")
    )


@pytest.mark.parametrize(
    ("title", "by"),
    [
        ("lines", pl.col("lines").list.len()),
        ("x limit", pl.col("score").round(1)),
        ("severity", -pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64)),
        ("day", pl.col("day")),
        ("p", pl.col("p_value").fill_null(1)),
    ],
)
@pytest.mark.parametrize("way", ["click", "key"])
def test_it_is_sorted_by_a_column(
    opened: Page, alerts: pl.DataFrame, title: str, by: pl.Expr, way: str
) -> None:
    head = opened.get_by_role("columnheader", name=title, exact=False).filter(
        has=opened.get_by_text(title, exact=True)
    )
    for order in ("ascending", "descending"):
        if way == "click":
            head.get_by_text(title, exact=True).click()
        else:
            head.get_by_role("button").press("Enter")
        expect(head).to_have_attribute("aria-sort", order)
        expected = alerts.sort(by, descending=order == "descending", maintain_order=True)
        values = dict(alerts.select("rank", by.alias("by")).iter_rows())
        assert [values[rank] for rank in ranks(opened)] == expected.select(by).to_series().to_list()


def test_tab_goes_from_the_top_to_the_rows(opened: Page) -> None:
    heads = [
        f"{title}: sort"
        for title in (
            "#",
            "severity",
            "subject",
            "day",
            "lines",
            "x limit",
            "p",
            "detectors",
            "why",
        )
    ]
    assert list(tabbed(opened, 19)) == [
        "To the content",
        "severity",
        "detector",
        "class",
        "block",
        "open all shown",
        "search",
        "Copy the list",
        *heads,
        "open alert 1",
        "open alert 2",
    ]
