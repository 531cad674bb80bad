"""What jobs cost: `python -m tests.bench.jobs`.

They are done by a server as an operator starts it, with a plugin of which the server knows nothing.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import click
import httpx
import msgspec

from tests.bench.subject import Subject, subject

MANY: Final = 20_000
STARTS: Final = 40
PLUGIN: Final = """
import time
import msgspec
from litestar import get
from holdfast.plugin import Context, Job, NoPayload, Plugin, Schedule

class Sent(msgspec.Struct):
    at: float

WAITS = []

@get("/waits")
async def waits() -> list[float]:
    return WAITS

class Busy(Plugin):
    name = "busy"

    def jobs(self):
        return (Job("small", NoPayload, self.small), Job("timed", Sent, self.timed, kept_seconds=0))

    def schedules(self):
        return (Schedule("nightly", "30 3 * * *", self.nightly),)

    def routes(self):
        return (waits,)

    async def small(self, ctx: Context, _: NoPayload) -> None:
        pass

    async def timed(self, ctx: Context, sent: Sent) -> None:
        WAITS.append(time.time() - sent.at)

    async def nightly(self, ctx: Context) -> None:
        pass
"""


@click.command()
def main() -> None:
    """Measure jobs on this machine."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL runs as another user
        (folder / "plugins").mkdir()
        (folder / "plugins" / "busy.py").write_text(PLUGIN)
        with subject(folder) as it:
            asyncio.run(_measure(it))


async def _measure(it: Subject) -> None:
    connection: Any = await asyncpg.connect(it.dsn)
    await _throughput(connection)
    await _starts(it, connection)
    await connection.close()
    click.echo(f"peak memory of the server: {it.peak_rss_mb:.0f} MB")


async def _throughput(connection: Any) -> None:
    """Jobs that are all there at once, until the last one is done."""
    await connection.execute(
        "INSERT INTO holdfast.jobs (name) SELECT 'busy.small' FROM generate_series(1, $1)", MANY, timeout=60
    )
    started = time.perf_counter()
    while await connection.fetchval("SELECT EXISTS (SELECT FROM holdfast.jobs)"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    click.echo(f"small jobs of a plugin in one process: {MANY / (time.perf_counter() - started):,.0f} a second")


async def _starts(it: Subject, connection: Any) -> None:
    """From before the statement that promises a job, which is its own transaction, until the job's first line."""
    for number in range(STARTS):
        payload = msgspec.json.encode({"at": time.time()}).decode()
        await connection.execute("INSERT INTO holdfast.jobs (name, payload) VALUES ('busy.timed', $1)", payload)
        await asyncio.sleep(0.1 + number * 0.003)  # at all places between two looks
    await asyncio.sleep(0.2)
    async with httpx.AsyncClient(base_url=it.url) as client:
        waits = sorted((await client.get("/api/x/busy/waits")).raise_for_status().json())
    half, longest = statistics.median(waits) * 1000, waits[-1] * 1000
    click.echo(f"from the commit to the start, of {len(waits)}: median {half:.0f} ms, longest {longest:.0f} ms")


if __name__ == "__main__":
    main()
