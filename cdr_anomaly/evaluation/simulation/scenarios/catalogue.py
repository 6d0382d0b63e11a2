"""All scenarios, in the order in which they take people of the city."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdr_anomaly.evaluation.simulation.scenarios import (
    called_side,
    cards,
    forwarding,
    growth,
    identities,
    new_lines,
    relays,
    rooms,
)
from cdr_anomaly.evaluation.simulation.scenarios.side import calls_of_scenarios

if TYPE_CHECKING:
    from cdr_anomaly.evaluation.simulation.world import Calls, World

SCENARIOS = (
    *rooms.SCENARIOS,
    *cards.SCENARIOS,
    *new_lines.SCENARIOS,
    *growth.SCENARIOS,
    *forwarding.SCENARIOS,
    *relays.SCENARIOS,
    *called_side.SCENARIOS,
    *identities.SCENARIOS,
)


def all_calls(world: World, grade: int, *, clean: bool) -> Calls:
    """Return the calls of all crews and their honest twins; of the twins alone when clean."""
    return calls_of_scenarios(world, SCENARIOS, grade, clean=clean)
