"""The auth flows of PocketBase's official JavaScript client, with mails that really come."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from mail_sink import Mailbox, mail_server
from node import node, run_tests
from served import Served

__all__ = ["node"]


@contextmanager
def shown(mailbox: Mailbox) -> Iterator[str]:
    """The address at which the texts of the mails to somebody can be asked for: `/?to=`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            to = parse_qs(urlsplit(self.path).query)["to"][0]
            body = json.dumps([letter.text for letter in mailbox.to(to)]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_auth_flow_of_the_official_javascript_client_works(node: str, served: Served) -> None:
    with mail_server() as mailbox, shown(mailbox) as mails:
        environment = {
            "HOLDFAST_TEST_URL": served.url,
            "HOLDFAST_TEST_EMAIL": served.email,
            "HOLDFAST_TEST_PASSWORD": served.password,
            "HOLDFAST_TEST_SMTP_PORT": str(mailbox.port),
            "HOLDFAST_TEST_MAILS": mails,
        }
        run_tests(node, "auth.test.mjs", environment)
