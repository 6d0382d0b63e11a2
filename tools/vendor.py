"""Fetch the scripts that pages hold, from the npm registry, as they are; `make vendor`.

A page opens from disk with no network, so what draws its charts and sorts its tables is inside it.
Each file begins with its own notice of copyright and licence, or has the licence beside it.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

PLACE = Path(__file__).resolve().parents[1] / "cdr_anomaly" / "reports" / "html" / "vendor"
# Vega-Lite is the version of charts.SCHEMA, and of the schema by which altair checks it in tests.
FILES = {
    "vega@6.4.0": ("build/vega.min.js", "LICENSE"),
    "vega-lite@6.4.1": ("build/vega-lite.min.js", "LICENSE"),
    "vega-embed@7.3.0": ("build/vega-embed.min.js", "LICENSE"),
    "datatables.net@3.1.5": ("js/dataTables.min.js", "License.txt"),
    "datatables.net-dt@3.1.2": ("css/dataTables.dataTables.min.css",),
    "datatables.net-buttons@4.1.1": ("js/dataTables.buttons.min.js", "License.txt"),
}


def main() -> None:
    """Write every file, and beside it the licence of its package."""
    PLACE.mkdir(exist_ok=True)
    for package, wanted in FILES.items():
        with tempfile.TemporaryDirectory() as place:
            told = subprocess.run(
                ["npm", "pack", "--silent", package],
                cwd=place,
                check=True,
                capture_output=True,
                text=True,
            )
            whole = io.BytesIO((Path(place) / told.stdout.split()[-1]).read_bytes())
        with tarfile.open(fileobj=whole) as packed:
            for name in wanted:
                held = packed.extractfile(f"package/{name}")
                if held is None:
                    msg = f"{package} has no {name}"
                    raise FileNotFoundError(msg)
                PLACE.joinpath(_called(package, name)).write_bytes(held.read())


def _called(package: str, name: str) -> str:
    file = Path(name)
    return file.name if file.suffix in {".js", ".css"} else f"{package.rpartition('@')[0]}.LICENSE"


if __name__ == "__main__":
    main()
