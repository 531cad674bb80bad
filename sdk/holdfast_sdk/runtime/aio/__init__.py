"""The asynchronous client. `python -m holdfast_sdk.unasync` makes `..sync` of these files."""
