"""Bulk synthetic call records of one day, for timing only, as three feeds.

The plain feed has E.164 numbers, in files of 2 million calls that follow one another in time.
Lines differ in activity as in the mix of heavy and light callers that was used to choose the
bounds: 0.3 % of the lines place 12 % of the calls, and one in 50 calls is forwarded. Most calls
go to a short list of contacts that call back; a few hundred lines dial strangers, many of them in
one hour; one block of new lines passes calls on to a hub, some over a second hop, and another
block of new lines dials.

Feed A is of another kind, which costs more: 50 files, one for each switch, that all hold the whole
day; lines call their contacts and these do not call back, so that many lines mostly call; and each
call has a cell. Feed B has the calls of feed A, and one number in twenty is written in another form
than E.164. The same number of calls gives the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_ROWS = 2_000_000
DAY_START = 1_777_824_000  # 2026-05-04 00:00 in Asia/Shanghai, as seconds of the epoch
HOURS = np.array(
    [1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 12, 11, 12, 13, 13, 13, 13, 12, 11, 9, 6, 4, 2]
)
CONTACTS_PER_LINE = 16
N_DIALLERS = 400
# Lines of two blocks, activated two days before; the first ones forward, the others dial.
FORWARDERS = [f"+861344002{n:04}" for n in range(24)]
DIALLERS = [f"+861344003{n:04}" for n in range(24)]
HUB, SECOND_HUB = "+8613911110000", "+8613911110001"
VOICEMAIL = "+8613800000000"
# Feed A: its files, its cells, and the spread of the activity of its lines (of its logarithm).
N_SWITCHES = 50
N_CELLS = 30_000
ACTIVITY_SPREAD = 1.1
# Feed B writes one number in so many in another form.
ODD_ONE_IN = 20
FEEDS = ("plain", "A", "B")


def phone_number(index: np.ndarray) -> np.ndarray:
    """Scatter line indices over the Chinese mobile numbers."""
    return 8_613_000_000_000 + (index * 2_654_435_761) % 6_999_999_937


def draw_contact_calls(rng: np.random.Generator, rows: int, lines: int) -> pl.DataFrame:
    """Draw calls between lines and their contacts, either of them calling."""
    heavy = (0.0186 + 0.9814 * rng.random(rows)) ** 2.75
    line = (lines * (heavy - 1.7e-5)).clip(0, lines - 1).astype(np.int64)
    rank = (CONTACTS_PER_LINE * rng.random(rows) ** 2).astype(np.int64)
    contact = (line * 40_503 + rank * 7_919 + 12_345) % lines
    other = np.where(rng.random(rows) < 0.8, contact, rng.integers(0, lines, rows))
    back = rng.random(rows) < 0.5
    return pl.DataFrame(
        {"caller": np.where(back, other, line), "called": np.where(back, line, other)}
    )


def draw_one_way_calls(rng: np.random.Generator, rows: int, lines: int) -> pl.DataFrame:
    """Draw calls of lines of skewed activity to their contacts, who do not call back."""
    # The activity of a line is the same in every file.
    activity = np.random.default_rng(2).lognormal(0, ACTIVITY_SPREAD, lines).cumsum()
    line = np.searchsorted(activity / activity[-1], rng.random(rows)).clip(max=lines - 1)
    rank = (CONTACTS_PER_LINE * rng.random(rows) ** 2).astype(np.int64)
    contact = (line * 40_503 + rank * 7_919 + 12_345) % lines
    other = np.where(rng.random(rows) < 0.88, contact, rng.integers(0, lines, rows))
    return pl.DataFrame({"caller": line, "called": other})


def draw_dialler_calls(rng: np.random.Generator, rows: int, lines: int) -> pl.DataFrame:
    """Draw the calls of the lines that dial strangers."""
    caller = lines + rng.integers(0, N_DIALLERS, rows)
    return pl.DataFrame({"caller": caller, "called": rng.integers(0, lines, rows)})


def build_chunk(
    seed: int, rows: int, lines: int, span: tuple[float, float], *, one_way: bool = False
) -> pl.DataFrame:
    """Return the rows of one file, in the order of time; ``one_way`` is as in feed A."""
    rng = np.random.default_rng(seed)
    strangers = int(rows * min(0.01, N_DIALLERS * 300 / (5 * lines)))
    draw_others = draw_one_way_calls if one_way else draw_contact_calls
    calls = pl.concat(
        [draw_others(rng, rows - strangers, lines), draw_dialler_calls(rng, strangers, lines)]
    )
    share = np.concatenate([[0], np.cumsum(HOURS) / HOURS.sum()])
    at = np.interp(span[0] + (span[1] - span[0]) * rng.random(rows), share, np.arange(25) * 3600)
    talk = np.where(rng.random(rows) < 0.6, rng.lognormal(3.7, 1.1, rows), 0).astype(np.int64)
    calls = calls.with_columns(
        calling_number=_as_e164(phone_number(calls["caller"].to_numpy())),
        called_number=_as_e164(phone_number(calls["called"].to_numpy())),
        start_time=pl.Series((DAY_START + at).astype(np.int64) * 1_000_000).cast(
            pl.Datetime("us", "UTC")
        ),
        duration_s=pl.Series(talk.clip(0, 7200)),
        record_type=pl.lit("call"),
        redirecting_number=pl.lit(None, pl.String),
    )
    forwarded = calls.filter(pl.Series(rng.random(rows) < 0.02)).with_columns(
        redirecting_number="called_number",
        called_number=pl.when(pl.col("called") % 10 < 8)
        .then(pl.lit(VOICEMAIL))
        .otherwise(pl.lit("+86139") + (pl.col("called") % 99_999_989).cast(pl.String).str.zfill(8)),
        record_type=pl.lit("fwd"),
    )
    all_calls = pl.concat([calls.drop("caller", "called"), forwarded.drop("caller", "called")])
    begin, end = (
        pl.lit(int((DAY_START + at) * 1_000_000)).cast(pl.Datetime("us", "UTC"))
        for at in np.interp(span, share, np.arange(25) * 3600)
    )
    special = build_planted_calls(lines).filter(
        pl.col("start_time") >= begin, pl.col("start_time") < end
    )
    return pl.concat([all_calls, special.select(all_calls.columns)]).sort(
        "start_time", maintain_order=True
    )


def build_planted_calls(lines: int) -> pl.DataFrame:
    """Return the calls of the two blocks of new lines: each line calls in one hour of the day."""
    rng = np.random.default_rng(1)
    rows = []
    for n, line in enumerate([*FORWARDERS, *DIALLERS]):
        begin = DAY_START + 8 * 3600 + 1200 * n
        for call in range(40 if line in FORWARDERS else 120):
            stranger = str(_as_e164(phone_number(rng.integers(0, lines, 1)))[0])
            start = begin + 30 * call
            if line in DIALLERS:
                rows.append((line, stranger, start, 20, "call", None))
                continue
            rows.append((stranger, line, start, 30, "call", None))
            target = SECOND_HUB if call % 4 == 0 else HUB
            rows.append((stranger, target, start + 5, 30, "fwd", line))
            if target == SECOND_HUB:
                rows.append((stranger, HUB, start + 10, 30, "fwd", SECOND_HUB))
    columns = (
        "calling_number",
        "called_number",
        "start_time",
        "duration_s",
        "record_type",
        "redirecting_number",
    )
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    instant = (pl.col("start_time") * 1_000_000).cast(pl.Datetime("us", "UTC"))
    return frame.with_columns(start_time=instant)


def _as_e164(numbers: np.ndarray) -> pl.Series:
    return "+" + pl.Series(numbers).cast(pl.String)


def write_records(calls: int, folder: Path, feed: str = "plain") -> None:
    """Write so many calls of a day, and the lines activated in the last 60 days, once."""
    if (folder / "subscribers.parquet").exists():
        return
    (folder / "calls").mkdir(parents=True, exist_ok=True)
    lines = calls // 5
    frames = _plain_files(calls, lines) if feed == "plain" else _switch_files(calls, lines)
    for n, frame in enumerate(frames):
        rows = _in_other_forms(frame, n) if feed == "B" else frame
        rows.write_parquet(folder / "calls" / f"part-{n:04}.parquet", row_group_size=500_000)
    _subscribers(lines).write_parquet(folder / "subscribers.parquet")


def _plain_files(calls: int, lines: int) -> Iterator[pl.DataFrame]:
    """Yield files of calls that follow one another in time."""
    for n in range(-(-calls // CHUNK_ROWS)):
        rows = min(CHUNK_ROWS, calls - n * CHUNK_ROWS)
        span = (n * CHUNK_ROWS / calls, (n * CHUNK_ROWS + rows) / calls)
        yield build_chunk(n, rows, lines, span)


def _switch_files(calls: int, lines: int) -> Iterator[pl.DataFrame]:
    """Yield the files of feed A: each has calls of the whole day, and their cells."""
    for n in range(N_SWITCHES):
        frame = build_chunk(n, calls // N_SWITCHES, lines, (0.0, 1.0), one_way=True)
        # Every file holds the planted calls; each shall be in one file only.
        planted = build_planted_calls(lines)
        day_end = pl.lit((DAY_START + 24 * 3600) * 1_000_000).cast(pl.Datetime("us", "UTC"))
        is_own = pl.int_range(pl.len()) % N_SWITCHES == n
        own = planted.filter(is_own, pl.col("start_time") < day_end)
        drawn = frame.join(planted, on=planted.columns, how="anti", nulls_equal=True)
        rows = pl.concat([drawn, own.select(drawn.columns)]).sort("start_time", maintain_order=True)
        cell = pl.col("calling_number").str.slice(1).cast(pl.Int64) * 13 % N_CELLS
        yield rows.with_columns(cell_id=cell.cast(pl.Int32))


def _in_other_forms(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Write one number in twenty in the ways of other switches: the same numbers."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name in ("calling_number", "called_number", "redirecting_number"):
        form = pl.Series(rng.integers(0, 4 * ODD_ONE_IN, frame.height))
        national = pl.col(name).str.slice(3)
        dashed = pl.concat_str(
            [national.str.slice(0, 3), national.str.slice(3, 4), national.str.slice(7)],
            separator="-",
        )
        columns[name] = (
            pl.when(form == 0)
            .then("00" + pl.col(name).str.slice(1))
            .when(form == 1)
            .then(national)
            .when(form == 2)
            .then(dashed)
            .when(form == 3)
            .then(pl.lit("+86 ") + national)
            .otherwise(name)
        )
    return frame.with_columns(**columns)


def _subscribers(lines: int) -> pl.DataFrame:
    """Return the lines activated in the last 60 days (line, activation)."""
    fresh = np.arange(0, lines, 97)
    day = pl.Series(20_577 - fresh % 60).cast(pl.Int32).cast(pl.Date)
    recent = pl.DataFrame({"line": _as_e164(phone_number(fresh)), "activation": day})
    block = pl.DataFrame({"line": [*FORWARDERS, *DIALLERS]}).with_columns(
        activation=pl.lit(20_575, pl.Int32).cast(pl.Date)
    )
    return pl.concat([recent, block])


def main() -> None:
    """Write the records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--feed", choices=FEEDS, default="plain")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_records(arguments.calls, arguments.out, arguments.feed)


if __name__ == "__main__":
    main()
