"""A page in a real browser that has no network: what it says, what it asks for, what it draws."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserType, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# NOTE: Playwright would wait for a function by eval(), which the policy of pages forbids.
NOT_DRAWN = "figure:not(:has(svg))"
# Of each picture its kind's number, whether it is told to those who cannot see it, and how many of
# its marks have a size.
DRAWN = """figures => figures.map(figure => ({
    number: Number(figure.dataset.picture),
    caption: figure.querySelector("figcaption").textContent,
    told: figure.querySelector("[role=graphics-document]")?.getAttribute("aria-label"),
    marks: [...figure.querySelectorAll("svg .role-mark path, svg .role-mark text")].filter(mark => {
        const box = mark.getBoundingClientRect();
        return box.width > 1 && box.height > 1;
    }).length,
}))"""


def launched(kind: BrowserType) -> Browser:
    """Start the system's browser, or skip the tests and say why there is none."""
    from playwright.sync_api import Error

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("There is no Chromium to open pages in: install Debian's package chromium.")
    try:
        return kind.launch(executable_path=found, args=list(QUIET))
    except Error as why:
        pytest.skip(f"{found} does not start: {why}")


@dataclass
class Window:
    """An opened page, what was said on its console, and what it asked for."""

    page: Page
    file: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def opened(self) -> Page:
        """Open the file, and wait until its last picture is drawn."""
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.file.as_uri())
        self.page.wait_for_selector("main > .side figure")
        wait_for_pictures(self.page)
        return self.page


def window(browser: Browser, file: Path, **look: Any) -> Window:
    """Make a window without a network for a file; ``look`` is the browser's."""
    context = browser.new_context(offline=True, **look)
    context.set_default_timeout(20_000)
    return Window(context.new_page(), file)


def wait_for_pictures(page: Page) -> None:
    """Wait until all pictures are drawn that are on a page, or opened on it."""
    from playwright.sync_api import expect

    expect(page.locator(NOT_DRAWN)).to_have_count(0, timeout=60_000)


def ranks(page: Page) -> list[int]:
    """List the alerts that are shown, in their order."""
    return [int(text) for text in page.locator("#alerts td.rank").all_inner_texts()]


def open_all(page: Page) -> None:
    """Open all rows that are shown, where there are such, and wait for their pictures."""
    for button in page.locator("#open-all").all():
        button.click()
    wait_for_pictures(page)


def drawn(page: Page, place: str = "main") -> list[dict[str, Any]]:
    """Say of each picture of a place what is drawn in it."""
    found: list[dict[str, Any]] = page.locator(f"{place} figure").evaluate_all(DRAWN)
    return found


def lightness(page: Page, place: str, of: str) -> float:
    """Give how light a colour of a place's style is, from 0 (black) to 1 (white)."""
    colour = page.locator(place).first.evaluate(f"(each) => getComputedStyle(each)['{of}']")
    parts = [float(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(parts) / 765


def tabbed(page: Page, times: int) -> Iterator[str]:
    """Press Tab so often, and name each time where that leads: its text, label or name."""
    for _ in range(times):
        page.keyboard.press("Tab")
        yield page.evaluate("""() => {
            const at = document.activeElement;
            const text = at.ariaLabel || at.labels?.[0]?.childNodes[0].textContent || at.innerText;
            return text.trim();
        }""")


def repeated(values: Iterable[str]) -> set[str]:
    """Give the values that are there more than once."""
    seen = list(values)
    return {each for each in seen if seen.count(each) > 1}
