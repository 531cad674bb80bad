"""The system migrations: which were applied, which wait, and which files are not what they were then."""
