"""All detectors, and how they are built from settings."""

from __future__ import annotations

from dataclasses import fields
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cdr_anomaly.detectors.agent_shift import AgentShift
from cdr_anomaly.detectors.campaign import Campaign
from cdr_anomaly.detectors.forwarding_chain import ForwardingChain
from cdr_anomaly.detectors.hand_off import HandOff
from cdr_anomaly.detectors.high_frequency import HighFrequency
from cdr_anomaly.detectors.mass_dialler import MassDialler
from cdr_anomaly.detectors.new_sim_burst import NewSimBurst
from cdr_anomaly.detectors.overseas_presentation import OverseasPresentation
from cdr_anomaly.detectors.site import Site
from cdr_anomaly.errors import SettingError, nearest
from cdr_anomaly.settings import ColdCallers, validation_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.features.peer_measures import Measure
    from cdr_anomaly.settings import Settings

ALL: tuple[type[Detector], ...] = (
    MassDialler,
    HighFrequency,
    ForwardingChain,
    NewSimBurst,
    OverseasPresentation,
    AgentShift,
    Campaign,
    Site,
    HandOff,
)
NAMES = tuple(detector.name for detector in ALL)
MEASURES: dict[str, Measure] = {
    measure.name: measure
    for detector in ALL
    for family in detector.measures.values()
    for measure in family
}


def build(settings: Settings) -> list[Detector]:
    """Build every detector with its settings; a name that is none names the nearest one."""
    known = {detector.name: detector for detector in ALL}
    for name in settings.detectors:
        if name not in known:
            msg = f"'{name}' is not a detector.{nearest(name, known)}"
            raise SettingError(msg)
    return [_build_one(detector, settings) for detector in ALL]


def described() -> dict[str, tuple[str, pl.DataFrame]]:
    """Describe every detector, and what they share: a name to its help and its settings."""
    of_detectors = {d.name: (cleandoc(d.__doc__ or ""), _settings_table(_settings(d))) for d in ALL}
    shared = _settings_table(ColdCallers.model_fields)
    return of_detectors | {"cold_callers": (cleandoc(ColdCallers.__doc__ or ""), shared)}


def _settings(detector: type[Detector]) -> dict[str, Any]:
    """Return the settings of a detector by name; what several detectors share is none."""
    declared: list[Any] = list(fields(detector))  # type: ignore[arg-type]
    return {f.name: f.default for f in declared if isinstance(f.default, FieldInfo)}


def _settings_table(settings: Mapping[str, FieldInfo]) -> pl.DataFrame:
    rows = [(name, repr(each.default), each.description) for name, each in settings.items()]
    return pl.DataFrame(rows, schema=["setting", "default", "meaning"], orient="row")


def _build_one(detector: type[Detector], settings: Settings) -> Detector:
    section, names = settings.detectors.get(detector.name, {}), list(_settings(detector))
    shared = {
        field.name: getattr(settings, field.name)
        for field in fields(detector)  # type: ignore[arg-type]
        if field.name not in names
    }
    for name in shared.keys() & section.keys():
        msg = f"'{name}' is not a setting of {detector.name}. It is a section of its own: [{name}]."
        raise SettingError(msg)
    try:
        return detector(**section, **shared)
    except ValidationError as error:
        raise SettingError(validation_sentence(error, names, section=detector.name)) from error
