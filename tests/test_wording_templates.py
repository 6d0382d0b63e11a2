"""Every sentence of the package has a template in every language, with the same places."""

from __future__ import annotations

import ast
import re

import pytest

from cdr_anomaly import detectors, wording
from tests.helpers.paths import ROOT

HOUSE = ROOT / "cdr_anomaly"
OTHERS = [lang for lang in wording.LANGUAGES if lang != wording.ENGLISH]
# What makes a sentence: its first two arguments are an id and a template.
MAKERS = {"sentence", "say"}


def templates() -> dict[str, set[str]]:
    """List the English templates of each sentence, as they stand in the code."""
    found = {f"measure.{name}": {m.phrase} for name, m in detectors.MEASURES.items()}
    for file in sorted(HOUSE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", None))
                if name in MAKERS and len(node.args) == 2 and not _is_of_measures(node):
                    key, template = (ast.literal_eval(each) for each in node.args[:2])
                    found.setdefault(key, set()).add(template)
    return found


def _is_of_measures(call: ast.Call) -> bool:
    return isinstance(call.args[0], ast.JoinedStr) and "measure." in ast.unparse(call.args[0])


def figures(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def test_an_id_has_one_template() -> None:
    assert {key: found for key, found in templates().items() if len(found) > 1} == {}


@pytest.mark.parametrize("lang", OTHERS)
def test_every_sentence_has_a_template_and_every_template_a_sentence(lang: str) -> None:
    assert sorted(wording.catalogue(lang).templates) == sorted(templates())


@pytest.mark.parametrize("lang", OTHERS)
def test_a_template_has_the_same_places_and_figures_in_every_language(lang: str) -> None:
    own = wording.catalogue(lang).templates
    for key, (english,) in templates().items():
        names = wording.PLACEHOLDER.findall(english)
        assert len(set(names)) == len(names), key
        assert sorted(wording.PLACEHOLDER.findall(own[key])) == sorted(names), key
        assert "{" not in wording.PLACEHOLDER.sub("", own[key] + english), key
        words = (wording.PLACEHOLDER.sub("", text) for text in (english, own[key]))
        assert len({tuple(figures(text)) for text in words}) == 1, key


@pytest.mark.parametrize("lang", OTHERS)
def test_every_separator_has_its_like(lang: str) -> None:
    assert wording.catalogue(lang).separators.keys() == wording.SEPARATORS.keys()


def test_neutral_words_alone_are_used() -> None:
    forbidden = ("诈骗", "骗子", "犯罪", "嫌疑", "可疑", "违法", "非法", "作案", "窝点", "团伙")
    known = wording.catalogue("zh")
    words = [*known.templates.values(), *known.words.values()]
    words += [text for kind in known.other_words.values() for text in kind.values()]
    assert not [text for text in words if any(word in text for word in forbidden)]
