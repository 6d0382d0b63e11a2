"""What a page looks like: in the dark, on paper, in a narrow window, in Chinese, read aloud."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import pytest

from cdr_anomaly import pipeline, settings
from cdr_anomaly.reports.html import Look, Past, night
from tests.helpers.browser_pages import lightness, open_all, repeated
from tests.helpers.builders import SHANGHAI, feed, line, past

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.helpers.browser_pages import Window

    Show = Callable[..., Window]

# What is left of A4 between its margins, in CSS pixels.
A4 = 687
pytestmark = pytest.mark.slow
# What stands in Latin letters on a page in Chinese: names, marks of measures, and what runs it.
LATIN = {
    "p", "q", "x", "e", "h", "Asia", "Shanghai", "IMSI", "IMEI", "cdr", "anomaly", "polars",
    "pyarrow", "scipy", "numpy", "python", "cfu", "cfnrc", "IC", "CMCC", "INT", "LON", "xxx",
}  # fmt: skip
# All that is read or read aloud on a page.
WORDS = """() => [document.title, document.body.innerText,
    ...[...document.querySelectorAll("[aria-label]")].map(each => each.ariaLabel),
    ...[...document.querySelectorAll("[title]")].map(each => each.title),
    ...[...document.querySelectorAll("svg text")].map(each => each.textContent)].join("\\n")"""


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark(show: Show, pages: dict[str, Path], scheme: str, *, dark: bool) -> None:
    page = show(pages["en"], color_scheme=scheme).page
    page.get_by_role("button", name="open alert 1", exact=True).click()
    page.wait_for_selector("td.told figure svg")
    letters = [
        lightness(page, place, of)
        for place, of in (
            ("body", "color"),
            ("th", "color"),
            ("input", "color"),
            ("select", "color"),
            ("td.told figure svg .role-axis-label text", "fill"),
            ("td.told h3", "color"),
        )
    ]
    grounds = [lightness(page, place, "backgroundColor") for place in ("body", "input", "td.told")]
    assert all((letter > 0.6) == dark for letter in letters)
    assert all((ground < 0.3) == dark for ground in grounds)


def test_on_paper_what_is_open_stays_and_what_is_pressed_goes(
    show: Show, pages: dict[str, Path]
) -> None:
    page = show(pages["en"], color_scheme="dark").page
    page.get_by_role("button", name="open alert 2", exact=True).click()
    page.wait_for_selector("td.told figure svg")
    page.emulate_media(media="print")
    assert page.locator("td.told figure svg").first.is_visible()
    assert lightness(page, "body", "backgroundColor") == 1
    assert lightness(page, "td.told figure svg .role-axis-label text", "fill") < 0.3
    pressed = page.locator("button, select, input")
    assert not any(each.is_visible() for each in pressed.all())


@pytest.mark.parametrize("name", ["en", "zh", "line en", "line zh"])
def test_it_is_printed_on_a_few_pages_none_of_them_empty(
    show: Show, pages: dict[str, Path], name: str
) -> None:
    page = show(pages[name]).page
    for button in page.locator("button.open").all()[:1]:
        button.click()
        page.wait_for_selector("td.told figure svg")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4, "height": 900})
    cut = "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).length"
    assert page.locator(".scroll").evaluate_all(cut) == 0
    sheets = printed(page.pdf(format="A4", print_background=True))
    assert 2 <= len(sheets) <= 20
    assert min(sheets) > 20


def printed(pdf: bytes) -> list[int]:
    """Count how often each page of a PDF writes letters."""
    contents = re.findall(rb"/Type /Page\n.*?/Contents (\d+) 0 R", pdf, flags=re.DOTALL)
    streams = [
        re.search(rb"\n%s 0 obj\n.*?stream\r?\n(.*?)endstream" % number, pdf, flags=re.DOTALL)
        for number in contents
    ]
    return [zlib.decompress(each[1]).count(b"T") for each in streams if each]


@pytest.mark.parametrize("name", ["en", "line en"])
@pytest.mark.parametrize("width", [800, 1280])
def test_nothing_is_beside_the_window(
    show: Show, pages: dict[str, Path], name: str, width: int
) -> None:
    assert beside(show(pages[name], viewport={"width": width, "height": 900}).page) == 0


@pytest.mark.parametrize("width", [800, 1280])
def test_tokens_stand_in_their_columns(show: Show, tmp_path: Path, width: int) -> None:
    """Pseudonyms are four times as long as numbers, and have no blank in them."""
    tokens = [f"+861344002xxxx~virtual_operator~{n:032x}~0042" for n in range(16**31, 16**31 + 9)]
    hub, *others = map(line, tokens)
    calls = feed(
        hub.dials(1200, on=past("2026-05-04", 3), gap_s=20),
        *(other.forwards(30, on=past("2026-05-04", 3), to=tokens[0]) for other in others),
    )
    calls.write_parquet(tmp_path / "calls.parquet")
    result = pipeline.scan([tmp_path], settings.load_settings(tz=SHANGHAI))
    assert set(result.alerts["subject"]) & set(tokens)
    file = tmp_path / "page.html"
    file.write_text(night(result, Past.of_scan(result), Look()), encoding="utf-8")
    assert beside(show(file, viewport={"width": width, "height": 900}).page) == 0


def beside(page: Page) -> int:
    """Count what is wider than its place, when all is open."""
    open_all(page)
    wider = "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).length"
    cells = page.locator("html, #alerts > tbody > tr > td:not(.told)")
    return int(cells.evaluate_all(wider))


@pytest.mark.parametrize(
    ("name", "language"),
    [("en", "en"), ("zh", "zh-Hans"), ("line en", "en"), ("line zh", "zh-Hans")],
)
def test_it_can_be_read_aloud(show: Show, pages: dict[str, Path], name: str, language: str) -> None:
    page = show(pages[name]).page
    open_all(page)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("main h1").count() == 1
    without_name = "each => !each.labels?.length && !each.ariaLabel && !each.innerText.trim()"
    fields = page.locator("input, select, button, [role=button]")
    assert fields.evaluate_all(f"fields => fields.filter({without_name}).length") == 0
    tables = page.locator("table")
    assert tables.evaluate_all("all => all.every(each => each.caption?.textContent.trim())")
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("figure:not(:has(> figcaption))").count() == 0
    ids = page.locator("[id]").evaluate_all("all => all.map(each => each.id)")
    assert repeated(ids) == set()


def test_what_stands_beside_the_pointer(show: Show, pages: dict[str, Path]) -> None:
    page = show(pages["en"]).page
    figure = page.locator("main > .side figure").first
    figure.locator(".mark-rect path").nth(12).hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    told = dict(row.split("\t") for row in tip.inner_text().splitlines())
    assert list(told) == ["local hour", "rows", "usual"]
    assert told["local hour"] == "12"


@pytest.mark.parametrize("name", ["zh", "line zh"])
def test_all_is_said_in_chinese(show: Show, pages: dict[str, Path], name: str) -> None:
    page = show(pages[name]).page
    open_all(page)
    if name == "zh":
        page.locator(".dt-column-order").nth(2).press("Enter")
        page.get_by_role("button", name="复制清单").click()
        page.wait_for_selector("text=已复制")
    shown = page.evaluate(WORDS)
    # Cells are written 460-00-5A12-35492.
    words = set(re.findall(r"(?<![\w-])[A-Za-z]+(?![\w-])|[a-z]{2,}", shown))
    assert words - LATIN == set()
