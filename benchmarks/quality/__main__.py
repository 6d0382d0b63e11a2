"""Make records, lists and figures, and write docs/quality.md; `make quality`."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from time import monotonic

import polars as pl

from benchmarks.quality import cities, page, peers, run, sichuan

PAGE = Path(__file__).resolve().parents[2] / "docs" / "quality.md"


def main() -> None:
    """Read the words, go through the seeds one by one, and write the page."""
    words = _words()
    began = monotonic()
    size = cities.Size(words.lines, words.days)
    words.folder.mkdir(parents=True, exist_ok=True)
    planted, clean = [], []
    for seed in words.seeds:
        first = seed == words.seeds[0]
        planted.append(cities.build_planted_city(seed, size, words.folder / f"{seed}", fewer=first))
        clean.append(cities.build_clean_city(seed, size, words.folder / f"{seed}-clean"))
        if not words.keep:
            shutil.rmtree(words.folder / f"{seed}")
            shutil.rmtree(words.folder / f"{seed}-clean")
    models = peers.score_peers(
        pl.concat([city.measured for city in planted]),
        pl.concat([city.declared for city in planted]),
        cities.concat_lists([city.lists[cities.ALL_PARTS] for city in planted]),
        words.peers,
        words.folder,
    )
    sample = sichuan.rank_sample(words.sichuan) if words.sichuan.exists() else None
    minutes = (monotonic() - began) / 60
    measured = run.QualityRun(size, planted, clean, models, sample, minutes)
    words.page.write_text(page.write_page(measured), encoding="utf-8")
    if not words.keep:
        shutil.rmtree(words.folder)
    sys.stderr.write(f"{words.page} is written, after {minutes:.0f} minutes.\n")


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.quality", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[41, 42, 43, 44, 45])
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--folder", type=Path, default=Path(".bench-quality"))
    parser.add_argument("--keep", action="store_true", help="keep the records in the folder")
    parser.add_argument("--peers", required=True, help="a Python with PyOD")
    parser.add_argument("--sichuan", type=Path, required=True, help="the file, if you have it")
    parser.add_argument("--page", type=Path, default=PAGE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
