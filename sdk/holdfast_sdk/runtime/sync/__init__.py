"""The synchronous client, made of the asynchronous one by `python -m holdfast_sdk.unasync`."""
