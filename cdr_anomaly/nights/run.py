"""A night: the calls of one day and the state, to findings, alerts and the new state."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property, reduce
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import detectors, engines, pipeline
from cdr_anomaly.alerts import detect, peer_scoring, ranking
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.errors import accept_former_names
from cdr_anomaly.features import second_look
from cdr_anomaly.features.history import ActiveDays
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.second_look import read_lines
from cdr_anomaly.features.tables import build_tables
from cdr_anomaly.nights import history, inputs, ledger, lock, open_state, volume
from cdr_anomaly.nights.history import StateHistory
from cdr_anomaly.nights.lists import JudgedNight, Subjects, list_victims, rank_alerts
from cdr_anomaly.pipeline import SILENT
from cdr_anomaly.result import Result, versions
from cdr_anomaly.schema import STATE_TABLES
from cdr_anomaly.storage.paths import sha256
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from cdr_anomaly.engines import Engine
    from cdr_anomaly.ingest import Source
    from cdr_anomaly.nights.inputs import NightFiles
    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location

# Whether unanswered and received calls are delivered is counted over so many nights.
FEED_NIGHTS = timedelta(days=second_look.TWO_WAY_DAYS - 1)
# Tables that hold calls are kept for a shorter time than those that hold sums.
OF_CALLS = ("forward_legs", "legs", "victims")
# The end of a night is needed by the next one, and when that is run again.
LATE_DAYS = 35
# So are long calls, by the night four weeks later.
LONG_DAYS = 35


class Lists(NamedTuple):
    """The files that an operator keeps beside the calls."""

    entities: Path | None = None
    subscribers: Path | None = None


NO_LISTS = Lists()


@dataclass(frozen=True)
class Run:
    """The state of a night, its settings, and what receives its progress.

    ``storage`` are the options of stores in which files may be that a night was made of before.
    """

    location: Location
    settings: Settings
    lists: Lists = NO_LISTS
    progress: Progress = SILENT
    storage: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def engine(self) -> Engine:
        """The engine that reads the calls of all nights of a run."""
        return engines.build_engine(self.settings)


class Outcome(NamedTuple):
    """What a night found, and what its operator should know of it."""

    day: date
    result: Result
    seconds: float
    warnings: list[Text]


@accept_former_names(only="replace_files")
def nightly(
    paths: Iterable[str | Location], day: date, run: Run, *, replace_files: bool = False
) -> Outcome:
    """Judge one local day by its calls and by the state, and renew the state.

    Another run of a night replaces it. The files that it was made of before still belong to it;
    with ``replace_files`` only ``paths`` do.
    """
    with lock.lock_state(run.location):
        return _night(paths, day, run, replace_files=replace_files)


def backfill(
    paths: Iterable[str | Location], first: date, last: date, run: Run
) -> Iterator[Outcome | str]:
    """Run the nights from ``first`` to ``last`` that are not done, or may have changed, in order.

    Yields the outcome of each night, or why it could not be run.
    """
    paths = list(paths)
    with lock.lock_state(run.location):
        for day in pl.date_range(first, last, eager=True):
            done = open_state.read_nights(run.location)
            if day in done and not done[day].provisional:
                continue
            try:
                yield _night(paths, day, run, replace_files=False)
            except inputs.NoRowsOfDayError as error:
                yield str(error)


def kept_from(last: date, profiles: int, calls: int) -> dict[str, date]:
    """Return from which day on each table is kept, when the last night is that of ``last``."""
    days = dict.fromkeys(STATE_TABLES, profiles) | dict.fromkeys(OF_CALLS, calls)
    days |= {
        "carry_over": LATE_DAYS,
        "cold_callers": min(history.COLD_CALLER_DAYS, profiles),
        "long_calls": LONG_DAYS,
    }
    return {name: last - timedelta(days=kept) for name, kept in days.items()}


def _night(paths: Iterable[str | Location], day: date, run: Run, *, replace_files: bool) -> Outcome:
    began = monotonic()
    of_day = {"since": day, "until": day}
    settings = open_state.adopt_settings(run.settings, run.location).model_copy(update=of_day)
    run.progress("opening the files")
    state = open_state.open_for_night(run.location, settings)
    nights = ledger.finished_nights(state.ledger)
    storage = None if replace_files else run.storage
    chosen = inputs.choose_files(
        paths, settings, day, nights, reader=run.engine.reader, storage=storage
    )
    damaged = open_state.damaged_tables(state, day, rerun=day in nights)
    entities = alerts_entities.read_entities(run.lists.entities, chosen.source.plan, detect.FINDERS)
    state = state.note("begun", day=day)
    night = _judge(state, nights, chosen.source, day, run, damaged)
    tables = night.tables
    subjects = Subjects(
        entities,
        tables.plan,
        alerts_entities.handsets_used(tables.legs, tables.written(pl.col("line"))),
        detect.find_line_replacements(tables),
    )
    findings, evidence, weights = night.judgement
    alerts = rank_alerts(state, findings, weights, day, settings, subjects)
    victims, victim_legs = list_victims(state, night, day, settings, subjects, nights)
    result = _result(night, alerts, victims, chosen.source, day)
    run.progress("remembering")
    open_state.update_sightings(state, night.history.read, day, damaged, settings.memory)
    frames = {
        **night.state_rows,
        "volume": chosen.volume,
        "legs": pl.concat([night.state_rows["legs"], victim_legs]).sort(pl.all()),
        "victims": victims,
        "findings": findings,
        "evidence": evidence,
        "alerts": alerts,
        "line_replacements": subjects.line_replacements.with_columns(day=pl.lit(day, pl.Date)),
    }
    names = open_state.names_of_day(state, frames, chosen.source.names, day)
    if names.height or "line_names" in state.versions:  # most feeds have none
        frames["line_names"] = names
    seconds = round(monotonic() - began, 3)
    state = state.commit(
        "done",
        frames,
        day=day,
        seconds=seconds,
        inputs=[file._asdict() for file in chosen.files],
        settings=_settings(settings, run.lists),
        versions=versions(),
        counts=_counts(result),
        facts=_facts(night, chosen, day),
    )
    nights = ledger.finished_nights(state.ledger)
    state.forget(
        kept_from(max(nights), settings.keep_profiles_days, settings.keep_calls_days)
    ).sweep()
    return Outcome(day, result, seconds, _warnings(state, nights, day, chosen))


def _result(
    night: JudgedNight, alerts: pl.DataFrame, victims: pl.DataFrame, source: Source, day: date
) -> Result:
    return Result(
        findings=night.judgement.findings,
        evidence=night.judgement.weights.filter(pl.col("day") == day),
        alerts=alerts,
        victims=victims,
        counts=pipeline.count_rows(night.reader.look),
        not_applicable=night.not_applicable,
        tables=night.tables,
        source=source,
        line=None,
    )


def _facts(night: JudgedNight, chosen: NightFiles, day: date) -> dict[str, Any]:
    """Return what later nights need to know of this one, beside the tables."""
    look = night.reader.look
    return {
        "calls": pipeline.count_rows(look).used,
        "attempts": look.has_unanswered,
        "talk": look.has_talk,
        "active": night.active,
        "callers": look.n_callers.get(day, 0),
        "beside": chosen.other_days,
        "long": night.state_rows["long_calls"].height,
    }


def _judge(
    state: State,
    nights: Mapping[date, Night],
    chosen: Source,
    day: date,
    run: Run,
    damaged: Collection[str],
) -> JudgedNight:
    """Read the calls of the day, and let every detector judge them by what is remembered."""
    built = detectors.build(run.settings)
    needs = Needs.merge(detector.needs() for detector in built)
    late = (
        state.read("carry_over")
        .filter(pl.col("day") == day - timedelta(days=1))
        .drop("day")
        .collect()
    )
    as_text = state.as_text or chosen.as_text
    chosen.names.add(state.names.table)
    source = replace(chosen, as_text=as_text, carry_over=late if late.height else None)
    reader = pipeline.read_once(
        run.engine,
        source,
        needs.traffic,
        subscribers=run.lists.subscribers,
        progress=run.progress,
    )
    look, first_day = reader.look, ledger.first_day(nights, day)
    recent = [night.facts for d, night in nights.items() if day - FEED_NIGHTS <= d < day]
    feed = replace(
        reader.feed,
        first_day=first_day,
        last_day=day,
        attempts=look.has_unanswered or any(facts["attempts"] for facts in recent),
        talk=look.has_talk or any(facts.get("talk", False) for facts in recent),
    )
    reader = replace(reader, feed=feed)
    active = reduce(
        ActiveDays.plus, (ActiveDays(*facts["active"]) for facts in recent), ActiveDays()
    )
    table_reader = open_state.table_reader(state, reader.source, damaged)
    past = StateHistory(
        line_type=reader.source.line_type,
        tz=reader.source.tz,
        since=day,
        active=active,
        read=table_reader,
        keep_profile=lambda rows: state.stage("profile", rows, day),
    )
    run.progress("reading some lines' calls again", reader.source.rows)
    reading = read_lines(reader, needs, past)
    tables = build_tables(reading, needs)
    rows, active_today = past.state_rows(reading, tables), reading.active_days(needs)
    run.progress("judging")
    reasons = pipeline.reasons_not_applicable(built, feed)
    applicable = [detector for detector in built if detector.name not in reasons]
    evidence = past.days("evidence", peer_scoring.NIGHTS).collect()
    callers = {d: done.facts["callers"] for d, done in nights.items() if "callers" in done.facts}
    callers[day] = look.n_callers.get(day, 0)
    past_evidence = peer_scoring.PastNights(evidence, callers)
    judgement = detect.detect(applicable, tables, past_evidence, run.settings.fdr)
    return JudgedNight(reader, tables, rows, active_today, judgement, reasons, past)


def _settings(settings: Settings, lists: Lists) -> dict[str, Any]:
    """Return what the findings of a night depend on, beside its calls."""
    given = settings.model_dump(
        exclude={"since", "until", "memory", "engine", "master"}, exclude_none=True
    )
    if lists.subscribers is None:
        return given
    return given | {"subscribers": sha256(lists.subscribers)}


def _counts(result: Result) -> dict[str, Any]:
    listed = result.alerts.filter(pl.col("rank").is_not_null())
    return {
        **asdict(result.counts),
        "findings": dict(result.findings["detector"].value_counts().sort("detector").iter_rows()),
        "alerts": dict(listed["severity"].value_counts().sort("severity").iter_rows()),
        **{name: rows.height for name, rows in ranking.unranked(result.alerts).items()},
        "to_warn": urgency.count_by_tier(result.victims),
    }


def _warnings(
    state: State, nights: Mapping[date, Night], day: date, chosen: NightFiles
) -> list[Text]:
    """Return what the operator of a night should look at, a sentence each."""
    volumes = state.read("volume").collect()
    warnings = [
        say("volume.of_day", "{day}: {volume}", day=day, volume=text)
        for text in volume.check_volume(volumes, day).warnings
    ]
    if chosen.copies:
        warnings.append(
            say(
                "nights.copies",
                "{files} file(s) are copies of others, and count once",
                files=chosen.copies,
            )
        )
    warnings += [
        say(
            "nights.may_change",
            "{day} may change: {why}; run backfill over it",
            day=other,
            why=night.provisional,
        )
        for other, night in nights.items()
        if night.provisional and night.done < nights[day].done
    ]
    return warnings
