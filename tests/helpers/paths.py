"""Where the repository is, and the synthetic records that it ships."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data"
DOCS = ROOT / "docs"
# It dials, and forwards.
SAMPLE_LINE = "+8617052719178"
