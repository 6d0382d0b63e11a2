"""Planted rooms full of callers that fall silent and appear elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    crowded_cell,
    fresh_sims,
    moments,
    strangers,
    talk,
    with_call_backs,
    work,
)
from cdr_anomaly.evaluation.simulation.planted.diallers import act
from cdr_anomaly.evaluation.simulation.planted.hand_offs import Roles, worked
from cdr_anomaly.evaluation.simulation.world import N_CELLS, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.planted.diallers import Actor
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

SHIFTS = (((8.5, 12.0, 3.0), (13.0, 18.0, 5.0)), ((10.0, 13.0, 3.0), (14.0, 20.5, 6.0)))


class Move(NamedTuple):
    """The days of work before and after a site moves."""

    before: Ints
    after: Ints


def everyone(world: World, people: People) -> Calls:
    """Make the calls of all of them; the ways they move take turns."""
    return together([site(world, people, k) for k in range(world.scaled(3, least=3))])


def site(world: World, people: People, k: int) -> Calls:
    """Work in shifts in one cell, fall silent for one to four days, go on in another cell.

    One goes on with most of its numbers; one with the same handsets, several cards to each, and
    new cards; one, in a cell where many live, hands over those who listen.
    """
    actor = act(world, "site", k)
    move = _move(world, actor.rng)
    if k % 3 == 2:
        return _handing_over(world, people, actor, (move, rooms(world, k)))
    how = _with_new_cards if k % 3 else _with_most_numbers
    return how(world, actor, move, rooms(world, k))


def rooms(world: World, k: int) -> Ints:
    """Tell in which cell the k-th site is at first, and in which afterwards."""
    rng = world.rng(f"rooms of site {k}")
    first = crowded_cell(world) if k % 3 == 2 else int(rng.integers(N_CELLS))
    return np.array([first, (first + int(rng.integers(20, N_CELLS - 20))) % N_CELLS])


def _move(world: World, rng: np.random.Generator) -> Move:
    """Draw when the site moves, somewhere in the middle of the days made."""
    last_there = int(world.days * rng.uniform(0.35, 0.6))
    silent = int(rng.integers(1, 5))
    silent = min(silent, max(world.last - last_there - 2, 1))
    begin = max(last_there - int(rng.integers(6, 15)), 0)
    end = min(last_there + silent + int(rng.integers(6, 15)), world.last)
    before, after = np.arange(begin, last_there + 1), np.arange(last_there + silent + 1, end + 1)
    # no Sundays, but on the days beside the move there is work in any case
    open_on = [
        d[(world.weekday(d) < 6) | (d == last_there) | (d == after[0])] for d in (before, after)
    ]
    return Move(*open_on)


def _cells(rng: np.random.Generator, room: int, n: int) -> Ints:
    """Draw the cell of each call: that of the room, for some rooms now and then the next one."""
    beside = rng.random(n) < rng.choice([0.0, 0.2])
    cell: Ints = (room + beside) % N_CELLS
    return cell


def _dials(world: World, actor: Actor, lines: Ints, days: Ints, room: int) -> Calls:
    """Let lines dial 60 to 200 strangers a day each, in their shift."""
    rng = actor.rng
    shift = SHIFTS[int(rng.integers(len(SHIFTS)))]
    rate = rng.uniform(60, 200, len(lines))
    which, day = work(rng, len(lines), days, rate=rate, off=0.03)
    at = moments(rng, day, shift)
    seconds = talk(rng, len(at), rng.uniform(0.3, 0.5), median=rng.uniform(20, 50), sigma=1.0)
    called = strangers(world, rng, len(at), own=rng.uniform(0.25, 0.5))
    cell = _cells(rng, room, len(at))
    out = calls(lines[which], called, at, seconds, cell=cell, actor=actor.id)
    return with_call_backs(rng, out, rng.uniform(0, 0.03))


def _cards(world: World, actor: Actor, n: int, first: Ints, handset: Ints | None = None) -> Ints:
    """Add cards that are activated some weeks before their first day."""
    days = int(first[0]) - actor.rng.integers(3, 60, n)
    facts = {} if handset is None else {"handset": handset}
    lines = fresh_sims(world, actor.rng, n, activation=days, **facts)
    world.book.tell(lines, "site_seat", actor=actor.id, pattern="site")
    return lines


def _with_most_numbers(world: World, actor: Actor, move: Move, rooms: Ints) -> Calls:
    """Go on with 70 to 100 % of the numbers; others take the seats of those that do not come."""
    rng, n = actor.rng, int(actor.rng.integers(5, 13))
    lines = _cards(world, actor, n, move.before)
    stays = rng.permutation(n) < np.ceil(n * rng.uniform(0.7, 1))
    others = _cards(world, actor, int((~stays).sum()), move.after)
    after = np.concatenate([lines[stays], others])
    there = _dials(world, actor, lines, move.before, int(rooms[0]))
    return together([there, _dials(world, actor, after, move.after, int(rooms[1]))])


def _with_new_cards(world: World, actor: Actor, move: Move, rooms: Ints) -> Calls:
    """Go on with the same handsets and new cards, two or three to a handset."""
    rng, n = actor.rng, int(actor.rng.integers(5, 13))
    place = np.arange(n) // int(rng.integers(2, 4))
    handset = world.book.size + np.searchsorted(place, place)
    lines = _cards(world, actor, n, move.before, handset)
    later = _cards(world, actor, n, move.after, handset)
    there = _dials(world, actor, lines, move.before, int(rooms[0]))
    return together([there, _dials(world, actor, later, move.after, int(rooms[1]))])


def _handing_over(world: World, people: People, actor: Actor, moving: tuple[Move, Ints]) -> Calls:
    """Move with all numbers from the mall, and call in two roles."""
    rng, n = actor.rng, int(actor.rng.integers(4, 8))
    move, where = moving
    lines = fresh_sims(world, rng, n + 2, activation=int(move.before[0]) - 20)
    there = np.where(np.arange(world.days) < move.after[0], where[0], where[1])
    days = np.concatenate([move.before, move.after])
    silent = np.arange(move.before[-1] + 1, move.after[0])
    roles = Roles(lines[:n], lines[n:], days, (60, 200), there, silent)
    return worked(world, people, actor, roles, "site")
