"""The page of a night in a browser without a network: it is quiet, its rows open, it draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdr_anomaly.reports.html import charts
from cdr_anomaly.reports.html.template import unpack
from tests.helpers.browser_pages import drawn, open_all, ranks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cdr_anomaly.result import Result
    from tests.helpers.browser_pages import Window

    Show = Callable[..., Window]

NIGHT = {*charts.specifications(str)} - {"found", "used"}
LINE = {"days", "grid", "found", "used", "graph"}
pytestmark = pytest.mark.slow


def test_no_script_runs_but_the_pages_own(show: Show, pages: dict[str, Path]) -> None:
    window = show(pages["en"])
    window.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.hacked = 1";
        document.body.append(script);
        const link = document.createElement("a");
        link.href = "javascript:window.hacked = 1";
        document.body.append(link);
        link.click();
    }""")
    window.page.wait_for_timeout(100)
    assert window.page.evaluate("window.hacked") is None
    assert len(window.said) == 2
    assert all("Content Security Policy" in each for each in window.said)
    window.said.clear()


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
def test_a_row_opens_and_closes(
    show: Show, pages: dict[str, Path], sample: Result, way: str
) -> None:
    page = show(pages["en"]).page
    button = page.get_by_role("button", name="open alert 1", exact=True)
    act = button.click if way == "click" else lambda: button.press(way)
    place = f"#{button.get_attribute('aria-controls')}"
    assert button.get_attribute("aria-expanded") == "false"
    act()
    page.wait_for_selector(f"{place} figure svg")
    assert button.get_attribute("aria-expanded") == "true"
    told = page.locator(place).inner_text()
    assert all(reason in told for reason in sample.alerts.row(0, named=True)["reasons"])
    assert all(picture["marks"] for picture in drawn(page, place))
    act()
    assert button.get_attribute("aria-expanded") == "false"
    assert page.locator(place).count() == 0


def test_all_that_is_shown_opens_at_once(show: Show, pages: dict[str, Path]) -> None:
    page = show(pages["en"]).page
    page.get_by_role("combobox", name="severity", exact=True).select_option("critical")
    n = len(ranks(page))
    open_all(page)
    assert page.locator("#alerts td.told").count() == n
    page.locator("#open-all").click()
    assert page.locator("#alerts td.told").count() == 0


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("en", NIGHT),
        ("zh", NIGHT),
        ("line en", LINE),
        ("line zh", LINE),
    ],
)
def test_every_kind_of_picture_is_drawn_and_told(
    show: Show, pages: dict[str, Path], name: str, kinds: set[str]
) -> None:
    page = show(pages[name]).page
    open_all(page)
    pictures = drawn(page)
    held = [each["kind"] for each in unpack(pages[name].read_text())["pictures"]]
    assert {held[each["number"]] for each in pictures} == kinds
    assert [each["caption"] for each in pictures if not each["marks"]] == []
    assert all(each["caption"] == each["told"] for each in pictures)


def test_the_list_is_copied(show: Show, pages: dict[str, Path], sample: Result) -> None:
    page = show(pages["en"], permissions=["clipboard-read", "clipboard-write"]).page
    page.get_by_role("combobox", name="detector", exact=True).select_option("forwarding_chain")
    shown = ranks(page)
    page.get_by_role("button", name="Copy the list").click()
    page.wait_for_selector("text=rows, to be pasted anywhere")
    head, *rows = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert head.split("\t")[:3] == ["#", "severity", "subject"]
    assert [int(row.split("\t")[0]) for row in rows] == shown
    subjects = dict(sample.alerts.select("rank", "subject").drop_nulls("rank").iter_rows())
    for row in rows:
        rank, _, subject, *_ = row.split("\t")
        assert subject.split()[0] == subjects[int(rank)]
