"""A server that is killed in the middle of uploads and an import: what is half done goes, or can go on."""

import asyncio
import base64
import signal
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from holdfast.db.pool import Pool
from holdfast.transfer.store import sweep_imports
from served import EMAIL, PASSWORD, Server

BOUNDARY = "b"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


def login(url: str) -> dict[str, str]:
    body = {"identity": EMAIL, "password": PASSWORD}
    answer = httpx.post(f"{url}/api/collections/_superusers/auth-with-password", json=body)
    return {"Authorization": answer.json()["token"]}


IDS = b"id\n" + b"".join(b"%015d\n" % number for number in range(100_000))
IMPORTS = "/api/collections/large/imports"


def half_an_import(url: str) -> socket.socket:
    """An import that has begun to put what it reads into the database."""
    token = login(url)["Authorization"]
    head = (
        f"POST /api/collections/large/records/import HTTP/1.1\r\nAuthorization: {token}\r\nContent-Type: text/csv\r\n"
    )
    line = half_a_request(url, head, IDS)
    found: Any = []
    for _ in range(500):
        found = httpx.get(url + IMPORTS, headers=login(url)).json()
        if found and found[0]["read"]:
            return line
        time.sleep(0.01)
    pytest.fail(f"the import does not begin: {found}")


async def sweep_later(database: str) -> int:
    """What the server does when it has not heard of an import for a while: how many tables it drops."""
    connection: Any = await asyncpg.connect(database)
    await connection.execute("UPDATE holdfast.imports SET beat = beat - interval '6 minutes'")
    await connection.close()
    pool = Pool(database, size=1, settings={"timezone": "UTC"})
    try:
        return await sweep_imports(pool)
    finally:
        await pool.close()


def import_again(url: str, database: str) -> None:
    """What the killed import has left is cleared away, and the same lines can be imported."""
    assert httpx.get(url + IMPORTS, headers=login(url)).json()[0]["state"] == "reading"
    assert asyncio.run(sweep_later(database)) == 1
    (killed,) = httpx.get(url + IMPORTS, headers=login(url)).json()
    assert (killed["state"], killed["inserted"], killed["canUndo"]) == ("failed", 0, False)
    assert "stopped while it ran" in killed["message"]
    path, headers = "/api/collections/large/records/import", login(url) | {"Content-Type": "text/csv"}
    assert httpx.post(url + path, content=IDS[:4003], headers=headers, timeout=30).json()["inserted"] == 250


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


def test_a_server_that_is_killed_during_uploads_and_an_import_leaves_nothing_but_what_can_go_on(
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
    lines += [line, half_an_import(url)]
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
    import_again(url, database)
    assert again.stop() == 0
    assert not (data / "spool").exists() or files(data / "spool") == {}
    for line in lines:
        line.close()
