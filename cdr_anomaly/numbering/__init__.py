"""Telephone numbers: one integer or text for each line, number classes, caller ids, masking."""

from cdr_anomaly.numbering.classes import CLASSES, classes_with, is_abroad, number_class
from cdr_anomaly.numbering.lines import (
    IMEI_DIGITS,
    HomePlan,
    e164_number,
    format_line,
    format_lines,
    handset_id,
    home_plan,
    is_opaque,
    line_code,
    line_text,
    number_block,
    one_line_text,
)
from cdr_anomaly.numbering.written_forms import BLANKS, parse_codes

__all__ = [
    "BLANKS",
    "CLASSES",
    "IMEI_DIGITS",
    "HomePlan",
    "classes_with",
    "e164_number",
    "format_line",
    "format_lines",
    "handset_id",
    "home_plan",
    "is_abroad",
    "is_opaque",
    "line_code",
    "line_text",
    "number_block",
    "number_class",
    "one_line_text",
    "parse_codes",
]
