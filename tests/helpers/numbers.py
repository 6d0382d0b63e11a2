"""Numbers in many forms, and what expressions over lines say of them."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import strategies as st

from cdr_anomaly.numbering import home_plan

REGIONS = ("CN", "HK", "US", "GB", "IT", "HU", "RU", "KR")
HOMES = {region: home_plan(region) for region in REGIONS}
LINE = pl.col("line")


def run(expression: pl.Expr, lines: list[Any], dtype: Any = pl.String) -> list[Any]:
    return pl.DataFrame({"line": lines}, {"line": dtype}).select(expression).to_series().to_list()


HEADS = "+ +86 +0 - -0 0 00 000 0086 86 852 1 13 138 17951 010 021 0755 011 810 06 8 39 390 002"
BODIES = ("", "95588", "96110", "013812345678", "2125550123", "912345678")
digits = st.text("0123456789", max_size=18)
numbers = st.builds(
    "{}{}{}".format, st.sampled_from(["", *HEADS.split()]), st.sampled_from(BODIES), digits
)
strings = numbers | digits | st.text(max_size=12) | st.text("0+-19 x", max_size=8) | st.none()
