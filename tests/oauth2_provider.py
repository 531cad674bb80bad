"""OAuth2 providers for tests: a real OpenID provider in its own process, and one that answers what a test wants."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import msgspec
import pytest

START_SECONDS = 30.0
REDIRECT = "https://app.example/api/oauth2-redirect?from=a&b"


class OidcProvider:
    """A running OpenID provider, where anybody is who they say."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._browser = httpx.Client()

    def person(self, sub: str, **claims: Any) -> None:
        """Somebody with an account there, and what the provider says of them."""
        answer = self._browser.put(f"{self.url}/users/{quote(sub, safe='')}", json=claims)
        assert answer.status_code == 204, answer.text

    def log_in(self, auth_url: str, sub: str, redirect: str = REDIRECT) -> dict[str, str]:
        """Log in there as somebody who was sent to `auth_url`; what their browser comes back with."""
        answer = self._browser.post(auth_url + quote(redirect, safe=""), data={"sub": sub})
        assert answer.status_code == 302, answer.text
        location = answer.headers["location"]
        assert location.startswith(redirect)
        return {key: values[-1] for key, values in parse_qs(urlsplit(location).query).items()}

    def close(self) -> None:
        """Ask it nothing more."""
        self._browser.close()


@contextmanager
def oidc_provider() -> Generator[OidcProvider]:
    """An OpenID provider for the block, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        provider = OidcProvider(f"http://127.0.0.1:{port}")
        _wait_for(provider.url, process)
        yield provider
        provider.close()
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "the provider ended at once"
        assert time.monotonic() < deadline, "the provider does not start"
        try:
            httpx.get(f"{url}/.well-known/openid-configuration").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="session")
def openid() -> Generator[OidcProvider]:
    """One for all tests."""
    with oidc_provider() as provider:
        yield provider


class Asked(msgspec.Struct, frozen=True):
    """A request that a scripted provider has got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


class Script:
    """What a scripted provider answers by path: a status with JSON or bytes, or a function that makes them."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.answers: dict[str, tuple[int, Any] | Callable[[Asked], tuple[int, Any]]] = {}

    def begin(self, **answers: tuple[int, Any] | Callable[[Asked], tuple[int, Any]]) -> None:
        """Forget what was asked, and answer these from now on: `token` is `/token`."""
        self.asked.clear()
        self.answers = {f"/{name}": answer for name, answer in answers.items()}

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        """What is sent back."""
        self.asked.append(asked)
        found = self.answers.get(urlsplit(asked.path).path, (404, {"error": "not_found"}))
        status, body = found(asked) if callable(found) else found
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()


@contextmanager
def scripted_provider() -> Generator[Script]:
    """A provider for the block that answers as its script has it."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): text for name, text in self.headers.items()}
            status, body = script.answer(Asked(self.command, self.path, headers, self.rfile.read(length)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
