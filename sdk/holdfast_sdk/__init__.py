"""What a generated Holdfast client stands on: for now its version alone.

The generator and the runtime of the typed client will live in this package. Until then the official
PocketBase clients work against the server.
"""

from typing import Final

__version__: Final = "0.1.0"
