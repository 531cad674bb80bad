"""A bucket for the tests of the storage."""

from bucket import bucket

__all__ = ["bucket"]
