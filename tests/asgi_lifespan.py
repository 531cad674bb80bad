"""Runs the lifespan of an ASGI application in the test's own event loop; see holdfast.testing."""

from holdfast.testing.lifespan import lifespan

__all__ = ["lifespan"]
