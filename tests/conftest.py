"""What all tests may use."""

from postgres import cluster, database, empty_database

__all__ = ["cluster", "database", "empty_database"]
