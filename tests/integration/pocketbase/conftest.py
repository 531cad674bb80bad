"""A bucket for the tests of moves."""

from bucket import bucket

__all__ = ["bucket"]
