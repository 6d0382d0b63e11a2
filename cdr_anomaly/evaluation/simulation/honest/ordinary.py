"""Ordinary subscribers: who knows whom, and the calls of their days."""

from __future__ import annotations

import numpy as np

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.call_behaviour import Sampler
from cdr_anomaly.evaluation.simulation.world import (
    ABSENT,
    DAY,
    HOUR,
    Calls,
    Floats,
    Ints,
    People,
    World,
    build_calls,
    concat_calls,
)

NEW_PER_DAY = 0.002
CALLS_PER_SESSION = 1.4
MAX_SESSIONS = 34  # a day
TALKATIVE_SHARE = 0.008
FESTIVAL_FACTOR = 1.5  # times the calls of another day
N_SHOPS = 160
ALL_PER_FIRST_CALL = 1.3  # calls, redials and call-backs by calls first placed, measured
WEEKDAY_FACTORS = np.array([1, 1, 1, 1, 1.05, 0.8, 0.7])
# share of a person's calls in each hour: office, evening, early, late, shop, all day
HOUR_SHARES = np.array(
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


def settle(world: World) -> None:
    """Add the subscribers and the people of other operators, and draw who knows whom."""
    draw = Sampler.of_kind(world, "settle")
    rng = draw.rng
    n_outside = max(30_000, 5 * world.n_lines)
    numbers, block, sizes = _numbers(world, rng)
    home = len(numbers)
    activation = _activations(world, rng, sizes)
    cells = draw.usual_cells(home)
    ids = world.book.add(numbers, home=True, person=True, activation=activation, cells=cells)
    elsewhere = phone_numbers.blocks(rng, max(250, n_outside // 150), block)
    outside = world.book.add(phone_numbers.subscribers(rng, elsewhere, n_outside), outside=True)
    friends = outside[: int(0.6 * home)]
    rate = _rates(rng, home, len(friends))
    begin, friend, closeness = _circles(rng, rate[:home], len(friends))
    friend = np.where(friend < home, friend, friend - home + outside[0])
    *promoted, new_couriers = np.split(ids[world.n_lines :], np.cumsum(sizes[1:-1]))
    world.book.people = People(
        n=home,
        promoted=promoted,
        new_couriers=new_couriers,
        activation=activation,
        rate=rate,
        answers=rng.beta(7, 6, home + n_outside),
        begin=begin,
        friend=friend,
        closeness=closeness,
    )


def _numbers(world: World, rng: np.random.Generator) -> tuple[list[str], Ints, list[int]]:
    """List the numbers of old lines, of each promotion, and of new couriers; and how many each."""
    special, usual = world.special_blocks(), world.usual_blocks()
    block = np.concatenate([*special, usual])
    sizes = [int(rng.integers(25, 46)) for _ in special.promotion]
    numbers = phone_numbers.subscribers(rng, block, world.n_lines)
    for promoted, size in zip(special.promotion, sizes, strict=True):
        numbers += phone_numbers.batch(rng, int(promoted), size, offset=0)
    n_new = world.scale(10)
    numbers += phone_numbers.mobiles(rng.choice(usual, n_new), 9_500 + np.arange(n_new) % 500)
    return numbers, block, [world.n_lines, *sizes, n_new]


def _activations(world: World, rng: np.random.Generator, sizes: list[int]) -> Ints:
    """Return activation days: most before the first day, some later, the promoted near the end."""
    n = sizes[0]
    old = -(30 + rng.exponential(700, n)).astype(np.int64)
    new = rng.random(n) < NEW_PER_DAY * (world.days + 30)
    old[new] = rng.integers(-30, world.days, new.sum())
    late = []
    for k, size in enumerate(sizes[1:-1]):
        begin = max(world.last_day - (6 if k == 0 else int(rng.integers(3, 9))), 0)
        late.append(begin + rng.choice(3, size, p=[0.35, 0.45, 0.2]))
    couriers = world.last_day - rng.integers(1, 7, sizes[-1])
    return np.concatenate([old, *late, couriers]).clip(max=world.last_day)


def _rates(rng: np.random.Generator, home: int, friends: int) -> Floats:
    """Return calls placed a day: lognormal with a heavy tail; of friends elsewhere we see a part.

    The first `home` values are those of subscribers.
    """
    rate = rng.lognormal(0, 0.8, home + friends)
    rate *= np.where(rng.random(len(rate)) < 0.03, 1 + rng.pareto(2.5, len(rate)), 1)
    talkative = rng.random(len(rate)) < TALKATIVE_SHARE
    rate = np.where(talkative, rng.uniform(8, 28, len(rate)), rate)
    rate[home:] *= 0.3
    return rate.clip(0.02, 28)


def _circles(rng: np.random.Generator, rate: Floats, friends: int) -> tuple[Ints, Ints, Floats]:
    """Return friendships as (begin, friend, closeness) of People; who calls much knows many.

    Both sides hold a tie equally close, so that calls come back.
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
    return begin, target, 1 / (1.0 + np.arange(len(source)) - begin[source]) ** 1.1


def private_calls(world: World) -> Calls:
    """Return the calls of all ordinary people: sessions, then redials, then call-backs."""
    draw = Sampler.of_kind(world, "chatter")
    people = world.people
    who, day = _sessions(draw)
    size = draw.rng.geometric(1 / CALLS_PER_SESSION, len(who))
    at = _session_times(draw.rng, who, day)
    caller, session = np.repeat(who, size), np.repeat(np.arange(len(who)), size)
    at = at[session] + _seconds_since_first(draw.rng, size)
    called = _called(draw, caller, at // DAY)
    # Node ids of friends elsewhere follow those of subscribers; their line ids do not.
    outside = np.flatnonzero(world.book.column("outside"))[0]
    caller = np.where(caller < people.n, caller, caller - people.n + outside)
    batch = _answered(draw, build_calls(caller, called, at, 0))
    redials = _redials(draw, batch)
    second_redials = _redials(draw, redials)
    both = concat_calls([batch, redials])
    # Nobody is called back by a service number.
    short = world.book.column("short")[both.rows["called"].to_numpy()]
    backs = draw.call_backs(both.drop(short), 0.17, answered=0.75)
    return concat_calls([batch, redials, second_redials, backs])


def _sessions(draw: Sampler) -> tuple[Ints, Ints]:
    """Return (node, day) of every session, which is one call or some in a row."""
    world, rng, people = draw.world, draw.rng, draw.world.people
    days = np.arange(world.days)
    mood = rng.gamma(2.5, 1 / 2.5, (len(people.rate), world.days))
    rate = people.rate[:, None] * WEEKDAY_FACTORS[world.weekday(days)] * mood
    rate[:, rng.integers(world.days)] *= FESTIVAL_FACTOR
    rate[: people.n] *= people.activation[:, None] <= days
    target = world.calls_per_day * world.days / (CALLS_PER_SESSION * ALL_PER_FIRST_CALL)
    n = rng.poisson(rate * target / rate.sum()).clip(max=MAX_SESSIONS)
    who, day = (a.ravel() for a in np.indices(n.shape))
    return np.repeat(who, n.ravel()), np.repeat(day, n.ravel())


def _session_times(rng: np.random.Generator, who: Ints, day: Ints) -> Ints:
    """Return when each session begins, by the person's kind of day."""
    share = np.cumsum(HOUR_SHARES / HOUR_SHARES.sum(axis=1, keepdims=True), axis=1)
    table = (share + np.arange(len(HOUR_SHARES))[:, None]).ravel()
    kind = who * 7_919 % 101 % len(HOUR_SHARES)
    slot = np.searchsorted(table, kind + rng.random(len(who)) * 0.999_999)
    at: Ints = day * DAY + slot % 24 * HOUR + rng.integers(0, HOUR, len(who))
    return at


def _seconds_since_first(rng: np.random.Generator, size: Ints) -> Ints:
    """Space the calls of one session a few minutes apart."""
    gap = 40 + rng.exponential(150, size.sum())
    first = np.repeat(np.cumsum(size) - size, size)
    gap[np.cumsum(size) - size] = 0
    run = np.cumsum(gap)
    since: Ints = (run - run[first]).astype(np.int64)
    return since


def _called(draw: Sampler, node: Ints, day: Ints) -> Ints:
    """Pick a friend by closeness, or now and then somebody or some shop never called before."""
    world, rng, people = draw.world, draw.rng, draw.world.people
    total = np.concatenate([[0.0], np.cumsum(people.closeness)])
    low, high = total[people.begin[node]], total[people.begin[node + 1]]
    pick = np.searchsorted(total, low + rng.random(len(node)) * (high - low), side="right") - 1
    # one tie in ten begins within the simulated days; before that the closest friend is called
    late = np.where(pick * 31 % 10 == 0, pick * 37 % max(world.days, 1), 0)
    alone = people.begin[node] == people.begin[node + 1]
    pick = np.where((late > day) & ~alone, people.begin[node], pick).clip(0, len(total) - 2)
    curious = (node * 13 % 29 + 1) / 29 * 0.28
    explores = (rng.random(len(node)) < curious) & (node < people.n) | alone
    called = np.where(explores, _acquaintances(draw, len(node)), people.friend[pick])
    unborn = (called < people.n) & (people.activation[called.clip(0, people.n - 1)] > day)
    return np.where(unborn, _acquaintances(draw, len(node)), called)


def _acquaintances(draw: Sampler, n: int) -> Ints:
    """Pick a shop (few get most), a service number, a stranger elsewhere, or one of our own."""
    world, rng = draw.world, draw.rng
    outside = np.flatnonzero(world.book.column("outside"))
    born = np.flatnonzero(world.people.activation < 0)
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
    Sampler.of_kind(world, "shops").fixed_lines(N_SHOPS, exchange=2281)
    world.book.add(["10086", "95588", "95555", "12345", "96110"], short=True, trunk=True)


def shops_and_services(world: World) -> tuple[Ints, Ints]:
    """Return the ids of the shops and of the service numbers."""
    first = int(np.flatnonzero(world.book.column("short"))[0])
    return np.arange(first - N_SHOPS, first), np.arange(first, first + 5)


def _answered(draw: Sampler, batch: Calls) -> Calls:
    """Answer by habit of the called: people in about six of ten, shops in nine."""
    book, people = draw.world.book, draw.world.people
    caller, called = batch.numpy("caller", "called")
    habit = np.full(book.size, 0.9)
    habit[: len(people.answers)] = people.answers
    leisure = np.exp(draw.world.rng("leisure").normal(np.log(55), 0.5, book.size))
    seconds = draw.talk(len(batch), habit[called], median=leisure[caller], sigma=1.0)
    return batch.replace(talk=seconds)


def _redials(draw: Sampler, batch: Calls) -> Calls:
    """Call again within minutes after one unanswered call in four."""
    rows, at = draw.redial_rows(batch, 0.25)
    return _answered(draw, build_calls(rows["caller"], rows["called"], at, 0))


def abroad_and_withheld(world: World) -> Calls:
    """Add the few calls to and from relatives abroad, and from callers that hide their number."""
    draw = Sampler.of_kind(world, "abroad")
    rng = draw.rng
    n = max(1, int(0.004 * world.calls_per_day * world.days))
    relatives = world.book.add(phone_numbers.abroad(rng, 60), foreign=True)
    old = np.flatnonzero(world.people.activation < 0)
    family = rng.choice(old, len(relatives))
    which = rng.integers(0, len(relatives), n)
    at = draw.call_times(rng.integers(0, world.days, n), ((8, 12, 1), (18, 24, 2)))
    out = rng.random(n) < 0.5
    caller = np.where(out, family[which], relatives[which])
    called = np.where(out, relatives[which], family[which])
    kin = build_calls(caller, called, at, draw.talk(n, 0.6, median=200))
    at = draw.call_times(rng.integers(0, world.days, n), ((9, 21, 1),))
    called = rng.choice(old, n)
    return concat_calls([kin, build_calls(ABSENT, called, at, draw.talk(n, 0.5, median=40))])
