"""A server that is killed in the middle of uploads: what it leaves behind goes, and what came in pieces goes on."""

import base64
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from served import EMAIL, PASSWORD, Server

BOUNDARY = "b"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


def login(url: str) -> dict[str, str]:
    body = {"identity": EMAIL, "password": PASSWORD}
    answer = httpx.post(f"{url}/api/collections/_superusers/auth-with-password", json=body)
    return {"Authorization": answer.json()["token"]}


def half_a_request(url: str, head: str, body: bytes) -> socket.socket:
    """A request whose body never ends."""
    parts = urlsplit(url)
    line = socket.create_connection((parts.hostname, parts.port))
    line.sendall(f"{head}Host: x\r\nContent-Length: 20000000\r\n\r\n".encode() + body)
    return line


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def until(folder: Path, size: int) -> None:
    for _ in range(500):
        if any(found >= size for found in files(folder).values()):
            return
        time.sleep(0.01)
    pytest.fail(f"there is no file of {size} bytes in {folder}: {files(folder)}")


def test_a_server_that_is_killed_during_uploads_leaves_nothing_but_what_can_go_on(
    database: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    environment = {"DATABASE_URL": database, "HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    server = Server(data, "--port", "0", environment=environment)
    url = server.started()
    fields = [{"name": "file", "type": "file", "maxSize": 30_000_000}]
    rules = dict.fromkeys(("listRule", "viewRule", "createRule"), "")
    large = {"name": "large", "type": "base", "fields": fields, **rules}
    answer = httpx.post(f"{url}/api/collections", json=large, headers=login(url))
    assert answer.status_code == 200, answer.text
    said = ",".join(
        f"{key} {base64.b64encode(value).decode()}" for key, value in (("collection", b"large"), ("field", b"file"))
    )
    begun = httpx.post(f"{url}/api/files/uploads", headers=TUS | {"Upload-Length": "4000000", "Upload-Metadata": said})
    address = begun.headers["location"]
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + bytes(5_000_000)
    form_head = (
        f"POST /api/collections/large/records HTTP/1.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    )
    lines = [half_a_request(url, form_head, form)]
    parts = urlsplit(url)
    line = socket.create_connection((parts.hostname, parts.port))
    head = f"PATCH {address} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
    line.sendall(f"{head}Content-Type: {PIECE}\r\nContent-Length: 4000000\r\n\r\n".encode() + b"x" * 3_000_000)
    lines.append(line)
    until(data / "spool", 3_000_000)
    until(data / "uploads", 2_000_000)
    server.signal(signal.SIGKILL)
    server.ended()
    assert files(data / "spool")
    again = Server(data, "--port", "0", environment=environment)
    url = again.started()
    assert files(data / "spool") == {}
    assert files(data / "storage") == {}
    assert httpx.get(f"{url}/api/collections/large/records").json()["items"] == []
    assert httpx.get(f"{url}/api/files/usage", headers=login(url)).json()["files"] == 0
    offset = int(httpx.head(url + address, headers=TUS).headers["upload-offset"])
    assert 2_000_000 <= offset <= 3_000_000
    headers = TUS | {"Upload-Offset": str(offset), "Content-Type": PIECE}
    rest = httpx.patch(url + address, content=b"x" * (4_000_000 - offset), headers=headers)
    assert rest.headers["upload-offset"] == "4000000"
    named = f"upload:{address.rpartition('/')[2]}"
    record = httpx.post(f"{url}/api/collections/large/records", json={"file": named}).json()
    content = httpx.get(f"{url}/api/files/large/{record['id']}/{record['file']}").content
    assert content == b"x" * 4_000_000
    assert files(data / "uploads") == {}
    assert again.stop() == 0
    assert not (data / "spool").exists() or files(data / "spool") == {}
    for line in lines:
        line.close()
