"""What the tests of collections use."""

from client import api, start_api
from schema_changes import changes

__all__ = ["api", "changes", "start_api"]
