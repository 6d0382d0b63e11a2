"""Honest forwarding: second phones, voicemail, on-call rotas, a company's reception."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import (
    fresh_sims,
    moments,
    strangers,
    talk,
    unnoticed,
    work,
)
from cdr_anomaly.evaluation.simulation.world import HOUR, NOBODY, Calls, calls, forwarded, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.honest.ordinary import People
    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]

VOICEMAIL = "+8613800591300"
REASONS = np.array(["cfnry", "cfnrc", "cfb"], object)


def rotas_and_desks(world: World) -> Calls:
    """Make the calls of on-call rotas and of companies."""
    return together([rotas(world), companies(world)])


def rotas(world: World) -> Calls:
    """Forward every call of some fixed lines to the doctor on shift; shifts last twelve hours."""
    rng, n = world.rng("rota"), world.scaled(8)
    listed = phone_numbers.fixed(rng, n, exchange=8120)
    lines = world.book.add(listed, home=True, fixed=True, trunk=True)
    return together([_rota(world, rng, int(line), k) for k, line in enumerate(lines)])


def _rota(world: World, rng: np.random.Generator, line: int, k: int) -> Calls:
    actor = world.book.actor(f"rota_{k + 1}")
    doctors = rng.choice(unnoticed(world), rng.integers(3, 9), replace=False)
    _, day = work(rng, 1, np.arange(world.days), rate=rng.uniform(12, 34))
    at = moments(rng, day, ((0, 8, 1), (8, 18, 4), (18, 24, 4)))
    on_shift = doctors[(at - 8 * HOUR) // (12 * HOUR) % len(doctors)]
    seconds = talk(rng, len(at), 0.85, median=80)
    sick = strangers(world, rng, len(at), own=0.4)
    batch = calls(sick, line, at, seconds, actor=actor)
    batch = forwarded(batch, np.arange(len(at)), line, on_shift, "cfu", actor=actor)
    world.book.tell(line, "rota", actor=actor)
    world.book.tell(doctors, "rota_doctor", actor=actor)
    return batch if k % 2 else _to_voicemail(world, batch, doctors[0], on_shift)


def _to_voicemail(world: World, batch: Calls, doctor: int, on_shift: Ints) -> Calls:
    """Let one doctor's unanswered calls go on to voicemail: an honest chain of two hops."""
    missed = (batch.rows["talk"] == 0).to_numpy() | (np.arange(len(batch)) % 3 == 0)
    row = np.flatnonzero((on_shift == doctor) & missed)
    seconds = batch.rows["talk"].to_numpy().copy()
    seconds[row] = 6 + row % 23
    batch = Calls(batch.rows.with_columns(talk=seconds), batch.hops)
    voicemail, actor = _voicemail(world)
    return forwarded(batch, row, doctor, voicemail, "cfnry", delay=21, actor=actor)


def open_voicemail(world: World) -> None:
    """Add the operator's one voicemail number."""
    line = world.book.add([VOICEMAIL], fixed=True, trunk=True)
    world.book.tell(line, "voicemail", actor=world.book.actor("voicemail_1"))
    world.book.declare(line, "voicemail platform of the operator")


def _voicemail(world: World) -> tuple[int, int]:
    line = np.flatnonzero(world.book.column("number") == VOICEMAIL)[0]
    return int(line), world.book.actors.index("voicemail_1")


def companies(world: World) -> Calls:
    """Forward six desks of each company to its reception since the first day."""
    rng, n = world.rng("company"), world.scaled(5)
    listed = phone_numbers.fixed(rng, 7 * n, exchange=8467)
    lines = world.book.add(listed, home=True, fixed=True, trunk=True)
    return together([_company(world, rng, own, k) for k, own in enumerate(lines.reshape(n, 7))])


def _company(world: World, rng: np.random.Generator, lines: Ints, k: int) -> Calls:
    """Let six desks be called and call out as well; half forward all, half what they miss."""
    actor = world.book.actor(f"company_{k + 1}")
    desks, reception = lines[:6], lines[6]
    which, day = work(rng, 6, world.weekdays(), rate=rng.uniform(6, 22, 6))
    at, line = moments(rng, day, ((8.5, 12, 1), (13.5, 18, 1))), desks[which]
    out = rng.random(len(at)) < rng.uniform(0.2, 0.6)
    client = rng.choice(strangers(world, rng, 200), len(at))
    caller, called = np.where(out, line, client), np.where(out, client, line)
    batch = calls(caller, called, at, talk(rng, len(at), 0.8, median=60), actor=actor)
    row = np.flatnonzero(~out)
    reason = np.where(np.isin(line[row], desks[::2]), "cfu", "cfnry")
    delay = np.where(reason == "cfu", 1, 16)
    world.book.tell(desks, "company_desk", actor=actor)
    world.book.tell(reception, "reception", actor=actor)
    return forwarded(batch, row, line[row], reception, reason, delay=delay, actor=actor)


def personal(world: World, people: People, batch: Calls) -> Calls:
    """Apply the forwarding that people set for themselves to all calls that reach them.

    Some have a second phone, of these a third forwards everything and the others what they miss;
    others have voicemail.
    """
    rng = world.rng("personal")
    old = unnoticed(world)
    count = np.bincount(batch.rows["called"].to_numpy(), minlength=people.n)[old]
    liked = old[np.argsort(-count, kind="stable")[len(old) // 50 : len(old) // 2]]
    n = [world.scaled(80), world.scaled(200)]
    owners, users, _ = np.split(rng.permutation(liked), np.cumsum(n))
    batch = _second_phones(world, rng, batch, owners)
    return _voicemail_users(world, rng, batch, users)


def _second_phones(world: World, rng: np.random.Generator, batch: Calls, owner: Ints) -> Calls:
    second = fresh_sims(world, rng, len(owner), activation=-400)
    actor = np.array([world.book.actor(f"second_phone_{k + 1}") for k in range(len(owner))])
    for lines in (owner, second):
        world.book.tell(lines, "second_phone", actor=actor)
    place = np.full(world.book.size, NOBODY)
    place[owner] = np.arange(len(owner))
    of = place[batch.rows["called"].to_numpy()]
    every = of % 3 == 0
    row = np.flatnonzero((of != NOBODY) & (every | (batch.rows["talk"] == 0).to_numpy()))
    reason = rng.choice(REASONS, len(row), p=[0.7, 0.2, 0.1])
    reason = np.where(every[row], "cfu", reason)
    delay = np.where(reason == "cfnry", 18, 1)
    batch = _answer(rng, batch, row, median=50)
    who = of[row]
    batch = forwarded(batch, row, owner[who], second[who], reason, delay=delay, actor=actor[who])
    return together([batch, _own_calls(world, rng, second)])


def _own_calls(world: World, rng: np.random.Generator, second: Ints) -> Calls:
    """Make the few calls that a second phone places itself, to the same four people."""
    n = len(second)
    which, day = work(rng, n, np.arange(world.days), rate=rng.uniform(0.5, 2.5, n))
    family = strangers(world, rng, 4 * n).reshape(n, 4)
    called = family[which, rng.integers(0, 4, len(which))]
    at = moments(rng, day, ((8, 22, 1),))
    return calls(second[which], called, at, talk(rng, len(at), 0.65, median=60))


def _voicemail_users(world: World, rng: np.random.Generator, batch: Calls, user: Ints) -> Calls:
    voicemail, actor = _voicemail(world)
    world.book.tell(user, "voicemail_user", actor=actor)
    uses = np.zeros(world.book.size, bool)
    uses[user] = True
    called = batch.rows["called"].to_numpy()
    missed = (batch.rows["talk"] == 0).to_numpy() & (rng.random(len(batch)) < 0.75)
    row = np.flatnonzero(missed & uses[called])
    batch = _answer(rng, batch, row, median=9)
    reason = rng.choice(REASONS, len(row), p=[0.65, 0.2, 0.15])
    delay = np.where(reason == "cfnry", 20, 1)
    return forwarded(batch, row, called[row], voicemail, reason, delay=delay, actor=actor)


def _answer(rng: np.random.Generator, batch: Calls, row: Ints, *, median: float) -> Calls:
    """Give forwarded calls the talk they have at the target."""
    seconds = batch.rows["talk"].to_numpy().copy()
    seconds[row] = np.where(
        seconds[row] > 0, seconds[row], talk(rng, len(row), 0.8, median=median, sigma=0.6)
    )
    return Calls(batch.rows.with_columns(talk=seconds), batch.hops)
