"""The list of declared entities: lines that may do what looks odd, and why.

An entity is a line (or ``number``), a ``range`` of numbers, a ``prefix``, a number ``class`` or a
``handset``, for some ``detectors`` or for all, with a ``purpose`` (or ``reason``), an ``owner`` and
a day on which it ``expires``. It takes findings off the list when they are reported; what is
detected does not depend on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.errors import InputError, nearest
from cdr_anomaly.ingest import tabular
from cdr_anomaly.schema import kinds_with
from cdr_anomaly.wording import Sentence, as_written, first_sentence, sentence, sentence_columns

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

SHAPE: dict[str, Any] = {
    **dict.fromkeys(("line", "range", "prefix", "class", "handset", "purpose", "owner"), pl.String),
    "purpose_values": pl.String, "first": pl.Int64, "last": pl.Int64,
    "detectors": pl.List(pl.String), "expires": pl.Date,
}  # fmt: skip
WHO = ("line", "range", "prefix", "class", "handset")
COLUMNS = (*WHO, "detectors", "purpose", "owner", "expires")
SAME = {"number": "line", "reason": "purpose", "detector": "detectors"}
RANGE = r"^\s*(\S+?)\s*(?:\.\.|\s-\s|-)\s*(\+?\d+)\s*$"


def read_entities(
    file: Path | None, plan: numbering.HomePlan, detectors: Collection[str]
) -> pl.DataFrame:
    """Read the declared entities from CSV, TOML or Parquet, one row each (COLUMNS, all text).

    A line is written as findings write it; ``first`` and ``last`` are those of a range.
    """
    if file is None:
        return pl.DataFrame(schema=SHAPE)
    told = tabular.read_table(file).rename(lambda name: SAME.get(name, name))
    if not set(WHO) & set(told.columns):
        msg = (
            f"'{file}' names no entity: it needs a column {', '.join(WHO[:-1])} or {WHO[-1]}, "
            f"and has {', '.join(told.columns)}."
        )
        raise InputError(msg)
    shaped = _shaped(told, plan)
    _check(file, shaped, detectors)
    some = pl.any_horizontal(pl.col(WHO).is_not_null())
    return shaped.filter(some)


def handsets_used(legs: pl.LazyFrame, number: pl.Expr) -> pl.LazyFrame:
    """Say in which handsets lines placed calls (subject, day, imei), from LEGS.

    ``number`` writes their ``line`` as findings do.
    """
    used = legs.filter(pl.col("imei").is_not_null(), "outgoing")
    return used.select("day", "imei", subject=number).unique()


def set_aside(
    findings: pl.DataFrame,
    entities: pl.DataFrame,
    plan: numbering.HomePlan,
    used_in: pl.LazyFrame,
) -> pl.DataFrame:
    """Add ``suppressed_by`` to FINDINGS: the purpose of the entity that declares its subject.

    ``used_in`` is what handsets() says. Declared lines are no members of others' groups, either; a
    group of which too few are left is set aside with them.
    """
    if entities.is_empty():
        nothing = pl.lit(None, pl.String)
        return findings.with_columns(suppressed_by=nothing, suppressed_by_values=nothing)
    same = ["subject", "detector", "day"]
    keys = pl.concat([findings.select(same), *_members(findings)]).unique()
    digits = pl.col("subject").str.strip_prefix("+")
    keys = keys.with_columns(
        number_class=numbering.number_class(pl.col("subject"), plan),
        digits=digits.str.len_bytes(),
        value=digits.cast(pl.Int64, strict=False),
    )
    told = {who: entities.filter(pl.col(who).is_not_null()) for who in WHO}
    within = pl.col("value").is_between("first", "last") & (
        pl.col("digits") == pl.col("last").cast(pl.String).str.len_bytes()
    )
    used = keys.with_columns(imei=pl.lit(None, pl.String))
    if not told["handset"].is_empty():
        used = keys.lazy().join(used_in, on=["subject", "day"]).collect()
    found = pl.concat(
        pair.select(*same, "detectors", "purpose", "purpose_values", "expires")
        for pair in (
            keys.join(told["line"], left_on="subject", right_on="line"),
            keys.join(told["class"], left_on="number_class", right_on="class"),
            keys.join(told["range"], how="cross").filter(within),
            keys.join(told["prefix"], how="cross").filter(_begins(plan)),
            used.join(told["handset"], how="cross").filter(
                pl.col("imei").str.starts_with(pl.col("handset"))
            ),
        )
    )
    holds = (
        pl.col("expires").is_null() | (pl.col("day") <= pl.col("expires")),
        pl.col("detectors").is_null() | pl.col("detectors").list.contains(pl.col("detector")),
    )
    named = _joined_texts(found.filter(*holds), "purpose", same, "suppressed_by")
    marked = findings.join(named, on=same, how="left", maintain_order="left")
    return _without_declared(marked, named) if "members" in marked.columns else marked


def _members(findings: pl.DataFrame) -> list[pl.DataFrame]:
    """List the members of groups that are found (subject, detector, day), if findings name any."""
    if "members" not in findings.columns:
        return []
    groups = findings.filter(pl.col("subject_kind").is_in(kinds_with(is_group=True)))
    return [
        groups.select("detector", "day", subject="members")
        .explode("subject")
        .select("subject", "detector", "day")
    ]


def _without_declared(marked: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Leave the lines that are ``named`` by entities out of the groups that are found with them."""
    night = ["detector", "day"]
    purposes = _joined_texts(named, "suppressed_by", night, "purposes")
    theirs = named.group_by(night).agg(apart=pl.col("subject")).join(purposes, on=night)
    free = pl.col("members").list.set_difference("apart")
    of_group = (
        pl.col("subject_kind").is_in(kinds_with(is_group=True)) & pl.col("suppressed_by").is_null()
    )
    in_group = of_group & (free.list.len() < pl.col("members").list.len())
    left = marked.join(theirs, on=["detector", "day"], how="left", maintain_order="left")
    left = left.with_columns(in_group=in_group.fill_null(value=False)).with_columns(
        members=pl.when("in_group").then(free.list.sort()).otherwise("members")
    )
    too_few = pl.col("in_group") & (pl.col("members").list.len() < pl.col("threshold"))
    purposes_text = Sentence(pl.col("purposes"), pl.col("purposes_values"))
    among = sentence("declared.among", "among {purposes}", purposes=purposes_text)
    own = Sentence(pl.col("suppressed_by"), pl.col("suppressed_by_values"))
    return left.with_columns(
        **sentence_columns(suppressed_by=first_sentence([(too_few, among)], own))
    ).drop("apart", "purposes", "purposes_values", "in_group")


def _joined_texts(rows: pl.DataFrame, name: str, keys: list[str], result: str) -> pl.DataFrame:
    """Join the different texts of a column of sentences, in their order, for each of the keys."""
    texts = rows.sort(name, f"{name}_values").unique([*keys, name], keep="first")
    joined = Sentence(pl.col(name), pl.col(f"{name}_values")).joined("statements")
    ordered = texts.sort(name).group_by(keys, maintain_order=True)
    return ordered.agg(**sentence_columns(**{result: joined}))


def _begins(plan: numbering.HomePlan) -> pl.Expr:
    """Tell whether a subject begins with a prefix, as it is written or as one of home."""
    number, prefix = pl.col("subject"), pl.col("prefix")
    home = wording.format_text(
        "+{}{}", pl.lit(plan.calling_code), prefix.str.strip_prefix(plan.trunk or "")
    )
    return number.str.starts_with(prefix) | number.str.starts_with(home)


def _shaped(entities: pl.DataFrame, plan: numbering.HomePlan) -> pl.DataFrame:
    missing = {name: pl.lit(None, pl.String) for name in COLUMNS if name not in entities.columns}
    texts = entities.with_columns(**missing).select(pl.col(COLUMNS).cast(pl.String))
    ends = {name: pl.col("range").str.extract(RANGE, n) for n, name in ((1, "first"), (2, "last"))}
    numbers = texts.with_columns(**ends)
    # All in one column: to plan the reading of a number takes longer than to read thousands.
    columns = ("line", *ends)
    written = pl.concat([numbers[name].alias("number") for name in columns]).to_frame()
    spelled = written.select(numbering.line_text(pl.col("number"), plan)).to_series()
    numbers = numbers.with_columns(
        spelled.slice(n * numbers.height, numbers.height).alias(name)
        for n, name in enumerate(columns)
    )
    owner = pl.col("owner").is_not_null()
    purpose = pl.col("purpose")
    named = first_sentence(
        [
            (
                purpose.is_not_null() & owner,
                as_written(wording.format_text("{} ({})", "purpose", "owner")),
            ),
            (purpose.is_not_null(), as_written(purpose)),
            (owner, sentence("declared.by_owner", "declared ({owner})", owner="owner")),
        ],
        sentence("declared.alone", "declared"),
    )
    return numbers.with_columns(
        pl.col(*ends).str.strip_prefix("+").cast(pl.Int64, strict=False),
        prefix=pl.col("prefix").str.replace("^00", "+"),
        handset=numbering.handset_id(pl.col("handset")),
        **sentence_columns(purpose=named),
        detectors=pl.col("detectors").str.split(";").list.eval(pl.element().str.strip_chars()),
        written=pl.col("expires"),
        expires=pl.col("expires").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
    )


def _check(file: Path, entities: pl.DataFrame, detectors: Collection[str]) -> None:
    """Fail on the first entity that would not do what its writer wants."""
    for written, expires in entities.select("written", "expires").drop_nulls("written").iter_rows():
        if expires is None:
            msg = f"'{file}': '{written}' in the column 'expires' is no day; write 2026-05-01."
            raise InputError(msg)
    ranges = entities.select("range", "first", "last").drop_nulls("range")
    for span, first, last in ranges.iter_rows():
        if first is None or last is None or first > last:
            msg = (
                f"'{file}': '{span}' in the column 'range' is no range of numbers; "
                "write +8613800000000..+8613800000999."
            )
            raise InputError(msg)
    known = {"class": numbering.CLASSES, "detectors": detectors}
    for column, words in known.items():
        for word in entities[column].drop_nulls().explode().unique().sort():
            if word not in words:
                msg = f"'{file}': '{word}' in the column '{column}' is none.{nearest(word, words)}"
                raise InputError(msg)
