"""What all tests may use."""

from postgres import anywhere, cluster, database, empty_database
from served import no_server_left, served

__all__ = ["anywhere", "cluster", "database", "empty_database", "no_server_left", "served"]
