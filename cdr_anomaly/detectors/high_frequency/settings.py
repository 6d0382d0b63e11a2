"""Settings of the detector of high-frequency callers."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting


@dataclass(frozen=True, config=STRICT)
class HighFrequencySettings(Detector):
    """What makes a finding of high-frequency callers."""

    calls_day: int = setting(30, "placed calls that a day must have to be judged", ge=1)
    calls_10min: int = setting(12, "calls in any 10 minutes that make a finding", ge=1)
    calls_60min: int = setting(30, "calls in any 60 minutes that make a finding", ge=1)
    calls_day_alone: int = setting(200, "calls in a day that need no peak", ge=1)
    distinct_ratio: float = setting(0.5, "least share of different numbers", ge=0, le=1)
    out_share: float = setting(0.7, "least share of outgoing among all its calls", ge=0, le=1)
    strict_distinct: float = setting(0.8, "share of different numbers that is a sign", ge=0, le=1)
    strict_out_share: float = setting(0.9, "share of outgoing calls that goes with it", ge=0, le=1)
    few_call_backs: float = setting(
        0.05, "share that calls back, below which is a sign", ge=0, le=1
    )
    many_call_backs: float = setting(0.15, "share from which it speaks against", ge=0, le=1)
    unanswered: float = setting(0.5, "share unanswered that is a sign", ge=0, le=1)
    short: float = setting(0.3, "share of the answered under 10 s that is a sign", ge=0, le=1)
    mostly_answered: float = setting(0.7, "share answered that speaks against", ge=0, le=1)
    talk_s: int = setting(60, "mean seconds of talk that speak against, if most answer", ge=1)
    talk_answered: float = setting(0.6, "share answered that goes with it", ge=0, le=1)
    far_z: float = setting(6.0, "robust distance from the own past that is a sign", ge=0)
    near_z: float = setting(3.0, "distance within which the past speaks against", ge=0)
    few_cells: int = setting(2, "cells, up to which staying put is a sign", ge=1)
    many_cells: int = setting(5, "cells from which moving about speaks against", ge=2)
    familiar: float = setting(0.3, "share called on earlier busy days, speaks against", ge=0, le=1)
