"""Honest people who work together: they share customers, lists, cells, or one handset."""

from __future__ import annotations

from functools import partial

import numpy as np

from cdr_anomaly.evaluation.simulation.call_behaviour import (
    Kind,
    Sampler,
    crowded_cell,
    unassigned_people,
)
from cdr_anomaly.evaluation.simulation.honest.ordinary import shops_and_services
from cdr_anomaly.evaluation.simulation.honest.trades import COURIER, MORNING_TO_EVENING, OFFICE
from cdr_anomaly.evaluation.simulation.planted.campaigns import deal_list, retry_missed
from cdr_anomaly.evaluation.simulation.planted.sites import site_cells
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, N_CELLS, Calls, concat_calls

SHOP_HOURS = ((10.0, 13.0, 3.0), (13.0, 18.0, 4.0), (18.0, 21.5, 3.0))


def depot(draw: Sampler) -> Calls:
    """Let 15 to 20 couriers start at one cell each morning, and share a town district's customers.

    Who orders again is called by another of them.
    """
    world, rng = draw.world, draw.rng
    n = int(rng.integers(15, 21))
    lines = draw.staff(n)
    world.book.add_truth(lines, "depot_courier", actor=draw.actor)
    home = int(rng.integers(N_CELLS))
    customers = draw.strangers(int(rng.integers(700, 2_500)), home_share=0.45)
    rate, days = rng.uniform(55, 170, n), world.weekdays(until=7)
    which, at = draw.schedule(n, days, MORNING_TO_EVENING, rate=rate, off=1 / 8, spread=0.25)
    known = rng.random(len(at)) < rng.uniform(0.4, 0.8)
    called = np.where(known, rng.choice(customers, len(at)), draw.strangers(len(at)))
    near = (home + draw.round_trip(at, which, rng.integers(4, 12, n)) % 12) % N_CELLS
    cell = np.where(at % DAY < 9.3 * HOUR, home, near)
    answered = rng.uniform(*COURIER.answered, n)[which]
    seconds = draw.talk(len(at), answered, median=COURIER.talk_s, sigma=0.7)
    batch = draw.calls(lines[which], called, at, seconds, cell=cell)
    redials = draw.redials(batch, 0.12, answered=0.6, median=COURIER.talk_s)
    back = rng.uniform(*COURIER.called_back, n)[which]
    return concat_calls([draw.with_call_backs(batch, back), redials])


def licensed_centre(draw: Sampler) -> Calls:
    """Seat a licensed call centre of twelve mobiles in the cell of a planted site."""
    world, rng, n = draw.world, draw.rng, 12
    cells = np.full((n, 4), site_cells(world, 3 * draw.k)[0])
    lines = draw.new_mobiles(n, activation=-700, cells=cells)
    world.book.add_truth(lines, "licensed_seat", actor=draw.actor)
    world.book.declare(lines, "licensed call centre")
    rate = rng.uniform(70, 180, n)
    which, at = draw.schedule(n, world.weekdays(), OFFICE, rate=rate, off=0.05)
    listed = draw.strangers(int(rng.integers(3_000, 8_000)), home_share=0.3)
    seconds = draw.talk(len(at), rng.uniform(0.3, 0.5), median=45, sigma=1.0)
    batch = draw.calls(lines[which], deal_list(rng, at, listed), at, seconds)
    batch = retry_missed(rng, batch, share=0.2, by_other=0.5)
    return draw.with_call_backs(batch, rng.uniform(0.02, 0.06))


def clinic(draw: Sampler) -> Calls:
    """Remind patients of their appointments; its pharmacy rings some of them minutes later.

    The pharmacy is not declared, nor is every other clinic.
    """
    world, rng = draw.world, draw.rng
    lines = draw.fixed_lines(2, exchange=8910 + draw.k)
    for line, kind in zip(lines, ("clinic", "pharmacy"), strict=True):
        world.book.add_truth(line, kind, actor=draw.actor)
    world.book.declare(lines[: 1 - draw.k % 2], "hospital appointment reminders")
    hours = ((8.5, 11.5, 2), (14, 17, 1))
    _, at = draw.schedule(1, world.weekdays(), hours, rate=rng.uniform(90, 260))
    patients = draw.strangers(3_000, home_share=0.4)
    seconds = draw.talk(len(at), rng.uniform(0.75, 0.9), median=35, sigma=0.6)
    reminders = draw.calls(lines[0], rng.choice(patients, len(at)), at, seconds)
    ready = (seconds > 0) & (rng.random(len(at)) < rng.uniform(0.08, 0.25))
    soon = (at + seconds)[ready] + rng.integers(60, 720, ready.sum())
    seconds = draw.talk(len(soon), 0.85, median=70, sigma=0.6)
    patient = reminders.rows["called"].to_numpy()[ready]
    batch = concat_calls([reminders, draw.calls(lines[1], patient, soon, seconds)])
    return draw.with_call_backs(batch, rng.uniform(0.02, 0.08))


def family(draw: Sampler) -> Calls:
    """Let three to five people call each other all day long."""
    rng = draw.rng
    lines = draw.staff(int(rng.integers(3, 6)))
    draw.world.book.add_truth(lines, "family", actor=draw.actor)
    n, days = len(lines), np.arange(draw.world.days)
    which, day = draw.call_days(n, days, rate=rng.uniform(4, 16, n), spread=0.35)
    other = (which + rng.integers(1, n, len(which))) % n
    at = draw.call_times(day, ((7, 12, 3), (12, 18, 4), (18, 22.5, 4)))
    seconds = draw.talk(len(at), rng.uniform(0.6, 0.9), median=50, sigma=1.0)
    return draw.calls(lines[which], lines[other], at, seconds)


def listed_team(draw: Sampler, *, kind: str) -> Calls:
    """Let eight declared people share a list: debtors are rung day after day, others once.

    Who does not answer is tried again by whoever is free.
    """
    world, rng = draw.world, draw.rng
    n, collects = 8, kind == "collector"
    cells = np.full((n, 4), rng.integers(N_CELLS))
    lines = draw.new_mobiles(n, activation=-500, cells=cells)
    world.book.add_truth(lines, kind, actor=draw.actor)
    world.book.declare(lines, "debt collection" if collects else "opinion polls")
    days = world.weekdays() if collects else draw.spell(15, 15, until=6)
    which, at = draw.schedule(n, days, OFFICE, rate=rng.uniform(50, 140, n), off=0.06)
    size = int(rng.integers(500, 2_000)) if collects else int(len(at) * rng.uniform(0.7, 1))
    called = deal_list(rng, at, draw.strangers(size, home_share=0.35))
    seconds = draw.talk(len(at), rng.uniform(0.25, 0.5), median=60 if collects else 150)
    batch = draw.calls(lines[which], called, at, seconds)
    batch = retry_missed(rng, batch, share=rng.uniform(0.2, 0.4), by_other=0.7)
    return draw.with_call_backs(batch, rng.uniform(0.02, 0.1))


def franchise(draw: Sampler) -> Calls:
    """Let five shops of a name, in five cells, call customers whom they have in common."""
    rng, n = draw.rng, 5
    lines = draw.staff(n)
    draw.world.book.add_truth(lines, "franchise_shop", actor=draw.actor)
    customers = draw.strangers(int(rng.integers(500, 2_000)), home_share=0.5)
    rate, days = rng.uniform(20, 70, n), np.arange(draw.world.days)
    which, at = draw.schedule(n, days, SHOP_HOURS, rate=rate, off=0.08, spread=0.25)
    seconds = draw.talk(len(at), rng.uniform(0.5, 0.75, n)[which], median=40, sigma=0.8)
    cell = rng.integers(0, N_CELLS, n)[which]
    batch = draw.calls(lines[which], rng.choice(customers, len(at)), at, seconds, cell=cell)
    return draw.with_call_backs(batch, rng.uniform(0.08, 0.3, n)[which])


def mall_staff(draw: Sampler) -> Calls:
    """Let eight sales people of the mall call strangers of their own, some of whom call back."""
    rng, n = draw.rng, 8
    lines = draw.staff(n)
    draw.world.book.add_truth(lines, "mall_staff", actor=draw.actor)
    rate, days = rng.uniform(30, 100, n), np.arange(draw.world.days)
    which, at = draw.schedule(n, days, SHOP_HOURS, rate=rate, off=0.2, spread=0.25)
    seconds = draw.talk(len(at), rng.uniform(0.35, 0.6, n)[which], median=45)
    called = draw.strangers(len(at), home_share=0.45)
    cell = crowded_cell(draw.world)
    batch = draw.calls(lines[which], called, at, seconds, cell=cell)
    return draw.with_call_backs(batch, rng.uniform(0.06, 0.25, n)[which])


def repair_shop(draw: Sampler) -> Calls:
    """Try 20 to 60 customers' cards in one handset, with one to four calls each."""
    world, rng = draw.world, draw.rng
    bench = draw.new_mobiles(1, activation=-800)[0]
    world.book.add_truth(bench, "repair_shop", actor=draw.actor)
    free = unassigned_people(world)
    cards = rng.choice(free, min(int(rng.integers(20, 61)), len(free)), replace=False)
    size = rng.integers(1, 5, len(cards))
    day = np.repeat(rng.integers(0, world.days, len(cards)), size)
    begin = np.repeat(rng.uniform(10, 19, len(cards)), size) * HOUR
    at = day * DAY + begin.astype(np.int64) + rng.integers(0, 900, len(day))
    services = shops_and_services(world)[1]
    called = np.where(rng.random(len(at)) < 0.6, bench, rng.choice(services, len(at)))
    seconds = draw.talk(len(at), 0.7, median=12, sigma=0.5)
    cell = world.book.column("cells")[bench, 0]
    trials = draw.calls(np.repeat(cards, size), called, at, seconds, cell=cell, handset=bench)
    _, at = draw.schedule(1, world.weekdays(), SHOP_HOURS, rate=8)
    seconds = draw.talk(len(at), 0.7, median=50)
    called = rng.choice(draw.strangers(60, home_share=0.6), len(at))
    return concat_calls([trials, draw.calls(bench, called, at, seconds)])


KINDS = (
    Kind("depot", depot, 2),
    Kind("licensed_centre", licensed_centre, 1),
    Kind("clinic", clinic, 4),
    Kind("family", family, 40),
    Kind("collector_team", partial(listed_team, kind="collector"), 2),
    Kind("pollster_team", partial(listed_team, kind="pollster"), 2),
    Kind("franchise", franchise, 4),
    Kind("mall", mall_staff, 2),
    Kind("repair_shop", repair_shop, 2),
)
