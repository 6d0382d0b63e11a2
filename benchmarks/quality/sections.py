"""Sections of the page on people to warn, on honest groups, and on records with fewer columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.quality import fewer_columns, figures
from benchmarks.quality.cities import ALL_PARTS
from benchmarks.quality.tables import SYNTHETIC, format_figure, format_percent, markdown_table
from cdr_anomaly.evaluation import alert_scores, victim_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.quality.fewer_columns import FewerColumns
    from benchmarks.quality.run import QualityRun

REMOVED_TEXT = ", ".join(f"`{name}`" for name in fewer_columns.REMOVED_COLUMNS)


def victim_section(scores: Mapping[str, pl.DataFrame]) -> str:
    """Show what the lists of people to warn are worth."""
    main = scores[victim_scores.MAIN]
    title = f"## Whom to warn {SYNTHETIC}"
    if "state" in main.columns:
        return f"{title}\n\nThere is {main.item()}."
    among = [
        [
            row["who"],
            row["victims"],
            row["nights"],
            *(
                format_percent(row[name])
                for name in ("in_first_n", "in_first_2n", "ever_in_first_2n", "ever_listed")
            ),
        ]
        for row in main.iter_rows(named=True)
    ]
    delays = [
        [
            row["who"],
            row["listed_in"],
            row["victims"],
            row["found"],
            format_figure(row["median_days"], 1),
            format_figure(row["days_90"], 1),
            format_percent(row["by_second_night"]),
            {True: "yes", False: "no", None: "-"}[row["in_time"]],
        ]
        for row in scores[victim_scores.DELAYS].iter_rows(named=True)
    ]
    tiers = [
        [
            *(row[name] for name in ("tier", "people", "victims", "others_called", "neither")),
            format_percent(row["share_neither"]),
        ]
        for row in scores[victim_scores.TIERS].iter_rows(named=True)
    ]
    sums = dict(scores[victim_scores.SUMS].iter_rows())
    median, most, victims = (
        f"{sums[name] or 0:.0f}"
        for name in ("people a list, median", "people a list, most", "victims a night, most")
    )
    captors = ", ".join(f"`{name}`" for name in alert_scores.UNCOUNTED)
    return f"""{title}

Those whom a planted actor held on the telephone for days (`victims.parquet` of a simulation), and \
the list of people to warn of each night, which was really run. By kind of actor; {captors} are \
lone callers who do nothing else, and are to be found through those whom they hold alone. Of n \
victims of a night, those among the first n and the first 2n of its list; and victims that ever \
were, on one of their nights:

{
        markdown_table(
            [
                "held by",
                "victims",
                "their nights",
                "in first n",
                "in first 2n",
                "ever in first 2n",
                "ever listed",
            ],
            among,
        )
    }

Days from a victim's first day to the first list that has it; 0 is the list of that day, made the \
night after. Victims are those of whose first day there is a counted list:

{
        markdown_table(
            [
                "held by",
                "listed in",
                "victims",
                "listed",
                "median, days",
                "90 %, days",
                "by the second night",
                "median victim in time",
            ],
            delays,
        )
    }

The median list has {median} people, the longest {most}; at most {victims} are held on a night. \
Whoever is listed counts once a night; a victim is one up to a week after its last day:

{
        markdown_table(
            [
                "tier",
                "listed",
                "victims",
                "others who talked with planted lines",
                "neither",
                "share",
            ],
            tiers,
        )
    }"""


def group_section(run: QualityRun) -> str:
    """Show which honest groups are named."""
    rows = [
        [row["kind"], row["groups"], row["lines"], row["named"], row["together"], row["by_false"]]
        for row in figures.count_honest_groups(run.lists(), run.truth()).iter_rows(named=True)
    ]
    return f"""## Honest groups {SYNTHETIC}

Actors of honest kinds with two lines or more, those of which any alert of medium or graver named \
a line on any of the nights; of these, those of which one alert named two lines or more, and those \
that an alert named which is not true. An alert about planted lines may name honest ones among them.

{
        markdown_table(
            ["kind", "groups", "lines", "named", "two lines by one alert", "by a false alert"], rows
        )
    }"""


def fewer_columns_section(run: QualityRun) -> str:
    """Show what is found without cells, handsets, cards and trunks."""
    title = f"## Without cells, handsets, cards and trunks {SYNTHETIC}"
    city = next((city for city in run.cities if city.bare is not None), None)
    if city is None or city.bare is None:
        return f"{title}\n\nThis was not tried."
    bare = city.bare
    rows = [
        [
            row["detector"],
            row["with"],
            row["without"],
            row["both"],
            row["as_grave"],
            row["less_grave"],
            row["graver"],
            f"{row['free_as_grave']} of {row['free']}" if row["free"] else "-",
        ]
        for row in bare.compared.iter_rows(named=True)
    ]
    head = [
        "detector",
        "findings with",
        "without",
        "in both",
        "as grave",
        "less grave",
        "graver",
        "as grave, of those whose reason names no cell",
    ]
    shorts = {
        "all columns": figures.key_figures(city.lists[ALL_PARTS], city.truth),
        "without these": figures.key_figures(bare.lists, city.truth),
    }
    worth = [
        [
            name,
            format_figure(short.mean),
            format_figure(short.pooled),
            format_figure(short.recall),
            ", ".join(_incomplete_patterns(short.patterns)) or "-",
            format_percent(short.honest),
        ]
        for name, short in shorts.items()
    ]
    skipped = "\n".join(
        f"- not applicable, `{name}`: {why}." for name, why in bare.not_applicable.items()
    )
    unknown = "\n".join(f"- not known: {what}." for what in bare.unknown)
    return f"""{title}

Seed {city.seed} scanned once more without the columns {REMOVED_TEXT}. A finding is the same when \
detector, subject, day, value and limit are.

{markdown_table(head, rows)}

{_verdict(bare)}

What the run says of such records:

{skipped or "- every detector applies."}
{unknown}

What the lists are then worth:

{
        markdown_table(
            [
                "",
                "precision at 50",
                "of all alerts",
                "actors found at 50",
                "patterns of which not all are found",
                "honest lines named",
            ],
            worth,
        )
    }"""


def _verdict(bare: FewerColumns) -> str:
    """Return whether the detectors that need none of these columns find the same."""
    old = bare.compared.filter(pl.col("detector").is_in(fewer_columns.INDEPENDENT))
    other = pl.col("both") < pl.max_horizontal("with", "without")
    differ = ", ".join(f"`{name}`" for name in old.filter(other)["detector"])
    names = ", ".join(f"`{name}`" for name in fewer_columns.INDEPENDENT)
    least = old.select((pl.col("free") - pl.col("free_as_grave")).sum()).item()
    alike = (
        f"differ in what they find: {differ}"
        if differ
        else "find the same lines, with the same values, on the same days"
    )
    grades = (
        "all are as grave as they were"
        if not least
        else f"{least} are not as grave as they were, for another reason"
    )
    return f"""The detectors that need none of these columns ({names}) {alike}. How grave a \
finding is may differ where cells are a sign: for `high_frequency` a mobile that stays in one or \
two cells is a sign for attention and many cells speak against it, and for `new_sim_burst` many \
cells speak against it. Of the findings of these four whose reason names no cell, {grades}."""


def _incomplete_patterns(patterns: Mapping[str, float]) -> list[str]:
    return [
        f"{name} {share:.2f}"
        for name, share in patterns.items()
        if share < 1 and name not in alert_scores.UNCOUNTED
    ]
