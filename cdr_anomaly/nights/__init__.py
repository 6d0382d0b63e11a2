"""A night is a scan of one day with a memory: run, state, ledger, lock, history."""
