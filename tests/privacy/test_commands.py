"""pseudonymise and reidentify, as somebody would type them, and all that is written meanwhile."""

from __future__ import annotations

import base64
import json
import shutil
import stat
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import ingest, settings
from cdr_anomaly.privacy import key
from cdr_anomaly.reports.html import template
from tests.helpers.builders import SHANGHAI
from tests.helpers.keyed_records import (
    DAYS,
    DIALLER,
    HOLDER,
    SELLER,
    ZONE,
    calls,
)
from tests.helpers.pseudonym_twins import SECRET, clear_in, identities, lines, maker

if TYPE_CHECKING:
    from pathlib import Path


def everything(place: Path) -> list[bytes]:
    """Read every file below a folder: pages and Parquet unpacked, names of files, too."""
    found = [str(file.relative_to(place)).encode() for file in place.rglob("*")]
    for file in (file for file in place.rglob("*") if file.is_file()):
        content = file.read_bytes()
        found.append(content)
        if content[:4] == content[-4:] == b"PAR1":
            table = pl.read_parquet(file)
            found += [str(value).encode() for value in table.rows()]
        if file.suffix == ".html":
            found.append(json.dumps(template.unpack(content.decode())).encode())
    return found


@pytest.mark.slow
def test_nothing_clear_is_written_or_said_by_runs_over_pseudonyms(  # noqa: PLR0915 - all commands
    run: Any, own: Path, records: Path, tmp_path: Path
) -> None:
    state, made, log = tmp_path / "made/state", tmp_path / "made", []
    list_of = sorted(own.rglob("*.parquet"))

    def ran(*words: Any, code: int = 0) -> None:
        told = run(*words)
        assert told.code == code, told.err
        log.extend([told.out.encode(), told.err.encode()])

    (tmp_path / "made").mkdir()
    ran("scan", own, "--out", made / "scan", *ZONE)
    ran("scan", own, "--format", "jsonl", "--lang", "zh", "--out", made / "zh", "--mask", *ZONE)
    for day in DAYS[:2]:
        ran(
            "nightly",
            own,
            "--state",
            state,
            "--date",
            day,
            "--out",
            made / day,
            "--json-log",
            "--metrics",
            made / "metrics.prom",
            "--stop-list",
            made / "stop.csv",
            *ZONE,
        )
    subject = pl.read_parquet(made / "scan/alerts.parquet")["subject"][0]
    ran("explain", subject, own, "--html", made / "line.html", "--edges", made / "line.csv", *ZONE)
    ran("alerts", "--state", state, "--out", made / "again")
    night = pl.read_parquet(made / DAYS[1] / "alerts.parquet")["subject"][0]
    ran("feedback", night, "cleared", "--state", state, "--note", "a platform")
    ran("status", "--state", state)
    ran("check", own, *ZONE)
    ran("tune", own, *ZONE)
    # What goes wrong: a row, a column, a file.
    first = pl.read_parquet(list_of[0])
    (made / "odd").mkdir()
    first.with_columns(duration_s=pl.lit(-1, pl.Int64)).head(3).write_parquet(
        made / "odd/rows.parquet"
    )
    ran("scan", made / "odd", "--out", made / "refused", *ZONE)
    first.drop("duration_s").write_parquet(made / "odd/column.parquet")
    ran("scan", made / "odd", *ZONE, code=2)
    (made / "odd/column.parquet").write_bytes(list_of[0].read_bytes()[:-100])
    ran("scan", made / "odd", *ZONE, code=2)
    ran("pseudonymise", own, made / "twice", "--key-file", tmp_path / "key", *ZONE, code=2)
    source = ingest.open_source([records], settings.load_settings(tz=SHANGHAI))
    whole = [n for n in lines(source) if len(n) > 6]
    bare = [n.removeprefix("+") for n in whole]
    home = [n.removeprefix("+86") for n in whole if n.startswith("+86")]
    secret = [
        SECRET.decode(),
        SECRET.hex(),
        base64.b64encode(SECRET).decode(),
        SECRET.hex().encode().hex(),
    ]
    clear = {*bare, *home, *identities(source), *secret, "13800000001"}
    assert len(clear) > 3000
    written = [*log, *everything(made), *everything(own)]
    assert sum(map(len, written)) > 10**6
    assert clear_in(written, clear) == set()
    assert clear_in(everything(records), bare) == set(bare)  # it would see them


def test_rows_that_cannot_be_used_are_counted_and_files_are_the_owners(
    run: Any, records: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own"
    ran = run("pseudonymise", records, out, "--key-file", tmp_path / "key", *ZONE)
    assert f"{calls().height:,} row(s) in 3 file(s); not written: 3 negative duration." in ran.err
    assert "who learns one number of a block can tell its others" in ran.err
    files = sorted(out.rglob("*.parquet"))
    assert [file.parent.name for file in files] == [f"date={day}" for day in DAYS]
    assert not any("13800000001" in file.name for file in files)  # a name is a number
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    again = run("pseudonymise", records, out, "--key-file", tmp_path / "key", *ZONE)
    assert again.code == 2
    assert "There is a file" in again.err


def test_lists_are_written_beside_the_records(run: Any, records: Path, tmp_path: Path) -> None:
    ran = run(
        "pseudonymise",
        records,
        tmp_path / "own",
        "--key-file",
        tmp_path / "key",
        *ZONE,
        "--entities",
        tmp_path / "entities.csv",
        "--subscribers",
        tmp_path / "subscribers.csv",
    )
    assert ran.code == 0, ran.err
    told = pl.read_csv(tmp_path / "own/entities.csv", infer_schema=False)
    own = maker().pseudonymise_lines(pl.Series([DIALLER, *(f"+861390000000{n}" for n in range(4))]))
    assert set(own) <= set(told["line"])
    assert told.filter(purpose="a model")["handset"].to_list() == ["35209900"]
    assert told.filter(purpose="a handset")["handset"].str.contains("^35209900~").all()
    assert set(told.filter(purpose="banks")["class"]) == {"short_95"}
    sold = (tmp_path / "own/subscribers.csv").read_text()
    assert "2026-05-01" in sold
    assert not any(text in sold for text in (DIALLER, HOLDER, SELLER))
    again = run(
        "pseudonymise",
        records,
        tmp_path / "other",
        "--key-file",
        tmp_path / "key",
        *ZONE,
        "--subscribers",
        tmp_path / "subscribers.csv",
    )
    assert again.code == 0, again.err
    for path in (tmp_path / "other").glob("date=*"):
        shutil.rmtree(path)
    again = run(
        "pseudonymise",
        records,
        tmp_path / "other",
        "--key-file",
        tmp_path / "key",
        *ZONE,
        "--subscribers",
        tmp_path / "other/subscribers.csv",
    )
    assert again.code == 2
    assert "There is a file" in again.err
    for place, lists in ((records, tmp_path), (tmp_path / "own", tmp_path / "own")):
        ran = run(
            "scan",
            place,
            *ZONE,
            "--out",
            tmp_path / f"of-{place.name}",
            "--entities",
            lists / "entities.csv",
            "--subscribers",
            lists / "subscribers.csv",
        )
        assert ran.code == 0, ran.err
    clear, other = (
        pl.read_parquet(tmp_path / f"of-{name}/alerts.parquet") for name in ("records", "own")
    )
    assert clear["suppressed_by"].drop_nulls().len() >= 1
    same = ("severity", "suppressed_by", "score", "detectors")
    assert clear.select(same).sort(pl.all()).rows() == other.select(same).sort(pl.all()).rows()


@pytest.mark.parametrize(
    ("entity", "sentence"),
    [
        (",,+86138000000,,", "the prefix of entity 1 is longer than what a pseudonym shows"),
        (",,955,,", "the prefix of entity 1 is longer"),
        (",,,,3520990017", "the handset of entity 1 is neither a handset nor a model"),
        (",13000000000..13900000000,,,", "the ranges have more than 1,000,000 numbers"),
    ],
)
def test_what_an_entity_says_of_hidden_digits_is_refused(
    run: Any, records: Path, tmp_path: Path, entity: str, sentence: str
) -> None:
    list_of = tmp_path / "list.csv"
    list_of.write_text(f"line,range,prefix,class,handset,purpose\n{entity},x\n")
    ran = run(
        "pseudonymise",
        records,
        tmp_path / "own",
        "--key-file",
        tmp_path / "key",
        *ZONE,
        "--entities",
        list_of,
    )
    assert ran.code == 2
    assert sentence in ran.err
    assert "3520990017" not in ran.err


def test_the_key_is_long_secret_and_told_by_file_or_environment(
    run: Any, records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(key.VARIABLE, raising=False)
    ran = run("pseudonymise", records, tmp_path / "own", *ZONE)
    assert (ran.code, "There is no key" in ran.err) == (2, True)
    (tmp_path / "short").write_text("x" * 31 + "\n")
    ran = run("pseudonymise", records, tmp_path / "own", "--key-file", tmp_path / "short", *ZONE)
    assert (ran.code, "has 31 bytes, and needs 32 or more" in ran.err) == (2, True)
    assert not (tmp_path / "own").exists()
    monkeypatch.setenv(key.VARIABLE, SECRET.decode())
    assert run("pseudonymise", records, tmp_path / "own", *ZONE).code == 0
    (tmp_path / "key").chmod(0o644)
    ran = run("pseudonymise", records, tmp_path / "two", "--key-file", tmp_path / "key", *ZONE)
    assert "can be read by others: chmod 600" in ran.err
    one, two = (sorted((tmp_path / name).rglob("*.parquet")) for name in ("own", "two"))
    assert [pl.read_parquet(file).rows() for file in one] == [
        pl.read_parquet(file).rows() for file in two
    ]


@pytest.mark.parametrize("form", ["alerts.parquet", "alerts.csv", "victims.parquet"])
def test_tokens_become_numbers_again_and_the_log_says_for_whom(
    run: Any, own: Path, records: Path, tmp_path: Path, form: str
) -> None:
    for place in (records, own):
        ran = run("scan", place, "--out", tmp_path / f"of-{place.name}", *ZONE)
        assert ran.code == 0, ran.err
    out, log = tmp_path / f"back/{form}", tmp_path / "audit.jsonl"
    words = ("--key-file", tmp_path / "key", "--audit", log, "--who", "Li", "--why", "case 12")
    ran = run("reidentify", tmp_path / "of-own" / form, records, "--out", out, *words, *ZONE)
    assert ran.code == 0, ran.err
    read = pl.read_csv if form.endswith("csv") else pl.read_parquet
    clear, back = read(tmp_path / "of-records" / form), read(out)
    column = "number" if form.startswith("victims") else "subject"
    assert back.schema == clear.schema
    assert set(back[column]) == set(clear[column])
    assert "~" not in str(back.rows())
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE(log.stat().st_mode) == 0o600
    entry = json.loads(log.read_text().splitlines()[-1])
    assert (entry["who"], entry["why"], entry["list"]["file"]) == (
        "Li",
        "case 12",
        str(tmp_path / "of-own" / form),
    )
    assert all(each["answered"] for each in entry["tokens"])
    source = ingest.open_source([records], settings.load_settings(tz=SHANGHAI))
    clear_lines = [n.removeprefix("+") for n in lines(source) if len(n) > 6]
    assert clear_in([log.read_bytes()], [*clear_lines, SECRET.decode()]) == set()
    run("reidentify", tmp_path / "of-own" / form, records, "--out", out, *words, *ZONE)
    assert len(log.read_text().splitlines()) == 2


def test_without_a_log_nothing_is_answered(
    run: Any, own: Path, records: Path, tmp_path: Path
) -> None:
    run("scan", own, "--out", tmp_path / "out", *ZONE)
    (tmp_path / "file").write_text("x")
    words = ("--key-file", tmp_path / "key", "--who", "Li", "--why", "case 12", *ZONE)
    ran = run(
        "reidentify",
        tmp_path / "out/alerts.parquet",
        records,
        *words,
        "--out",
        tmp_path / "back.csv",
        "--audit",
        tmp_path / "file/log",
    )
    assert ran.code == 2
    assert "Nothing is answered" in ran.err
    assert not (tmp_path / "back.csv").exists()


def test_another_key_answers_nothing_and_that_is_logged(
    run: Any, own: Path, records: Path, tmp_path: Path
) -> None:
    run("scan", own, "--out", tmp_path / "out", *ZONE)
    (tmp_path / "other").write_bytes(b"z" * 40)
    ran = run(
        "reidentify",
        tmp_path / "out/alerts.parquet",
        records,
        "--out",
        tmp_path / "b.csv",
        "--audit",
        tmp_path / "log",
        "--who",
        "Li",
        "--why",
        "x",
        "--key-file",
        tmp_path / "other",
        *ZONE,
    )
    assert ran.code == 0
    assert "are of no number in these records, by this key" in ran.err
    assert not any(t["answered"] for t in json.loads((tmp_path / "log").read_text())["tokens"])


def test_mask_hides_numbers_wherever_a_command_shows_them(
    run: Any, records: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    run("nightly", records, "--state", state, "--date", DAYS[0], *ZONE)
    hidden, number = "+86138****0002", "+8613800000002"
    ran = run("alerts", "--state", state, "--mask")
    assert hidden in ran.out, ran.out.encode()
    assert number not in ran.out
    ran = run("feedback", number, "cleared", "--state", state, "--mask")
    assert ran.out.startswith(f"{hidden}: the alert of")
    ran = run("explain", "+8613511111111", records, "--mask", *ZONE)
    assert ran.code == 2
    assert "+86135****1111" in ran.err
    assert "+8613511111111" not in ran.err


def test_without_the_library_a_sentence_says_what_to_install(
    run: Any, records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars_hash", None)
    ran = run("pseudonymise", records, tmp_path / "own", "--key-file", tmp_path / "key", *ZONE)
    assert ran.code == 2
    assert "pip install 'cdr-anomaly[pseudonyms]'" in ran.err
