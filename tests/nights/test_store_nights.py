"""The night in a store: written, killed, cut off, run again, read by others, and as on a disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import lock, state
from cdr_anomaly.nights import run as nights_run
from cdr_anomaly.storage import delta, paths
from tests.helpers import night_runs, store_files
from tests.helpers.builders import SHANGHAI
from tests.helpers.crash_nights import DAYS, Tables, begin, child, ended, killed, last, whole
from tests.helpers.cut_connection import cable
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from cdr_anomaly.storage.paths import Address

KILLS = 24
SHARES = (0.02, 0.15, 0.3, 0.5, 0.65, 0.8, 0.9, 0.97)  # of what a night sends to its store


@pytest.fixture
def place(bucket: Address, before: Path) -> Address:
    """The state of three nights, as it is on a disk, in a store."""
    return store_files.put(before, bucket / "memory" / "of-nights")


@pytest.fixture
def calls(bucket: Address, files: Path) -> Address:
    return store_files.put(files, bucket / "calls")


def night(run: Any, calls: object, place: object, *words: object) -> Any:
    return run("nightly", calls, "--date", DAYS[3], "--state", place, "--tz", SHANGHAI, *words)


def command(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    whole = [sys.executable, "-m", "cdr_anomaly", *map(str, words)]
    return subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_night_in_a_store_is_the_night_on_a_disk(
    run: Any, bucket: Address, calls: Address, files: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / "state", bucket / "state"
    for day in DAYS:
        one, two = (
            run("nightly", records, "--date", day, "--state", where, "--tz", SHANGHAI, "--out", out)
            for records, where, out in (
                (files, here, tmp_path / "out"),
                (calls, there, bucket / "out"),
            )
        )
        assert (one.code, two.code) == (0, 0), two.err
        assert one.out == two.out
    assert night_runs.remembered(there) == night_runs.remembered(here)
    told = store_files.held(bucket / "out")
    for name in ("alerts.csv", "alerts.jsonl", "victims.csv"):
        assert told[name] == (tmp_path / "out" / name).read_bytes()
    for name in ("findings.parquet", "evidence.parquet"):
        assert pl.read_parquet(told[name]).equals(pl.read_parquet(tmp_path / "out" / name))
    shas = [
        {
            each["sha256"]
            for row in state.open_readonly(where).ledger["inputs"].drop_nulls()
            for each in json.loads(row)
        }
        for where in (here, there)
    ]
    assert shas[0] == shas[1], "a file is what it holds, wherever it is"


def test_another_process_reads_what_was_written(
    run: Any, calls: Address, place: Address, before: Path
) -> None:
    assert night(run, calls, place).code == 0
    night(run, calls, before.parent / "beside")
    for words in (["status", "--format", "csv"], ["alerts", "--format", "jsonl"]):
        ran = command(*words, "--state", place)
        assert str(DAYS[3]) in ran.stdout
    assert run("alerts", "--state", place, "--format", "jsonl").out == ran.stdout
    assert run("tune", "--state", place, "--format", "csv").code == 0


def test_what_is_done_between_nights_is_done_in_a_store(
    run: Any, place: Address, calls: Address
) -> None:
    assert night(run, calls, place).code == 0
    said = run("feedback", "13800000001", "cleared", "--note", "a hotline", "--state", place)
    assert said.out == f"+8613800000001: the alert of {DAYS[3]} is cleared.\n"
    later = run("backfill", calls, "--state", place, "--from", DAYS[0], "--to", DAYS[3])
    assert later.code == 0, later.err
    kept = run("retention", "--state", place, "--profiles", "61", "--calls", "29")
    assert kept.code == 0, kept.err
    there = {name for name in paths.file_sizes(place / "alerts") if name.endswith(".parquet")}
    actions = pl.DataFrame(delta.open_table(place / "alerts").get_add_actions(flatten=True))
    assert there == set(actions["path"]), "files that nothing refers to are gone"
    assert run("status", "--state", place).code == 0


def test_a_late_file_finds_the_files_of_before_and_a_copy_counts_once(
    run: Any, tmp_path: Path, files: Path, bucket: Address
) -> None:
    whole = pl.read_parquet(last(files))
    for name, part in (("early", whole[:900]), ("late", whole[900:])):
        part.write_parquet(tmp_path / f"{name}.parquet")
    early = store_files.put(tmp_path / "early.parquet", bucket / "in" / "early.parquet")
    place = bucket / "state"
    first = night(run, early, place)
    assert "900 calls used" in first.err
    both = night(run, tmp_path / "late.parquet", place)
    assert f"{whole.height:,} calls used" in both.err
    early.unlink()
    gone = night(run, tmp_path / "late.parquet", place)
    assert gone.err == (
        f"cdr-anomaly: '{early}', of which {DAYS[3]} was made before, is not there as it was; give "
        "all files of the day, with --replace-files where they replace those.\n"
    )
    store_files.put(tmp_path / "early.parquet", early)
    again = run(
        "nightly", early.parent, tmp_path / "early.parquet", "--date", DAYS[3], "--state", place
    )
    assert "1 file(s) are copies of others" in again.err
    assert f"{whole.height:,} calls used" in again.err


@pytest.mark.slow
def test_killed_at_any_instant_nothing_is_lost_and_nothing_doubled(
    bucket: Address, files: Path, before: Path, after: Tables
) -> None:
    random = Random(os.environ.get("TZ", ""))  # noqa: S311 - no secret
    was, seconds = night_runs.remembered(before), 0.0
    cut = 0
    for n in range(KILLS + 1):
        place = store_files.put(before, bucket / f"state-{n}")
        running = child(place, last(files))
        if not seconds:  # the first one tells how long a night takes
            seconds = whole(running)
            assert night_runs.remembered(place) == after
            continue
        # Spread over a night: by chance alone half of them may come after its end.
        cut += killed(running, random.uniform(n - 1, n) / KILLS * seconds)
        assert not lock.is_locked(place), "its process is gone"
        assert night_runs.remembered(place) in (was, after), "nothing half done is seen"
        nights_run.nightly([last(files)], DAYS[3], night_runs.run(place))
        assert night_runs.remembered(place) == after
        versions = state.open_readonly(place).versions
        newest = {name: delta.open_table(place / name).version() for name in versions}
        assert newest == versions, "what the killed run left is gone"
    assert cut > KILLS // 2


def test_two_at_once_end_as_one_after_the_other(place: Address, files: Path, after: Tables) -> None:
    both = [child(place, last(files)) for _ in range(2)]
    for running in both:
        begin(running)
    said = [ended(running) for running in both]
    assert "done\n" in said
    assert all(text == "done\n" or "Another run holds" in text for text in said)
    assert night_runs.remembered(place) == after


@pytest.mark.parametrize("late", ["note", "commit"])
def test_of_two_writers_that_both_believe_they_hold_it_one_is_refused(
    late: str, place: Address
) -> None:
    one = state.open_writable(place, SHANGHAI, "CN")
    two = state.open_writable(place, SHANGHAI, "CN")
    day = DAYS[3] + timedelta(days=1)
    frames = {"carry_over": two.read("carry_over").collect().with_columns(day=pl.lit(day))}
    done = two.commit("done", frames, day=day)
    put = partial(one.note, "begun") if late == "note" else partial(one.commit, "done", frames)
    with pytest.raises(StateError, match=r"Another run changed the state in '.*' meanwhile; run"):
        put(day=day)
    now = state.open_readonly(place)
    assert now.versions == done.versions
    assert now.read("carry_over").collect().height == done.read("carry_over").collect().height


def test_of_two_that_both_make_a_state_one_is_refused(bucket: Address) -> None:
    one, two = (state.open_writable(bucket / "new", SHANGHAI, "CN") for _ in range(2))
    begun = two.note("begun", day=DAYS[0])
    with pytest.raises(StateError, match=r"Another run changed the state in '.*' meanwhile; run"):
        one.note("begun", day=DAYS[1])
    begun.note("begun", day=DAYS[2])
    assert state.open_readonly(bucket / "new").ledger["day"].to_list() == [DAYS[0], DAYS[2]]


def test_files_of_the_state_that_are_gone_from_the_store_are_named(
    run: Any, place: Address, calls: Address
) -> None:
    (file,) = (f for f in paths.file_sizes(place / "carry_over") if str(DAYS[2]) in f)
    (place / "carry_over" / file).unlink()
    ran = night(run, calls, place)
    assert ran.code == 2
    assert ran.err.startswith(
        f"cdr-anomaly: '{place / 'carry_over' / file}' is damaged; run the night"
    )


@pytest.mark.slow
def test_a_connection_lost_in_the_middle_is_one_sentence_and_the_next_run_makes_it_good(
    run: Any, bucket: Address, calls: Address, before: Path, after: Tables
) -> None:
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    words = ("nightly", calls / last(Path()).name, "--date", DAYS[3])

    def through(line: Any, place: Address) -> Any:
        option = f"aws_endpoint_url={line.endpoint}"
        return command(*words, "--state", place, "--storage-option", option)

    with cable(endpoint) as line:
        assert through(line, store_files.put(before, bucket / "whole")).returncode == 0
        whole = line.gone
    was = night_runs.remembered(before)
    for share in SHARES:
        place = store_files.put(before, bucket / f"cut-at-{share}")
        with cable(endpoint, most_gone=share * whole) as line:
            began = time.monotonic()
            ran = through(line, place)
            assert time.monotonic() - began < 60
        assert ran.returncode == 2, ran.stderr
        sentence = ran.stderr.splitlines()[-1]  # a library may complain before it
        assert sentence.startswith("cdr-anomaly: 's3://")
        assert "cannot be reached; check the endpoint and the network, and run this" in sentence
        assert "Traceback" not in ran.stderr
        assert night_runs.remembered(place) in (was, after)
        assert run(*words, "--state", place).code == 0
        assert night_runs.remembered(place) == after
