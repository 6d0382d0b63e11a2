"""Honest forwarding: second phones, voicemail, on-call rotas, a company's reception."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import numbers
from .habits import moments, places, strangers, talk, unnoticed, work
from .world import HOUR, Calls, calls, forwarded, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ordinary import People
    from .world import World

    Ints = NDArray[np.int64]

N_SECOND_PHONES, N_ALWAYS, N_VOICEMAIL = 15, 5, 30
VOICEMAIL = "+8613800591300"
REASONS = np.array(["cfnry", "cfnrc", "cfb"], object)


def rotas_and_desks(world: World) -> Calls:
    """Make the calls of two on-call rotas and of one company."""
    return together([*(rota(world, k) for k in range(2)), company(world)])


def rota(world: World, k: int) -> Calls:
    """Forward every call of a fixed line to the doctor on shift; shifts last twelve hours."""
    name = f"rota_{k + 1}"
    rng, actor = world.rng(name), world.book.actor(name)
    line = world.book.add(numbers.fixed(rng, 1, exchange=8120), home=True, fixed=True, trunk=True)
    doctors = rng.choice(unnoticed(world), (7, 4)[k], replace=False)
    called, day = work(rng, line, np.arange(world.days), rate=(28, 17)[k])
    at = moments(rng, day, ((0, 8, 1), (8, 18, 4), (18, 24, 4)))
    on_shift = doctors[(at - 8 * HOUR) // (12 * HOUR) % len(doctors)]
    seconds = talk(rng, len(at), 0.85, median=80)
    sick = strangers(world, rng, len(at), own=0.4)
    batch = calls(sick, called, at, seconds, actor=actor)
    batch = forwarded(batch, np.arange(len(at)), called, on_shift, "cfu", actor=actor)
    world.book.tell(line, "rota", honest=True, actor=actor)
    world.book.tell(doctors, "rota_doctor", honest=True, actor=actor)
    return batch if k else _to_voicemail(world, batch, doctors[0], on_shift)


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
    actor = world.book.actor("voicemail_1")
    world.book.tell(line, "voicemail", honest=True, actor=actor)


def _voicemail(world: World) -> tuple[int, int]:
    line = np.flatnonzero(world.book.column("number") == VOICEMAIL)[0]
    return int(line), world.book.actors.index("voicemail_1")


def company(world: World) -> Calls:
    """Forward six desk numbers to the reception since the first day, desks calling out as well."""
    rng, actor = world.rng("company"), world.book.actor("company_1")
    lines = world.book.add(numbers.fixed(rng, 7, exchange=8467), home=True, fixed=True, trunk=True)
    desks, reception = lines[:6], lines[6]
    line, day = work(rng, desks, world.weekdays(), rate=rng.uniform(8, 18, 6))
    at = moments(rng, day, ((8.5, 12, 1), (13.5, 18, 1)))
    out = rng.random(len(at)) < 0.4
    clients = strangers(world, rng, 200)
    client = rng.choice(clients, len(at))
    caller, called = np.where(out, line, client), np.where(out, client, line)
    batch = calls(caller, called, at, talk(rng, len(at), 0.8, median=60), actor=actor)
    row = np.flatnonzero(~out)
    reason = np.where(np.isin(line[row], desks[::2]), "cfu", "cfnry")
    delay = np.where(reason == "cfu", 1, 16)
    world.book.tell(desks, "company_desk", honest=True, actor=actor)
    world.book.tell(reception, "reception", honest=True, actor=actor)
    return forwarded(batch, row, line[row], reception, reason, delay=delay, actor=actor)


def personal(world: World, people: People, batch: Calls) -> Calls:
    """Apply the forwarding that people set for themselves to all calls that reach them.

    Five forward everything to their own second phone, ten what they miss; thirty have voicemail.
    """
    rng = world.rng("personal")
    old = unnoticed(world)
    count = np.bincount(batch.rows["called"].to_numpy(), minlength=people.n)[old]
    liked = old[np.argsort(-count, kind="stable")[len(old) // 50 : len(old) // 2]]
    chosen = rng.permutation(liked)[: N_SECOND_PHONES + N_VOICEMAIL]
    batch = _second_phones(world, rng, batch, chosen[:N_SECOND_PHONES])
    return _voicemail_users(world, rng, batch, chosen[N_SECOND_PHONES:])


def _second_phones(world: World, rng: np.random.Generator, batch: Calls, owner: Ints) -> Calls:
    second = world.book.add(
        numbers.mobiles(np.full(len(owner), 1390_591), 9_000 + np.arange(len(owner)) * 7),
        home=True,
        cells=places(rng, len(owner)),
    )
    for k, (line, target) in enumerate(zip(owner, second, strict=True)):
        actor = world.book.actor(f"second_phone_{k + 1}")
        world.book.tell([line, target], "second_phone", honest=True, actor=actor)
        missed = (batch.rows["talk"] == 0).to_numpy()
        to_owner = (batch.rows["called"] == line).to_numpy()
        row = np.flatnonzero(to_owner & (missed | (k < N_ALWAYS)))
        reason = "cfu" if k < N_ALWAYS else rng.choice(REASONS, len(row), p=[0.7, 0.2, 0.1])
        delay = np.where(np.asarray(reason) == "cfnry", 18, 1)
        batch = _answer(rng, batch, row, median=50)
        batch = forwarded(batch, row, line, target, reason, delay=delay, actor=actor)
    usual = rng.uniform(0.5, 2.5, len(second))
    caller, day = work(rng, second, np.arange(world.days), rate=usual)
    family = strangers(world, rng, 4 * len(second)).reshape(-1, 4)
    called = family[caller - second[0], rng.integers(0, 4, len(caller))]
    at = moments(rng, day, ((8, 22, 1),))
    own_calls = calls(caller, called, at, talk(rng, len(at), 0.65, median=60))
    return together([batch, own_calls])


def _voicemail_users(world: World, rng: np.random.Generator, batch: Calls, user: Ints) -> Calls:
    voicemail, actor = _voicemail(world)
    world.book.tell(user, "voicemail_user", honest=True, actor=actor)
    missed = (batch.rows["talk"] == 0).to_numpy() & (rng.random(len(batch)) < 0.75)
    row = np.flatnonzero(missed & batch.rows["called"].is_in(user.tolist()).to_numpy())
    batch = _answer(rng, batch, row, median=9)
    reason = rng.choice(REASONS, len(row), p=[0.65, 0.2, 0.15])
    delay = np.where(reason == "cfnry", 20, 1)
    called = batch.rows["called"].to_numpy()[row]
    return forwarded(batch, row, called, voicemail, reason, delay=delay, actor=actor)


def _answer(rng: np.random.Generator, batch: Calls, row: Ints, *, median: float) -> Calls:
    """Give forwarded calls the talk they have at the target."""
    seconds = batch.rows["talk"].to_numpy().copy()
    seconds[row] = np.where(
        seconds[row] > 0, seconds[row], talk(rng, len(row), 0.8, median=median, sigma=0.6)
    )
    return Calls(batch.rows.with_columns(talk=seconds), batch.hops)
