"""The Delta tables of the state, on a disk or in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable

    from cdr_anomaly.storage.paths import Location

# No statistics in the log: they would show the least and the greatest number of every file. A
# checkpoint every ten commits keeps the log quick to read after many nights.
CONFIGURATION = {"delta.dataSkippingNumIndexedCols": "0", "delta.checkpointInterval": "10"}


def open_table(location: Location, version: int | None = None) -> DeltaTable:
    """Open a table at a version, the latest by default."""
    from deltalake import DeltaTable

    return DeltaTable(str(location), version=version, storage_options=paths.delta_options(location))


def scan_table(location: Location, version: int) -> pl.LazyFrame:
    """Scan a table at a version."""
    return pl.scan_delta(open_table(location, version), **paths.polars_options(location))


def write(table: DeltaTable | Location, frame: pl.DataFrame, **options: Any) -> None:
    """Write to an open table, or create one; ``options`` go to write_deltalake()."""
    from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake

    # Lines that are integers lie in their order: as differences they take a third of the room.
    differences = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
    columns = {"line": differences} if frame.schema.get("line") == pl.Int64 else None
    write_deltalake(
        table if isinstance(table, DeltaTable) else str(table),
        frame,
        storage_options=None if isinstance(table, DeltaTable) else paths.delta_options(table),
        configuration=CONFIGURATION,
        writer_properties=WriterProperties(
            compression="ZSTD", compression_level=3, column_properties=columns
        ),
        commit_properties=no_retries(),
        **options,
    )


def no_retries() -> CommitProperties:
    """Return commit properties that fail if another run changed the table since it was opened."""
    from deltalake import CommitProperties

    return CommitProperties(max_commit_retries=0)


def damaged_files(table: DeltaTable, location: Location) -> pl.DataFrame:
    """Return the add actions of files that are missing or have another size than was written."""
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    sizes = paths.file_sizes(location)
    present = [sizes.get(file, -1) for file in actions["path"]]
    return actions.filter(pl.col("size_bytes") != pl.Series(present, dtype=pl.Int64))
