"""Talk with lines that were found to VICTIMS: whom to warn, the most urgent first.

No accusation but a list of people, ranked by points (algorithms, section 2, j). Points only rise
with what the list is about: days running, minutes, the longest call, lines, call-backs, hand-offs,
others who found the line busy, own calls that were not placed. They count as the gravest of the
lines does, and halve every 48 hours up to the end of the judged day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.features import rolling
from cdr_anomaly.schema import SEVERITIES, VICTIMS, require
from cdr_anomaly.wording import Sentence, first_sentence, join_sentences, sentence, sentence_columns

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.detectors import Tables


from typing import TYPE_CHECKING

# Talk of so many seconds counts, in so many days; a day runs on with five minutes of it.
TALK_S, DAYS, DAY_S = 20, 7, 300
# How soon to warn, and how it is said.
TIERS = {"now": "now", "today": "today", "watch": "on watch"}
WEIGHTS = dict(zip(SEVERITIES, (0.0, 0.5, 0.8, 1.0), strict=True))
CAPTIVE, CAPTIVE_WEIGHT = "held", 0.5
HALF_LIFE_H, STILL_TALKING = 48, 1.5
# Fewer points by the talk alone are one short call, as mass diallers have by the hundred.
MIN_POINTS = 20
# So many minutes are many, in all and in one call, and so many are some; older talk is nothing to
# run for.
MANY, LONG, SOME, FRESH_H = 20, 10, 5, 48
SILENT, FEW_PAST_DAYS, CAPTIVE_DAYS = 0.5, 3, 3
BY = ["person"]


class Talks(NamedTuple):
    """What is known of talk and of those who talked.

    ``talk`` (person, line, day, start, duration_s, back, weight, found_by) are all calls of lines
    that were found with a person, in the days that count; ``back`` are those that the person
    placed. Lines that no detector found, and that hold the person, are ``found_by`` CAPTIVE alone.
    ``theirs`` are the calls of these people as REACHED has them, the judged day's at least, or
    None when they were not read; ``past`` (line, day, n_out) are their days before. ``handed``
    (number, hand_offs) counts hand-offs.
    """

    talk: pl.LazyFrame
    handed: pl.LazyFrame
    theirs: pl.LazyFrame | None = None
    past: pl.LazyFrame | None = None


def people_met(talks: Talks, tables: Tables, day: date) -> pl.DataFrame:
    """Return the people who may be on the list (person), by their talk alone."""
    rows = _scored(_people(talks, tables, day))
    return rows.filter(pl.col("score") >= MIN_POINTS).select("person").sort("person").collect()


def rank_victims(talks: Talks, tables: Tables, day: date, most: int) -> pl.DataFrame:
    """Make VICTIMS of a day, of no more than ``most``; ties are broken by number."""
    people = _people(talks, tables, day)
    enough = _scored(people).filter(pl.col("score") >= MIN_POINTS).select("person")
    known = people.join(enough, on=BY, how="semi")
    for part in (_busy(talks, tables, day), _silence(talks, tables, day)):
        known = known.drop(set(part.collect_schema()) - {"person"}).join(part, on=BY, how="left")
    if tables.feed.attempts and talks.theirs is not None:
        known = known.with_columns(pl.col("busy_callers").fill_null(0))
    tiered = _scored(known).with_columns(tier=_tier())
    place = {word: n for n, word in enumerate(TIERS)}
    ordered = (
        tiered.with_columns(urgency=pl.col("tier").replace_strict(place, return_dtype=pl.Int64))
        .sort("urgency", "score", "number", descending=[False, True, False])
        .head(most)
        .with_row_index("rank", offset=1)
        .with_columns(pl.col("rank").cast(pl.Int64), **sentence_columns(why=_why()))
    )
    return require(ordered, VICTIMS, "victims").collect()


def _people(talks: Talks, tables: Tables, day: date) -> pl.LazyFrame:
    """Sum up the talk of each person whom one of the lines called, as VICTIMS has it."""
    talk = talks.talk.filter(pl.col("duration_s") >= TALK_S)
    called = talk.filter(~pl.col("back")).select("person").unique()
    end = pl.col("start") + pl.duration(seconds="duration_s")
    midnight = tables.midnight(pl.lit(day) + pl.duration(days=1))
    talk_s = pl.col("duration_s")  # in whole seconds, so that no order of rows makes a difference
    of_held = pl.col("found_by").list.contains(CAPTIVE)
    by_day = talk.group_by("person", "day").agg(talk_s.sum()).filter(talk_s >= DAY_S)
    days = by_day.sort("person", "day", descending=[False, True])
    gap = (pl.col("day").max() - pl.col("day")).dt.total_days()
    streak = days.group_by("person", maintain_order=True).agg(
        streak=(gap == pl.int_range(pl.len())).sum().cast(pl.Int64)
    )
    backs = talks.talk.filter("back").group_by("person").agg(call_backs=pl.len().cast(pl.Int64))
    detectors = pl.col("found_by").list.explode(keep_nulls=False, empty_as_null=False)
    sums = (
        talk.join(called, on=BY, how="semi")
        .group_by("person")
        .agg(
            days=pl.col("day").n_unique().cast(pl.Int64),
            minutes=talk_s.sum() / 60,
            longest=talk_s.max() / 60,
            calls=pl.len().cast(pl.Int64),
            n_lines=pl.col("line").n_unique().cast(pl.Int64),
            n_held=pl.col("line").filter(of_held).n_unique().cast(pl.Int64),
            lines=tables.written(pl.col("line")).unique().sort(),
            found_by=detectors.unique().sort(),
            weight=pl.col("weight").max(),
            last_contact=end.max(),
            captive=2 * talk_s.filter(of_held).sum() >= talk_s.sum(),
        )
    )
    since = (midnight - pl.col("last_contact")).dt.total_seconds() / 3600
    number = tables.written(pl.col("person"))
    whole = (
        sums.join(streak, on=BY, how="left")
        .join(backs, on=BY, how="left")
        .with_columns(number=number)
        .join(talks.handed, on="number", how="left")
    )
    return whole.with_columns(
        pl.col("call_backs", "hand_offs", "streak").fill_null(0),
        pl.col("minutes", "longest").round(1),
        day=pl.lit(day, pl.Date),
        hours_since=since.clip(lower_bound=0).round(1),
        talking=since <= 0,
        number_class=numbering.number_class(pl.col("number"), tables.plan),
        busy_callers=pl.lit(None, pl.Int64),
        placed=pl.lit(None, pl.Int64),
        usual=pl.lit(None, pl.Float64),
        silence=pl.lit(None, pl.Float64),
    ).filter(
        (not tables.feed.classes)
        | ~pl.col("number_class").is_in(numbering.classes_with(has_person=False))
    )


def _scored(people: pl.LazyFrame) -> pl.LazyFrame:
    """Add the points; what is not known adds none."""
    several = (
        8 * pl.col("streak").clip(upper_bound=4)
        + 6 * (1 + pl.col("minutes") / 5).log(2)
        + 6 * (1 + pl.col("longest") / 5).log(2)
        + 5 * pl.col("n_lines").clip(upper_bound=4)
        + 12 * (pl.col("hand_offs") > 0)
        + 10 * pl.col("call_backs").clip(upper_bound=2)
        + 4 * pl.col("busy_callers").fill_null(0).clip(upper_bound=4)
        + 6 * pl.col("silence").fill_null(0.0)
    )
    fading = 0.5 ** (pl.col("hours_since") / HALF_LIFE_H)
    now = pl.when("talking").then(STILL_TALKING).otherwise(1.0)
    return people.with_columns(score=(pl.col("weight") * several * fading * now).round(1))


def _tier() -> pl.Expr:
    """Say how soon to warn: two signs of being worked on are now, one is today, if it is fresh."""
    running, backs, handed = pl.col("streak") >= 2, pl.col("call_backs") > 0, pl.col("hand_offs")
    much = pl.col("minutes") >= MANY
    urgent = (much & (running | backs)) | ((handed > 0) & (pl.col("longest") >= LONG))
    # A friend who calls for hours looks the same, until others are kept out.
    silent = (pl.col("silence") >= SILENT).fill_null(value=False)
    kept_out = (pl.col("busy_callers").fill_null(0) > 0) | silent
    supported = ~pl.col("captive") | kept_out | (pl.col("streak") >= CAPTIVE_DAYS)
    fresh = pl.col("hours_since") <= FRESH_H
    words = [pl.lit(word) for word in TIERS]
    some = much | (handed > 0) | ((running | backs) & (pl.col("minutes") >= SOME))
    soon = pl.when(urgent & supported).then(words[0]).when(some).then(words[1])
    return pl.when(fresh).then(soon.otherwise(words[2])).otherwise(words[2])


def _busy(talks: Talks, tables: Tables, day: date) -> pl.LazyFrame:
    """Count the others who called in vain on the day while a talk was under way."""
    if talks.theirs is None or not tables.feed.attempts:
        return pl.LazyFrame(
            schema={"person": tables.profile.collect_schema()["line"], "busy_callers": pl.Int64}
        )
    talk = talks.talk.select("person", "line", "start", "duration_s")
    tried = talks.theirs.filter(~pl.col("outgoing"), ~pl.col("answered"), pl.col("day") == day)
    attempts = tried.select(person="line", other="counterpart", at="start")
    end = pl.col("start") + pl.duration(seconds="duration_s")
    during = (pl.col("at") > pl.col("start")) & (pl.col("at") < end)
    found = attempts.join(talk.select("person", "start", "duration_s"), on=BY).filter(during)
    third = found.join(talk.select("person", other="line"), on=["person", "other"], how="anti")
    return third.group_by("person").agg(busy_callers=pl.col("other").n_unique().cast(pl.Int64))


def _silence(talks: Talks, tables: Tables, day: date) -> pl.LazyFrame:
    """Compare what each person placed on the day, but to these lines, with its own past."""
    line = tables.profile.collect_schema()["line"]
    if talks.theirs is None or talks.past is None:
        return pl.LazyFrame(
            schema={"person": line, "placed": pl.Int64, "usual": pl.Float64, "silence": pl.Float64}
        )
    own = talks.theirs.filter("outgoing", pl.col("day") == day)
    to_these = talks.talk.select(line="person", counterpart="line").unique()
    placed = own.join(to_these, on=["line", "counterpart"], how="anti").group_by("line").len()
    judged = talks.talk.select(line="person", day=pl.lit(day, pl.Date)).unique()
    active = talks.past.filter(pl.col("n_out") > 0)
    usual = rolling.past_stats(active, judged, "n_out").filter(pl.col("past_days") >= FEW_PAST_DAYS)
    left = 1 - pl.col("placed") / pl.col("usual")
    return (
        usual.select("line", usual="past_median")
        .join(placed.rename({"len": "placed"}), on="line", how="left")
        .with_columns(pl.col("placed").fill_null(0).cast(pl.Int64))
        .select(person="line", placed="placed", usual="usual", silence=left.clip(0.0, 1.0).round(2))
    )


def _why() -> Sentence:
    """Say it in one neutral sentence, with what is known."""
    usual = pl.col("usual").round(1).cast(pl.String).str.strip_suffix(".0")
    back, handed = pl.col("call_backs"), pl.col("hand_offs")
    busy = sentence("victims.busy", "{others} found the line busy", others=_others())
    silent = sentence(
        "victims.silent",
        "placed {calls} of its usual {n}",
        calls=_calls(pl.col("placed")),
        n=usual,
    )
    return join_sentences(
        "statements",
        [
            (pl.lit(value=True), _talked()),
            (
                pl.col("talking"),
                sentence("victims.talking", "still talking at the end of the day"),
            ),
            (
                back > 0,
                sentence("victims.called_back", "called back {often}", often=_times(back)),
            ),
            (
                handed > 0,
                sentence(
                    "victims.handed_over",
                    "called by another line just after it {often}",
                    often=_times(handed),
                ),
            ),
            (pl.col("busy_callers") > 0, busy),
            (pl.col("silence") > 0, silent),
        ],
    )


def _talked() -> Sentence:
    """Say how long the person talked, how often, on which days and with whom."""
    minutes, days = pl.col("minutes").ceil().cast(pl.Int64), pl.col("days")
    span = first_sentence(
        [
            (days == 1, sentence("victims.one_day", "on 1 day")),
            (
                days == pl.col("streak"),
                sentence("victims.days_running", "on {n} days running", n="days"),
            ),
        ],
        sentence("victims.days_of", "on {n} days of {days}", n="days", days=DAYS),
    )
    n_held = pl.col("n_held")
    n_listed = pl.col("n_lines") - n_held
    listed = first_sentence(
        [(n_listed == 1, sentence("victims.listed_line", "{n} listed line", n=n_listed))],
        sentence("victims.listed_lines", "{n} listed lines", n=n_listed),
    )
    unlisted = first_sentence(
        [(n_held == 1, sentence("victims.unlisted_line", "{n} line on no list", n=n_held))],
        sentence("victims.unlisted_lines", "{n} lines on no list", n=n_held),
    )
    return sentence(
        "victims.talked",
        "talked {minutes} in {calls} {days} with {whom}, longest {longest}",
        minutes=first_sentence(
            [(minutes == 1, sentence("victims.minute", "{n} minute", n=minutes))],
            sentence("victims.minutes", "{n} minutes", n=minutes),
        ),
        calls=_calls(pl.col("calls")),
        days=span,
        whom=join_sentences("people", [(n_listed > 0, listed), (n_held > 0, unlisted)]),
        longest=pl.col("longest").ceil().cast(pl.Int64),
    )


def _calls(count: pl.Expr) -> Sentence:
    return first_sentence(
        [(count == 1, sentence("victims.call", "{n} call", n=count))],
        sentence("victims.calls", "{n} calls", n=count),
    )


def _times(count: pl.Expr) -> Sentence:
    return first_sentence(
        [(count == 1, sentence("victims.once", "once"))],
        sentence("victims.times", "{n} times", n=count),
    )


def _others() -> Sentence:
    return first_sentence(
        [(pl.col("busy_callers") == 1, sentence("victims.one_other", "1 other"))],
        sentence("victims.others", "{n} others", n="busy_callers"),
    )


def count_by_tier(victims: pl.DataFrame) -> dict[str, int]:
    """Count the people of each tier on the list of those to warn."""
    return {tier: int((victims["tier"] == tier).sum()) for tier in TIERS}
