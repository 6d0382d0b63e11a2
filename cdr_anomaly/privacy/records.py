"""Files of call records to files of the same calls with pseudonyms, one part at a time.

Refused rows are counted, but not written: their columns may contain anything.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import ingest
from cdr_anomaly.errors import InputError, OutputError
from cdr_anomaly.ingest import parquet_stats, validate
from cdr_anomaly.numbering import masking, pseudonyms
from cdr_anomaly.storage import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdr_anomaly.ingest import Source
    from cdr_anomaly.privacy.pseudonymiser import Pseudonymiser
    from cdr_anomaly.storage.paths import Location

FILE = "file"
PART_ROWS = 1_000_000  # in memory at once, or one row group


@dataclass
class RecordCounts:
    """The number of files and rows written, and of rows skipped by reason."""

    files: int = 0
    rows: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def sentence(self) -> str:
        """Return the counts as a sentence."""
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(self.skipped.items()))
        skipped = f"; not written: {reasons}" if reasons else ""
        return f"{self.rows:,} row(s) in {self.files} file(s){skipped}."


def write_records(
    source: Source, pseudonymiser: Pseudonymiser, out: Location, rows_done: Callable[[int], None]
) -> RecordCounts:
    """Write each file of a source into ``out``, for its owner only; all files or none."""
    if source.has_pseudonyms:
        msg = f"'{source.files[0].path}' holds pseudonyms already; give the records themselves."
        raise InputError(msg)
    names = _file_names(source, pseudonymiser)
    for name in names:
        if (file := out / name.as_posix()).exists():
            msg = f"There is a file '{file}' already; remove it, or choose another folder."
            raise OutputError(msg)
    counts = RecordCounts()
    with atomic_write.staging_folder(out) as folder:
        for original, name in zip(source.files, names, strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            for n, groups in enumerate(parquet_stats.split_row_groups(original.footer, PART_ROWS)):
                is_whole = groups.rows == original.rows
                part = original if is_whole else replace(original, row_groups=groups)
                target = name if n == 0 else name.with_stem(f"{name.stem}.part-{n + 1}")
                if (folder / target).exists():
                    msg = f"Two files would be '{target}'; write them into folders of their own."
                    raise OutputError(msg)
                os.utime(folder)  # a folder that nobody changes for an hour counts as abandoned
                _write(
                    replace(source, files=[part]).with_text(),
                    pseudonymiser,
                    folder / target,
                    counts,
                )
                rows_done(groups.rows)
    return counts


def _write(source: Source, pseudonymiser: Pseudonymiser, file: Path, counts: RecordCounts) -> None:
    rows, columns = source.map_rows().collect(), source.columns
    calls = rows.filter("valid").select(sorted(columns))
    if "record_type" in columns:
        calls = calls.with_columns(pl.col("record_type").cast(pl.String))
    pseudonymiser.pseudonymise_calls(calls).write_parquet(file, compression="zstd")
    counts.files, counts.rows = counts.files + 1, counts.rows + calls.height
    invalid = rows.filter(~pl.col("valid"))
    verdicts = validate.verdicts(invalid, source.settings.max_duration_s)
    reasons = verdicts.replace_strict(dict(enumerate(ingest.VERDICTS)), return_dtype=pl.String)
    counts.skipped.update(dict(reasons.value_counts().iter_rows()))


def _file_names(source: Source, pseudonymiser: Pseudonymiser) -> list[Path]:
    """Return the name of each file below their common folder, with its hive folders.

    A name that contains a number becomes a token.
    """
    # Without "/" or the bucket: the names are relative to the folder of the output.
    paths = [file.path.resolve().parts[1:] for file in source.files]
    levels = zip(*(path[:-1] for path in paths), strict=False)
    root = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))

    def hide(part: str, *, always: bool = False) -> str:
        if masking.mask_text(part) == part and not always:
            return part
        return pseudonymiser.key.hmac_text(FILE, part)[: pseudonyms.TOKEN_DIGITS]

    def name(path: tuple[str, ...]) -> Path:
        folders = [part for part in path[:root] if "=" in part] + [*path[root:-1]]
        is_line = source.layout.served_is_file_name
        stem = hide(path[-1].removesuffix(".parquet"), always=is_line)
        return Path(*(hide(part) for part in folders), f"{stem}.parquet")

    return [name(path) for path in paths]
