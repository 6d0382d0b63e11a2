"""Honest lines: ordinary people, trades, institutions, groups and whoever looks alike."""
