"""What the tests of writing use."""

from writing_server import writing

__all__ = ["writing"]
