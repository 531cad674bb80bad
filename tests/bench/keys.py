"""What an API key and the counting of a request cost the server: calls of the running application, no network."""

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import click
import httpx
import msgspec

from holdfast.app import running
from holdfast.auth.principals import Principals
from holdfast.config import Settings
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.schema.app_options import DEFAULT_OPTIONS, AppOptions, RateLimits
from tests.bench.subject import Subject

CALLS: Final = 1000


async def keys(it: Subject) -> None:
    """Say what a key and a limit cost, in microseconds."""
    made = {"name": "bench", "allowedIps": ["192.0.2.0/24"]}
    async with httpx.AsyncClient(base_url=it.url, headers={"Authorization": it.token}) as root:
        answer = (await root.post("/api/keys", json=made)).raise_for_status()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        async with running(Settings(data=Path(name), background=False), it.dsn) as engine:
            await _key(engine, _request((b"x-api-key", answer.json()["key"].encode())))
            await _limits(engine, _request())


async def _key(engine: Engine, asked: Request) -> None:
    principals = Principals()
    if (await principals.authenticate(engine, asked)).key_id == "":
        raise SystemExit("the key is not taken")
    found = await _microseconds(lambda: principals.authenticate(engine, asked))
    await principals.close()
    click.echo(f"an API key that was seen before, with a network: {found:.2f} us")


async def _limits(engine: Engine, asked: Request) -> None:
    rules = [msgspec.structs.replace(rule, max_requests=1_000_000) for rule in RateLimits().rules]
    limits = RateLimits(enabled=True, rules=tuple(rules))
    found = await _microseconds(lambda: engine.limiter.check(limits, (asked,), engine.catalog.name_of))
    nothing = await _microseconds(lambda: _as_the_front_asks(engine, DEFAULT_OPTIONS, asked))
    click.echo(f"counting a request: {found:.2f} us; with limits off: {nothing:.3f} us, the call itself among them")


async def _as_the_front_asks(engine: Engine, options: AppOptions, asked: Request) -> None:
    limits = options.rate_limits
    if limits.enabled:
        await engine.limiter.check(limits, (asked,), engine.catalog.name_of)


async def _microseconds(work: Callable[[], Awaitable[object]]) -> float:
    """The best of five rounds of CALLS calls: others use this machine, too."""
    rounds: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(CALLS):
            await work()
        rounds.append((time.perf_counter() - began) / CALLS * 1e6)
    return min(rounds)


def _request(*headers: tuple[bytes, bytes]) -> Request:
    scope = {"type": "http", "method": "GET", "path": "/api/collections/users/records", "query_string": b""}
    return Request({**scope, "headers": headers, "client": ("192.0.2.1", 4711)}, None, id="", max_body_bytes=0)
