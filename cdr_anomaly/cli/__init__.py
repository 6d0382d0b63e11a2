"""The command line: words to settings, errors to exit codes; prints, decides nothing."""

from cdr_anomaly.cli.app import main

__all__ = ["main"]
