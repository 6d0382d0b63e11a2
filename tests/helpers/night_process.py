"""A night in a process of its own, that waits for a word before it begins.

``python -m tests.helpers.night_process STATE DAY FILE...``; with CDR_MOST_BYTES no file may grow
larger.
"""

from __future__ import annotations

import os
import resource
import sys
from datetime import date

from cdr_anomaly.errors import CdrAnomalyError
from cdr_anomaly.nights import run
from cdr_anomaly.storage import paths
from tests.helpers import night_runs

if __name__ == "__main__":
    place, day, *files = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    most = int(os.environ.get("CDR_MOST_BYTES", "0"))
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        run.nightly(files, date.fromisoformat(day), night_runs.run(paths.parse_location(place)))
    except CdrAnomalyError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(2)
    sys.stdout.write("done\n")
