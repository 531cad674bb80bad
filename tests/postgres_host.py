"""The databases that the PostgreSQL of a test run has from its beginning; see holdfast.testing."""

from holdfast.testing.postgres_host import PROJECT, TEMPLATE, on_database

__all__ = ["PROJECT", "TEMPLATE", "on_database"]
