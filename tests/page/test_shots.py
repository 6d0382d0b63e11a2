"""The pictures of pages that docs/ shows; `make pictures` keeps them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.page.browsing import Window

WIDTH = 1280
pytestmark = pytest.mark.slow


def test_the_list_with_a_row_open(
    show: Callable[..., Window], pages: dict[str, Path], tmp_path: Path
) -> None:
    page = show(pages["en"], viewport={"width": WIDTH, "height": 1600}).page
    page.get_by_role("combobox", name="detector", exact=True).select_option("mass_dialler")
    page.get_by_role("button", name=re.compile("open alert")).first.click()
    page.wait_for_function(
        "[...document.querySelectorAll('td.told figure')].every(each => each.querySelector('svg'))"
    )
    page.mouse.click(1, 1)
    end = page.locator("td.told table").first.bounding_box()
    assert end is not None
    height = round(end["y"] + end["height"]) + 16
    taken = Path(os.environ.get("PICTURES", tmp_path)) / "report.png"
    page.screenshot(path=taken, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
    picture = taken.read_bytes()
    assert [int.from_bytes(picture[i : i + 4]) for i in (16, 20)] == [WIDTH, height]
    assert 900 < height < 1600
