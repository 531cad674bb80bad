"""A bucket for the tests of the storage."""

from bucket import bucket, google

__all__ = ["bucket", "google"]
