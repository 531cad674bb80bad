"""`python -m tests.bench.files`: a large file up and down through one worker, and small pictures; nginx beside it.

nginx serves the same file from the same disk in the same run. Both send to this process, over the loopback.
"""

import asyncio
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
import httpx
from PIL import Image

from tests.bench.subject import Subject, subject

MIB: Final = 1024 * 1024
BOUNDARY: Final = b"the-boundary"
NGINX: Final = """
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{}}
http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
  fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""


@click.command()
@click.option("--mib", default=1024, show_default=True, help="The size of the large file.")
@click.option("--rounds", default=3, show_default=True, help="Downloads of each.")
@click.option("--seconds", default=3.0, show_default=True, help="Seconds of each round of small files.")
def main(mib: int, rounds: int, seconds: float) -> None:
    """Measure files on this machine."""
    with tempfile.TemporaryDirectory(prefix="holdfast-files-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL runs as another user
        with subject(folder) as it:
            api = httpx.Client(base_url=it.url, headers={"Authorization": it.token}, timeout=60)
            _define(api, mib * MIB)
            click.echo(f"the disk alone: {_disk(folder, mib):.1f} s to write it, and to have it")
            address = _up(it, mib)
            _down(it, folder, address, mib, rounds)
            picture, plain, size = _two(it, api)
            asyncio.run(_small(it, (picture, plain), size, seconds))


def _define(api: httpx.Client, size: int) -> None:
    rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
    fields = [{"name": "file", "type": "file", "maxSize": size}, {"name": "picture", "type": "file"}]
    answer = api.post("/api/collections", json={"name": "large", "type": "base", "fields": fields, **rules})
    assert answer.status_code == 200, answer.text


def _disk(folder: Path, mib: int) -> float:
    """How long the disk takes for as many bytes as are sent."""
    path, piece = folder / "alone", bytes(range(256)) * (MIB // 256)
    started = time.perf_counter()
    with path.open("wb", 0) as file:
        for _ in range(mib):
            file.write(piece)
        os.fsync(file.fileno())
    took = time.perf_counter() - started
    path.unlink()
    return took


def _up(it: Subject, mib: int) -> str:
    """Send the file in a form, and say how long it took; its address."""
    piece = bytes(range(256)) * (MIB // 256)
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' % BOUNDARY
    tail = b"\r\n--%s--\r\n" % BOUNDARY

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(mib):
            yield piece
        yield tail

    line = http.client.HTTPConnection(it.host, it.port, timeout=600)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}",
        "Content-Length": str(len(head) + mib * MIB + len(tail)),
    }
    before = _memory(it)
    started = time.perf_counter()
    line.request("POST", "/api/collections/large/records", body(), headers)
    answer = json.loads(line.getresponse().read())
    took = time.perf_counter() - started
    click.echo(f"up: {took:.1f} s, {mib / took:.0f} MiB/s, {_peak(it) - before:.0f} MB more memory")
    return f"/api/files/large/{answer['id']}/{answer['file']}"


def _down(it: Subject, folder: Path, address: str, mib: int, rounds: int) -> None:
    """Get it from both in turn."""
    found = next((folder / "data/storage").rglob(address.rpartition("/")[2]))
    before = _memory(it)
    with _nginx(folder, found.parent) as port:
        own: list[float] = []
        other: list[float] = []
        for _ in range(rounds + 1):  # the first is for the page cache
            own.append(_get(it.host, it.port, address, mib * MIB))
            other.append(_get("127.0.0.1", port, f"/{found.name}", mib * MIB))
    ours, theirs = statistics.median(own[1:]), statistics.median(other[1:])
    click.echo(
        f"down: {ours:.2f} s, {mib / ours:.0f} MiB/s; nginx {theirs:.2f} s, {mib / theirs:.0f} MiB/s;"
        f" {theirs / ours:.2f} of nginx, {_peak(it) - before:.0f} MB more memory"
    )


def _get(host: str, port: int, path: str, size: int) -> float:
    buffer = bytearray(MIB)
    with socket.create_connection((host, port)) as line:
        started = time.perf_counter()
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = 0
        while count := line.recv_into(buffer):
            got += count
        took = time.perf_counter() - started
    assert got > size, buffer[:500]
    return took


@contextmanager
def _nginx(folder: Path, root: Path) -> Iterator[int]:
    """nginx in a process of its own, with everything it writes in the folder."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    # As root its worker would be another user, who may not read the data directory.
    config.write_text("user root;" + NGINX.format(folder=folder, port=port, root=root))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _two(it: Subject, api: httpx.Client) -> tuple[str, str, int]:
    """The addresses of a cached small picture and of a file of its size, and that size."""
    out = BytesIO()
    Image.effect_noise((800, 600), 90).convert("RGB").save(out, "JPEG")
    record = api.post("/api/collections/large/records", files={"picture": ("p.jpg", out.getvalue())}).json()
    picture = f"/api/files/large/{record['id']}/{record['picture']}?thumb=100x100"
    small = httpx.get(it.url + picture).content
    record = api.post("/api/collections/large/records", files={"picture": ("s.jpg", small)}).json()
    return picture, f"/api/files/large/{record['id']}/{record['picture']}", len(small)


async def _small(it: Subject, paths: tuple[str, str], size: int, seconds: float) -> None:
    """A cached small picture beside a file of its size."""
    rates: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(5):
        for path, found in rates.items():
            found.append(await _rate(it, path, seconds))
    thumb, file = (statistics.median(found) for found in rates.values())
    click.echo(
        f"{size} bytes: {thumb:.0f} small pictures/s, {file:.0f} files/s: {thumb / file:.2f};"
        f" peak memory of the worker {it.peak_rss_mb:.0f} MB"
    )


async def _rate(it: Subject, path: str, seconds: float, lines: int = 8) -> float:
    """Requests per second over some lines that stay open."""
    parts = urlsplit(it.url)
    deadline = time.perf_counter() + seconds

    async def one() -> int:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        done = 0
        while time.perf_counter() < deadline:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            done += 1
        writer.close()
        return done

    return sum(await asyncio.gather(*(one() for _ in range(lines)))) / seconds


def _status(it: Subject, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{it.pid}/status").read_text(), re.M)
    return int(found[1]) / 1024 if found else 0.0


def _memory(it: Subject) -> float:
    """What is resident now, in MB; what comes is measured from here on."""
    Path(f"/proc/{it.pid}/clear_refs").write_text("5")
    return _status(it, "VmRSS")


def _peak(it: Subject) -> float:
    return _status(it, "VmHWM")


if __name__ == "__main__":
    main()
