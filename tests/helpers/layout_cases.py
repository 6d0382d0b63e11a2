"""Rows in each vendor's form, and the calls that they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.helpers.raw_feeds import ANNA, BO, CAO, DU

PARTIES = ("calling_number", "called_number")


ROW = (*PARTIES, "start_time", "duration_s")


def at(*time: int) -> datetime:
    return datetime(2026, 5, 1, *time, tzinfo=UTC)


class Case(NamedTuple):
    """A vendor's rows, the columns of ours to look at, and what these should hold."""

    layout: str
    rows: dict[str, list[Any]]
    wanted: tuple[str, ...]
    calls: list[tuple[Any, ...]]
    told: dict[str, Any] = {}  # noqa: RUF012 - never changed
    file: str = "calls.parquet"


NO_ONE = None


HASH = bytes.fromhex("00ff10a2b3c4d5e6f708192a3b4c5d6e")


CASES = [
    Case(
        "canonical",
        {
            "calling_number": [ANNA],
            "called_number": [BO],
            "start_time": [at(1)],
            "duration_s": [5],
            "record_type": ["MTC"],
            "imei": [867],
            "answered": [True],
        },
        (*ROW, "record_type", "imei", "answered"),
        [(ANNA, BO, at(1), 5, "mtc", "867", True)],
    ),
    Case(
        "callmine",
        {
            "caller": ["u17", "u18"],
            "callee": ["u2", "u3"],
            "start": [datetime(2026, 5, 1, 1), datetime(2026, 5, 1, 2)],  # noqa: DTZ001
            "duration_s": [30.4, None],
            "answered_label": [1, 0],
            "planted": [True, False],
        },
        ROW,
        [("u17", "u2", at(1), 30), ("u18", "u3", at(2), 0)],
    ),
    Case(
        "sichuan_voc",
        {
            "phone_no_m": [ANNA, ANNA, ANNA, ANNA],
            "opposite_no_m": [BO, CAO, DU, DU],
            "calltype_id": [1, 2, 3, 9],
            "start_datetime": [f"2026-05-01 0{h}:00:00" for h in (9, 9, 9, 9)],
            "call_dur": [10, 20, 30, 40],
            "city_name": ["Chengdu", "", None, "x"],
            "county_name": ["a"] * 4,
            "imei_m": ["e1"] * 4,
        },
        (*ROW, "redirecting_number", "record_type", "region", "imei"),
        [
            (ANNA, BO, at(1), 10, NO_ONE, "moc", "Chengdu", "e1"),
            (CAO, ANNA, at(1), 20, NO_ONE, "mtc", None, "e1"),
            (NO_ONE, DU, at(1), 30, ANNA, "fwd", None, "e1"),
        ],
    ),
    Case(
        "bandicoot",
        {
            "interaction": ["call", "text", "call", None],
            "direction": ["out", "out", "in", "in"],
            "correspondent_id": [BO, CAO, DU, DU],
            "datetime": [f"2026-05-01 0{h}:00:00" for h in (1, 2, 3, 4)],
            "call_duration": [7.0, None, None, 1.0],
            "antenna_id": [12.0, 13.0, 14.0, None],
        },
        (*ROW, "record_type", "cell_id"),
        [(ANNA, BO, at(1), 7, "moc", "12"), (DU, ANNA, at(3), 0, "mtc", "14")],
        {"tz": "UTC"},
        f"{ANNA}.parquet",
    ),
    Case(
        "bandicoot_orange",
        {
            "call_record_type": [1, 2, 1, 1],
            "basic_service": [11, 12, 21, 22],
            "user_msisdn": [int(ANNA), int(ANNA), int(ANNA), int(ANNA)],
            "call_partner_identity": [BO, CAO, DU, DU],
            "datetime": [f"2026-05-01 0{h}:00:00" for h in (1, 2, 3, 4)],
            "call_duration": [7, 8, 0, 0],
            "longitude": [0.0] * 4,
            "latitude": [0.0] * 4,
        },
        (*ROW, "record_type"),
        [(ANNA, BO, at(1), 7, "moc"), (CAO, ANNA, at(2), 8, "mtc")],
        {"tz": "UTC"},
    ),
    Case(
        "cider",
        {
            "txn_type": ["call", "text", "call"],
            "caller_id": [ANNA, BO, CAO],
            "recipient_id": [BO, CAO, DU],
            "timestamp": ["2026-05-01 03:00:00", "2026-05-01 04:00:00", "2026-05-01 05:00:00"],
            "duration": [61.5, None, 0.4],
            "caller_antenna": ["a1", "a2", ""],
            "recipient_antenna": ["b", "b", "b"],
            "international": ["domestic"] * 3,
        },
        (*ROW, "cell_id"),
        [(ANNA, BO, at(1), 62, "a1"), (CAO, DU, at(3), 0, None)],
        {"tz": "Europe/Berlin"},
    ),
    Case(
        "flowkit_calls",
        {
            "id": ["c1", "c1"],
            "outgoing": [True, False],
            "datetime": [at(1), at(1)],
            "duration": [9.0, 9.0],
            "network": ["n"] * 2,
            "msisdn": [HASH, b"\x01\xff"],
            "msisdn_counterpart": [b"\x01\xff", HASH],
            "location_id": ["L1", "L2"],
            "imsi": [b"\x0a\x0b", None],
            "imei": [None, None],
            "tac": [1, 2],
        },
        (*ROW, "record_type", "call_id", "cell_id", "imsi"),
        [
            (HASH.hex(), "01ff", at(1), 9, "moc", "c1", "L1", "0a0b"),
            (HASH.hex(), "01ff", at(1), 9, "mtc", "c1", "L2", None),
        ],
    ),
    Case(
        "flowkit_calls",  # an earlier version has text numbers
        {
            "id": ["c1"],
            "outgoing": [False],
            "datetime": [at(1)],
            "duration": [9.0],
            "msisdn": [ANNA],
            "msisdn_counterpart": [BO],
        },
        (*ROW, "record_type"),
        [(BO, ANNA, at(1), 9, "mtc")],
    ),
    Case(
        "flowkit_forwards",
        {
            "id": ["c1"],
            "outgoing": [True],
            "datetime": [at(1)],
            "msisdn": [HASH],
            "msisdn_counterpart": [b"\x01\xff"],
            "location_id": ["L1"],
        },
        (*ROW, "redirecting_number", "record_type", "call_id"),
        [(NO_ONE, "01ff", at(1), 0, HASH.hex(), "fwd", "c1")],
    ),
    Case(
        "asterisk",
        {
            "src": ["13800000001", "13800000002", "", "13800000001"],
            "dst": ["13800000003", "s", "13800000003", "13800000004"],
            "start": [f"2026-05-01 0{h}:00:00" for h in (1, 2, 3, 4)],
            "answer": ["2026-05-01 01:00:09", "", "", ""],
            "end": [""] * 4,
            "duration": [70, 10, 10, 10],
            "billsec": [61, 3, 0, 0],
            "disposition": ["ANSWERED", "ANSWERED", "NO ANSWER", None],
            "uniqueid": ["1.1", "1.2", "1.3", "1.4"],
            "linkedid": ["1.1", "1.1", "1.3", "1.4"],
            "channel": ["SIP/a", "SIP/b", "SIP/c", "SIP/d"],
        },
        (*ROW, "answered", "call_id", "trunk_in"),
        [
            (ANNA, CAO, at(1), 61, True, "1.1", "SIP/a"),
            (BO, NO_ONE, at(2), 3, True, "1.1", "SIP/b"),
            (NO_ONE, CAO, at(3), 0, False, "1.3", "SIP/c"),
            (ANNA, DU, at(4), 0, False, "1.4", "SIP/d"),
        ],
        {"tz": "UTC"},
    ),
    Case(
        "freeswitch",
        {
            "caller_id_name": ["A", "B"],
            "caller_id_number": ["13800000001", "13800000002"],
            "destination_number": ["13800000003", "0086 138 0000 0004"],
            "start_stamp": ["2026-05-01 01:00:00", "2026-05-01 02:00:00"],
            "answer_stamp": ["2026-05-01 01:00:05", ""],
            "end_stamp": ["", ""],
            "duration": ["70", "20"],
            "billsec": ["65", "0"],
            "hangup_cause": ["NORMAL_CLEARING", "NO_ANSWER"],
            "uuid": ["u-1", "u-2"],
        },
        (*ROW, "call_id", "release_cause"),
        [
            (ANNA, CAO, at(1), 65, "u-1", "NORMAL_CLEARING"),
            (BO, DU, at(2), 0, "u-2", "NO_ANSWER"),
        ],
        {"tz": "UTC"},
    ),
    Case(
        "cisco",
        {
            "globalCallID_callId": [7, 8, 9],
            "callingPartyNumber": ["13800000001", "13800000001", "13800000002"],
            "originalCalledPartyNumber": ["13800000002", "13800000003", "13800000004"],
            "finalCalledPartyNumber": ["13800000002", "13800000004", ""],
            "lastRedirectDn": ["13800000002", "13800000003", ""],
            "lastRedirectRedirectReason": [0, 15, 0],
            "dateTimeOrigination": [int(at(h).timestamp()) for h in (1, 2, 3)],
            "dateTimeConnect": [0, 0, 0],
            "duration": [12, 13, 0],
        },
        (*ROW, "redirecting_number", "redirect_reason", "call_id"),
        [
            (ANNA, BO, at(1), 12, BO, None, "7"),  # the last party of all is the called one
            (ANNA, DU, at(2), 13, CAO, "cfu", "8"),
            (BO, NO_ONE, at(3), 0, NO_ONE, None, "9"),
        ],
    ),
    Case(
        "cisco",  # raw files have a second header row, which makes every column text
        {
            "globalCallID_callId": ["INTEGER", "7"],
            "callingPartyNumber": ["VARCHAR(50)", "13800000001"],
            "finalCalledPartyNumber": ["VARCHAR(50)", "13800000002"],
            "dateTimeOrigination": ["INTEGER", str(int(at(1).timestamp()))],
            "duration": ["INTEGER", "12"],
        },
        (*ROW, "call_id"),
        [(ANNA, BO, at(1), 12, "7")],
    ),
    Case(
        "ts32298",
        {
            "recordType": [0, 1, 0, 100, 5, 6],
            "servedMSISDN": [ANNA, BO, BO, BO, ANNA, ANNA],
            "callingNumber": [None, ANNA, ANNA, ANNA, ANNA, None],
            "calledNumber": [BO, None, CAO, DU, BO, BO],
            "seizureTime": [
                "2026-05-01T09:00:00+08:00",
                "2026-05-01T09:00:01+0800",
                "2026-05-01T01:00:02Z",
                "2026-05-01T09:00:03+08:00",
                "2026-05-01T09:00:04+08:00",
                None,
            ],
            "callDuration": [10, 10, 10, 0, 0, None],
            "networkCallReference": ["n"] * 6,
            "ssCode": [None, None, 43, 33, None, 0x11],
            "servedIMSI": [460001] * 6,
            "servedIMEI": ["e"] * 6,
            "location": ["c"] * 6,
            "causeForTerm": [0] * 6,
        },
        (*ROW, "redirecting_number", "redirect_reason", "record_type"),
        [
            (ANNA, BO, at(1, 0, 0), 10, NO_ONE, None, "moc"),
            (ANNA, BO, at(1, 0, 1), 10, NO_ONE, None, "mtc"),
            (ANNA, CAO, at(1, 0, 2), 10, BO, "cfnrc", "fwd"),
            (ANNA, DU, at(1, 0, 3), 0, BO, "cfu", "fwd"),
        ],
    ),
    Case(
        "ts32298",  # as decoders that name the choice of the record write it
        {
            "recordType": ["moCallRecord", "mtCallRecord"],
            "servedMSISDN": [ANNA, BO],
            "callingNumber": ["", ANNA],
            "calledNumber": [BO, ""],
            "seizureTime": [at(1), at(2)],
            "callDuration": [1, 2],
        },
        (*ROW, "record_type"),
        [(ANNA, BO, at(1), 1, "moc"), (ANNA, BO, at(2), 2, "mtc")],
    ),
]
