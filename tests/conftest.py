"""What all tests may use."""

from postgres import anywhere, cluster, database, empty_database
from served import served

__all__ = ["anywhere", "cluster", "database", "empty_database", "served"]
