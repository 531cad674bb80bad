"""The Python client of this very server: its schema, its package, and an index that pip installs it from."""
