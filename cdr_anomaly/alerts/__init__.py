"""Run the detectors, score against peers, suppress, group and rank."""
