"""Moving in from PocketBase: its data directory is read, and what is in it becomes collections, records and files."""
