"""All detectors, and how they are built from settings."""

from __future__ import annotations

from dataclasses import fields
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import ValidationError

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
from cdr_anomaly.settings import validation_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.features.peer_measures import Measure

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


def build(told: Mapping[str, Mapping[str, Any]]) -> list[Detector]:
    """Build every detector with its settings; a name that is none names the nearest one."""
    known = {detector.name: detector for detector in ALL}
    for name in told:
        if name not in known:
            msg = f"'{name}' is not a detector.{nearest(name, known)}"
            raise SettingError(msg)
    return [_built(detector, told.get(name, {})) for name, detector in known.items()]


def described() -> dict[str, tuple[str, pl.DataFrame]]:
    """Describe every detector: its name to its help and a table of its settings."""
    return {d.name: (cleandoc(d.__doc__ or ""), _settings(d)) for d in ALL}


def _settings(detector: type[Detector]) -> pl.DataFrame:
    declared: list[Any] = [(f.name, f.default) for f in fields(detector)]  # type: ignore[arg-type]
    rows = [(name, repr(told.default), told.description) for name, told in declared]
    return pl.DataFrame(rows, schema=["setting", "default", "meaning"], orient="row")


def _built(detector: type[Detector], told: Mapping[str, Any]) -> Detector:
    try:
        return detector(**told)
    except ValidationError as error:
        names = [field.name for field in fields(detector)]  # type: ignore[arg-type]
        raise SettingError(validation_sentence(error, names, section=detector.name)) from error
