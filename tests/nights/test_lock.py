"""Who may write a state in a store: one at a time, and nobody for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import lock
from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from cdr_anomaly.storage.paths import Address


@pytest.fixture
def place(bucket: Address) -> Address:
    return bucket / "state"


def night(run: Any, place: Address) -> Any:
    """Run a night that would fail later, for want of files."""
    return run("nightly", "nowhere", "--date", "2026-05-01", "--state", place)


def held(place: Address, **by: str | int) -> None:
    told = {"user": "cdr", "host": "elsewhere", "process": 7, "since": "then", "hold": "x"}
    paths.write(place / lock.HOLD, json.dumps(told | by).encode())


def signature(place: Address) -> dict[str, str]:
    """Return what this process says of itself where it holds a place."""
    with lock.lock_state(place):
        told: dict[str, str] = json.loads((place / lock.HOLD).read_text())
    return told


def test_a_hold_is_over_when_it_is_not_renewed_or_its_process_is_gone(
    run: Any, place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(place)
    assert lock.is_locked(place)
    ran = night(run, place)
    assert (ran.code, ran.err) == (
        2,
        (
            f"cdr-anomaly: Another run holds '{place}': process 7 of cdr on elsewhere, since then; "
            "wait for its end, or stop it. A hold is over 120 s after the last sign of its run.\n"
        ),
    )
    monkeypatch.setattr(lock, "LEASE_S", -5.0)
    with lock.lock_state(place):
        pass
    monkeypatch.undo()
    assert (place / lock.HOLD).head() is None, "it is let go of"


def test_a_hold_of_a_process_that_this_machine_does_not_have_is_over(place: Address) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    own = signature(place)
    held(place, **own | {"process": int(gone.stdout), "among": "those of another container"})
    assert lock.is_locked(place), "whose host is called as this one"
    held(place, **own | {"process": int(gone.stdout)})
    with lock.lock_state(place):
        assert lock.is_locked(place)
        with pytest.raises(StateError, match=f"process {os.getpid()} of"), lock.lock_state(place):
            pass
    assert not lock.is_locked(place)


def test_a_store_without_conditional_writes_is_refused(
    run: Any, place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anyway(where: Address, held: bytes, after: Any = None) -> Any:  # noqa: ARG001
        paths.write(where, held)
        return where.head()

    monkeypatch.setattr(paths, "claim", anyway)
    ran = night(run, place)
    assert ran.code == 2
    assert "(it ignores If-None-Match), so two runs could mix; keep the state else" in ran.err
    assert not lock.is_locked(place)


def test_a_hold_is_renewed_and_given_up_when_another_took_it(
    place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_S", 0.05)
    mark = place / lock.HOLD
    with lock.lock_state(place):
        first = mark.head()["e_tag"]
        end = time.monotonic() + 20
        while mark.head()["e_tag"] == first and time.monotonic() < end:
            time.sleep(0.05)
        assert mark.head()["e_tag"] != first
        held(place)
        time.sleep(0.3)
        assert '"elsewhere"' in mark.read_text()
    assert '"elsewhere"' in mark.read_text(), "what is another's is not let go of"
