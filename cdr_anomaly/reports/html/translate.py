"""Sentences of findings, alerts and victims, said in another language by sentences.LANG.toml.

Detectors write English. A catalogue has each sentence of theirs as a pattern, and parts of
sentences in sections of their own, so that a sentence put together of parts is told by its parts.
What an operator, a feed or an analyst has written stands in placeholders and stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# The sections of whole sentences; a text is told by the first of them that it fits.
SENTENCES = (
    "reason",
    "unless",
    "mitigated_by",
    "why",
    "continues",
    "feedback",
    "summary",
    "row",
    "not_known",
    "not_applicable",
    "warning",
    "notes",
)
# That of purposes of entities, which might look like any sentence: it is asked for by name.
PURPOSES = ("suppressed_by",)
ENGLISH = "en"
PLACE = re.compile(r"\{(\w+)\}")
NUMBER = r"-?(?:inf|\d+(?:[.,]\d+)*(?:e[+-]?\d+)?)"
DAY, CLOCK = r"\d{4}-\d{2}-\d{2}", r"\d{1,2}:\d{2}"
# What is not ours may hold anything; of several in a row none may hold what ends it.
WRITTEN, QUOTED = r"(?s:.+?)", r"[^']+"
# What stands in a placeholder that is no section; all others are numbers.
SHAPES = {
    **dict.fromkeys(("day", "since", "until"), DAY),
    **dict.fromkeys(("clock", "from", "to"), CLOCK),
    **dict.fromkeys(
        (
            "before",
            "block",
            "cell",
            "codes",
            "dealer",
            "earlier",
            "handset",
            "kind",
            "names",
            "note",
            "owner",
            "path",
            "place",
            "pool",
            "purposes",
            "trunk",
            "trunks",
            "zone",
        ),
        WRITTEN,
    ),
    "country": r"\+\d+",
    "source": QUOTED,
    "time": f"{DAY} {CLOCK}",
}


def translator(lang: str, sections: Sequence[str] = SENTENCES) -> Callable[[str], str]:
    """Return what gives a sentence in a language; what fits no line of its catalogue stays English.

    For ALERTS.suppressed_by the ``sections`` are PURPOSES.
    """
    if lang == ENGLISH:
        return lambda text: text
    catalogue = _catalogue(lang)

    def told(text: str) -> str:
        given = (catalogue.said(section, text) for section in sections)
        return next((own for own in given if own is not None), text)

    return told


class Section(NamedTuple):
    """A section of a catalogue, compiled: any of its patterns, and how each is said.

    In ``pattern`` the group s3 is the fourth of them and s3_day its {day}; ``said`` tells by these
    groups' names what to say. Several follow each other where there is a ``joint``, (English, own).
    """

    pattern: re.Pattern[str]
    said: Mapping[str, tuple[str, tuple[str, ...]]]
    joint: tuple[str, str] | None


class Catalogue:
    """Sentences and parts of sentences, by section: English to another language."""

    def __init__(
        self, told: Mapping[str, Mapping[str, str]], joined: Mapping[str, list[str]]
    ) -> None:
        self.told = told
        self.joints = {name: (english, own) for name, (english, own) in joined.items()}
        self._compiled: dict[str, Section] = {}

    def said(self, section: str, text: str) -> str | None:
        """Say a text, all of it, or nothing where any part of it is not known."""
        known = self._compiled.get(section) or self._compile(section)
        between, joint = known.joint or ("", "")
        parts, at = [], 0
        while match := known.pattern.match(text, at):
            template, names = known.said[str(match.lastgroup)]
            values = {name: self._value(name, match[f"{match.lastgroup}_{name}"]) for name in names}
            if None in values.values():
                return None
            parts.append(template.format_map(values))
            if match.end() == len(text):
                return joint.join(parts)
            at = match.end() + len(between)
        return None

    def _value(self, name: str, text: str) -> str | None:
        return self.said(name, text) if name in self.told else text

    def _compile(self, section: str) -> Section:
        """Compile a section; the end of a text, or a joint, must follow each of its patterns."""
        joint = self.joints.get(section)
        end = rf"(?={re.escape(joint[0])}|\Z)" if joint else r"\Z"
        # One that goes on where another ends comes first.
        longest = sorted(self.told[section].items(), key=lambda line: -len(line[0]))
        lines = {f"s{n}": line for n, line in enumerate(longest)}
        groups = [f"(?P<{group}>{self._regex(line[0], group)})" for group, line in lines.items()]
        said = {group: (own, tuple(PLACE.findall(line))) for group, (line, own) in lines.items()}
        made = Section(re.compile(f"(?:{'|'.join(groups)}){end}"), said, joint)
        self._compiled[section] = made
        return made

    def _regex(self, english: str, group: str = "") -> str:
        """Write a line as a regular expression, with a group for each place where one is named."""
        words = PLACE.split(english)
        for n in range(0, len(words), 2):
            words[n] = re.escape(words[n])
        for n in range(1, len(words), 2):
            begin = f"?P<{group}_{words[n]}>" if group else "?:"
            words[n] = f"({begin}{self._shape(words[n])})"
        return "".join(words)

    def _shape(self, name: str) -> str:
        """Write what may stand in a placeholder as a regular expression."""
        if name not in self.told:
            return SHAPES.get(name, NUMBER)
        one = "|".join(self._regex(line) for line in self.told[name])
        if name not in self.joints:
            return one
        between = re.escape(self.joints[name][0])
        return f"(?:{one})(?:{between}(?:{one}))*"


# A catalogue is a constant: to compile it takes longer than to say a page's sentences.
@cache
def _catalogue(lang: str) -> Catalogue:
    file = files("cdr_anomaly.reports.html") / f"sentences.{lang}.toml"
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    return Catalogue(told, told.pop("joined"))
