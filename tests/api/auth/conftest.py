"""What the tests of the auth flows use beside what all tests use."""

from desk import desk
from office import office

__all__ = ["desk", "office"]
