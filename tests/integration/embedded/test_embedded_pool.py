"""The pool heals: while PostgreSQL is away a request fails clearly and soon, and afterwards all is as before."""

import asyncio
import os
import signal
import time
from pathlib import Path

from embedded_process import Process
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement, raw
from holdfast.errors import Unavailable

ONE = Statement.of(raw("SELECT 1"))
KILLS = 4
CLIENTS = 8
HEALED_SECONDS = 10.0  # on a busy machine; alone it is a tenth of a second


async def ask(pool: Pool) -> bool:
    """Whether one statement is answered; anything but an answer and Unavailable is a failure of the test."""
    try:
        with as_api_errors():
            row = await pool.fetchrow(ONE)
    except Unavailable:
        return False
    assert row is not None and row[0] == 1
    return True


async def ask_on(pool: Pool, until: asyncio.Event) -> float:
    """Ask until told; returns the longest that one answer took, in seconds."""
    slowest = 0.0
    while not until.is_set():
        began = time.monotonic()
        await ask(pool)
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.001)
    return slowest


async def healed(pool: Pool) -> None:
    """Wait until 20 statements in a row are answered: connections that died are found out one by one."""
    deadline = time.monotonic() + HEALED_SECONDS
    in_a_row = 0
    while in_a_row < 20:
        in_a_row = in_a_row + 1 if await ask(pool) else 0
        assert time.monotonic() < deadline


async def test_the_pool_heals_whatever_is_killed(data: Path):
    server = await asyncio.to_thread(Process, data)
    pool = Pool(server.dsn, size=4, settings={})
    until = asyncio.Event()
    clients = [asyncio.create_task(ask_on(pool, until)) for _ in range(CLIENTS)]
    try:
        for turn in range(KILLS):
            await asyncio.sleep(0.1)
            os.kill(server.postmaster(), signal.SIGKILL)
            if turn % 2:
                await asyncio.to_thread(server.kill)
                server = await asyncio.to_thread(Process, data)
            else:
                await asyncio.to_thread(server.line)
                await asyncio.to_thread(server.line)
            await healed(pool)
        until.set()
        assert max(await asyncio.gather(*clients)) < 10
        assert pool.in_use == 0
    finally:
        until.set()
        await asyncio.gather(*clients, return_exceptions=True)
        await pool.close()
        await asyncio.to_thread(server.stop)
