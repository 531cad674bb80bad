"""The collections as they stand now: an immutable snapshot, swapped when its version moves."""
