from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cdr_anomaly import detectors
from cdr_anomaly.reports import html, line_story
from cdr_anomaly.reports.html import Look, Past
from cdr_anomaly.settings import Settings
from tests.helpers.browser_pages import launched, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from cdr_anomaly.result import Result
    from tests.helpers.browser_pages import Window


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's browser once; where there is none, the tests that need it are skipped."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = launched(playwright.chromium)
        yield started
        started.close()


@pytest.fixture(scope="session")
def pages(sample: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the pages of the sample and of a line of it, by what they are to look like."""
    folder = tmp_path_factory.mktemp("pages")
    looks = {"en": Look(), "zh": Look("zh"), "masked": Look(mask=True)}
    files = {name: folder / f"{name}.html" for name in looks}
    for name, look in looks.items():
        files[name].write_text(html.night(sample, Past.of_scan(sample), look), encoding="utf-8")
    told = line_story.line_story(sample, detectors.build(Settings()))
    for name, look in looks.items():
        files[f"line {name}"] = folder / f"line {name}.html"
        files[f"line {name}"].write_text(html.line(told, sample, look), encoding="utf-8")
    return files


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Open files; none may say a word on its console, or ask for anything but itself."""
    windows = []

    def shown(file: Path, **look: Any) -> Window:
        windows.append(window(browser, file, **look))
        windows[-1].opened()
        return windows[-1]

    yield shown
    for each in windows:
        each.page.context.close()
        assert not each.said
        assert each.asked == [each.file.as_uri()]
