"""Run a file of DuckDB SQL on a folder of records; print what it finds as `detector,subject`.

The SQL reads the folder from the variable ``folder`` and sets the variable ``duplicates``; its last
statement gives the findings. DuckDB has its default settings, but for where it may spill to.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import duckdb


def run_sql(sql: str, folder: Path) -> tuple[list[tuple[str, str]], int]:
    """Run all statements, and return the findings of the last one and the number of duplicates."""
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={"temp_directory": spill}) as database,
    ):
        # A variable takes no parameter of a prepared statement, so the quotes are doubled here.
        quoted = str(folder).replace("'", "''")
        database.execute(f"SET VARIABLE folder = '{quoted}'")
        rows = database.execute(sql).fetchall()
        row = database.execute("SELECT getvariable('duplicates')").fetchone()
    return sorted(rows), row[0] if row else 0


def main() -> None:
    """Read the words, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sql", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    rows, duplicates = run_sql(arguments.sql.read_text(encoding="utf-8"), arguments.folder)
    sys.stderr.write(f"{duplicates} duplicates\n")
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(("detector", "subject"))
    lines.writerows(rows)


if __name__ == "__main__":
    main()
