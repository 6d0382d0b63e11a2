"""Pages to look at: single files that open from disk, with no network, and print."""
