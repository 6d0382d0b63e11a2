"""Slow, obvious twins of the fast code: double loops, walked chains, definitions by the letter."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import ceil, exp, lgamma, log, log1p, log10
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from scipy.stats import nbinom

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

Event = tuple[str, float]


def in_window(events: Sequence[Event], width_s: float) -> list[int]:
    """Count, at each event, the events of its group in (t - width, t]."""
    return [sum(g == group and t - width_s < s <= t for g, s in events) for group, t in events]


def under_way(events: Sequence[tuple[str, float, float]]) -> list[int]:
    """Count, at each event, the events of its group that run over [start, start + length)."""
    return [
        sum(g == group and s <= t < s + length for g, s, length in events) for group, t, _ in events
    ]


def talk(calls: Iterable[tuple[datetime, int]], zone: ZoneInfo) -> dict[date, list[int]]:
    """Count, in each hour of each local day, the seconds in which any call was under way."""
    days: dict[date, list[int]] = {}
    begins = [(int(start.timestamp()), length) for start, length in calls]
    for second in {begin + n for begin, length in begins for n in range(length)}:
        local = datetime.fromtimestamp(second, zone)
        days.setdefault(local.date(), [0] * 24)[local.hour] += 1
    return days


class Past(NamedTuple):
    days: int
    median: float
    centre: float
    spread: float


def own_past(counts: Mapping[date, int], day: date) -> Past | None:
    """Summarise the active days of the 28 that end 8 days before ``day``."""
    past = [counts[d] for d in (day - timedelta(days=back) for back in range(8, 36)) if d in counts]
    if not past:
        return None
    scaled = [2 * (n + 3 / 8) ** 0.5 for n in past]
    off = [abs(value - median(scaled)) for value in scaled]
    return Past(len(past), median(past), median(scaled), max(1.4826 * median(off), 1.0))


def called_back(legs: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Of the numbers called on a line's day: how many called that day, and how many did after."""
    legs = list(legs)
    mutual = after = 0
    for number in {leg["counterpart"] for leg in legs} - {None}:
        own = [leg for leg in legs if leg["counterpart"] == number]
        out = [leg["start"] for leg in own if leg["outgoing"]]
        back = [leg["start"] for leg in own if not leg["outgoing"]]
        mutual += bool(out and back)
        after += bool(out and any(start > min(out) for start in back))
    return mutual, after


def familiar(called: Mapping[date, Sequence[str | None]], day: date, busy: int) -> int:
    """Count the numbers called on a busy day and on an earlier busy one of the last 28 days."""
    if len(called[day]) < busy:
        return 0
    known = {
        number
        for earlier, numbers in called.items()
        if 1 <= (day - earlier).days <= 28 and len(numbers) >= busy
        for number in numbers
    }
    return len((set(called[day]) & known) - {None})


class Hop(NamedTuple):
    forwarder: str
    target: str
    caller: str | None
    start: datetime
    call_id: str | None = None


def chains(hops: Sequence[Hop], link_seconds: int) -> list[list[int]]:
    """Link hops, the best pair first, each hop used once each way; list the chains by hop."""
    pairs = []
    for i, a in enumerate(hops):
        for j, b in enumerate(hops):
            gap = (b.start - a.start).total_seconds()
            same_id = a.call_id is not None and a.call_id == b.call_id
            same_caller = a.caller is None or b.caller is None or a.caller == b.caller
            near = -5 <= gap <= link_seconds
            if i != j and a.target == b.forwarder and near and (same_id or same_caller):
                pairs.append((not same_id, abs(gap), i, j))
    after: dict[int, int] = {}
    for _, _, i, j in sorted(pairs):
        if i not in after and j not in after.values():
            after[i] = j
    walked = []
    firsts = [i for i in range(len(hops)) if i not in after.values()]
    left = set(range(len(hops)))
    while left:
        hop = next((i for i in firsts if i in left), min(left))
        chain = []
        while hop in left:
            left.remove(hop)
            chain.append(hop)
            hop = after.get(hop, hop)
        walked.append(chain)
    return walked


class Week(NamedTuple):
    n_out: int
    n_in: int
    n_forwarded: int
    n_callers: int


def weeks(
    profile: Iterable[Mapping[str, Any]], hops: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, date], Week]:
    """Sum each line's 7 days, for all days up to a week after any forwarding of it."""
    profile, hops = list(profile), list(hops)
    answer = {}
    for line, last in {(hop["forwarder"], hop["day"]) for hop in hops}:
        for day in (last + timedelta(days=n) for n in range(7)):
            in_week = [day - timedelta(days=n) for n in range(7)]
            own = [row for row in profile if row["line"] == line and row["day"] in in_week]
            callers = {
                hop["caller"] for hop in hops if hop["forwarder"] == line and hop["day"] in in_week
            }
            sums = (sum(row[name] for row in own) for name in ("n_out", "n_in", "n_forwarded"))
            answer[line, day] = Week(*sums, len(callers - {None}))
    return answer


def platforms(
    hops: Iterable[Mapping[str, Any]], bridges: set[tuple[str, date]], least: int
) -> set[tuple[str, date]]:
    """Find the targets to which ``least`` lines forward in 7 days, most no bridge."""
    hops = list(hops)
    answer = set()
    for target, day in {(hop["target"], hop["day"]) for hop in hops}:
        lines = {
            hop["forwarder"]
            for hop in hops
            if hop["target"] == target and 0 <= (day - hop["day"]).days <= 6
        }
        n_bridges = sum((line, day) in bridges for line in lines)
        if len(lines) >= least and 2 * n_bridges < len(lines):
            answer.add((target, day))
    return answer


def born_within(births: Iterable[date | None], day: date, days: int) -> int:
    """Count the births of the last so many days, ``day`` included."""
    return sum(born is not None and 0 <= (day - born).days < days for born in births)


def negative_binomial_tail(count: int, mean: float, shape: float) -> float:
    return float(nbinom.sf(count - 1, shape, shape / (shape + mean)))


def log_negative_binomial_tail(count: int, mean: float, shape: float) -> float:
    """Return -log10 P(X >= count); its terms are added up where scipy's floats lose digits."""
    if count == 0:
        return 0.0
    known = float(nbinom.logsf(count - 1, shape, shape / (shape + mean)))
    if known > -640:  # 1e-278; beyond 1e-292 it is wrong
        return -known / log(10)
    share = mean / (mean + shape)
    first = lgamma(count + shape) - lgamma(shape) - lgamma(count + 1)
    first += shape * log1p(-share) + count * log(share)
    # Each term over the first one, until they are nothing.
    term = total = 1.0
    while term > 1e-12 * total:
        term *= share * (count + shape) / (count + 1)
        count += 1
        total += term
    return -(first + log(total)) / log(10)


def benjamini_hochberg(p_values: Sequence[float], tested: int) -> list[float]:
    """Return each p's q: the least rate at which the step-up procedure would reject it."""
    ranked = sorted(p_values)
    return [
        min(1.0, *(q * tested / (rank + 1) for rank, q in enumerate(ranked) if q >= p), 1.0)
        for p in p_values
    ]


def actors(subjects: Sequence[str], links: Sequence[tuple[str, str]]) -> set[frozenset[str]]:
    """Put together, again and again, what a link has an end in each of."""
    groups = [{name} for name in {*subjects, *(end for link in links for end in link)}]
    for one, other in links:
        joined = next(group for group in groups if one in group)
        theirs = next(group for group in groups if other in group)
        if joined is not theirs:
            groups.remove(theirs)
            joined |= theirs
    own = (frozenset(group & set(subjects)) for group in groups)
    return {group for group in own if group}


def rarity(value: float, known: Sequence[float], *, among: bool) -> float:
    """Return the share of the known that are as great; a value among them counts itself once."""
    others = list(known)
    if among:
        others.remove(value)
    return (1 + sum(other >= value for other in others)) / (1 + len(others))


def calibrated(
    score: float, known: Sequence[float], tested: int, *, among: bool, draw: bool = True
) -> float:
    """Return the share of ``tested`` that score as much: counted, and drawn out beyond 0.1 %."""
    if score <= 0:
        return 1.0
    others = list(known)
    if among:
        others.remove(score)
    share = (1 + sum(other >= score for other in others)) / (1 + tested)
    rare = max(20, ceil(tested / 1000))
    ranked = sorted(known, reverse=True)
    if draw and len(ranked) > rare:
        start = ranked[rare]
        above = [other - start for other in ranked if other > start]
        if above and score > start:
            scale = max(median(above) / log(2), 1 / log(10))
            share = len(above) / tested * exp(-(score - start) / scale)
    return min(max(share, 1e-300), 1.0)


class Weighed(NamedTuple):
    """What is said of a line-day: shares by (peers, measure), and p by (family, kind)."""

    shares: dict[tuple[str, str], float]
    families: dict[tuple[str, str], float]
    peers: str
    most: float
    total: float
    p_value: float
    q_value: float
    by: str
    odd: bool


Test = tuple[str, date, str, str, str, float]
Scores = dict[tuple[str, date, str, str], float]


def evidence(
    rows: Sequence[Test],
    odd: set[tuple[str, date]],
    callers: Mapping[date, int],
    little: set[str],
    *,
    enough: int = 200,
    surely: float = 0.01,
) -> dict[tuple[str, date], Weighed]:
    """Weigh line-days and their measures one by one, each day after those before it.

    ``rows`` are (line, day, peers, family, measure, value).
    """
    answer: dict[tuple[str, date], Weighed] = {}
    scores: Scores = {}
    odd = set(odd)
    for day in sorted({row[1] for row in rows}):
        nights = {night for night in callers if 1 <= (day - night).days <= 7}
        usual = {row[:2] for row in rows if row[1] in nights} - odd
        days = nights if len(nights) >= 5 and usual else {day}
        told = _Told(rows, odd, day, days, callers, enough)
        today = sorted((row for row in rows if row[1] == day), key=lambda row: (row[0], row[4]))
        shares = {row: _share(row, told, little) for row in today}
        for row, share in shares.items():
            place = (row[0], day, _kind(row[2]), row[3])
            scores[place] = scores.get(place, 0.0) + min(-log10(share), 3.0)
        scores |= {place: round(score, 9) for place, score in scores.items()}
        found: dict[str, dict[tuple[str, str], float]] = {row[0]: {} for row in today}
        for line, _, peers, family, *_ in today:
            place = (line, day, _kind(peers), family)
            found[line][family, _kind(peers)] = _calibrated(place, scores, told)
        rarest = {
            line: min((kind in COMMON, kind) for _, kind in own)[1] for line, own in found.items()
        }
        for line, kind in rarest.items():
            surprise = [-log10(p) for p in found[line].values()]
            scores[line, day, kind, "most"] = round(max(surprise), 9)
            several = sum(min(max(s - 1, 0), 5) for s in surprise)
            scores[line, day, kind, "sum"] = round(several, 9)
        whole = {
            line: min(
                1.0,
                2 * min(_calibrated((line, day, kind, t), scores, told) for t in ("most", "sum")),
            )
            for line, kind in rarest.items()
        }
        q_values = dict(
            zip(whole, benjamini_hochberg([*whole.values()], callers[day]), strict=True)
        )
        odd |= {(line, day) for line, q_value in q_values.items() if q_value <= surely}
        for line, kind in rarest.items():
            answer[line, day] = Weighed(
                {(row[2], row[4]): share for row, share in shares.items() if row[0] == line},
                found[line],
                kind,
                scores[line, day, kind, "most"],
                scores[line, day, kind, "sum"],
                whole[line],
                q_values[line],
                "the same day" if day in days else "the nights before",
                (line, day) in odd,
            )
    return answer


COMMON = {"mobile lines", "lines"}


class _Told(NamedTuple):
    rows: Sequence[Test]
    odd: set[tuple[str, date]]
    day: date
    days: set[date]
    callers: Mapping[date, int]
    enough: int

    def counts(self, line: str, day: date) -> bool:
        return day in self.days and (line, day) not in self.odd


def _share(row: Test, told: _Told, little: set[str]) -> float:
    line, day, peers, _, measure, value = row
    sign = -1 if measure in little else 1
    every = [each for each in told.rows if each[4] == measure and told.counts(*each[:2])]
    own = [each for each in every if each[2] == peers]
    kind = [each for each in every if _kind(each[2]) == _kind(peers)]
    near = (days for days in (own, kind) if len(days) >= told.enough)
    known = [sign * each[5] for each in next(near, every)]
    return rarity(sign * value, known, among=told.counts(line, day))


def _kind(peers: str) -> str:
    return peers.partition(" of kind ")[0]


def _calibrated(place: tuple[str, date, str, str], scores: Scores, told: _Told) -> float:
    line, day, kind, family = place
    alike = {
        (other, when): score
        for (other, when, peers, name), score in scores.items()
        if (peers, name) == (kind, family) and told.counts(other, when)
    }
    if day not in told.days and not any((day - when).days >= 5 for _, when in alike):
        return _calibrated(place, scores, told._replace(days={day}))
    tested = round(
        sum(told.callers[when] for when in told.days) * (0.8 if kind in COMMON else 0.05)
    )
    among = told.counts(line, day)
    known = [*alike.values()]
    return calibrated(scores[place], known, tested, among=among, draw=kind in COMMON)
