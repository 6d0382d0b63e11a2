"""Ordinary subscribers: who knows whom, and the calls of their days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import call_backs, moments, places, talk
from cdr_anomaly.evaluation.simulation.world import DAY, HOUR, NOBODY, Calls, calls, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

NEW_PER_DAY = 0.002
CALLS_PER_SESSION = 1.4
MOST_SESSIONS = 34  # a day
TALKATIVE = 0.008  # share of the people
FESTIVAL = 1.5  # times the calls of another day
N_SHOPS = 160
# what redials and call-backs add to the calls first placed, measured
AFTERMATH = 1.3
WEEK = np.array([1, 1, 1, 1, 1.05, 0.8, 0.7])
# share of a person's calls in each hour: office, evening, early, late, shop, all day
HOURS = np.array(
    [
        [1, 0, 0, 0, 0, 1, 3, 10, 30, 45, 45, 40, 28, 26, 38, 42, 42, 40, 30, 22, 18, 12, 6, 2],
        [3, 1, 0, 0, 0, 1, 4, 10, 14, 14, 16, 20, 24, 16, 14, 16, 20, 30, 44, 50, 48, 36, 20, 8],
        [0, 0, 0, 1, 4, 14, 30, 40, 42, 38, 34, 28, 20, 16, 20, 22, 24, 24, 22, 16, 8, 3, 1, 0],
        [16, 8, 4, 2, 1, 1, 1, 2, 6, 10, 14, 18, 22, 22, 22, 22, 24, 26, 30, 34, 38, 42, 38, 28],
        [0, 0, 0, 0, 0, 0, 2, 6, 18, 34, 40, 42, 36, 34, 36, 38, 40, 42, 38, 34, 28, 14, 4, 1],
        [2, 1, 1, 1, 1, 2, 6, 14, 22, 28, 30, 30, 28, 24, 26, 28, 30, 32, 32, 30, 26, 18, 10, 4],
    ],
    float,
)


@dataclass(frozen=True)
class People:
    """Subscribers and their friends elsewhere, with the circle of each (a graph in CSR form)."""

    n: int
    promoted: list[Ints]  # the lines of each promotion
    new_couriers: Ints
    activation: Ints
    rate: Floats
    answers: Floats
    begin: Ints
    friend: Ints
    closeness: Floats


def settle(world: World) -> People:
    """Add the subscribers, the people of other operators, the shops, and the numbers abroad."""
    rng = world.rng("settle")
    n, n_outside = world.n_lines, max(30_000, 5 * world.n_lines)
    listed, block, sizes = _numbers(world, rng)
    home = len(listed)
    activation = _activations(world, rng, sizes)
    ids = world.book.add(
        listed, home=True, person=True, activation=activation, cells=places(rng, home)
    )
    elsewhere = phone_numbers.blocks(rng, max(250, n_outside // 150), block)
    outside = world.book.add(phone_numbers.subscribers(rng, elsewhere, n_outside), outside=True)
    friends = outside[: int(0.6 * home)]
    rate = _rates(rng, home, len(friends))
    begin, friend, closeness = _circles(rng, rate[:home], len(friends))
    friend = np.where(friend < home, friend, friend - home + outside[0])
    late = np.split(ids[n:], np.cumsum(sizes[1:-1]))
    return People(
        n=home,
        promoted=late[:-1],
        new_couriers=late[-1],
        activation=activation,
        rate=rate,
        answers=rng.beta(7, 6, home + n_outside),
        begin=begin,
        friend=friend,
        closeness=closeness,
    )


def _numbers(world: World, rng: np.random.Generator) -> tuple[list[str], Ints, list[int]]:
    """List the numbers of old lines, of each promotion, and of new couriers; and how many each."""
    own, usual = world.special_blocks(), world.blocks()
    block = np.concatenate([*own, usual])
    sizes = [int(rng.integers(25, 46)) for _ in own.promotion]
    listed = phone_numbers.subscribers(rng, block, world.n_lines)
    for promoted, size in zip(own.promotion, sizes, strict=True):
        listed += phone_numbers.batch(rng, int(promoted), size, at=0)
    n_new = world.scaled(10)
    listed += phone_numbers.mobiles(rng.choice(usual, n_new), 9_500 + np.arange(n_new) % 500)
    return listed, block, [world.n_lines, *sizes, n_new]


def _activations(world: World, rng: np.random.Generator, sizes: list[int]) -> Ints:
    """Give most a past, some a first day within the time made, the promoted a late one."""
    n = sizes[0]
    old = -(30 + rng.exponential(700, n)).astype(np.int64)
    new = rng.random(n) < NEW_PER_DAY * (world.days + 30)
    old[new] = rng.integers(-30, world.days, new.sum())
    late = []
    for k, size in enumerate(sizes[1:-1]):
        begin = max(world.last - (6 if k == 0 else int(rng.integers(3, 9))), 0)
        late.append(begin + rng.choice(3, size, p=[0.35, 0.45, 0.2]))
    couriers = world.last - rng.integers(1, 7, sizes[-1])
    return np.concatenate([old, *late, couriers]).clip(max=world.last)


def _rates(rng: np.random.Generator, home: int, friends: int) -> Floats:
    """Draw calls placed a day: a lognormal body with a heavy tail; friends are seen in part."""
    rate = rng.lognormal(0, 0.8, home + friends)
    rate *= np.where(rng.random(len(rate)) < 0.03, 1 + rng.pareto(2.5, len(rate)), 1)
    talks = rng.random(len(rate)) < TALKATIVE
    rate = np.where(talks, rng.uniform(8, 28, len(rate)), rate)
    rate[home:] *= 0.3
    return rate.clip(0.02, 28)


def _circles(rng: np.random.Generator, rate: Floats, friends: int) -> tuple[Ints, Ints, Floats]:
    """Draw friendships; both sides hold a tie equally close, so that calls come back.

    Who calls much knows many.
    """
    home = len(rate)
    wish = rng.integers(3, 14, home) + (2.5 * rate.clip(3) - 7.5).astype(np.int64)
    one = np.repeat(np.arange(home), wish)
    far = rng.random(len(one)) < 0.35
    near = (one + np.rint(rng.standard_cauchy(len(one)) * 12).astype(np.int64)) % home
    other = np.where(far, home + rng.integers(0, friends, len(one)), near)
    one, other = one[one != other], other[one != other]
    rank = rng.random(len(one))
    source, target = np.concatenate([one, other]), np.concatenate([other, one])
    order = np.lexsort((np.concatenate([rank, rank]), source))
    source, target = source[order], target[order]
    begin = np.searchsorted(source, np.arange(home + friends + 1))
    place = np.arange(len(source)) - begin[source]
    return begin, target, 1 / (1.0 + place) ** 1.1


def chatter(world: World, people: People) -> Calls:
    """Make the calls of all ordinary people: sessions, then redials, then call-backs."""
    rng = world.rng("chatter")
    who, day = _sessions(world, rng, people)
    size = rng.geometric(1 / CALLS_PER_SESSION, len(who))
    at = _hour_of(rng, who, day)
    caller, session = np.repeat(who, size), np.repeat(np.arange(len(who)), size)
    at = at[session] + _since_first(rng, size)
    called = _whom(world, rng, people, caller, at // DAY)
    batch = _answered(world, rng, people, calls(_public(world, people, caller), called, at, 0))
    again = _redial(world, rng, people, batch)
    once_more = _redial(world, rng, people, again)
    backs = call_backs(rng, _of_people(world, together([batch, again])), 0.17, answered=0.75)
    return together([batch, again, once_more, backs])


def _sessions(world: World, rng: np.random.Generator, people: People) -> tuple[Ints, Ints]:
    days = np.arange(world.days)
    mood = rng.gamma(2.5, 1 / 2.5, (len(people.rate), world.days))
    wanted = people.rate[:, None] * WEEK[world.weekday(days)] * mood
    wanted[:, rng.integers(world.days)] *= FESTIVAL
    wanted[: people.n] *= people.activation[:, None] <= days
    target = world.calls_per_day * world.days / (CALLS_PER_SESSION * AFTERMATH)
    n = rng.poisson(wanted * target / wanted.sum()).clip(max=MOST_SESSIONS)
    who, day = (a.ravel() for a in np.indices(n.shape))
    return np.repeat(who, n.ravel()), np.repeat(day, n.ravel())


def _hour_of(rng: np.random.Generator, who: Ints, day: Ints) -> Ints:
    """Draw a second of the day from the person's kind of day."""
    share = np.cumsum(HOURS / HOURS.sum(axis=1, keepdims=True), axis=1)
    table = (share + np.arange(len(HOURS))[:, None]).ravel()
    kind = who * 7_919 % 101 % len(HOURS)
    slot = np.searchsorted(table, kind + rng.random(len(who)) * 0.999_999)
    at: Ints = day * DAY + slot % 24 * HOUR + rng.integers(0, HOUR, len(who))
    return at


def _since_first(rng: np.random.Generator, size: Ints) -> Ints:
    """Space the calls of one session a few minutes apart."""
    gap = 40 + rng.exponential(150, size.sum())
    first = np.repeat(np.cumsum(size) - size, size)
    gap[np.cumsum(size) - size] = 0
    run = np.cumsum(gap)
    since: Ints = (run - run[first]).astype(np.int64)
    return since


def _public(world: World, people: People, node: Ints) -> Ints:
    """Turn a place in the graph into a line id."""
    outside = np.flatnonzero(world.book.column("outside"))[0]
    return np.where(node < people.n, node, node - people.n + outside)


def _whom(world: World, rng: np.random.Generator, people: People, node: Ints, day: Ints) -> Ints:
    """Pick a friend by closeness, or now and then somebody or some shop never called before."""
    total = np.concatenate([[0.0], np.cumsum(people.closeness)])
    low, high = total[people.begin[node]], total[people.begin[node + 1]]
    pick = np.searchsorted(total, low + rng.random(len(node)) * (high - low), side="right") - 1
    # one tie in ten begins within the time seen; before that the closest friend is called
    late = np.where(pick * 31 % 10 == 0, pick * 37 % max(world.days, 1), 0)
    alone = people.begin[node] == people.begin[node + 1]
    pick = np.where((late > day) & ~alone, people.begin[node], pick).clip(0, len(total) - 2)
    curious = (node * 13 % 29 + 1) / 29 * 0.28
    explores = (rng.random(len(node)) < curious) & (node < people.n) | alone
    called = np.where(explores, _elsewhere(world, rng, people, len(node)), people.friend[pick])
    unborn = (called < people.n) & (people.activation[called.clip(0, people.n - 1)] > day)
    return np.where(unborn, _elsewhere(world, rng, people, len(node)), called)


def _elsewhere(world: World, rng: np.random.Generator, people: People, n: int) -> Ints:
    """Pick a shop (few get most), a service number, a stranger elsewhere, or one of our own."""
    outside = np.flatnonzero(world.book.column("outside"))
    born = np.flatnonzero(people.activation < 0)
    shops, services = shops_and_services(world)
    zipf = 1 / np.arange(1, len(shops) + 1)
    choices = np.stack(
        [
            rng.choice(shops, n, p=zipf / zipf.sum()),
            rng.choice(services, n),
            rng.choice(outside, n),
            rng.choice(born, n),
        ]
    )
    return choices[rng.choice(4, n, p=[0.5, 0.08, 0.28, 0.14]), np.arange(n)]


def open_shops(world: World) -> None:
    """Add shops with a fixed line, and the service numbers that people call."""
    rng = world.rng("shops")
    world.book.add(
        phone_numbers.fixed(rng, N_SHOPS, exchange=2281), home=True, fixed=True, trunk=True
    )
    world.book.add(["10086", "95588", "95555", "12345", "96110"], short=True, trunk=True)


def shops_and_services(world: World) -> tuple[Ints, Ints]:
    """Return the ids of the shops and of the service numbers."""
    first = int(np.flatnonzero(world.book.column("short"))[0])
    return np.arange(first - N_SHOPS, first), np.arange(first, first + 5)


def _answered(world: World, rng: np.random.Generator, people: People, batch: Calls) -> Calls:
    """Answer by habit of the called: people in about six of ten, shops in nine."""
    called = batch.rows["called"].to_numpy()
    habit = np.full(world.book.size, 0.9)
    habit[: len(people.answers)] = people.answers
    leisure = np.exp(world.rng("leisure").normal(np.log(55), 0.5, world.book.size))
    caller = batch.rows["caller"].to_numpy()
    seconds = talk(rng, len(batch), habit[called], median=leisure[caller], sigma=1.0)
    return Calls(batch.rows.with_columns(talk=seconds), batch.hops)


def _redial(world: World, rng: np.random.Generator, people: People, batch: Calls) -> Calls:
    """Call again within minutes after one unanswered call in four."""
    missed = (batch.rows["talk"] == 0).to_numpy() & (rng.random(len(batch)) < 0.25)
    rows = batch.rows.filter(missed)
    at = rows["at"].to_numpy() + 30 + rng.exponential(240, len(rows)).astype(np.int64)
    again = calls(rows["caller"].to_numpy(), rows["called"].to_numpy(), at, 0)
    return _answered(world, rng, people, again)


def _of_people(world: World, batch: Calls) -> Calls:
    """Keep the calls that somebody can return: not those to service numbers."""
    short = world.book.column("short")[batch.rows["called"].to_numpy()]
    return Calls(batch.rows.filter(~short), batch.hops)


def abroad_and_withheld(world: World, people: People) -> Calls:
    """Add the few calls to and from relatives abroad, and from callers that hide their number."""
    rng = world.rng("abroad")
    n = max(1, int(0.004 * world.calls_per_day * world.days))
    relatives = world.book.add(phone_numbers.abroad(rng, 60), foreign=True)
    family = rng.choice(np.flatnonzero(people.activation < 0), len(relatives))
    which = rng.integers(0, len(relatives), n)
    windows = ((8, 12, 1), (18, 24, 2))
    at = moments(rng, rng.integers(0, world.days, n), windows)
    out = rng.random(n) < 0.5
    caller = np.where(out, family[which], relatives[which])
    called = np.where(out, relatives[which], family[which])
    kin = calls(caller, called, at, talk(rng, n, 0.6, median=200))
    at = moments(rng, rng.integers(0, world.days, n), ((9, 21, 1),))
    hidden = rng.choice(np.flatnonzero(people.activation < 0), n)
    return together([kin, calls(NOBODY, hidden, at, talk(rng, n, 0.5, median=40))])
