"""Every word of the pages has its translation, and the files that are shipped are up to date."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from cdr_anomaly.errors import SettingError
from cdr_anomaly.reports.html import language

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = spec_from_file_location("words_tool", ROOT / "tools" / "words.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_is_untranslated(tool: Any) -> None:
    assert tool.missing(tool.updated()) == []


def test_the_files_are_those_that_the_tool_writes(tool: Any) -> None:
    text, compiled = tool.texts(tool.updated())
    assert (tool.PLACE / "page.po").read_bytes() == text, "run make words"
    assert (tool.PLACE / "page.mo").read_bytes() == compiled, "run make words"


def test_places_for_values_are_the_same_in_both_languages(tool: Any) -> None:
    for message in tool.updated():
        if message.id and isinstance(message.id, str):
            assert not list(message.check()), message.id


def test_a_language_that_there_is_not_is_told() -> None:
    with pytest.raises(SettingError, match="'xx' is no language of pages; there are en, zh"):
        language.translations("xx")
