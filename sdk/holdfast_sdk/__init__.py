"""What a generated Holdfast client stands on, and `holdfast_sdk.webhooks`, which receives what a server sends.

The generator and the runtime of the typed client will live in this package. Until then the official
PocketBase clients work against the server.
"""

from typing import Final

__version__: Final = "0.1.0"
