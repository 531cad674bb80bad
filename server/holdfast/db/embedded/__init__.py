"""The embedded PostgreSQL: found, set up, started, watched and stopped by the server itself."""

from holdfast.db.embedded.error import EmbeddedError
from holdfast.db.embedded.supervisor import Embedded, Running

__all__ = ["Embedded", "EmbeddedError", "Running"]
