"""Former names are taken with a warning that names the new ones."""

from __future__ import annotations

from typing import Any

import pytest

from cdr_anomaly import nightly, scan
from cdr_anomaly.errors import FormerNameWarning, accept_former_names


@accept_former_names(told="settings", say="progress")
def judged(paths: str, settings: int, *, progress: str = "") -> tuple[str, int, str]:
    return paths, settings, progress


def test_new_names_are_taken_as_they_are() -> None:
    assert judged("a", 1) == ("a", 1, "")
    assert judged("a", settings=1, progress="b") == ("a", 1, "b")


def test_former_names_are_taken_with_a_warning() -> None:
    by_former_names: Any = judged
    with pytest.warns(FormerNameWarning, match="'told' is called 'settings' now") as warned:
        assert by_former_names("a", told=1) == ("a", 1, "")
    assert warned[0].filename == __file__, "the warning is of the call"
    with pytest.warns(FormerNameWarning, match="'say' is called 'progress' now"):
        assert by_former_names("a", 1, say="b") == ("a", 1, "b")


@pytest.mark.parametrize(
    ("function", "former", "name"),
    [
        (scan, "told", "settings"),
        (scan, "also", "extra_line"),
        (scan, "say", "progress"),
        (nightly, "only", "replace_files"),
    ],
)
def test_public_functions_take_their_former_arguments(
    function: Any, former: str, name: str
) -> None:
    with (
        pytest.warns(FormerNameWarning, match=f"'{former}' is called '{name}' now"),
        pytest.raises(TypeError, match="missing"),
    ):
        function(**{former: None})
