"""Makes the Python client of a server; `holdfast_sdk.webhooks` receives what a server sends."""

from typing import Final

__version__: Final = "0.1.0"
