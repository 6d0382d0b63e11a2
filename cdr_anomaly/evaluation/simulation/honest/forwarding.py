"""Honest forwarding: second phones, voicemail, on-call rotas, a company's reception."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler, unassigned_people
from cdr_anomaly.evaluation.simulation.world import (
    ABSENT,
    HOUR,
    Calls,
    Ints,
    World,
    build_calls,
    concat_calls,
)

VOICEMAIL = "+8613800591300"
REASONS = np.array(["cfnry", "cfnrc", "cfb"], object)


def rotas(world: World) -> Calls:
    """Forward every call of some fixed lines to the doctor on shift; shifts last twelve hours."""
    draw = Sampler.of_kind(world, "rota")
    lines = draw.fixed_lines(world.scale(8), exchange=8120)
    return concat_calls([_rota(draw, int(line), k) for k, line in enumerate(lines)])


def _rota(draw: Sampler, line: int, k: int) -> Calls:
    world, rng = draw.world, draw.rng
    actor = world.book.add_actor(f"rota_{k + 1}")
    doctors = rng.choice(unassigned_people(world), rng.integers(3, 9), replace=False)
    windows = ((0, 8, 1), (8, 18, 4), (18, 24, 4))
    _, at = draw.schedule(1, np.arange(world.days), windows, rate=rng.uniform(12, 34))
    on_shift = doctors[(at - 8 * HOUR) // (12 * HOUR) % len(doctors)]
    seconds = draw.talk(len(at), 0.85, median=80)
    patients = draw.strangers(len(at), home_share=0.4)
    batch = build_calls(patients, line, at, seconds, actor=actor)
    batch = batch.forward(np.arange(len(at)), line, on_shift, "cfu", actor=actor)
    world.book.add_truth(line, "rota", actor=actor)
    world.book.add_truth(doctors, "rota_doctor", actor=actor)
    if k % 2:
        return batch
    # One doctor's unanswered calls go on to voicemail: an honest chain of two hops.
    missed = (seconds == 0) | (np.arange(len(at)) % 3 == 0)
    row = np.flatnonzero((on_shift == doctors[0]) & missed)
    seconds[row] = 6 + row % 23
    voicemail, actor = _voicemail(world)
    return batch.replace(talk=seconds).forward(
        row, doctors[0], voicemail, "cfnry", delay=21, actor=actor
    )


def open_voicemail(world: World) -> None:
    """Add the operator's one voicemail number."""
    line = world.book.add([VOICEMAIL], fixed=True, trunk=True)
    world.book.add_truth(line, "voicemail", actor=world.book.add_actor("voicemail_1"))
    world.book.declare(line, "voicemail platform of the operator")


def _voicemail(world: World) -> tuple[int, int]:
    """Return the line and the actor of the voicemail number."""
    line = np.flatnonzero(world.book.column("number") == VOICEMAIL)[0]
    return int(line), world.book.actors.index("voicemail_1")


def companies(world: World) -> Calls:
    """Forward six desks of each company to its reception since the first day."""
    draw, n = Sampler.of_kind(world, "company"), world.scale(5)
    lines = draw.fixed_lines(7 * n, exchange=8467).reshape(n, 7)
    return concat_calls([_company(draw, lines[k], k) for k in range(n)])


def _company(draw: Sampler, lines: Ints, k: int) -> Calls:
    """Let six desks be called and call out as well; half forward all, half what they miss."""
    book, rng = draw.world.book, draw.rng
    actor = book.add_actor(f"company_{k + 1}")
    desks, reception = lines[:6], lines[6]
    hours = ((8.5, 12, 1), (13.5, 18, 1))
    which, at = draw.schedule(6, draw.world.weekdays(), hours, rate=rng.uniform(6, 22, 6))
    line = desks[which]
    out = rng.random(len(at)) < rng.uniform(0.2, 0.6)
    client = rng.choice(draw.strangers(200), len(at))
    caller, called = np.where(out, line, client), np.where(out, client, line)
    batch = build_calls(caller, called, at, draw.talk(len(at), 0.8, median=60), actor=actor)
    row = np.flatnonzero(~out)
    reason = np.where(np.isin(line[row], desks[::2]), "cfu", "cfnry")
    delay = np.where(reason == "cfu", 1, 16)
    book.add_truth(desks, "company_desk", actor=actor)
    book.add_truth(reception, "reception", actor=actor)
    return batch.forward(row, line[row], reception, reason, delay=delay, actor=actor)


def personal_forwarding(world: World, batch: Calls) -> Calls:
    """Apply the forwarding that people set for themselves to all calls that reach them.

    Some have a second phone, of these a third forwards everything and the others what they miss;
    others have voicemail.
    """
    draw = Sampler.of_kind(world, "personal")
    old = unassigned_people(world)
    count = np.bincount(batch.rows["called"].to_numpy(), minlength=world.people.n)[old]
    popular = old[np.argsort(-count, kind="stable")[len(old) // 50 : len(old) // 2]]
    sizes = np.cumsum([world.scale(80), world.scale(200)])
    owners, users, _ = np.split(draw.rng.permutation(popular), sizes)
    return _forward_to_voicemail(draw, _forward_to_second_phones(draw, batch, owners), users)


def _forward_to_second_phones(draw: Sampler, batch: Calls, owner: Ints) -> Calls:
    book, n = draw.world.book, len(owner)
    second = draw.new_mobiles(n, activation=-400)
    actor = np.array([book.add_actor(f"second_phone_{k + 1}") for k in range(n)])
    for lines in (owner, second):
        book.add_truth(lines, "second_phone", actor=actor)
    owner_index = np.full(book.size, ABSENT)
    owner_index[owner] = np.arange(n)
    index = owner_index[batch.rows["called"].to_numpy()]
    forwards_all = index % 3 == 0
    missed = (batch.rows["talk"] == 0).to_numpy()
    row = np.flatnonzero((index != ABSENT) & (forwards_all | missed))
    reason = draw.rng.choice(REASONS, len(row), p=[0.7, 0.2, 0.1])
    reason = np.where(forwards_all[row], "cfu", reason)
    delay = np.where(reason == "cfnry", 18, 1)
    batch, who = _answer(draw, batch, row, median=50), index[row]
    batch = batch.forward(row, owner[who], second[who], reason, delay=delay, actor=actor[who])
    return concat_calls([batch, _calls_of_second_phones(draw, second)])


def _calls_of_second_phones(draw: Sampler, second: Ints) -> Calls:
    """Return the few calls that a second phone places itself, to the same four people."""
    n, rng = len(second), draw.rng
    which, day = draw.call_days(n, np.arange(draw.world.days), rate=rng.uniform(0.5, 2.5, n))
    family = draw.strangers(4 * n).reshape(n, 4)
    called = family[which, rng.integers(0, 4, len(which))]
    at = draw.call_times(day, ((8, 22, 1),))
    return build_calls(second[which], called, at, draw.talk(len(at), 0.65, median=60))


def _forward_to_voicemail(draw: Sampler, batch: Calls, user: Ints) -> Calls:
    book = draw.world.book
    voicemail, actor = _voicemail(draw.world)
    book.add_truth(user, "voicemail_user", actor=actor)
    uses = np.zeros(book.size, bool)
    uses[user] = True
    called = batch.rows["called"].to_numpy()
    row = np.flatnonzero(draw.missed(batch, 0.75) & uses[called])
    batch = _answer(draw, batch, row, median=9)
    reason = draw.rng.choice(REASONS, len(row), p=[0.65, 0.2, 0.15])
    delay = np.where(reason == "cfnry", 20, 1)
    return batch.forward(row, called[row], voicemail, reason, delay=delay, actor=actor)


def _answer(draw: Sampler, batch: Calls, row: Ints, *, median: float) -> Calls:
    """Give forwarded calls the talk they have at the target."""
    seconds = batch.rows["talk"].to_numpy().copy()
    answered = draw.talk(len(row), 0.8, median=median, sigma=0.6)
    seconds[row] = np.where(seconds[row] > 0, seconds[row], answered)
    return batch.replace(talk=seconds)
