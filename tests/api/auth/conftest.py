"""What the tests of the auth flows use beside what all tests use."""

from office import office

__all__ = ["office"]
