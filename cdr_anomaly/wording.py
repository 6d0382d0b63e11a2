"""Sentences with values in them, made of columns or in Python, in English and other languages.

A sentence has an id, an English template, which stands where the sentence is made, and values by
name. Beside its English text stand its id and values as JSON, so that another language fills a
template of its own (wording.LANG.toml). Nothing reads a sentence back.

    {"id": "mass_dialler.calls", "calls": 1204, "when": {"id": "when.day", "day": "2026-05-03"}}

A value is a number or a text as the sentence shows it; a sentence; a word of the program,
{"word": "high"}; or several of these, {"join": "list", "items": [...]}.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import polars as pl

from cdr_anomaly import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

ENGLISH = "en"
# The languages, each with its tag in HTML.
LANGUAGES = dict(zip(vocabulary.LANGUAGES, ("en", "zh-Hans"), strict=True))
PLACEHOLDER = re.compile(r"\{(\w+)\}")
# What stands between parts of a text, by what the parts are.
SEPARATORS = {
    "list": ", ",
    "clauses": ", ",
    "measures": ", ",
    "statements": "; ",
    "people": " and ",
}
# What is equal but for the rounding of sums counts as equal.
DIGITS = 9


@dataclass(frozen=True)
class Sentence:
    """Expressions of a sentence: its English text, and its id and values as JSON."""

    text: pl.Expr
    values: pl.Expr

    def joined(self, kind: str) -> Sentence:
        """Join the sentences of a group's rows, as an aggregation."""
        items = pl.concat_str(_head(kind), self.values.str.join(","), pl.lit("]}"))
        return Sentence(self.text.str.join(SEPARATORS[kind]), items)


NOTHING = Sentence(pl.lit(""), pl.lit('""'))
NULL = Sentence(pl.lit(None, pl.String), pl.lit(None, pl.String))


def sentence(key: str, template: str, /, **values: pl.Expr | str | float | Sentence) -> Sentence:
    """Return the sentence ``key``: its template with each ``{name}`` replaced by a value, as text.

    A value is an expression, the name of a column, a number, or a sentence. The sentence is null if
    any of its values is null.

    Raises:
        ValueError: the template and the values have not the same names.
    """
    parts = _parts(key, template, values)
    numbers = {
        n: f"{v:g}" if isinstance(v, float) else f"{v}"
        for n, v in values.items()
        if isinstance(v, int | float)
    }
    nested = {n: v for n, v in values.items() if isinstance(v, Sentence)}
    columns = {
        n: pl.col(v) if isinstance(v, str) else v
        for n, v in values.items()
        if isinstance(v, str | pl.Expr)
    }
    head = f'{{"id":"{key}"' + "".join(f',"{name}":{number}' for name, number in numbers.items())
    if not nested and not columns:
        return Sentence(pl.lit(template.format_map(numbers)), pl.lit(head + "}"))
    texts = (
        {name: pl.lit(number) for name, number in numbers.items()}
        | {name: value.text for name, value in nested.items()}
        | {name: value.cast(pl.String) for name, value in columns.items()}
    )
    text = pl.concat_str(
        texts[part] if n % 2 else pl.lit(part) for n, part in enumerate(parts) if n % 2 or part
    )
    pieces = [pl.lit(head)]
    for name, value in nested.items():
        pieces += [pl.lit(f',"{name}":'), value.values]
    if columns:  # all of these in one go
        pieces += [
            pl.lit(","),
            pl.struct(v.alias(n) for n, v in columns.items()).struct.json_encode().str.slice(1),
        ]
    else:
        pieces.append(pl.lit("}"))
    return Sentence(text, pl.when(text.is_not_null()).then(pl.concat_str(pieces)))


def as_written(text: pl.Expr) -> Sentence:
    """Return a text that is the same in every language, as an operator or a feed has written it."""
    encoded = _encoded({"v": text}).str.slice(5).str.strip_suffix("}")
    return Sentence(text, pl.when(text.is_not_null()).then(encoded))


def word(text: pl.Expr, of: str | None = None) -> Sentence:
    """Return a word of the program, such as a severity, or one of a kind that has its own words."""
    end = f'","of":"{of}"}}' if of else '"}'
    return Sentence(text, pl.concat_str(pl.lit('{"word":"'), text, pl.lit(end)))


def first_sentence(
    cases: Iterable[tuple[pl.Expr, Sentence]], otherwise: Sentence = NOTHING
) -> Sentence:
    """Return the sentence of the first condition that holds."""
    text, values = otherwise.text, otherwise.values
    for holds, case in reversed(list(cases)):
        text = pl.when(holds).then(case.text).otherwise(text)
        values = pl.when(holds).then(case.values).otherwise(values)
    return Sentence(text, values)


def join_sentences(kind: str, cases: Iterable[tuple[pl.Expr, Sentence]]) -> Sentence:
    """Join the sentences whose conditions hold by the separator of their kind.

    Those that are null are left out; the text is empty where none holds.
    """
    holding = [
        (pl.when(holds).then(case.text), pl.when(holds).then(case.values)) for holds, case in cases
    ]
    text, values = (
        pl.concat_str([part[n] for part in holding], separator=separator, ignore_nulls=True)
        for n, separator in enumerate((SEPARATORS[kind], ","))
    )
    return Sentence(text, pl.concat_str(_head(kind), values, pl.lit("]}")))


def sentence_columns(**sentences: Sentence) -> dict[str, pl.Expr]:
    """Return the expressions of columns of sentences, each with its ``_values`` beside it."""
    return {name: each.text for name, each in sentences.items()} | {
        f"{name}_values": each.values for name, each in sentences.items()
    }


def sentence_id(values: pl.Expr) -> pl.Expr:
    """Return the id of a sentence from its ``_values``."""
    return values.str.extract(r'^\{"id":"([\w.]+)"')


def probability(value: pl.Expr) -> Sentence:
    """Write a probability as 2.1e-9, or say that it is below the least that can be written."""
    least = sentence("probability.below", "below {least}", least=pl.lit("1e-300"))
    return first_sentence([(value > 0, as_written(scientific(value))), (value <= 0, least)], NULL)


def scientific(value: pl.Expr) -> pl.Expr:
    """Write a probability as 2.1e-9."""
    rounded = value.round_sig_figs(2)
    # Logarithms of powers of ten may be a little less than whole.
    power = (rounded.log10() + 1e-9).floor()
    digits = (rounded / pl.lit(10.0).pow(power)).round(1).cast(pl.String)
    text = format_text("{}e{}", digits, power.cast(pl.Int64))
    return pl.when(value > 0).then(text).when(value <= 0).then(pl.lit("below 1e-300"))


def format_text(template: str, *values: pl.Expr | str | float) -> pl.Expr:
    """Return ``template`` with each ``{}`` replaced by a value, as text; null if any value is null.

    A value is an expression, the name of a column, or a number. It does what ``pl.format`` does,
    which panics (Polars 2.1) inside ``when/then`` on a frame of several chunks.

    Raises:
        ValueError: the template has not as many ``{}`` as there are values.
    """
    texts = template.split("{}")
    if len(texts) != len(values) + 1:
        msg = f"{len(values)} values for the {len(texts) - 1} places of '{template}'"
        raise ValueError(msg)
    parts = [pl.lit(texts[0])]
    for value, text in zip(values, texts[1:], strict=True):
        column = pl.col(value) if isinstance(value, str) else value
        shown = column if isinstance(column, pl.Expr) else pl.lit(column)
        parts += [shown.cast(pl.String), pl.lit(text)]
    return pl.concat_str(parts)


class Text(str):
    """An English text that is made in Python, with its id and values for other languages."""

    __slots__ = ("values",)
    values: Any

    def __new__(cls, text: str, values: Any = None) -> Self:
        new = super().__new__(cls, text)
        new.values = values
        return new


def say(key: str, template: str, /, **values: object) -> Text:
    """Return the sentence ``key`` in Python: its template with each ``{name}`` replaced by a value.

    Raises:
        ValueError: the template and the values have not the same names.
    """
    _parts(key, template, values)
    return Text(
        template.format_map(values), {"id": key} | {n: _value(v) for n, v in values.items()}
    )


def say_word(text: str) -> Text:
    """Return a word of the program, such as a severity."""
    return Text(text, {"word": text})


def join_texts(kind: str, texts: Iterable[str]) -> Text:
    """Join texts by the separator of their kind."""
    items = list(texts)
    return Text(
        SEPARATORS[kind].join(items), {"join": kind, "items": [_value(item) for item in items]}
    )


def translate(text: str, lang: str) -> str:
    """Return a text of Python in a language; one without an id stays as it is."""
    values = text.values if isinstance(text, Text) else None
    return str(text) if lang == ENGLISH or values is None else _rendered(values, text, lang)


def translate_word(text: str, lang: str, of: str | None = None) -> str:
    """Return a word or a title of the program in a language; an unknown one stays as it is.

    ``of`` names a kind of words that are looked up first.
    """
    if lang == ENGLISH:
        return text
    words = catalogue(lang)
    return words.other_words.get(of or "", {}).get(text) or words.words.get(text, text)


def translate_column(column: pl.Series, lang: str, of: str | None = None) -> pl.Series:
    """Return a column of words of the program in a language, those in lists, too."""
    if lang == ENGLISH:
        return column
    flat = column.explode() if column.dtype == pl.List else column
    words = {word: translate_word(word, lang, of) for word in flat.drop_nulls().unique()}
    if column.dtype == pl.List:
        elements = pl.element().replace(words)
        return column.to_frame().select(pl.col(column.name).list.eval(elements)).to_series()
    return column.replace(words)


def localized(frame: pl.DataFrame, lang: str) -> pl.DataFrame:
    """Return a frame with its columns of sentences in a language, without their values.

    What was written before sentences had values stays English.
    """
    names = [name for name in frame.columns if f"{name}_values" in frame.columns]
    told = (
        frame
        if lang == ENGLISH
        else frame.with_columns(
            _localized(frame[name], frame[f"{name}_values"], lang) for name in names
        )
    )
    return told.drop(f"{name}_values" for name in names)


def _localized(texts: pl.Series, values: pl.Series, lang: str) -> pl.Series:
    def render(text: Any, encoded: Any) -> Any:
        if text is None or encoded is None:
            return text
        if isinstance(text, list):
            return [render(*pair) for pair in zip(text, encoded, strict=True)]
        return _rendered(json.loads(encoded, parse_int=str, parse_float=str), text, lang)

    pairs = zip(texts.to_list(), values.to_list(), strict=True)
    return pl.Series(texts.name, [render(*pair) for pair in pairs], texts.dtype)


class Catalogue(NamedTuple):
    """What a language says: templates by id, separators by kind, words by their English."""

    templates: Mapping[str, str]
    separators: Mapping[str, str]
    words: Mapping[str, str]
    other_words: Mapping[str, Mapping[str, str]]


@cache
def catalogue(lang: str) -> Catalogue:
    """Return the catalogue of a language other than English."""
    text = files("cdr_anomaly").joinpath(f"wording.{lang}.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    separators, words = tables.pop("separators"), tables.pop("words")
    page = words.pop("page")
    templates = {
        f"{group}.{name}": template
        for group, own in tables.items()
        for name, template in own.items()
    }
    return Catalogue(templates, separators, page, words)


def _rendered(values: Any, english: str, lang: str) -> str:
    """Fill a language's templates; what it has no template for stays English, all of it."""
    try:
        return _filled(values, catalogue(lang))
    except KeyError:
        return str(english)


def _filled(value: Any, language: Catalogue) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    if "id" in value:
        parts = {name: _filled(part, language) for name, part in value.items() if name != "id"}
        return language.templates[value["id"]].format_map(parts)
    if "join" in value:
        items = (_filled(item, language) for item in value["items"])
        return language.separators[value["join"]].join(items)
    words = language.other_words[value["of"]] if "of" in value else language.words
    return words.get(value["word"], value["word"])


def _value(value: object) -> Any:
    if isinstance(value, Text) and value.values is not None:
        return value.values
    return value if isinstance(value, int | str) else str(value)


def _encoded(columns: Mapping[str, pl.Expr]) -> pl.Expr:
    return pl.struct(value.alias(name) for name, value in columns.items()).struct.json_encode()


def _head(kind: str) -> pl.Expr:
    return pl.lit(f'{{"join":"{kind}","items":[')


def _parts(key: str, template: str, values: Mapping[str, object]) -> list[str]:
    """Split a template into words and, at every other place, the names of values."""
    parts = PLACEHOLDER.split(template)
    if sorted(parts[1::2]) != sorted(values):
        msg = f"'{key}' has the places {parts[1::2]} and the values {list(values)}"
        raise ValueError(msg)
    return parts
