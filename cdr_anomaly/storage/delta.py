"""Delta tables, on a disk or in a store, as the state is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable

    from cdr_anomaly.storage.paths import Place

# The log of a table would name the least and the greatest number of every file, and take long to
# read after many nights.
CONFIGURATION = {"delta.dataSkippingNumIndexedCols": "0", "delta.checkpointInterval": "10"}


def table(place: Place, version: int | None = None) -> DeltaTable:
    """Open a table, as it is or as it was at a version."""
    from deltalake import DeltaTable

    return DeltaTable(str(place), version=version, storage_options=paths.for_delta(place))


def scanned(place: Place, version: int) -> pl.LazyFrame:
    """Scan a table as it was at a version."""
    return pl.scan_delta(table(place, version), **paths.for_polars(place))


def write(where: DeltaTable | Place, frame: pl.DataFrame, **told: Any) -> None:
    """Write into an opened table, or make one; ``told`` is for write_deltalake."""
    from deltalake import DeltaTable, WriterProperties, write_deltalake

    write_deltalake(
        where if isinstance(where, DeltaTable) else str(where),
        frame,
        storage_options=None if isinstance(where, DeltaTable) else paths.for_delta(where),
        configuration=CONFIGURATION,
        writer_properties=WriterProperties(compression="ZSTD", compression_level=3),
        commit_properties=next_only(),
        **told,
    )


def next_only() -> CommitProperties:
    """Change a table only if it is still as it was opened: else another run has changed it."""
    from deltalake import CommitProperties

    return CommitProperties(max_commit_retries=0)


def wrong(opened: DeltaTable, place: Place) -> pl.DataFrame:
    """List the files of a table that are gone, or not as long as they were written."""
    actions = pl.DataFrame(opened.get_add_actions(flatten=True))
    found = paths.below(place)
    sizes = [found.get(file, -1) for file in actions["path"]]
    return actions.filter(pl.col("size_bytes") != pl.Series(sizes, dtype=pl.Int64))
