"""The findings of `cdr-anomaly scan` as an analyst would write them in pandas.

For one local day of records with one row a call, all of them Chinese mobile numbers; severities,
reasons and checks of bad rows are left out. Prints `detector,subject`, and on standard error the
number of duplicates.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

ZONE = "Asia/Shanghai"
COLUMNS = [
    "calling_number",
    "called_number",
    "start_time",
    "duration_s",
    "record_type",
    "redirecting_number",
]


def find_diallers(calls: pd.DataFrame, age: pd.Series) -> dict[str, pd.Index]:
    """Find the lines that place many calls, and the new ones among them."""
    n_out = calls["calling_number"].value_counts()
    # Each rule asks for 30 calls of the day or more, and a window costs time for every line.
    busy = calls[calls["calling_number"].isin(n_out.index[n_out >= 30])]
    by_line = busy.groupby("calling_number")["called_number"]
    lines = pd.DataFrame({"n_out": by_line.size(), "n_distinct": by_line.nunique()})
    for minutes in (10, 60):
        lines[f"peak_{minutes}min"] = count_peaks(busy, f"{minutes}min")
    n_in = calls.loc[calls["called_number"].isin(lines.index), "called_number"].value_counts()
    lines["n_in"] = n_in.reindex(lines.index, fill_value=0)
    different = lines["n_distinct"] / lines["n_out"] >= 0.5
    outgoing = lines["n_out"] / (lines["n_out"] + lines["n_in"]) >= 0.7
    often = (lines["peak_10min"] >= 12) | (lines["peak_60min"] >= 30) | (lines["n_out"] >= 200)
    # The whole day is within the first 72 hours from a new line's first call in it.
    new = age.reindex(lines.index).between(0, 5)
    at_once = (lines["n_out"] >= 100) | (lines["peak_60min"] >= 30)
    return {
        # In one day no 24 hours hold more calls than the day does.
        "mass_dialler": lines.index[(lines["n_out"] >= 500) & (lines["n_distinct"] >= 50)],
        "high_frequency": lines.index[often & different & outgoing],
        "new_sim_burst": lines.index[new & at_once & different],
    }


def count_peaks(calls: pd.DataFrame, width: str) -> pd.Series:
    """Count the most calls of each line in any window (t - width, t]."""
    ordered = calls.sort_values(["calling_number", "start_time"])
    counted = ordered.set_index("start_time").groupby("calling_number")["duration_s"]
    return counted.rolling(width).count().groupby(level=0).max()


def find_forwarding(hops: pd.DataFrame, calls: pd.DataFrame, age: pd.Series) -> dict[str, pd.Index]:
    """Find chains, hubs, lines that only forward or change their target, and new ones."""
    bridges = count_bridges(hops, calls)
    bridges["age"] = age.reindex(bridges.index)
    # A platform, as of voicemail, is what many lines forward to that are mostly in use themselves.
    pairs = hops[["target", "line"]].drop_duplicates()
    forwarders = pairs["line"].isin(bridges.index).groupby(pairs["target"]).agg(["size", "sum"])
    platform = (forwarders["size"] >= 10) & (forwarders["sum"] * 2 < forwarders["size"])
    other = hops[~hops["target"].isin(platform.index[platform])]

    share = other.groupby(["target", "line"]).size().rename("n_calls").reset_index()
    share = share.merge(bridges["n_forwarded"], left_on="line", right_index=True)
    share = share[share["n_calls"] * 2 >= share["n_forwarded"]]
    n_bridges = share.groupby("target").size()

    strangers = bridges["n_callers"] >= 0.8 * bridges["n_forwarded"]
    abroad = other.loc[~other["target"].str.startswith("+86"), "line"]
    odd = strangers | bridges["age"].between(0, 30) | bridges.index.isin(abroad)
    lone = bridges.index[odd & bridges.index.isin(other["line"])]

    by_line = other.groupby("line")["target"].agg(["size", "nunique"])
    changing = (by_line["nunique"] >= 3) & (by_line["size"] < 2 * by_line["nunique"])
    to_itself = other.loc[other["caller"] == other["line"], "line"].value_counts()
    found = (
        n_bridges.index[n_bridges >= 5],
        lone,
        by_line.index[changing],
        to_itself.index[to_itself >= 3],
        find_chains(hops, other),
    )
    return {
        "forwarding_chain": pd.Index([line for lines in found for line in lines]),
        "new_sim_burst": bridges.index[bridges["age"].between(0, 2)],
    }


def count_bridges(hops: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """Count what each bridge forwarded, and from how many callers."""
    by_line = hops.groupby("line")["caller"]
    lines = pd.DataFrame({"n_forwarded": by_line.size(), "n_callers": by_line.nunique()})
    lines = lines[lines["n_forwarded"] >= 5]
    for count, column in (("n_out", "calling_number"), ("n_in", "called_number")):
        counted = calls.loc[calls[column].isin(lines.index), column].value_counts()
        lines[count] = counted.reindex(lines.index, fill_value=0)
    received = lines[["n_in", "n_forwarded"]].max(axis=1)
    return lines[(lines["n_out"] <= 1) & (lines["n_forwarded"] >= 0.9 * received)].copy()


def find_chains(hops: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Find the first lines of the calls that were passed on twice or more, not to a platform.

    Two hops within 5 s that follow each other are a ring without a first hop: there are none here.
    """
    pairs = hops.reset_index().merge(
        hops.reset_index(),
        left_on=["target", "caller"],
        right_on=["line", "caller"],
        suffixes=("", "_next"),
    )
    gap = (pairs["start_time_next"] - pairs["start_time"]).dt.total_seconds()
    near = gap.between(-5, 35) & (pairs["hop"] != pairs["hop_next"])
    pairs = pairs.assign(apart=gap.abs())[near].sort_values(["apart", "hop", "hop_next"])
    following: dict[int, int] = {}
    followed: set[int] = set()
    for hop, after in zip(pairs["hop"], pairs["hop_next"], strict=True):
        if hop not in following and after not in followed:
            following[hop] = after
            followed.add(after)
    lines = other["line"].to_dict()
    first_lines = []
    for first in following.keys() - followed:
        walk = [first]
        while walk[-1] in following:
            walk.append(following[walk[-1]])
        kept = [lines[hop] for hop in walk if hop in lines]
        if len(kept) >= 2:
            first_lines.append(kept[0])
    return first_lines


def find_surging_blocks(age: pd.Series) -> Iterable[str]:
    """Find the number blocks with many more new lines than their size and the past explain.

    The tool also asks for a negative-binomial tail that passes a control of false discovery; here,
    where the tail decides nothing, its two other conditions stand alone.
    """
    age = age[age.index.str.startswith("+86")]
    found: dict[str, int] = {}
    for digits in (7, 6, 5, 4):
        block = age.index.str[: 3 + digits]
        size = (age >= 7).groupby(block).sum().clip(lower=1)
        rate = age.between(7, 60).sum() / (54 * size.sum())
        surges: dict[str, int] = {}
        for days in (1, 3, 7):
            new = age.between(0, days - 1).groupby(block).sum()
            surge = new[(new >= 10) & (new >= 3 * rate * days * size)]
            surges |= surge.to_dict()
        # A shorter block is no news where the blocks found in it have 70 % of its lines.
        for name, count in surges.items():
            within = sum(new for part, new in found.items() if part.startswith(name))
            if within < 0.7 * count:
                found[name] = count
    return found


def find_all(folder: Path) -> tuple[pd.DataFrame, int]:
    """Read the records, and return the findings and the number of duplicates."""
    records = pd.read_parquet(folder / "calls", columns=COLUMNS)
    rows = len(records)
    records = records.drop_duplicates()
    today = records["start_time"].max().tz_convert(ZONE).tz_localize(None).normalize()
    subscribers = pd.read_parquet(folder / "subscribers.parquet")
    born = pd.to_datetime(subscribers["activation"]).groupby(subscribers["line"]).max()
    age = (today - born).dt.days

    calls = records[records["record_type"] == "call"]
    hops = records[records["record_type"] == "fwd"].rename(
        columns={
            "redirecting_number": "line",
            "called_number": "target",
            "calling_number": "caller",
        }
    )
    hops = hops[hops["line"] != hops["target"]]
    hops = hops.sort_values(["start_time", "line", "target", "caller"], ignore_index=True)
    hops = hops[["line", "target", "caller", "start_time"]].rename_axis("hop")

    parts = [
        pd.DataFrame({"detector": detector, "subject": list(lines)})
        for found in (
            find_diallers(calls, age),
            find_forwarding(hops, calls, age),
            {"new_sim_burst": find_surging_blocks(age)},
        )
        for detector, lines in found.items()
    ]
    findings = pd.concat(parts).drop_duplicates().sort_values(["detector", "subject"])
    return findings, rows - len(records)


def main() -> None:
    """Read the words, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    findings, duplicates = find_all(arguments.folder)
    sys.stderr.write(f"{duplicates} duplicates\n")
    findings.to_csv(sys.stdout, index=False)


if __name__ == "__main__":
    main()
