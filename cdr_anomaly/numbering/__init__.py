"""Telephone numbers: one integer or text for each line, number classes, caller ids, masking."""

from cdr_anomaly.numbering.classes import CLASSES, classes_with, is_abroad, number_class
from cdr_anomaly.numbering.line_names import LineNames, is_named
from cdr_anomaly.numbering.lines import (
    BLANKS,
    E164_END,
    IMEI_DIGITS,
    HomePlan,
    e164_number,
    format_line,
    format_lines,
    handset_id,
    home_plan,
    line_code,
    line_text,
    number_block,
    one_line_text,
)
from cdr_anomaly.numbering.written_forms import parse_codes, parse_texts

__all__ = [
    "BLANKS",
    "CLASSES",
    "E164_END",
    "IMEI_DIGITS",
    "HomePlan",
    "LineNames",
    "classes_with",
    "e164_number",
    "format_line",
    "format_lines",
    "handset_id",
    "home_plan",
    "is_abroad",
    "is_named",
    "line_code",
    "line_text",
    "number_block",
    "number_class",
    "one_line_text",
    "parse_codes",
    "parse_texts",
]
