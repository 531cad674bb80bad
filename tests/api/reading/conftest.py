"""What the tests of reading use."""

from client import api, start_api

__all__ = ["api", "start_api"]
