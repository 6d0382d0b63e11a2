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

FOLDER = Path(__file__).resolve().parents[1] / "cdr_anomaly" / "reports" / "html" / "vendor"
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
    FOLDER.mkdir(exist_ok=True)
    for package, names in FILES.items():
        with tempfile.TemporaryDirectory() as folder:
            packed_name = subprocess.run(
                ["npm", "pack", "--silent", package],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            archive = io.BytesIO((Path(folder) / packed_name.stdout.split()[-1]).read_bytes())
        with tarfile.open(fileobj=archive) as packed:
            for name in names:
                member = packed.extractfile(f"package/{name}")
                if member is None:
                    msg = f"{package} has no {name}"
                    raise FileNotFoundError(msg)
                FOLDER.joinpath(_file_name(package, name)).write_bytes(member.read())


def _file_name(package: str, name: str) -> str:
    file = Path(name)
    return file.name if file.suffix in {".js", ".css"} else f"{package.rpartition('@')[0]}.LICENSE"


if __name__ == "__main__":
    main()
