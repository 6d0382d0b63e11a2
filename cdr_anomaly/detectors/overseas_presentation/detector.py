"""Numbers that look foreign and are not, or that call many at home; home numbers from abroad."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import wording
from cdr_anomaly.detectors import base
from cdr_anomaly.detectors.base import STRICT, Detector, ladder, percent, setting
from cdr_anomaly.detectors.overseas_presentation import number_pools, trunks
from cdr_anomaly.engines.profile import NeededLines
from cdr_anomaly.features import rolling
from cdr_anomaly.numbering import caller_id, classes_with, pseudonyms
from cdr_anomaly.wording import Text, say, scientific

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables

KNOWN_DAYS = 28
RARE = 1e-3  # as rare must be what is found for a trunk's traffic, and not told by a setting
# People of a pool's list that several of its numbers called; or calls on one trunk, within hours.
SHARED, ONE_TRUNK, SHIFT = 3, 0.9, timedelta(hours=12)


@dataclass(frozen=True, config=STRICT)
class OverseasPresentation(Detector):
    """Numbers presented as foreign (with + or 00) that call home subscribers, and their like.

    Found of a local day are: (1) a number that called ``contacts`` different home subscribers:
    low by itself, an airline or a bank abroad does as much; medium from three times as many that
    it hardly called in 28 days before, that do not call back and hardly answer. (2)
    ``mismatch_calls`` calls of a number whose own records carry a home subscriber identity (IMSI);
    guests who roam here carry a foreign one. Without an imsi a home cell and handset stand for it,
    which guests have, too: low, or medium with ``contacts`` called. (3) As many calls on a domestic
    trunk, told or by the day's traffic: nearly all other calls on it are presented as from home,
    and so many from abroad have p below 0.001. (4) As many calls of a home number on an
    international trunk within ``seen_hours`` of calls of that line with a home cell (of a feed
    without cells: on no trunk). Those who roam abroad have none. Where both sides of calls are
    delivered (moc, mtc), a line's own records hide the calls that others place in its name. (5) As
    many of a number that nobody has: its country code, or its length. (6) A pool:
    ``pool_numbers`` numbers, equal but for the last ``pool_digits``, that together called
    ``pool_contacts`` home subscribers, some by several of them or nearly all on one trunk within
    12 hours. Of a mobile range many call, too: a number is expected to have as many neighbours as
    other numbers of its country have, and false discovery is controlled over all prefixes.

    The agents of one case sat at home behind numbers that looked foreign. Hubs of carriers and of
    virtual operators, satellites, the group of numbers of a firm abroad may be found: declare them
    with --entities, a pool by its prefix.

    Sample: presented as foreign, placed 31 calls on 2026-06-03 (limit 5) from 2 home subscriber
    identities (IMSI of 460), to 29 different numbers, at 1 home cell
    """

    name: ClassVar[str] = "overseas_presentation"
    title: ClassVar[str] = "overseas presentation"
    family: ClassVar[str] = "overseas"
    persistent: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = (
        "contacts",
        "mismatch_calls",
        "pool_numbers",
        "pool_contacts",
    )

    contacts: int = setting(20, "home subscribers called in a day that make a finding", ge=1)
    known_share: float = setting(0.2, "share called in 28 days before, up to which", ge=0, le=1)
    call_backs: float = setting(0.05, "share calling back, up to which", ge=0, le=1)
    answered: float = setting(0.5, "share of its calls answered, up to which", ge=0, le=1)
    mismatch_calls: int = setting(5, "calls in a day that contradict the number", ge=1)
    mismatch_contacts: int = setting(10, "different numbers called that make it high", ge=1)
    home_mcc: tuple[str, ...] = setting(
        (), 'mobile country codes of home, as in ["460"]; by default of --home', strict=False
    )
    domestic_trunks: tuple[str, ...] = setting((), "trunks for calls of home numbers", strict=False)
    international_trunks: tuple[str, ...] = setting((), "trunks from abroad", strict=False)
    domestic_share: float = setting(0.95, "share from home, from which others are", gt=0.5, le=1)
    international_share: float = setting(0.5, "share from abroad, likewise", gt=0, le=1)
    trunk_calls: int = setting(200, "calls in a day from which that is judged", ge=1)
    seen_hours: int = setting(2, "hours between a call from abroad and one at home", ge=1, le=23)
    pool_numbers: int = setting(5, "neighbouring numbers that make a pool", ge=2)
    pool_contacts: int = setting(50, "home subscribers that they call in a day", ge=1)
    pool_digits: int = setting(3, "last digits in which they differ", ge=1, le=4)
    pool_fdr: float = setting(0.01, "false-discovery rate over all prefixes", gt=0, lt=1)

    def not_applicable(self, feed: Feed) -> Text | None:
        if not feed.numbers and feed.last_day is not None:
            return say(
                "overseas_presentation.opaque",
                "numbers are opaque tokens: which are presented as foreign is not known",
            )
        if feed.pseudonyms and self.pool_digits < pseudonyms.POOL_DIGITS:
            return say(
                "overseas_presentation.pseudonyms",
                "pseudonyms hide the last {n} digits: pool_digits must be as many",
                n=pseudonyms.POOL_DIGITS,
            )
        return None

    def counts(self) -> frozenset[str]:
        return frozenset({"trunk"})

    def least(self) -> NeededLines:
        return NeededLines(abroad=True)

    def watch(self) -> pl.Expr:
        # A pool has another number at each call: none that calls may be left out.
        return pl.col("abroad") & (pl.col("n_out") > 0)

    def worth(self) -> pl.Expr:
        return self.watch() | pl.col("sought")

    def keeps(self) -> pl.Expr:
        return self.watch()

    def seeks(self, traffic: pl.DataFrame) -> pl.Expr | None:
        names = trunks.international(traffic.lazy(), self._trunks()).collect()["trunk_in"].unique()
        return pl.col("trunk_in").is_in(names.sort().implode()) if len(names) else None

    def find(self, tables: Tables) -> pl.LazyFrame:
        odd_class = pl.col("number_class").is_in(classes_with(is_home=False))
        nobodys = tables.lines.filter(odd_class).with_columns(
            why=caller_id.impossible_reason(pl.col("number"), tables.plan)
        )
        placed = tables.legs.filter("outgoing")
        foreign = tables.lines.filter(number_class="international").select("line", "number")
        calls = placed.join(foreign, on="line").collect()
        home = caller_id.is_home_number(
            pl.col("counterpart"), tables.plan, as_text=tables.feed.opaque
        ).fill_null(value=False)
        odd = placed.filter(pl.col("day") >= tables.since).join(
            nobodys.select("line", "number", "why").drop_nulls("why"), on="line"
        )
        of_home = [self._seen_at_home(tables), self._impossible(odd)]
        if calls.is_empty():
            return pl.concat(of_home)
        today = calls.lazy().filter(pl.col("day") >= tables.since)
        return pl.concat(
            [
                self._calling_many(tables, calls.lazy().filter(home)),
                self._with_identity(tables, today),
                self._on_domestic_trunks(tables, today),
                *of_home,
                self._pools(today.filter(home)),
            ]
        )

    def _trunks(self) -> trunks.Rule:
        names = self.domestic_trunks, self.international_trunks
        shares = self.domestic_share, self.international_share
        return trunks.Rule(*names, *shares, self.trunk_calls)

    def _calling_many(self, tables: Tables, calls: pl.LazyFrame) -> pl.LazyFrame:
        """Find the numbers that called many home subscribers."""
        days = (
            number_pools.contacts(calls.filter(pl.len().over("line") >= self.contacts), KNOWN_DAYS)
            .filter(pl.col("n_contacts") >= self.contacts, pl.col("day") >= tables.since)
            .join(
                tables.measures.select("line", "day", "n_called_back", "usual"),
                on=["line", "day"],
                how="left",
            )
        )
        n = pl.col("n_contacts")
        unwanted = [pl.col("n_known") <= self.known_share * n, n >= 3 * self.contacts]
        if tables.two_way:
            unwanted.append(pl.col("n_called_back") <= self.call_backs * n)
        if tables.feed.attempts:
            unwanted.append(pl.col("n_answered") <= self.answered * pl.col("n_calls"))
        reason = wording.format_text(
            "presented as foreign, called {} different home subscribers on {} (limit {}) in {} "
            "calls; {} of them were called in the 28 days before, {} called back; {} % of the "
            "calls answered; {}",
            n,
            "day",
            pl.lit(self.contacts),
            "n_calls",
            "n_known",
            "n_called_back",
            percent(pl.col("n_answered"), pl.col("n_calls")),
            base.usual_sentence(),
        )
        medium = pl.all_horizontal(unwanted) if len(unwanted) > 2 else pl.lit(value=False)
        return self._found(
            days,
            observed=n,
            threshold=self.contacts,
            severity=ladder({"medium": medium}, "low"),
            baseline=pl.col("usual"),
            reason=reason,
            evidence=pl.struct("n_contacts", "n_calls", "n_known", "n_called_back", "n_answered"),
            would_clear_if=f"fewer than {self.contacts} different home subscribers in a day",
        )

    def _with_identity(self, tables: Tables, calls: pl.LazyFrame) -> pl.LazyFrame:
        """Find the numbers that a home subscriber's records are written for."""
        by_imsi, codes = "imsi" in tables.feed.columns, self._home_mcc(tables)
        own = calls.filter(self._is_ours(tables))
        days = own.group_by("line", "number", "day").agg(
            *number_pools.counts(),
            n_identities=pl.col("imsi").n_unique().cast(pl.Int64),
            n_cells=pl.col("cell_id").drop_nulls().n_unique().cast(pl.Int64),
            n_handsets=pl.col("imei").drop_nulls().n_unique().cast(pl.Int64),
        )
        who = pl.lit("with home cells and handsets, which guests have, too: the feed has no imsi")
        if by_imsi:
            written = pl.lit(", ".join(codes))
            who = wording.format_text(
                "from {} home subscriber identities (IMSI of {})", "n_identities", written
            )
        many = pl.col("n_called") >= (self.mismatch_contacts if by_imsi else self.contacts)
        reason = wording.format_text(
            "presented as foreign, placed {} calls on {} (limit {}) {}, to {} different numbers, "
            "at {} home cells",
            "n_calls",
            "day",
            pl.lit(self.mismatch_calls),
            who,
            "n_called",
            "n_cells",
        )
        grades = ("high", "medium") if by_imsi else ("medium", "low")
        return self._mismatch(
            days,
            severity=ladder({grades[0]: many}, grades[1]),
            reason=reason,
            evidence=pl.struct("n_calls", "n_called", "n_identities", "n_cells", "n_handsets"),
        )

    def _is_ours(self, tables: Tables) -> pl.Expr:
        """Tell which calls are those of a home subscriber, by their own records."""
        if "imsi" in tables.feed.columns:
            return pl.col("imsi").str.slice(0, 3).is_in(self._home_mcc(tables))
        return pl.col("cell_id").is_not_null() & pl.col("imei").is_not_null()

    def _home_mcc(self, tables: Tables) -> tuple[str, ...]:
        return self.home_mcc or caller_id.MOBILE_COUNTRY_CODES.get(tables.plan.region, ())

    def _on_domestic_trunks(self, tables: Tables, calls: pl.LazyFrame) -> pl.LazyFrame:
        """Find the numbers on trunks for calls from home."""
        by_trunk = calls.drop_nulls("trunk_in").group_by("line", "number", "day", "trunk_in")
        judged = by_trunk.agg(*number_pools.counts()).filter(
            pl.col("n_calls") >= self.mismatch_calls
        )
        days = trunks.on_domestic(judged.collect(), tables.traffic.collect(), self._trunks())
        found = days.lazy().filter((pl.col("p_value") <= RARE) | pl.col("told"))
        base = wording.format_text(
            "{} % of the {} other calls on it presented as from home; p {}",
            percent(pl.col("n_other") - pl.col("n_abroad"), pl.col("n_other")),
            "n_other",
            scientific(pl.col("p_value").fill_null(1.0)),
        )
        reason = wording.format_text(
            "presented as foreign, placed {} calls on {} (limit {}) that came in on the domestic "
            "trunk {}, to {} different numbers; {}",
            "n_calls",
            "day",
            pl.lit(self.mismatch_calls),
            "trunk_in",
            "n_called",
            pl.when("told").then(pl.lit("it is told to be domestic")).otherwise(base),
        )
        return self._mismatch(
            found,
            severity=self._by_contacts(),
            p_value=pl.col("p_value"),
            reason=reason,
            evidence=pl.struct("trunk_in", "n_calls", "n_called", "n_other", "n_abroad"),
        )

    def _seen_at_home(self, tables: Tables) -> pl.LazyFrame:
        """Find the home numbers that came in from abroad while their line was at home."""
        abroad = trunks.international(tables.traffic, self._trunks())
        classes = tables.lines.filter(pl.col("number_class") != "international")
        legs = tables.legs.filter(pl.col("day") >= tables.since)
        near = trunks.seen_at_home(
            legs.join(classes.select("line", "number"), on="line"),
            abroad,
            self.seen_hours,
            cells="cell_id" in tables.feed.columns,
        )
        days = near.group_by("line", "number", "day").agg(
            *number_pools.counts(), trunks=pl.col("trunk_in").unique().sort()
        )
        reason = wording.format_text(
            "a home number, placed {} calls on {} (limit {}) that came in on international trunks "
            "({}) within {} h of calls of the line at home, to {} different numbers",
            "n_calls",
            "day",
            pl.lit(self.mismatch_calls),
            pl.col("trunks").list.join(", "),
            pl.lit(self.seen_hours),
            "n_called",
        )
        return self._mismatch(
            days,
            severity=self._by_contacts(),
            reason=reason,
            evidence=pl.struct("n_calls", "n_called", "trunks"),
        )

    def _impossible(self, calls: pl.LazyFrame) -> pl.LazyFrame:
        """Find the numbers that nobody has."""
        days = calls.group_by("line", "number", "day").agg(
            *number_pools.counts(), pl.col("why").first()
        )
        reason = wording.format_text(
            "placed {} calls on {} (limit {}) by a number that nobody has: {}; to {} different "
            "numbers",
            "n_calls",
            "day",
            pl.lit(self.mismatch_calls),
            "why",
            "n_called",
        )
        many = pl.col("n_called") >= self.mismatch_contacts
        return self._mismatch(
            days,
            severity=ladder({"medium": many}, "low"),
            reason=reason,
            evidence=pl.struct("n_calls", "n_called", "why"),
        )

    def _pools(self, calls: pl.LazyFrame) -> pl.LazyFrame:
        """Find the prefixes out of which many numbers call."""
        counted = number_pools.pools(calls.collect(), self.pool_digits)
        on_one = (pl.col("n_trunk") >= ONE_TRUNK * pl.col("n_calls")) & (
            pl.col("last") - pl.col("first") <= SHIFT
        )
        found = (
            counted.lazy()
            .filter(
                pl.col("n_numbers") >= self.pool_numbers,
                pl.col("n_contacts") >= self.pool_contacts,
                pl.col("q_value") <= self.pool_fdr,
                (pl.col("n_shared") >= SHARED) | on_one,
            )
            .with_columns(subject=pl.col("prefix") + "x" * self.pool_digits)
        )
        large = (pl.col("n_numbers") >= 2 * self.pool_numbers) & (
            pl.col("n_contacts") >= 4 * self.pool_contacts
        )
        reason = wording.format_text(
            "{} numbers of {} called {} different home subscribers in {} calls on {} (limit {} "
            "numbers and {} subscribers); {} of these were called by several of the numbers; {}{} "
            "neighbours a number expected; p {}",
            "n_numbers",
            "subject",
            "n_contacts",
            "n_calls",
            "day",
            pl.lit(self.pool_numbers),
            pl.lit(self.pool_contacts),
            "n_shared",
            pl.concat_str(
                pl.col("n_trunk").cast(pl.String),
                pl.lit(" of the calls on the trunk "),
                "trunk",
                pl.lit("; "),
            ).fill_null(""),
            pl.col("expected").round(2),
            scientific(pl.col("p_value")),
        )
        return self.finding(
            found,
            subject_kind="pool",
            subject=pl.col("subject"),
            members=pl.col("numbers"),
            day=pl.col("day"),
            window_start=rolling.just_before(pl.col("first")),
            window_end=pl.col("last"),
            severity=ladder({"high": large}, "medium"),
            observed=pl.col("n_numbers"),
            threshold=self.pool_numbers,
            p_value=pl.col("p_value"),
            reason=reason,
            evidence=pl.struct(
                "n_numbers",
                "n_contacts",
                "n_calls",
                "n_shared",
                "trunk",
                "n_trunk",
                "q_value",
                pl.col("expected").round(3),
            ),
            would_clear_if=f"fewer than {self.pool_numbers} numbers of the prefix, or than "
            f"{self.pool_contacts} home subscribers called by them",
        )

    def _by_contacts(self) -> pl.Expr:
        return ladder({"high": pl.col("n_called") >= self.mismatch_contacts}, "medium")

    def _mismatch(self, days: pl.LazyFrame, **given: pl.Expr | str | float | None) -> pl.LazyFrame:
        enough = days.filter(pl.col("n_calls") >= self.mismatch_calls)
        return self._found(
            enough,
            observed=pl.col("n_calls"),
            threshold=self.mismatch_calls,
            would_clear_if=f"fewer than {self.mismatch_calls} such calls in a day",
            **given,
        )

    def _found(self, days: pl.LazyFrame, **given: pl.Expr | str | float | None) -> pl.LazyFrame:
        return self.finding(
            days,
            subject=pl.col("number"),
            day=pl.col("day"),
            window_start=rolling.just_before(pl.col("first")),
            window_end=pl.col("last"),
            **given,
        )
