"""A server for each file of tests about files."""

from bucket import bucket
from files_shelf import one_shelf, shelf

__all__ = ["bucket", "one_shelf", "shelf"]
