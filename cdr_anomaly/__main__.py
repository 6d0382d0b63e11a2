"""python -m cdr_anomaly."""

from cdr_anomaly.cli import main

if __name__ == "__main__":
    main()
