"""FINDINGS to ALERTS: weighed by their evidence, put together by actor, and ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.alerts import actors, unlike_peers
from cdr_anomaly.alerts import severity as alerts_severity
from cdr_anomaly.alerts.severity import GRADES, Context, grade, is_grave
from cdr_anomaly.features import components
from cdr_anomaly.schema import ALERTS, SEVERITIES, SUBJECT_KINDS, empty, kinds_with, require
from cdr_anomaly.wording import sentence, sentence_columns, word

if TYPE_CHECKING:
    from datetime import date


from typing import TYPE_CHECKING

LISTED = GRADES["medium"]
REASONS = 3
REPLACEMENT = dict.fromkeys(("line", "earlier", "by"), pl.String)
HANDSETS = {"subject": pl.String, "day": pl.Date, "imei": pl.String}
ALONE = Context()


def rank_alerts(
    findings: pl.DataFrame, context: Context = ALONE, *, most: int = 200
) -> pl.DataFrame:
    """Weigh the findings of each subject, put subjects of one actor together, and rank the actors.

    ``findings`` are FINDINGS with ``suppressed_by`` (declared.set_aside). An actor that was listed
    on the days before comes again only graver than it was, by another detector, or twice as large.
    The order is severity, then p, then excess over the limit, then the subject's name, so that it
    is the same on every run. Ranked are the first ``most`` of medium severity and more; after
    them come those on watch (low), those that go on, and those that are declared, unranked.
    """
    acting = _joined(alerts_severity.weigh_subjects(findings, context), findings, context)
    before = _listed(context.earlier)
    known = before.filter(pl.col("listed") > context.since)
    whole = acting.join(known, on="subject", how="left").join(
        _continued(context.line_replacements, before), on="subject", how="left"
    )
    found = _by_actor(whole)
    news = pl.col("detectors").list.set_difference("known_detectors").list.len() > 0
    larger = pl.col("n_known") * 2 <= pl.col("n_subjects")
    ongoing = (
        pl.col("listed").is_not_null()
        & (pl.col("grade") <= pl.col("known_grade"))
        & ~news
        & ~larger
    )
    found = found.with_columns(
        ongoing_since=pl.when(ongoing.fill_null(value=False)).then("listed")
    ).join(alerts_severity.last_feedback(context.feedback), on="subject", how="left")
    declared, again = pl.col("suppressed_by").is_not_null(), pl.col("ongoing_since").is_not_null()
    ordered = found.sort(
        declared,
        again,
        "grade",
        pl.col("p_value").fill_null(1.0),
        "score",
        "subject",
        descending=[False, False, True, False, True, False],
    )
    listed = ~declared & ~again & (pl.col("grade") >= LISTED)
    place = listed.cum_sum().cast(pl.Int64)
    placed = ordered.with_columns(
        rank=pl.when(listed & (place <= most)).then(place), severity=_word(pl.col("grade"))
    )
    return require(placed.lazy(), ALERTS, "alerts").collect()


def _joined(weighed: pl.DataFrame, findings: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Number the actors: subjects whose findings name each other, share a handset or a place.

    A dealer or a region is one actor with a block or a dealer of the same lines; a region only with
    the nearest: that people of one region buy from two does not make these one.
    Only what is worth a place on the list connects; what is declared stands alone.
    """
    free = weighed.filter(pl.col("suppressed_by").is_null())
    strong = free.filter(pl.col("grade") >= LISTED)
    grave = findings.filter(is_grave("medium"), pl.col("suppressed_by").is_null()).join(
        strong.select("subject"), on="subject", how="semi"
    )
    in_group = pl.col("subject_kind").is_in(kinds_with(is_group=True))
    crews = actors.crews(grave.filter(in_group).select("subject", "members"))
    together = crews.select(one="subject", other=wording.format_text("crew {}", "crew"))
    named = (
        grave.filter(~in_group)
        .select(one="subject", other="members")
        .explode("other")
        .filter(pl.col("one") != pl.col("other"), pl.col("other").is_in(free["subject"].implode()))
    )
    kind = pl.col("subject_kind")
    sold = grave.filter(kind.is_in(kinds_with(has_new_lines=True)))
    alike = actors.matching_groups(sold.filter(kind != "block"), sold.filter(kind != "region"))
    of_region = pl.col("one").is_in(sold.filter(kind == "region")["subject"].implode())
    alike = alike.filter(~of_region | pl.col("one").is_first_distinct())
    within = alike.filter(of_region).select("one")
    named = pl.concat([named.join(within, on="one", how="anti", maintain_order="left"), alike])
    of_days = strong.select("subject", "days").explode("days").rename({"days": "day"})
    handsets = pl.DataFrame(schema=HANDSETS) if context.handsets is None else context.handsets
    used = handsets.join(of_days, on=["subject", "day"], how="semi")
    follow = _replacements(context.line_replacements).select(one="line", other="earlier")
    listed = strong["subject"].implode()
    follow = follow.filter(pl.col("one").is_in(listed), pl.col("other").is_in(listed))
    handset = numbering.handset_id(pl.col("imei"))
    same = used.select(one="subject", other=wording.format_text("imei {}", handset))
    links = pl.concat([named, together, same, follow]).unique(maintain_order=True)
    return weighed.join(components.number_components(weighed["subject"], links), on="subject")


def _by_actor(acting: pl.DataFrame) -> pl.DataFrame:
    """Put the subjects of each actor in one row, that of the gravest."""
    kind = pl.col("subject_kind").replace_strict(
        {kind: n for n, kind in enumerate(SUBJECT_KINDS)},
        default=len(SUBJECT_KINDS),
        return_dtype=pl.Int64,
    )
    ordered = acting.with_columns(
        head=kind, n_p=pl.col("p_value").is_not_null().sum().over("actor")
    ).sort(
        pl.col("grade"),
        "head",
        "p_value",
        "subject",
        descending=[True, False, False, False],
        nulls_last=True,
    )
    every = {
        name: pl.col(name).list.explode(keep_nulls=False, empty_as_null=False)
        for name in ("members", "detectors", "known_detectors", "why")
    }
    own = ~pl.col("subject_kind").is_in(kinds_with(is_line=False))
    return (
        ordered.group_by("actor", maintain_order=True)
        .agg(
            pl.col(
                "subject",
                "subject_kind",
                "day",
                "grade",
                "would_clear_if",
                "would_clear_if_values",
                "suppressed_by",
                "suppressed_by_values",
                "lowered_because",
                "lowered_because_values",
            ).first(),
            pl.col("unlike", "unlike_values").filter(pl.col("unlike").is_not_null()).first(),
            pl.col("replaces_case", "replaces_case_values")
            .filter(pl.col("replaces_case").is_not_null())
            .first(),
            members=every["members"].unique().sort(),
            lines=pl.col("subject").filter(own),
            severities=_word(pl.col("grade").filter(own)),
            n_subjects=pl.len(),
            n_known=pl.col("listed").is_not_null().sum(),
            score=pl.col("score").max(),
            # The least of several is multiplied by their number (Bonferroni).
            p_value=(pl.col("p_value").min() * pl.col("n_p").first()).clip(upper_bound=1.0),
            q_value=pl.col("q_value").min(),
            detectors=every["detectors"].unique().sort(),
            why=every["why"],
            listed=pl.col("listed").max(),
            known_grade=pl.col("known_grade").max(),
            known_detectors=every["known_detectors"].unique(),
        )
        .with_columns(
            reasons=_reasons("reason", "unlike"),
            reasons_values=_reasons("reason_values", "unlike_values"),
        )
    )


def _reasons(name: str, unlike: str) -> pl.Expr:
    """Return the gravest reason of each detector, and what the line is unlike its peers in.

    The latter is also the reason of what is found for it, and is said once. ``name`` and ``unlike``
    are the columns of their texts, or of their values.
    """
    detector, reason = (pl.element().struct.field(field) for field in ("detector", name))
    first, of_rules = (
        pl.col("why").list.eval(reason.filter(detector.is_first_distinct() & counts))
        for counts in (pl.lit(value=True), detector != unlike_peers.NAME)
    )
    with_unlike = pl.concat_list(of_rules.list.head(REASONS - 1), unlike)
    return pl.when(pl.col("unlike").is_null()).then(first.list.head(REASONS)).otherwise(with_unlike)


def any_as_grave(alerts: pl.DataFrame, severity: str) -> bool:
    """Tell whether any alert that is not declared or ongoing is of that severity or graver."""
    new = pl.col("suppressed_by").is_null() & pl.col("ongoing_since").is_null()
    return not alerts.filter(new, is_grave(severity)).is_empty()


def stop_list(
    alerts: pl.DataFrame, findings: pl.DataFrame, severity: str, until: date
) -> pl.DataFrame:
    """List the numbers of that severity or graver, to be stopped up to a day.

    They are the lines of alerts, listed or going on, that are as grave by themselves, in the light
    of their evidence. The reason is that of the gravest of their ``findings``.
    """
    free = alerts.filter(pl.col("suppressed_by").is_null())
    numbers = (
        free.select("detectors", number="lines", severity="severities")
        .explode("number", "severity")
        .filter(is_grave(severity))
    )
    return (
        findings.filter(is_grave(severity))
        .sort(grade(), "day", descending=True, maintain_order=True)
        .drop("severity")
        .join(numbers, left_on="subject", right_on="number", maintain_order="left")
        .filter(pl.col("detectors").list.contains(pl.col("detector")))
        .group_by(number="subject", maintain_order=True)
        .agg(
            pl.col("severity").first(),
            valid_from=pl.col("day").first(),
            valid_until=pl.lit(until),
            detectors=pl.col("detector").unique().sort().str.join("; "),
            reason=pl.col("reason").first(),
        )
    )


def _word(grades: pl.Expr) -> pl.Expr:
    return grades.replace_strict(dict(enumerate(SEVERITIES)), return_dtype=pl.String)


def _listed(earlier: pl.DataFrame | None) -> pl.DataFrame:
    """Say of each subject that was listed when it last was, how grave, and by which detectors."""
    known = (empty(ALERTS) if earlier is None else earlier).filter(pl.col("rank").is_not_null())
    subjects = pl.concat_list(pl.concat_list("subject"), pl.col("lines").fill_null([]))
    return (
        known.with_columns(subject=subjects.list.unique())
        .explode("subject")
        .group_by("subject")
        .agg(
            listed=pl.col("day").max(),
            known_grade=grade().max(),
            known_detectors=pl.col("detectors").explode().unique(),
        )
    )


def _continued(line_replacements: pl.DataFrame | None, listed: pl.DataFrame) -> pl.DataFrame:
    """Say of each line which alert on an earlier one it goes on with, the latest (subject, ...)."""
    text = sentence(
        "replaces_case.alert",
        "the alert of {day} on {earlier}, by {by}",
        day="listed",
        earlier="earlier",
        by=word(pl.col("by"), "replacement"),
    )
    columns = sentence_columns(replaces_case=text)
    before = listed.select("listed", earlier="subject")
    found = (
        _replacements(line_replacements)
        .join(before, on="earlier")
        .sort("listed", "by", "earlier", descending=[True, False, False])
        .with_columns(**columns)
    )
    return found.group_by(subject="line").agg(pl.col(*columns).first())


def _replacements(line_replacements: pl.DataFrame | None) -> pl.DataFrame:
    return pl.DataFrame(schema=REPLACEMENT) if line_replacements is None else line_replacements


def unranked(alerts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Divide the alerts that have no rank by why they have none."""
    declared, again = pl.col("suppressed_by").is_not_null(), pl.col("ongoing_since").is_not_null()
    low, free = pl.col("severity") == SEVERITIES[0], ~declared & ~again
    rest = alerts.filter(pl.col("rank").is_null())
    return {
        "suppressed": rest.filter(declared),
        "ongoing": rest.filter(~declared & again),
        "on_watch": rest.filter(free & low),
        "beyond": rest.filter(free & ~low),
    }
