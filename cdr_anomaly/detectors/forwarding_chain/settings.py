"""Settings of the detector of forwarding chains."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting


@dataclass(frozen=True, config=STRICT)
class ForwardingChainSettings(Detector):
    """What makes a finding of forwarding chains."""

    min_hops: int = setting(2, "hops from which forwarded calls are a chain", ge=2)
    hub_forwarders: int = setting(5, "bridges to one target in 7 days that make a hub", ge=2)
    link_seconds: int = setting(35, "seconds within which the next hop of a call follows", ge=1)
    bridge_forwards: int = setting(5, "calls forwarded in 7 days that a bridge has", ge=1)
    forward_share: float = setting(0.9, "share of received calls that it forwards", ge=0, le=1)
    own_calls: int = setting(1, "calls of its own that it places in 7 days at the most", ge=0)
    new_days: int = setting(30, "days for which a line counts as new", ge=1)
    stranger_share: float = setting(
        0.8, "different callers per forwarded call that make them strangers", ge=0, le=1
    )
    targets_day: int = setting(3, "targets in a day that are a changing target", ge=2)
    calls_per_target: float = setting(2.0, "forwarded calls per target below which they are", gt=0)
    self_calls: int = setting(3, "calls of a line to itself, forwarded in a day", ge=1)
    platforms: tuple[str, ...] = setting(
        (), 'voicemail and relay platforms, as in ["+8613800000000"]', strict=False
    )
    platform_lines: int = setting(
        10,
        "lines forwarding to a target in 7 days that make it a platform, if most are no bridge",
        ge=2,
    )

    def share_percent(self) -> int:
        """Return the share of received calls that a bridge forwards, in percent."""
        return round(100 * self.forward_share)
