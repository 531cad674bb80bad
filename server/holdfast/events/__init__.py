"""The event log: every change to a record, captured in its transaction, numbered after it, and read in that order."""
