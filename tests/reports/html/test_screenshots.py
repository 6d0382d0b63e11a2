"""The pictures of pages that docs/ shows; `make pictures` keeps them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser_pages import wait_for_pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.helpers.browser_pages import Window

WIDTH = 1280
pytestmark = pytest.mark.slow


def test_the_list_with_a_row_open(
    show: Callable[..., Window], pages: dict[str, Path], tmp_path: Path
) -> None:
    page = show(pages["en"], viewport={"width": WIDTH, "height": 1800}).page
    page.get_by_role("combobox", name="detector", exact=True).select_option("mass_dialler")
    page.get_by_role("button", name=re.compile("open alert")).first.click()
    wait_for_pictures(page)
    page.mouse.click(1, 1)
    taken(page, "report.png", page.locator("td.told table").first, tmp_path)


def test_the_story_of_a_line(
    show: Callable[..., Window], pages: dict[str, Path], tmp_path: Path
) -> None:
    page = show(pages["line en"], viewport={"width": WIDTH, "height": 1800}).page
    taken(page, "story.png", page.locator("main > .side").nth(1), tmp_path)


def taken(page: Page, name: str, down_to: Locator, folder: Path) -> None:
    """Take the picture of a page, down to the end of a part of it."""
    end = down_to.bounding_box()
    assert end is not None
    height = round(end["y"] + end["height"]) + 16
    file = Path(os.environ.get("PICTURES", folder)) / name
    page.screenshot(path=file, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
    picture = file.read_bytes()
    assert [int.from_bytes(picture[i : i + 4]) for i in (16, 20)] == [WIDTH, height]
    assert 900 < height < 1800
