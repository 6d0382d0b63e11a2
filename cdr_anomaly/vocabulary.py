"""Words that tables, settings, options and pages share, each list written once; imports nothing."""

from __future__ import annotations

from typing import Literal, get_args

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
# What moves the rows.
Engine = Literal["local", "spark"]
# Languages of reports.
Language = Literal["en", "zh"]
LANGUAGES: tuple[str, ...] = get_args(Language)
