"""Receive the webhooks of a Holdfast server, with the standard library alone.

`verify` checks a request and gives its event; a `Receiver` lets a function handle each event once, and fits into
Litestar, FastAPI, Flask, Django, or whatever speaks ASGI or WSGI.
"""

from holdfast_sdk.webhooks.frameworks import (
    asgi_app,
    django_view,
    fastapi_router,
    flask_blueprint,
    litestar_handler,
    wsgi_app,
)
from holdfast_sdk.webhooks.receiver import Answer, Receiver
from holdfast_sdk.webhooks.seen import Seen, SeenInFile, SeenInMemory
from holdfast_sdk.webhooks.verification import Event, NotVerified, verify

__all__ = [
    "Answer",
    "Event",
    "NotVerified",
    "Receiver",
    "Seen",
    "SeenInFile",
    "SeenInMemory",
    "asgi_app",
    "django_view",
    "fastapi_router",
    "flask_blueprint",
    "litestar_handler",
    "verify",
    "wsgi_app",
]
