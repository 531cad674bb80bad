"""What a client is told whose request takes longer than a server that stops waits for."""

import json
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from holdfast.http.refusal import STOPPED
from served import Server


def test_what_takes_longer_than_a_stop_waits_is_answered_as_such(anywhere: Path):
    server = Server(anywhere / "data", "--port", "0", environment={"HOLDFAST_STOP_SECONDS": "1"})
    url = server.started()
    with socket.create_connection((str(urlsplit(url).hostname), int(urlsplit(url).port or 0)), timeout=20) as line:
        line.sendall(b"POST /api/batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
        line.sendall(b'content-length: 100\r\n\r\n{"requests":')
        assert httpx.get(f"{url}/api/health").status_code == 200  # that was sent later, so the first has arrived
        server.signal(signal.SIGTERM)
        head, _, body = b"".join(iter(lambda: line.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in head
    assert json.loads(body)["message"] == STOPPED
    assert server.ended() == 0
    assert "Traceback" not in server.errors
