"""What detectors read: statistics of line-days, hops, line ages, cold callers, shared targets."""
