"""Whatever happens to a night, the state is as it was before it, or as it is after it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import deque
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cdr_anomaly.errors import InputError, StateError
from cdr_anomaly.nights import ledger, lock, open_state, run, state
from cdr_anomaly.nights.upgrade import VERSION
from tests.helpers import night_runs
from tests.helpers.crash_nights import DAYS, Tables, begin, child, ended, killed, last, whole

KILLS = 40
# Each table, and each kind of damage; the other pairs are slow.
DAMAGED_QUICKLY = {
    ("profile", "truncated"),
    ("line_sightings", "gone"),
    ("carry_over", "scribbled"),
    ("legs", "truncated"),
    ("alerts", "gone"),
}


@pytest.mark.slow
def test_killed_at_any_instant_nothing_is_lost_and_nothing_doubled(
    tmp_path: Path, files: Path, before: Path, after: Tables
) -> None:
    random = Random(os.environ.get("TZ", ""))  # noqa: S311 - no secret
    was = night_runs.remembered(before)
    places = [tmp_path / str(n) for n in range(KILLS + 1)]
    for place in places:
        shutil.copytree(before, place)
    waiting: deque[subprocess.Popen[str]] = deque()
    left, rest, seconds = iter(places), iter(places), 0.0
    outcomes = {"killed": 0, "done": 0}
    for place in left:
        while len(waiting) < 3 and (following := next(rest, None)) is not None:
            waiting.append(child(following, last(files)))
        running = waiting.popleft()
        if not seconds:  # the first one tells how long a night takes
            seconds = whole(running)
            assert night_runs.remembered(place) == after
            continue
        outcomes["killed" if killed(running, random.uniform(0, seconds)) else "done"] += 1
        assert not lock.is_locked(place)
        shown = night_runs.remembered(place)
        assert shown in (was, after), "nothing half done is seen"
        run.nightly([last(files)], DAYS[3], night_runs.run(place))
        assert night_runs.remembered(place) == after
        assert _leftovers(place) == set(), "what the killed run left is gone"
    assert outcomes["killed"] > KILLS // 2


def _leftovers(place: Path) -> set[str]:
    """Name the tables whose newest version is not the one that is read."""
    from deltalake import DeltaTable

    versions = state.open_readonly(place).versions
    return {name for name, v in versions.items() if DeltaTable(place / name).version() != v}


def test_the_first_night_killed_leaves_a_state_that_can_begin(tmp_path: Path, files: Path) -> None:
    place = tmp_path / "state"
    told = night_runs.run(place)
    known = state.open_writable(place, "Asia/Shanghai", "CN")
    known.note("begun", day=DAYS[0])
    # As if killed between two tables of the first night.
    known._write("profile", known.read("profile").collect(), mode="overwrite")
    run.nightly([files / f"{DAYS[0]}.parquet"], DAYS[0], told)
    fresh = night_runs.run(tmp_path / "fresh")
    run.nightly([files / f"{DAYS[0]}.parquet"], DAYS[0], fresh)
    assert night_runs.remembered(place) == night_runs.remembered(fresh.location)


@pytest.mark.parametrize(
    "most", [4000, *(pytest.param(n, marks=pytest.mark.slow) for n in (200, 1500, 8000, 12_000))]
)
def test_files_that_cannot_grow_leave_the_state_as_it_was(
    most: int, tmp_path: Path, files: Path, before: Path, after: Tables
) -> None:
    """As under a quota: the system refuses to write on, at different places."""
    place = tmp_path / "state"
    shutil.copytree(before, place)
    running = child(place, last(files), CDR_MOST_BYTES=str(most))
    begin(running)
    said = ended(running)
    assert running.returncode == 2, said
    assert said.startswith(f"The state in '{place}' cannot be written: ")
    assert said.endswith("It is as it was; run this again.\n")
    assert night_runs.remembered(place) == night_runs.remembered(before)
    run.nightly([last(files)], DAYS[3], night_runs.run(place))
    assert night_runs.remembered(place) == after


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of half a megabyte, where this machine lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    mounted = shutil.which("mount") and not subprocess.run(mount, check=False).returncode
    if not mounted:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)  # noqa: S607


def test_a_full_disk_is_named_and_leaves_the_state_as_it_was(small_disk: Path, files: Path) -> None:
    told = night_runs.run(small_disk / "state")
    sentences = []
    for day in DAYS * 4:
        was = night_runs.remembered(told.location) if told.location.exists() else None
        try:
            run.nightly([files / f"{day}.parquet"], day, told)
        except StateError as error:
            sentences.append(str(error))
            assert night_runs.remembered(told.location) == was
    assert sentences
    assert f"cannot be written: the disk at '{small_disk}' is full (" in sentences[0]


def test_a_second_writer_is_told_who_holds_the_state(
    tmp_path: Path, files: Path, before: Path
) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    with lock.lock_state(place):
        running = child(place, last(files))
        begin(running)
        said = ended(running)
        assert running.returncode == 2
        assert said.startswith(f"Another run holds '{place}': process {os.getpid()} of ")
        assert f", since {time.strftime('%Y')}" in said
        assert lock.is_locked(place)
    assert night_runs.remembered(place) == night_runs.remembered(before)


def test_two_at_once_end_as_one_after_the_other(
    tmp_path: Path, files: Path, before: Path, after: Tables
) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    both = [child(place, last(files)) for _ in range(2)]
    for running in both:
        begin(running)
    said = [ended(running) for running in both]
    assert "done\n" in said
    assert all(text == "done\n" or "Another run holds" in text for text in said)
    assert night_runs.remembered(place) == after


@pytest.mark.parametrize(
    ("table", "how"),
    [
        pytest.param(table, how, marks=() if (table, how) in DAMAGED_QUICKLY else pytest.mark.slow)
        for table in ("profile", "line_sightings", "carry_over", "legs", "alerts")
        for how in ("truncated", "gone", "scribbled")
    ],
)
def test_a_damaged_table_is_named_and_made_again(
    table: str, how: str, tmp_path: Path, files: Path, before: Path, after: Tables
) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    told = night_runs.run(place)
    run.nightly([last(files)], DAYS[3], told)
    known = state.open_writable(place, "Asia/Shanghai", "CN")
    (file,) = (f for f in known._table(table).file_uris() if "day=" not in f or str(DAYS[2]) in f)
    whole = Path(file).read_bytes()
    if how == "gone":
        Path(file).unlink()
    else:
        cut = whole[: len(whole) // 2]
        Path(file).write_bytes(cut if how == "truncated" else cut + b"x" * (len(whole) - len(cut)))
    if how == "scribbled":
        with pytest.raises(StateError, match="is damaged; run the night of that day again"):
            state.check_files(place)
    elif table != "line_sightings":  # which the night makes again from profiles
        with pytest.raises(StateError, match=f"is damaged; run the night of {DAYS[2]} again"):
            run.nightly([last(files)], DAYS[3], told)
    run.nightly([files / f"{DAYS[2]}.parquet"], DAYS[2], told)
    run.nightly([last(files)], DAYS[3], told)
    assert night_runs.remembered(place) == after


def test_damage_that_nothing_can_mend_says_so(tmp_path: Path, before: Path, files: Path) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    for file in (place / "ledger").glob("*.parquet"):
        file.write_bytes(b"PAR1")
    with pytest.raises(StateError, match="put it back from a backup"):
        run.nightly([last(files)], DAYS[3], night_runs.run(place))


def test_what_the_first_night_got_wrong_is_not_settled(tmp_path: Path, files: Path) -> None:
    file = files / f"{DAYS[0]}.parquet"
    for zone, paths in (("UTC", ["nowhere"]), ("Asia/Shanghai", [file])):
        told = night_runs.run(tmp_path / "state", tz=zone)
        if paths == [file]:
            run.nightly(paths, DAYS[0], told)
        else:
            with pytest.raises(InputError):
                run.nightly(paths, DAYS[0], told)
    assert state.open_readonly(told.location).header.zone == "Asia/Shanghai"


def test_many_events_are_put_together_and_are_the_same(
    tmp_path: Path, files: Path, before: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    was = state.open_readonly(place).ledger
    monkeypatch.setattr(state, "MANY_EVENTS", 3)
    run.nightly([last(files)], DAYS[3], night_runs.run(place))
    now = state.open_readonly(place).ledger
    assert now.head(was.height).equals(was)
    assert now["event"].to_list() == [*was["event"], "begun", "done"]
    from deltalake import DeltaTable

    assert len(DeltaTable(place / "ledger").file_uris()) == 1


def test_a_night_that_was_begun_and_killed_is_failed(tmp_path: Path, before: Path) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    known = state.open_writable(place, "Asia/Shanghai", "CN").note("begun", day=date(2026, 5, 6))
    assert list(ledger.unfinished_nights(known.ledger)) == [date(2026, 5, 6)]
    assert list(open_state.read_nights(place)) == DAYS


def test_a_newer_state_is_refused(tmp_path: Path, before: Path, files: Path) -> None:
    place = tmp_path / "state"
    shutil.copytree(before, place)
    header = place / "state.json"
    header.write_text(header.read_text().replace(f'"version": {VERSION}', '"version": 7'))
    with pytest.raises(StateError, match=f"is of version 7, this program knows {VERSION}: a newer"):
        run.nightly([last(files)], DAYS[3], night_runs.run(place))


def test_everything_is_readable_by_its_owner_only(before: Path) -> None:
    modes = {path: path.stat().st_mode & 0o777 for path in [before, *before.rglob("*")]}
    wrong = {path: oct(m) for path, m in modes.items() if m != (0o700 if path.is_dir() else 0o600)}
    assert not wrong
