"""What the tests of collections use."""

from client import shared_api
from schema_changes import changes

__all__ = ["changes", "shared_api"]
