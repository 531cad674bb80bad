"""What all tests may use."""

from postgres import anywhere, cluster, database, empty_database

__all__ = ["anywhere", "cluster", "database", "empty_database"]
