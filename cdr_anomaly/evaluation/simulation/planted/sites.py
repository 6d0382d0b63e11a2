"""Planted rooms full of callers that fall silent and appear elsewhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    crowded_cell,
)
from cdr_anomaly.evaluation.simulation.planted.hand_offs import Roles, calls_of_roles
from cdr_anomaly.evaluation.simulation.world import N_CELLS, Calls, Ints, World, concat_calls

SHIFTS = (((8.5, 12.0, 3.0), (13.0, 18.0, 5.0)), ((10.0, 13.0, 3.0), (14.0, 20.5, 6.0)))


class Move(NamedTuple):
    """The days of work before and after a site moves, and its two cells."""

    before: Ints
    after: Ints
    cells: Ints


def site(draw: Sampler) -> Calls:
    """Work in shifts in one cell, fall silent for one to four days, go on in another cell.

    One goes on with most of its numbers; one with the same handsets, several cards to each, and
    new cards; one, in a cell where many live, hands over those who listen.
    """
    ways = (_with_most_numbers, _with_new_cards, _with_hand_offs)
    return ways[draw.k % 3](draw, _draw_move(draw))


def site_cells(world: World, k: int) -> Ints:
    """Return the cell in which the k-th site is at first, and that in which it is afterwards."""
    rng = world.rng(f"rooms of site {k}")
    first = crowded_cell(world) if k % 3 == 2 else int(rng.integers(N_CELLS))
    return np.array([first, (first + int(rng.integers(20, N_CELLS - 20))) % N_CELLS])


def _draw_move(draw: Sampler) -> Move:
    """Draw when the site moves, somewhere in the middle of the simulated days."""
    world, rng = draw.world, draw.rng
    last = int(world.days * rng.uniform(0.35, 0.6))
    silent = int(rng.integers(1, 5))
    silent = min(silent, max(world.last_day - last - 2, 1))
    begin = max(last - int(rng.integers(6, 15)), 0)
    end = min(last + silent + int(rng.integers(6, 15)), world.last_day)
    before, after = np.arange(begin, last + 1), np.arange(last + silent + 1, end + 1)
    # no Sundays, but on the days beside the move there is work in any case
    before, after = (
        d[(world.weekday(d) < 6) | (d == last) | (d == after[0])] for d in (before, after)
    )
    return Move(before, after, site_cells(world, draw.k))


def _dial(draw: Sampler, lines: Ints, days: Ints, cell: int) -> Calls:
    """Let lines dial 60 to 200 strangers a day each, in their shift, from a cell or the next."""
    rng = draw.rng
    shift = SHIFTS[int(rng.integers(len(SHIFTS)))]
    rate = rng.uniform(60, 200, len(lines))
    which, at = draw.schedule(len(lines), days, shift, rate=rate, off=0.03)
    n = len(at)
    seconds = draw.talk(n, rng.uniform(0.3, 0.5), median=rng.uniform(20, 50), sigma=1.0)
    called = draw.strangers(n, home_share=rng.uniform(0.25, 0.5))
    next_cell = rng.random(n) < rng.choice([0.0, 0.2])
    batch = draw.calls(lines[which], called, at, seconds, cell=(cell + next_cell) % N_CELLS)
    return draw.with_call_backs(batch, rng.uniform(0, 0.03))


def _dial_in_both_cells(draw: Sampler, move: Move, lines: Ints, later: Ints) -> Calls:
    first, second = move.cells.tolist()
    return concat_calls(
        [_dial(draw, lines, move.before, first), _dial(draw, later, move.after, second)]
    )


def _new_cards(draw: Sampler, n: int, first: Ints, handset: Ints | None = None) -> Ints:
    """Add cards that are activated some weeks before their first day."""
    days = int(first[0]) - draw.rng.integers(3, 60, n)
    facts = {} if handset is None else {"handset": handset}
    lines = draw.new_mobiles(n, activation=days, **facts)
    draw.world.book.add_truth(lines, "site_seat", actor=draw.actor, pattern="site")
    return lines


def _with_most_numbers(draw: Sampler, move: Move) -> Calls:
    """Go on with 70 to 100 % of the numbers; others take the seats of those that do not come."""
    rng, n = draw.rng, int(draw.rng.integers(5, 13))
    lines = _new_cards(draw, n, move.before)
    stays = rng.permutation(n) < np.ceil(n * rng.uniform(0.7, 1))
    others = _new_cards(draw, int((~stays).sum()), move.after)
    return _dial_in_both_cells(draw, move, lines, np.concatenate([lines[stays], others]))


def _with_new_cards(draw: Sampler, move: Move) -> Calls:
    """Go on with the same handsets and new cards, two or three to a handset."""
    rng, n = draw.rng, int(draw.rng.integers(5, 13))
    seat = np.arange(n) // int(rng.integers(2, 4))
    handset = draw.world.book.size + np.searchsorted(seat, seat)
    lines = _new_cards(draw, n, move.before, handset)
    return _dial_in_both_cells(draw, move, lines, _new_cards(draw, n, move.after, handset))


def _with_hand_offs(draw: Sampler, move: Move) -> Calls:
    """Move with all numbers from the mall, and call in two roles."""
    world, n = draw.world, int(draw.rng.integers(4, 8))
    lines = draw.new_mobiles(n + 2, activation=int(move.before[0]) - 20)
    first, second = move.cells.tolist()
    cells = np.where(np.arange(world.days) < move.after[0], first, second)
    days = np.concatenate([move.before, move.after])
    silent = np.arange(move.before[-1] + 1, move.after[0])
    roles = Roles(lines[:n], lines[n:], days, (60, 200), cells, silent)
    return calls_of_roles(draw, roles, "site")


KINDS = (Kind("site", site, 3, minimum=3),)
