"""A scenario has two sides: a planted crew, and its honest twin that resembles it.

Both are drawn by one function, with the same hours, numbers of lines and calls, and shares of
calls that are answered, so that these three alone do not tell them apart. What differs is what the
function says: whom they call, who calls them, and what they did before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler
from cdr_anomaly.evaluation.simulation.world import (
    ABSENT,
    N_CELLS,
    Calls,
    Floats,
    Ints,
    Pair,
    Window,
    World,
    build_calls,
    concat_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

T = TypeVar("T")

GRADES = ("plain", "hidden", "worst")
OFFICE = ((8.8, 12.0, 4.0), (13.3, 18.3, 5.0))
EVENING_TOO = ((9.0, 12.0, 3.0), (13.5, 18.0, 4.0), (18.0, 21.0, 2.0))
DAY_AND_EVENING = ((7.5, 12.0, 2.0), (12.0, 18.0, 3.0), (18.0, 22.5, 4.0))
LATEST_BEGIN, EARLIEST_BEGIN = 9, 16  # days before the end on which a crew begins
FEED_SHARE = 0.15  # of the strangers whom a crew calls, those who are our subscribers


@dataclass(frozen=True, kw_only=True)
class Side(Sampler):
    """One side of a scenario, with the random stream of its own and that of the pair."""

    scenario: str
    grade: int
    honest: bool
    pair: np.random.Generator

    def of_grade(self, *values: T) -> T:
        """Return the value of this grade: of plain, hidden, worst."""
        return values[self.grade - 1]

    def between(self, *bounds: Pair) -> float:
        """Draw a value within the bounds of this grade, the same for both sides."""
        return float(self.pair.uniform(*self.of_grade(*bounds)))

    def number(self, *bounds: tuple[int, int]) -> int:
        """Draw a number within the bounds of this grade, the same for both sides."""
        low, high = self.of_grade(*bounds)
        return int(self.pair.integers(low, high + 1))

    def rates(self, n: int, *bounds: Pair) -> Floats:
        """Draw calls a day of n lines within the bounds of this grade; the sides' means agree."""
        low, high = self.of_grade(*bounds)
        middle = self.pair.uniform(low + 0.3 * (high - low), high - 0.3 * (high - low))
        reach = 0.3 * (high - low)
        return self.rng.uniform(middle - reach, middle + reach, n)

    def tell(self, lines: ArrayLike, planted: str, honest: str) -> None:
        """Record what lines are, by the side; honest lines have no pattern."""
        kind, pattern = (honest, "") if self.honest else (planted, self.scenario)
        self.world.book.add_truth(lines, kind, actor=self.actor, pattern=pattern)

    def begin(self) -> int:
        """Draw the first day of a crew; its twin may have been there before."""
        return self.world.days - int(self.pair.integers(LATEST_BEGIN, EARLIEST_BEGIN + 1))

    def work_days(self, begin: int = 0, length: int | None = None, *, until: int = 6) -> Ints:
        """Return the working days from a day on, so many at most."""
        return self.world.weekdays(begin, until=until)[:length]

    # ---- lines ----

    def cards(self, n: int, *, before: ArrayLike = 0, **facts: ArrayLike) -> Ints:
        """Add mobiles of scattered blocks, activated long before a day."""
        age = (40 + self.rng.exponential(300, n)).astype(np.int64)
        return self.new_mobiles(n, activation=np.asarray(before) - age, **facts)

    def crew_cards(
        self, n: int, begin: ArrayLike, *, past: float, **facts: ArrayLike
    ) -> tuple[Ints, Calls]:
        """Add cards, a share of which had an owner's life until days before `begin`.

        The others were bought in the weeks before, and nobody used them. Returns the cards and the
        calls of the owners, which belong to no actor.
        """
        first = np.broadcast_to(np.asarray(begin, np.int64), n)
        lived = self.rng.permutation(n) < round(n * past)
        age = np.where(lived, 100 + self.rng.exponential(500, n), self.rng.integers(5, 45, n))
        lines = self.new_mobiles(n, activation=(first - age).astype(np.int64), **facts)
        end = first - self.rng.integers(1, 6, n)
        return lines, own_life(self, lines[lived], 0, end[lived])

    def handsets(self, n: int) -> Ints:
        """Return n handsets, each named by a line that was used in it once, and no longer is."""
        return self.cards(n)

    def room(self, n: int, *, spread: bool = False) -> Ints:
        """Return the cell of each of n seats: one room, or two neighbouring cells."""
        return (self.rng.integers(N_CELLS) + (np.arange(n) % 2) * spread) % N_CELLS

    # ---- people ----

    def cold(self, n: int) -> Ints:
        """Return so many people nobody on this side knows, most of them of other networks.

        Nobody is among them twice, as long as there are enough.
        """
        column, rng = self.world.book.column, self.rng
        ours = np.flatnonzero(column("person") & (column("activation") < 0))
        outside = np.flatnonzero(column("outside"))
        n_ours = min(rng.binomial(n, FEED_SHARE), len(ours) // 3)
        n_outside = n - n_ours
        drawn = rng.choice(outside, n_outside, replace=n_outside > len(outside))
        return rng.permutation(np.append(rng.choice(ours, n_ours, replace=False), drawn))

    def register(self, n: int) -> Ints:
        """Return so many customers, most of them of other networks, too."""
        return self.cold(n)


class Seats(NamedTuple):
    """Lines at work: on which days, how many calls a day, how many answered, and for how long.

    `rate` is a line's or a line's and day's; `cell` and `handset` a line's, ABSENT for its own.
    """

    lines: Ints
    days: Ints
    rate: Floats
    answered: float
    talk_s: float
    hours: Sequence[Window] = OFFICE
    cell: Ints | int = ABSENT
    handset: Ints | int = ABSENT


def place_calls(
    side: Side, seats: Seats, called: Callable[[Ints, Ints], Ints], *, private: bool = False
) -> Calls:
    """Place the calls of seats; `called` gives whom, by (index of the line, time).

    Private calls belong to no actor: they are of the time before it.
    """
    n = len(seats.lines)
    which, at = side.schedule(n, seats.days, seats.hours, rate=seats.rate, off=0.06, spread=0.25)
    seconds = side.talk(len(at), seats.answered, median=seats.talk_s, sigma=1.1)
    at_line = {"cell": seats.cell, "handset": seats.handset}
    by_call = {name: np.broadcast_to(np.asarray(v), n)[which] for name, v in at_line.items()}
    by_call |= {"actor": np.full(len(at), ABSENT if private else side.actor)}
    return side.calls(seats.lines[which], called(which, at), at, seconds, **by_call)


def own_life(
    side: Side, lines: Ints, first: ArrayLike, end: ArrayLike, *, rate: Pair = (0.7, 2.6)
) -> Calls:
    """Let lines and a few people of each call one another from a day on to before another.

    These calls are nobody's work, and so belong to no actor.
    """
    n, rng = len(lines), side.rng
    days = np.arange(side.world.days)
    first, end = (np.broadcast_to(np.asarray(v), n)[:, None] for v in (first, end))
    lived = (days >= first) & (days < end)
    circle = side.strangers(8 * n, home_share=0.35).reshape(n, 8)
    both_ways = 2 * rng.uniform(*rate, n)[:, None] * lived
    which, day = side.call_days(n, days, rate=both_ways, spread=0.5)
    friend = circle[which, np.minimum(rng.geometric(0.35, len(which)) - 1, 7)]
    outward = rng.random(len(which)) < 0.5
    caller = np.where(outward, lines[which], friend)
    called = np.where(outward, friend, lines[which])
    at = side.call_times(day, DAY_AND_EVENING)
    return build_calls(caller, called, at, side.talk(len(at), 0.68, median=55))


def calls_inward(
    side: Side, lines: Ints, days: Ints, people: Ints, *, rate: ArrayLike, talk_s: float = 70
) -> Calls:
    """Let people of a register call lines on their days, so many times a line and day."""
    which, day = side.call_days(len(lines), days, rate=rate, spread=0.4)
    caller = side.rng.choice(people, len(day))
    at = side.call_times(day, DAY_AND_EVENING)
    return side.calls(caller, lines[which], at, side.talk(len(at), 0.85, median=talk_s))


def calls_within(
    side: Side, lines: Ints, days: Ints, *, rate: ArrayLike, cell: ArrayLike = ABSENT
) -> Calls:
    """Let lines call each other, so many times a line and day."""
    n = len(lines)
    which, day = side.call_days(n, days, rate=rate, spread=0.4)
    other = (which + side.rng.integers(1, n, len(which))) % n
    at = side.call_times(day, EVENING_TOO)
    seconds = side.talk(len(at), 0.8, median=40)
    by_call = np.broadcast_to(np.asarray(cell), n)[which]
    return side.calls(lines[which], lines[other], at, seconds, cell=by_call)


class Scenario(NamedTuple):
    """A planted pattern and the kind of actor that resembles it, both drawn by `calls`."""

    pattern: str
    twin: str
    calls: Callable[[Side], Calls]
    n: int = 2  # pairs in a city of full size


def calls_of_scenarios(
    world: World, scenarios: Sequence[Scenario], grade: int, *, clean: bool
) -> Calls:
    """Return the calls of all crews and twins; of the twins alone where nothing is planted."""
    sides = (True,) if clean else (False, True)
    return concat_calls(
        [
            scenario.calls(_side(world, scenario, k, grade, honest=honest))
            for scenario in scenarios
            for k in range(world.scale(scenario.n))
            for honest in sides
        ]
    )


def _side(world: World, scenario: Scenario, k: int, grade: int, *, honest: bool) -> Side:
    name = f"{scenario.twin if honest else scenario.pattern}_{k + 1}"
    actor = world.book.add_actor(name)
    world.book.scenarios[actor] = (scenario.pattern, grade)
    return Side(
        world,
        world.rng(f"scenario {name}"),
        actor,
        k,
        scenario=scenario.pattern,
        grade=grade,
        honest=honest,
        pair=world.rng(f"pair {scenario.pattern}_{k + 1}"),
    )
