"""Records in a store are found, read and refused as those on a disk are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.errors import CdrAnomalyError, InputError, SettingError, StoreError
from cdr_anomaly.ingest import files
from cdr_anomaly.storage import paths
from tests.helpers import store_files
from tests.helpers.builders import SHANGHAI, feed, line, many, past
from tests.helpers.cut_connection import cable
from tests.helpers.object_store import CREDENTIALS

if TYPE_CHECKING:
    from cdr_anomaly.storage.paths import Address

DAYS = past("2026-05-02", 3)
NAMES = (
    "calls/date=2026-05-01/a.parquet",
    "calls/date=2026-05-02/b.pq",
    "calls/.part/c.parquet",
    "calls/deep/er/d.parquet",
    "calls/_e.parquet",
    "calls/note.txt",
    "calls/f [1] %20é.parquet",
    "callsign/g.parquet",
)
NO_OPTION = (
    "'' is no storage option: give name=value, where names begin with aws_, google_, azure_ or are "
    "one of allow_http, allow_invalid_certificates, connect_timeout, proxy_url, timeout."
)
NO_LIST = "'s3://bucket/known.csv' is an address, and this must be a path of this machine."


def calls() -> pl.DataFrame:
    return feed(
        line("+865918800001").dials(1100, on=DAYS, gap_s=20, at="08:00", answered=0.3),
        *many(9, "+8613900000000", lambda one: one.dials(4, on=DAYS).receives(2, on=DAYS)),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, name in enumerate(NAMES):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        calls()[n * 100 : n * 100 + 100].write_parquet(file)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [
        "calls",
        "calls/",
        "calls/date=2026-05-01",
        "calls/*",
        "calls/date=*/",
        "calls/*/*.p*",
        "calls/**/*.parquet",
        "**/d.parquet",
        "calls/date=2026-05-0[12]",
        "calls/.part",
        "*/deep",
        "calls/_e.parquet",
        "calls/f [1] %20é.parquet",
        "calls/date=2026-05-0?/",
        "nowhere",
        "calls/*.csv",
        "calls/deep/er/d",
        "",
    ],
)
def test_a_path_leads_to_the_same_files_as_on_a_disk(
    path: str, folder: Path, bucket: Address
) -> None:
    store_files.put(folder, bucket)
    (folder / "calls" / "note.txt").unlink()
    (bucket / "calls" / "note.txt").unlink()

    def told(root: object) -> object:
        try:
            found = files.find_files([f"{root}/{path}"])
        except InputError as error:
            return str(error).replace(f"{root}/".replace("//", "/"), "")
        names = [str(file.path).removeprefix(f"{root}/") for file in found]
        return [(n, f.rows, f.size, f.keys) for n, f in zip(names, found, strict=True)]

    here, there = told(folder), told(str(bucket).rstrip("/"))
    if isinstance(here, list):
        assert there == here
    else:
        assert isinstance(there, str)
        assert there.split("'")[0] == str(here).split("'")[0]


def test_a_scan_of_a_store_beside_a_disk_finds_what_a_scan_of_the_disk_finds(
    run: Any, tmp_path: Path, bucket: Address
) -> None:
    for n, day in enumerate(DAYS):
        calls()[n::3].write_parquet(tmp_path / f"{day}.parquet")
    there = store_files.put(tmp_path / f"{DAYS[0]}.parquet", bucket / "cdr" / "one.parquet")
    store_files.put(tmp_path / f"{DAYS[1]}.parquet", bucket / "cdr" / "two.parquet")
    alone = run("scan", tmp_path, "--tz", SHANGHAI, "--out", tmp_path / "out")
    mixed = run(
        "scan",
        there.parent,
        tmp_path / f"{DAYS[2]}.parquet",
        "--tz",
        SHANGHAI,
        "--out",
        bucket / "results" / "of today",
    )
    assert (alone.code, mixed.code) == (0, 0), mixed.err
    assert alone.out == mixed.out
    told = store_files.held(bucket / "results" / "of today")
    assert set(told) == {file.name for file in (tmp_path / "out").iterdir()}
    for name in ("alerts.csv", "alerts.jsonl", "victims.csv"):
        assert told[name] == (tmp_path / "out" / name).read_bytes()
    for name in ("findings.parquet", "evidence.parquet", "refused.parquet"):
        assert pl.read_parquet(told[name]).equals(pl.read_parquet(tmp_path / "out" / name))
    assert f"The results are in {bucket}results/of today; open" in mixed.err
    assert b"secret" not in told["run.json"]


def test_options_are_given_by_words_and_shown_nowhere(
    run: Any, tmp_path: Path, bucket: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls().write_parquet(tmp_path / "calls.parquet")
    store_files.put(tmp_path / "calls.parquet", bucket / "calls.parquet")
    words: list[str] = []
    for key in ("AWS_ENDPOINT_URL", *CREDENTIALS):
        words += ["--storage-option", f"{key.lower()}={os.environ[key]}"]
        monkeypatch.delenv(key)
    told = paths.parse_options(words[1::2])
    assert "secret" not in repr(paths.parse_location(str(bucket), told))
    ran = run(
        "nightly",
        bucket / "calls.parquet",
        "--date",
        DAYS[0],
        "--tz",
        SHANGHAI,
        "--state",
        bucket / "state",
        "--out",
        bucket / "out",
        *words,
    )
    assert ran.code == 0, ran.err
    again = run(
        "nightly",
        bucket / "calls.parquet",
        "--date",
        DAYS[0],
        "--state",
        bucket / "state",
        "--json-log",
        *words,
    )
    assert again.code == 0, again.err
    everything = store_files.held(paths.parse_location(str(bucket), told))  # type: ignore[arg-type]
    assert not [name for name, held in everything.items() if b"secret-of" in held]
    assert "secret-of" not in ran.out + ran.err + again.out + again.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["s3://no-such-bucket/x"],
            "'s3://no-such-bucket/x' is in no bucket that the store has; check the name.",
        ),
        (
            ["{bucket}x", "--storage-option", "aws_endpoint_url=http://127.0.0.1:1"],
            (
                "'{bucket}x' cannot be reached; check the endpoint and the network, "
                "and run this again."
            ),
        ),
        (
            ["{bucket}x", "--storage-option", "allow_http=false"],
            "'{bucket}x' is at an endpoint without TLS; give --storage-option allow_http=true.",
        ),
        (
            ["{bucket}x", "--storage-option", "aws_acces_key_id=secret-key"],
            "One of the storage options aws_acces_key_id is none of s3://.",
        ),
        (["{bucket}x", "--storage-option", "=secret-key"], NO_OPTION),
        (
            ["ftp://x/y"],
            "'ftp://' is not a supported address; use s3://, gs://, az:// or a local path.",
        ),
        (
            ["s3://key:secret@bucket/y"],
            "An address is s3://bucket/folder, without credentials in it.",
        ),
        (
            ["gs://bucket/x", "--storage-option", "google_service_account_key=secret-key"],
            "'gs://bucket' cannot be opened; check the storage options and the environment.",
        ),
        (
            ["az://container/x"],
            "'az://container' cannot be opened; check the storage options and the environment.",
        ),
        (
            ["{calls}", "--out", "s3://no-such-bucket/out"],
            "'s3://no-such-bucket/out' is in no bucket that the store has; check the name.",
        ),
        (["{calls}", "--entities", "s3://bucket/known.csv"], NO_LIST),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_without_secrets(
    run: Any, bucket: Address, tmp_path: Path, words: list[str], sentence: str
) -> None:
    calls().write_parquet(tmp_path / "calls.parquet")
    named = {"bucket": bucket, "calls": tmp_path / "calls.parquet"}
    ran = run("scan", *(word.format(**named) for word in words), "--tz", SHANGHAI)
    assert (ran.code, ran.err) == (2, f"cdr-anomaly: {sentence.format(**named)}\n")


def test_without_credentials_it_says_so(bucket: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(key)
    nobody = paths.parse_options(["aws_metadata_endpoint=http://127.0.0.1:1"])
    with pytest.raises(StoreError, match="cannot be read without credentials, and none were found"):
        paths.parse_location(f"{bucket}x", nobody).exists()
    # The server answers as the machines of a cloud do, too, of which each has a role.
    role = paths.parse_options([f"aws_metadata_endpoint={os.environ['AWS_ENDPOINT_URL']}"])
    assert not paths.parse_location(f"{bucket}x", role).exists()


@pytest.fixture
def large(bucket: Address, tmp_path: Path) -> Address:
    """Three megabytes of calls, most of them in columns that nobody asks for."""
    rows = calls()
    noise = pl.Series([os.urandom(2000).hex() for _ in range(rows.height)])
    rows.with_columns(noise=noise).write_parquet(tmp_path / "calls.parquet", row_group_size=100)
    return store_files.put(tmp_path / "calls.parquet", bucket / "large" / "calls.parquet")


def test_of_a_large_file_the_footer_and_the_columns_that_are_needed_are_fetched(
    run: Any, large: Address, endpoint: str
) -> None:
    for words, share in ((("check", "--since", "2026-06-01"), 0.2), (("scan",), 0.5)):
        with cable(endpoint) as line:
            option = f"aws_endpoint_url={line.endpoint}"
            ran = run(*words, large, "--tz", SHANGHAI, "--storage-option", option)
            assert ran.code == 0, ran.err
            assert line.come < share * large.size(), words


def test_a_connection_lost_while_a_file_is_read_is_one_sentence(
    run: Any, large: Address, endpoint: str
) -> None:
    with cable(endpoint) as line:
        files.find_files([paths.parse_location(str(large), {"aws_endpoint_url": line.endpoint})])
        opened = line.come
    for more in (1000, 30_000):
        with cable(endpoint, most_come=opened + more) as line:
            option = f"aws_endpoint_url={line.endpoint}"
            ran = run("scan", large, "--tz", SHANGHAI, "--storage-option", option)
        assert (ran.code, ran.err) == (
            2,
            (
                f"cdr-anomaly: '{large}' cannot be reached; check the endpoint and the network, "
                "and run this again.\n"
            ),
        )


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "az://container/x",
            [
                "azure_storage_account_name=own",
                "azure_skip_signature=true",
                "azure_endpoint=http://127.0.0.1:1",
            ],
        ),
        ("gs://bucket/x", ["google_skip_signature=true", "google_base_url=http://127.0.0.1:1"]),
    ],
)
def test_a_store_of_any_kind_that_is_not_there_is_one_sentence(
    address: str, words: list[str]
) -> None:
    with pytest.raises(StoreError, match=f"^'{address}' cannot be reached; check the endpoint"):
        paths.parse_location(address, paths.parse_options([*words, "allow_http=true"])).exists()


def test_addresses_of_all_kinds_are_told_from_paths() -> None:
    gs = paths.parse_location(
        "gs://bucket/a/b/", {"google_skip_signature": "true", "aws_region": "x"}
    )
    options = {"azure_storage_account_name": "own", "azure_skip_signature": "true"}
    az = paths.parse_location("az://container/a/b", options)
    assert [str(gs), str(az / "c")] == ["gs://bucket/a/b", "az://container/a/b/c"]
    assert isinstance(gs, paths.Address)
    assert gs.options == {"google_skip_signature": "true"}, "each store has its own"
    assert paths.parse_location("calls/s3:/x") == Path("calls/s3:/x")
    with pytest.raises(CdrAnomalyError):
        paths.parse_location("http://x/y")


def test_options_that_are_none_are_refused() -> None:
    assert paths.parse_options(["AWS_ALLOW_HTTP=true", "aws_region=x=y"]) == {
        "allow_http": "true",
        "aws_region": "x=y",
    }
    with pytest.raises(SettingError, match="'region' is no storage option"):
        paths.parse_options(["region=x"])


@pytest.mark.parametrize("word", ["wJalrXUtnFEMI/K7MDENG", "c2VjcmV0==", "c2VjcmV0="])
def test_a_secret_without_its_name_is_not_repeated(word: str) -> None:
    with pytest.raises(SettingError, match=r"^What was given is no storage option"):
        paths.parse_options([word])
