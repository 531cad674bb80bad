"""What the generated client costs beside bare httpx: `python tests/bench/client.py [RECORDS]`.

A call against the same request made and decoded by hand; a walk against raw pages; making the package of 200
collections; importing a package.
"""

import asyncio
import importlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests", "server", "sdk")]

import httpx  # noqa: E402
import msgspec  # noqa: E402

from generated import OPEN, load, write  # noqa: E402
from holdfast_sdk.schema import package_name, read_schema  # noqa: E402
from holdfast_sdk.wheel import build_wheel  # noqa: E402
from schemas import MANY, SHOP  # noqa: E402
from served import EMAIL, PASSWORD, Server  # noqa: E402

CALLS = 400  # in one round
ROUNDS = 7
PAGE = 500  # records
NOTES = {
    "name": "notes",
    "fields": [
        {"name": "title", "type": "text"},
        {"name": "n", "type": "number", "onlyInt": True},
        {"name": "due", "type": "date"},
        {"name": "created", "type": "autodate", "onCreate": True},
    ],
}


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def compared(ours: Callable[[], Awaitable[object]], bare: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The medians of both, done in turns."""
    rounds = [(await seconds(ours), await seconds(bare)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in rounds), statistics.median(other for _, other in rounds)


async def measure(url: str, folder: Path, records: int) -> dict[str, float]:
    """The figures of a server."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        login = {"identity": EMAIL, "password": PASSWORD}
        token = (await http.post("/api/collections/_superusers/auth-with-password", json=login)).json()["token"]
        http.headers["Authorization"] = token
        await http.patch("/api/settings", json={"batch": {"enabled": True, "maxRequests": 1000}})
        assert (await http.post("/api/collections", json={**OPEN, **NOTES})).status_code == 200
        p = load(read_schema((await http.get("/api/sdk/python/schema.json")).content), folder)
        async with p.AsyncClient(url, timeout=60) as client:
            for start in range(0, records, 1000):
                async with client.batch() as batch:
                    for n in range(start, start + 1000):
                        batch.notes.create(p.NoteCreate(title=f"note {n}", n=n, due="2026-11-20"))
            return await _figures(client, p, http)


async def _figures(client: Any, p: Any, http: httpx.AsyncClient) -> dict[str, float]:
    note = await client.notes.first()
    values = importlib.import_module(f"{p.__name__}._runtime.values")
    one = msgspec.json.Decoder(p.NoteRecord, dec_hook=values.read_special)
    page = msgspec.json.Decoder(dict[str, Any])

    async def gets() -> None:
        for _ in range(CALLS):
            await client.notes.get(note.id)

    async def bare_gets() -> None:
        for _ in range(CALLS):
            answer = await http.get(f"/api/collections/notes/records/{note.id}")
            one.decode(answer.content)

    async def walk() -> None:
        async for _ in client.notes.iterate(page_size=PAGE):
            pass

    async def bare_walk() -> None:
        cursor: str | None = ""
        while cursor is not None:
            answer = await http.get("/api/collections/notes/records", params={"perPage": PAGE, "cursor": cursor})
            cursor = page.decode(answer.content)["nextCursor"]

    call, bare_call = await compared(gets, bare_gets)
    whole, bare_whole = await compared(walk, bare_walk)
    return {
        "ms for a call": call / CALLS * 1000,
        "ms for a bare call": bare_call / CALLS * 1000,
        "call / bare": call / bare_call,
        "s for a walk": whole,
        "rate of a walk / raw pages": bare_whole / whole,
    }


def import_ms(folder: Path, name: str, *names: str) -> float:
    """The median of imports, each in a process of its own, without that of the interpreter."""
    line = f"from {package_name(name)} import {', '.join(names)}" if names else f"import {package_name(name)}"
    script = f"import time; began = time.perf_counter(); {line}; print(time.perf_counter() - began)"
    command = [sys.executable, "-c", script]
    found = [float(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout) for _ in range(ROUNDS)]
    return statistics.median(found[1:]) * 1000


def main() -> None:
    """Measure, and print the figures."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(tempfile.mkdtemp(prefix="hf-bench-"))
    folder.chmod(0o711)
    began = time.perf_counter()
    build_wheel(MANY)
    figures = {"s to make 200 collections": time.perf_counter() - began}
    for schema, names in ((SHOP, ("Client", "Post")), (MANY, ("Client", "Things0"))):
        write(schema, folder)
        figures[f"ms to import {schema.name}"] = import_ms(folder, schema.name)
        figures[f"ms to import {', '.join(names)} of {schema.name}"] = import_ms(folder, schema.name, *names)
    made = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
    server = Server(folder / "data", "--port", "0", environment=made)
    try:
        figures |= asyncio.run(measure(server.started(), folder, records))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for name, figure in figures.items():
        print(f"{name:40} {figure:.3f}")


if __name__ == "__main__":
    main()
