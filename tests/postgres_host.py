"""The databases that the PostgreSQL of a test run has from its beginning; see holdfast.testing."""

from holdfast.testing.postgres_host import EMAIL, PASSWORD, PROJECT, new_home, on_database

__all__ = ["EMAIL", "PASSWORD", "PROJECT", "new_home", "on_database"]
