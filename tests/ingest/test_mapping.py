from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cdr_anomaly.errors import SettingError
from cdr_anomaly.ingest import REFUSED, VERDICTS, validate
from tests.helpers.raw_feeds import (
    ANNA,
    BO,
    CAO,
    at,
    call,
    columns,
    feed,
    opened,
    read,
    refused,
    scanned,
    used,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path


BAD = {
    "no start time": {"start_time": None},
    "start time before 1990": {"start_time": datetime(1970, 1, 1, 8, tzinfo=UTC)},
    "start time after 2100": {"start_time": datetime(2262, 1, 1, tzinfo=UTC)},
    "duration is not a number": {"duration_s": "a minute"},
    "negative duration": {"duration_s": "-1"},
    "absurd duration": {"duration_s": "86401"},
    "neither a calling nor a called number": {"calling_number": None, "called_number": "unknown"},
    "forwarding leg without the line that forwarded": {"record_type": "fwd"},
}


def bad_feed() -> pl.DataFrame:
    good = {"record_type": "call", "redirecting_number": None, "duration_s": "60"}
    rows = [call(n, **good | fault) for n, fault in enumerate(BAD.values())]
    return feed(*rows, call(99, **good), call(100, **good | {"record_type": "sms_mo"}))


def test_every_reason_to_refuse_a_row_has_a_case() -> None:
    assert list(BAD) == [VERDICTS[place] for place in REFUSED]


def test_each_refused_row_is_kept_as_it_came_with_its_file_and_the_reason(tmp_path: Path) -> None:
    file = written(tmp_path, bad_feed())
    kept = refused(file)
    assert kept["reason"].to_list() == list(BAD)
    assert set(kept["file"]) == {str(file)}
    as_text = bad_feed().head(len(BAD)).cast(pl.String)
    assert_frame_equal(kept.drop("reason", "file"), as_text)


def test_refused_rows_are_counted_by_reason_and_other_types_apart(tmp_path: Path) -> None:
    counts = scanned(written(tmp_path, bad_feed())).counts
    assert counts.refused == dict.fromkeys(BAD, 1)
    assert (counts.read, counts.used, counts.left_out) == (len(BAD) + 2, 1, 1)


def test_a_row_of_another_type_is_left_out_whatever_else_is_wrong_with_it(tmp_path: Path) -> None:
    row = call(record_type="sms_mt", start_time=None, duration_s=-1)
    source = opened(written(tmp_path, feed(row, call(1, record_type="moc"))))
    assert validate.verdicts(
        source.map_rows().collect(), source.settings.max_duration_s
    ).to_list() == [
        9,
        0,
    ]


def test_vendor_columns_called_reason_and_file_stand_beside_ours(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(duration_s=-1, reason="x", file="y", verdict="z")))
    kept = refused(file).row(0, named=True)
    assert (kept["reason"], kept["file"]) == ("negative duration", str(file))
    assert (kept["reason_as_came"], kept["file_as_came"], kept["verdict"]) == ("x", "y", "z")


def test_refused_rows_of_any_type_are_written_as_text(tmp_path: Path) -> None:
    row = call(duration_s=-1, legs=[1, 2], site={"a": 1}, raw=b"\x00\xff", when=timedelta(1))
    kept = refused(written(tmp_path, feed(row)))
    assert set(kept.dtypes) == {pl.String}
    assert (kept["legs"].item(), kept["raw"].item()) == ('{"legs":[1,2]}', "00ff")


def test_a_day_longer_than_the_longest_call_is_a_setting(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(duration_s=100)))
    assert refused(file, max_duration_s=99)["reason"].to_list() == ["absurd duration"]
    assert refused(file, max_duration_s=100).is_empty()


@pytest.mark.parametrize(
    "withheld", ["", " ", "-", "anonymous", "Unknown", "RESTRICTED", "private", None]
)
def test_a_withheld_caller_is_no_line(tmp_path: Path, withheld: str | None) -> None:
    result = scanned(written(tmp_path, feed(call(calling_number=withheld))))
    assert (result.counts.used, result.source.as_text) == (1, False)
    assert columns(used(result.source), "calling_number", "called_number") == [(None, BO)]


def test_record_types_in_any_case_are_known_and_none_is_a_whole_call(tmp_path: Path) -> None:
    rows = [call(n, record_type=kind) for n, kind in enumerate(["MOC", "Mtc", None, "", "call"])]
    assert read(written(tmp_path, feed(*rows)))["record_type"].to_list() == [
        "moc",
        "mtc",
        "call",
        "call",
        "call",
    ]


@pytest.mark.parametrize(
    ("durations", "seconds"),
    [
        ([1.4, 1.6, None, 0.0], [1, 2, 0, 0]),
        (["1.4", " 2 ", None, ""], [1, 2, 0, 0]),
        ([timedelta(seconds=90), None], [90, 0]),
        (pl.Series([3, None], dtype=pl.UInt8), [3, 0]),
        (pl.Series(["2.6"]).cast(pl.Decimal(6, 2)), [3]),
        (pl.Series([None, None]), [0, 0]),
    ],
)
def test_durations_of_any_type_are_whole_seconds_and_none_is_no_talk(
    tmp_path: Path, durations: Any, seconds: list[int]
) -> None:
    series = pl.Series("duration_s", durations)
    rows = feed(*(call(n) for n in range(len(series)))).with_columns(series)
    assert read(written(tmp_path, rows))["duration_s"].to_list() == seconds


@pytest.mark.parametrize(
    "duration",
    [float("nan"), float("inf"), 1e300, "00:01:30", pl.Series([2**64 - 1], dtype=pl.UInt64)],
)
def test_a_duration_that_is_no_count_of_seconds_is_refused(tmp_path: Path, duration: Any) -> None:
    rows = feed(call()).with_columns(duration_s=pl.lit(duration))
    reasons = refused(written(tmp_path, rows))["reason"].to_list()
    assert reasons == ["duration is not a number"]


@pytest.mark.parametrize("form", ["+86{}", "0086{}", "86{}", "{}", "0{}", "+86 {}", " {} "])
def test_every_form_of_a_number_is_one_line(tmp_path: Path, form: str) -> None:
    national = "13800000001"
    rows = [call(calling_number=form.format(national)), call(1, calling_number=form.format(BO[3:]))]
    assert read(written(tmp_path, feed(*rows)))["calling_number"].to_list() == [ANNA, BO]


def test_mixed_forms_with_blanks_and_hyphens_are_one_line(tmp_path: Path) -> None:
    forms = [ANNA, "0086 138 0000 0001", "86-138-0000-0001", "138.0000.0001", "(0)13800000001"]
    file = written(tmp_path, feed(*(call(n, calling_number=f) for n, f in enumerate(forms))))
    assert not scanned(file).source.as_text
    assert set(read(file)["calling_number"]) == {ANNA}


def test_blanks_in_numbers_that_all_begin_with_a_plus_are_no_loss(tmp_path: Path) -> None:
    # The footer proves +1 to +9 of them all, and the quick reading of such numbers is not enough.
    file = written(tmp_path, feed(call(calling_number="+86 138 0000 0001"), call(1)))
    assert read(file)["calling_number"].to_list() == [ANNA, ANNA]
    (group,) = opened(file).file_groups()
    assert group.e164_parties == ["calling_number", "called_number"]
    for number, rows in ((ANNA, 2), (CAO, 0)):
        line = pl.Series([int(number[1:])])
        assert opened(file).map_rows(line).collect().height == rows


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64, pl.UInt64, pl.Categorical, pl.Binary])
def test_numbers_of_any_type_are_lines(tmp_path: Path, dtype: Any) -> None:
    national = feed(
        call(calling_number="13800000001", called_number="13800000002"),
        call(1, calling_number=None, called_number="13800000003"),
    )
    number = pl.col("calling_number", "called_number")
    cast = number.cast(pl.Int64).cast(dtype) if dtype.is_numeric() else number.cast(dtype)
    calls = read(written(tmp_path, national.with_columns(cast)))
    assert columns(calls, "calling_number", "called_number") == [(ANNA, BO), (None, CAO)]


def test_blank_ids_and_cells_are_none(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        feed(call(call_id="", cell_id="", imei=""), call(1, call_id="x", cell_id=12.0, imei="867")),
    )
    wanted = columns(read(file), "call_id", "imei")
    assert wanted == [(None, None), ("x", "867")]


def test_answered_may_be_said_in_words_numbers_or_flags(tmp_path: Path) -> None:
    for words in (["true", "no", None], ["1", "0", None], [True, False, None], [1, 0, None]):
        rows = feed(*(call(n, answered=word) for n, word in enumerate(words)))
        assert read(written(tmp_path, rows))["answered"].to_list() == [True, False, None]


def burst(*, opaque: bool) -> pl.DataFrame:
    """One line that calls 60 others, in numbers or in tokens of the same shape."""
    digits = [f"1390000{n:04d}" for n in range(60)]
    tokens = [f"token-{number}" for number in digits]
    return feed(
        *(
            call(20 * n, calling_number="token-anna" if opaque else ANNA, called_number=called)
            for n, called in enumerate(tokens if opaque else digits)
        )
    )


def test_opaque_tokens_are_integers_as_well_and_change_no_finding(tmp_path: Path) -> None:
    words = ("high_frequency.calls_60min=30", "mass_dialler.calls=50")
    results = [
        scanned(written(tmp_path, burst(opaque=opaque), f"{opaque}.parquet"), assignments=words)
        for opaque in (False, True)
    ]
    assert [result.source.as_text for result in results] == [False, False]
    assert [result.tables.feed.classes for result in results] == [True, False]
    same = ["detector", "severity", "observed", "threshold", "window_start", "window_end"]
    plain, tokens = (result.findings.filter(subject_kind="line") for result in results)
    assert plain.height
    assert_frame_equal(plain.select(same), tokens.select(same))
    assert set(tokens["subject"]) == {"token-anna"}


def test_a_token_among_numbers_makes_the_numbers_no_other_lines(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        feed(
            call(),
            call(1, calling_number="sip:anna@example.org"),
            call(2, calling_number="anonymous"),
        ),
    )
    result = scanned(file)
    source = result.source
    assert not source.as_text
    assert result.tables.feed.classes
    assert set(source.names.table["name"]) == {"sip:anna@example.org"}
    assert used(source)["calling_number"].to_list() == [ANNA, "sip:anna@example.org", None]


def test_text_lines_are_spelled_as_numbering_spells_them(tmp_path: Path) -> None:
    from cdr_anomaly import numbering

    forms = [
        ANNA,
        "0086 138 0000 0001",
        "95588",
        " x-1 ",
        "Unknown",
        "0755 95588",
        "1.2.3",
        "-",
        "john.doe",
        "+8613800000001x",
        "(anonymous)",
        "",
        None,
    ]
    file = written(tmp_path, feed(*(call(n, calling_number=f) for n, f in enumerate(forms))))
    source = opened(file).with_text()
    spelled = numbering.line_text(pl.col("line"), source.plan)
    expected = pl.DataFrame({"line": forms}).select(spelled).to_series().to_list()
    assert source.map_rows().collect()["calling_number"].to_list() == expected


def test_an_unknown_home_region_names_the_nearest(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call()))
    with pytest.raises(SettingError, match="'XX' is not a region"):
        opened(file, home="XX")


def test_the_zone_of_the_home_region_is_that_of_local_days_by_default(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(start_time=at(0))))
    assert opened(file).tz == "Asia/Shanghai"
    assert opened(file, home="GB").tz == "Europe/London"
    assert opened(file, tz="UTC").tz == "UTC"


@given(
    start=st.one_of(st.none(), st.datetimes(datetime(1980, 1, 1), datetime(2120, 1, 1))),  # noqa: DTZ001
    duration=st.sampled_from([None, -1, 0, 7, 86_400, 86_401]),
    numbers=st.tuples(*[st.sampled_from([None, 1])] * 3),
    kind=st.sampled_from([None, *validate.TYPES]),
    without=st.sets(st.sampled_from(["record_type", "redirecting_number"])),
)
def test_a_row_is_sound_when_no_verdict_holds(
    start: datetime | None,
    duration: int | None,
    numbers: tuple[int | None, ...],
    kind: str | None,
    without: set[str],
) -> None:
    row = pl.DataFrame(
        {
            "start_time": pl.Series([start], dtype=pl.Datetime("us")).dt.replace_time_zone("UTC"),
            "duration_s": pl.Series([duration], dtype=pl.Int64),
            "calling_number": pl.Series([numbers[0]], dtype=pl.Int64),
            "called_number": pl.Series([numbers[1]], dtype=pl.Int64),
            "redirecting_number": pl.Series([numbers[2]], dtype=pl.Int64),
            "record_type": pl.Series([kind], dtype=validate.RECORD_TYPE),
        }
    ).drop(without)
    told = row.select(
        valid=validate.is_valid(row.columns, 86_400), verdict=validate.verdict(row.columns, 86_400)
    )
    assert told["valid"].item() == (told["verdict"].item() == 0)


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["+8613800000001", "+8613800000002"])])
def test_numbers_that_are_categories(tmp_path: Path, kind: pl.DataType) -> None:
    """As pandas writes them; that all of them are E.164 makes them no integers."""
    start = datetime(2026, 5, 4, tzinfo=UTC)
    calls = pl.DataFrame(
        {
            "calling_number": ["+8613800000001"],
            "called_number": ["+8613800000002"],
            "start_time": [start],
            "duration_s": [9],
        }
    ).with_columns(pl.col("calling_number", "called_number").cast(kind))
    calls.write_parquet(tmp_path / "calls.parquet")
    rows = opened(tmp_path / "calls.parquet").map_rows().collect()
    assert rows["calling_number"].to_list() == [8613800000001]
