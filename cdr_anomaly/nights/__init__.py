"""A night is a scan of one day with a history: run, state, ledger, lock."""
