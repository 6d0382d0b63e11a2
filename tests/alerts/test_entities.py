from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cdr_anomaly import numbering
from cdr_anomaly.alerts import detect
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.errors import InputError
from cdr_anomaly.schema import FINDINGS

CHINA = numbering.home_plan("CN")
DETECTORS = ("mass_dialler", "high_frequency")
DAY = date(2026, 5, 4)
NOON = datetime(2026, 5, 4, 4, tzinfo=UTC)


def file(folder: Path, text: str, name: str = "list.csv") -> Path:
    place = folder / name
    place.write_text(text, encoding="utf-8")
    return place


def told(place: Path) -> list[tuple[str, str]]:
    return alerts_entities.read_entities(place, CHINA, DETECTORS).select("line", "purpose").rows()


def aside(
    place: Path,
    subject: str,
    detector: str = "mass_dialler",
    handsets: list[tuple[str, str]] | None = None,
) -> str | None:
    """Say what sets a finding on the subject aside."""
    row: dict[str, Any] = {"subject": subject, "detector": detector, "day": DAY}
    schema = {name: column.dtype for name, column in FINDINGS.items()}
    used = pl.LazyFrame(
        [(number, DAY, imei) for number, imei in handsets or []],
        {"subject": pl.String, "day": pl.Date, "imei": pl.String},
        orient="row",
    )
    entities = alerts_entities.read_entities(place, CHINA, DETECTORS)
    found = alerts_entities.set_aside(pl.DataFrame([row], schema), entities, CHINA, used)
    answer: str | None = found["suppressed_by"].item()
    return answer


def test_without_a_file_nobody_is_declared() -> None:
    assert alerts_entities.read_entities(None, CHINA, DETECTORS).is_empty()


def test_every_form_of_a_declared_number_is_one_entity_with_all_its_purposes(
    tmp_path: Path,
) -> None:
    place = file(tmp_path, "line,purpose\n13800000001,hotline\n+86 138 0000 0001,bank\n95588,\n")
    assert aside(place, "+8613800000001") == "bank; hotline"
    assert aside(place, "95588") == "declared"
    assert aside(place, "+8613800000002") is None


def test_columns_in_any_order_with_blanks_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    place = file(tmp_path, '\ufeffpurpose, line ,note\n"taxi, night", token-1 ,x\n,,\n')
    assert told(place) == [("token-1", "taxi, night")]


def test_a_list_may_be_parquet_under_any_name(tmp_path: Path) -> None:
    place = tmp_path / "entities.data"
    pl.DataFrame({"number": [13800000001], "reason": [7]}).write_parquet(place)
    assert told(place) == [("+8613800000001", "7")]


def test_a_list_may_be_toml(tmp_path: Path) -> None:
    text = """
    [[entity]]
    prefix = "0591"
    detectors = ["mass_dialler", "high_frequency"]
    reason = "city hotline"
    owner = "desk 4"
    expires = 2026-05-04
    [[entity]]
    line = "95588"
    """
    place = file(tmp_path, text, "entities.toml")
    assert aside(place, "+8659188000990") == "city hotline (desk 4)"
    assert aside(place, "95588") == "declared"


def test_a_list_of_nobody_declares_nobody(tmp_path: Path) -> None:
    assert told(file(tmp_path, "line,purpose\n")) == []


@pytest.mark.parametrize(
    ("row", "subject", "holds", "why"),
    [
        ("prefix\n+861344002", "+8613440021234", True, "a prefix"),
        ("prefix\n1344002", "+8613440021234", True, "a prefix as it is written at home"),
        ("prefix\n00861344002", "+8613440021234", True, "a prefix with 00"),
        ("prefix\n1344002", "+8613440031234", False, "another prefix"),
        ("prefix\n1344002", "+861344002", True, "the block itself"),
        ("prefix\n955", "95588", True, "of a short number"),
        ("range\n+8613800000000..+8613800000099", "+8613800000099", True, "the last of a range"),
        ("range\n13800000000-13800000099", "+8613800000050", True, "as it is written at home"),
        ("range\n+8613800000000..+8613800000099", "+8613800000100", False, "after the range"),
        ("range\n+861380..+861390", "+8613850000000", False, "numbers of another length"),
        ("class\nshort_95", "95588", True, "a class"),
        ("class\nshort_95", "+8613800000001", False, "of another class"),
        ("line,detectors\n95588,mass_dialler", "95588", True, "for this detector"),
        ("line,detectors\n95588,high_frequency", "95588", False, "for another detector"),
        ("line,detectors\n95588,high_frequency; mass_dialler", "95588", True, "for both"),
        ("line,expires\n95588,2026-05-04", "95588", True, "on its last day"),
        ("line,expires\n95588,2026-05-03", "95588", False, "it has expired"),
    ],
)
def test_what_is_declared(*, tmp_path: Path, row: str, subject: str, holds: bool, why: str) -> None:
    assert (aside(file(tmp_path, row + "\n"), subject) is not None) == holds, why


def test_a_line_may_be_declared_for_being_unlike_others_alone(tmp_path: Path) -> None:
    place = file(tmp_path, "line,detectors,purpose\n95588,unlike_peers,a bank\n")
    known = alerts_entities.read_entities(place, CHINA, detect.FINDERS)
    assert known["detectors"].to_list() == [["unlike_peers"]]


@pytest.mark.parametrize(
    ("handset", "used", "holds"),
    [
        ("35209900176148", "352099001761481", True),
        ("352099001761489", "352099001761481", True),
        ("35209900", "352099001761481", True),
        ("35209901", "352099001761481", False),
    ],
)
def test_lines_of_a_declared_handset(
    *, tmp_path: Path, handset: str, used: str, holds: bool
) -> None:
    place = file(tmp_path, f"handset\n{handset}\n")
    lines = [("+8613800000001", used), ("+8613800000002", "111")]
    assert (aside(place, "+8613800000001", handsets=lines) is not None) == holds
    assert aside(place, "+8613800000002", handsets=lines) is None


def fault(place: Path) -> str:
    with pytest.raises(InputError) as caught:
        alerts_entities.read_entities(place, CHINA, DETECTORS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "e.csv",
            "caller,purpose\n1,x\n",
            (
                "'{}' names no entity: it needs a column line, range, prefix, class or handset, "
                "and has caller, purpose."
            ),
        ),
        (
            "e.csv",
            "line,expires\n1,4.5.2026\n",
            "'{}': '4.5.2026' in the column 'expires' is no day; write 2026-05-01.",
        ),
        (
            "e.csv",
            "range\n138..\n",
            (
                "'{}': '138..' in the column 'range' is no range of numbers; "
                "write +8613800000000..+8613800000999."
            ),
        ),
        (
            "e.csv",
            "class\nshort95\n",
            "'{}': 'short95' in the column 'class' is none. Did you mean 'short_95'?",
        ),
        (
            "e.csv",
            "line,detector\n1,mass_dialer\n",
            "'{}': 'mass_dialer' in the column 'detectors' is none. Did you mean 'mass_dialler'?",
        ),
        ("e.csv", "", "'{}' is neither a CSV nor a Parquet file that can be read."),
        (
            "e.toml",
            "line = 1\n",
            "'{}' has no array of tables; write [[entity]] above each entity.",
        ),
        (
            "e.parquet",
            "PAR1 but not for long",
            "'{}' is neither a CSV nor a Parquet file that can be read.",
        ),
    ],
)
def test_a_list_that_is_wrong_gets_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    place = file(tmp_path, text, name)
    assert fault(place) == sentence.format(place)


def test_toml_that_is_none_is_named(tmp_path: Path) -> None:
    assert "is not valid TOML" in fault(file(tmp_path, "[[entity]\n", "e.toml"))


def test_a_list_that_is_not_there_is_named() -> None:
    assert fault(Path("nowhere/e.csv")) == "There is no file 'nowhere/e.csv'."


def room(subject: str, members: list[str], **more: Any) -> dict[str, Any]:
    return {
        "subject": subject,
        "detector": "site",
        "day": date(2026, 5, 4),
        "subject_kind": "site",
        "members": members,
        "threshold": 3.0,
    } | more


def test_declared_lines_are_no_members_of_the_rooms_of_others(tmp_path: Path) -> None:
    """Those who did nothing that day are none, either; and where few are left it is theirs."""
    seats = [f"+861380000000{n}" for n in range(3)]
    others = [f"+861390000000{n}" for n in range(4)]
    listed = file(tmp_path, "line,purpose\n" + "".join(f"{seat},licensed\n" for seat in seats))
    rows = [
        room(others[0], [*seats, *others]),
        room(seats[0], [*seats, *others]),
        room(others[0], [*seats, *others[:2]], day=date(2026, 5, 5)),
        room(others[0], others, detector="campaign"),
        room(others[0], [*seats, *others], subject_kind="hub"),
    ]
    entities = alerts_entities.read_entities(listed, CHINA, DETECTORS)
    nothing = pl.LazyFrame(schema={"subject": pl.String, "day": pl.Date, "imei": pl.String})
    found = alerts_entities.set_aside(pl.DataFrame(rows), entities, CHINA, nothing)
    assert found["members"].to_list() == [
        others,
        [*seats, *others],
        others[:2],
        others,
        [*seats, *others],
    ]
    assert found["suppressed_by"].to_list() == [None, "licensed", "among licensed", None, None]
    assert found.columns == [*rows[0], "suppressed_by", "suppressed_by_values"]
