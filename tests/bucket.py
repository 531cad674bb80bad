"""A server that speaks S3 as Amazon does, in the process of the test run: moto's."""

import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any

import httpx
import pytest

from holdfast.schema.app_options import S3

BUCKET = "papers"


class Bucket:
    """A bucket on a server that can be taken away and brought back."""

    def __init__(self, port: int) -> None:
        self.options = S3(True, BUCKET, "us-east-1", f"http://127.0.0.1:{port}", "key", "secret", True)
        self._port = port
        self._server: Any = None

    def start(self) -> None:
        """Let it answer; what it held before is still there."""
        # Here, since it takes two seconds, and few tests need it.
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        httpx.put(
            f"{self.options.endpoint}/{BUCKET}",
            headers={"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"},
        )

    def stop(self) -> None:
        """Let nobody reach it."""
        if self._server is not None:
            self._server.stop()
            self._server = None


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """An empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Bucket(port)
    made.start()
    httpx.post(f"{made.options.endpoint}/moto-api/reset")
    made.stop()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def google(bucket: Bucket) -> Iterator[str]:
    """Where the same bucket is asked as Google's is: Cloud Storage speaks what S3 does, under names of its own."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        environ["HTTP_AUTHORIZATION"] = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"
        for name in [name for name in environ if name.startswith("HTTP_X_GOOG_")]:
            environ[name.replace("HTTP_X_GOOG_", "HTTP_X_AMZ_")] = environ.pop(name)
        return moto(environ, start_response)

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    running = Thread(target=server.serve_forever, daemon=True)
    running.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    running.join()
    server.server_close()
