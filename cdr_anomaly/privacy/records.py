"""Files of call records to files of the same calls with pseudonyms, a part at a time.

A row that would be refused is not written, as nobody knows what stands in it; it is counted.
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
    from cdr_anomaly.privacy.pseudonymiser import Maker
    from cdr_anomaly.storage.paths import Location

FILE = "file"
# Held in memory at a time, where row groups allow.
PART_ROWS = 1_000_000


@dataclass
class Made:
    """How many files and rows were written, and how many rows were not, by why."""

    files: int = 0
    rows: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def sentence(self) -> str:
        """Say what was written, and what was not."""
        why = ", ".join(f"{n:,} {reason}" for reason, n in sorted(self.left.items()))
        left = f"; not written: {why}" if why else ""
        return f"{self.rows:,} row(s) in {self.files} file(s){left}."


def write(source: Source, maker: Maker, out: Location, done: Callable[[int], None]) -> Made:
    """Write each file of a source into ``out``, readable by their owner only, all or none."""
    if source.has_pseudonyms:
        msg = f"'{source.files[0].path}' holds pseudonyms already; give the records themselves."
        raise InputError(msg)
    names = _names(source, maker)
    for name in names:
        if (there := out / name.as_posix()).exists():
            msg = f"There is a file '{there}' already; remove it, or choose another folder."
            raise OutputError(msg)
    made = Made()
    with atomic_write.staging_folder(out) as place:
        for file, name in zip(source.files, names, strict=True):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            for n, groups in enumerate(parquet_stats.split_row_groups(file.footer, PART_ROWS)):
                whole = groups.rows == file.rows
                part = file if whole else replace(file, row_groups=groups)
                own = name if n == 0 else name.with_stem(f"{name.stem}.part-{n + 1}")
                if (place / own).exists():
                    msg = f"Two files would be '{own}'; write them into folders of their own."
                    raise OutputError(msg)
                os.utime(place)  # one that was left alone for an hour counts as abandoned
                _write(replace(source, files=[part]).with_text(), maker, place / own, made)
                done(groups.rows)
    return made


def _write(source: Source, maker: Maker, place: Path, made: Made) -> None:
    mapped, columns = source.map_rows().collect(), source.columns
    used = mapped.filter("valid").select(sorted(columns))
    if "record_type" in columns:
        used = used.with_columns(pl.col("record_type").cast(pl.String))
    maker.calls(used).write_parquet(place, compression="zstd")
    made.files, made.rows = made.files + 1, made.rows + used.height
    bad = mapped.filter(~pl.col("valid"))
    why = validate.verdicts(bad, source.settings.max_duration_s)
    reasons = why.replace_strict(dict(enumerate(ingest.VERDICTS)), return_dtype=pl.String)
    made.left.update(dict(reasons.value_counts().iter_rows()))


def _names(source: Source, maker: Maker) -> list[Path]:
    """Name a file as it was named below what all have in common, in its hive folders.

    A name with a number in it becomes a token.
    """
    # Without "/" or the bucket: names are below the folder that they are written into.
    paths = [file.path.resolve().parts[1:] for file in source.files]
    levels = zip(*(path[:-1] for path in paths), strict=False)
    root = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))

    def name(path: tuple[str, ...]) -> Path:
        folders = [part for part in path[:root] if "=" in part] + [*path[root:-1]]
        named_for = source.layout.served_is_file_name
        stem = _covered(path[-1].removesuffix(".parquet"), maker, always=named_for)
        return Path(*(_covered(part, maker) for part in folders), f"{stem}.parquet")

    return [name(path) for path in paths]


def _covered(part: str, maker: Maker, *, always: bool = False) -> str:
    if masking.mask_text(part) == part and not always:
        return part
    return maker.key.of_one(FILE, part)[: pseudonyms.TOKEN_DIGITS]
