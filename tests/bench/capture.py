"""`python -m tests.bench.capture`: what capturing events costs a writer, and how many the relay numbers in a second.

The same statements run in pgbench on two tables that are alike but for the triggers, in turns, so that whatever else
the machine does meets both. The server runs beside them and relays, as it always does.
"""

import asyncio
import re
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
import click

from holdfast.db.sql import inline
from holdfast.events import capture
from holdfast.events.partitions import make_partitions
from holdfast.events.relay import LOCK, relay_once
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.number import NumberField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField
from tests.bench.pgbench import command
from tests.bench.subject import subject

CAPTURED: Final = Collection(
    id="c_bench",
    name="captured",
    fields=(
        id_field(),
        *(TextField(id=f"t_{name}", name=name) for name in ("title", "body", "author")),
        NumberField(id="n_n", name="n", only_int=True),
        AutodateField(id="a_created", name="created", on_create=True),
        AutodateField(id="a_updated", name="updated", on_create=True, on_update=True),
    ),
)
TABLE: Final = (
    "CREATE TABLE public.{} (id text PRIMARY KEY, title text NOT NULL DEFAULT '', body text NOT NULL DEFAULT '',"
    " author text NOT NULL DEFAULT '', n bigint NOT NULL DEFAULT 0, created timestamptz, updated timestamptz);"
    " INSERT INTO public.{} (id, title, body) SELECT 'r' || g, 't', repeat('body ', 40) FROM generate_series(1, {}) g"
)
ROWS: Final = 20_000
# What the server sends for a create: the context is told in the same statement.
STATEMENTS: Final = {
    "insert": "\\set id random(100000000000000, 999999999999999)\n"
    "INSERT INTO public.{} (id, title, body, n, author, created, updated) VALUES (:id::text, 'a title of some words',"
    " repeat('body ', 40), 5, 'x', now(), now()) ON CONFLICT DO NOTHING"
    ' RETURNING set_config(\'holdfast.context\', \'{{"actor":{{"kind":"guest"}}}}\', true) IS NULL;\n',
    "update": "\\set id random(1, 20000)\n"
    "UPDATE public.{} SET title = 'another title ' || :id, updated = now() WHERE id = 'r' || :id"
    ' RETURNING set_config(\'holdfast.context\', \'{{"actor":{{"kind":"guest"}}}}\', true) IS NULL;\n',
}
BULK: Final = 100_000


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Rounds of each statement on each table.")
@click.option("--seconds", default=2, show_default=True, help="Seconds of each part of a round.")
def main(rounds: int, seconds: int) -> None:
    """Measure capture and relay on this machine."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL runs as another user
        with subject(folder) as it:
            asyncio.run(_prepare(it.dsn))
            for clients in (1, 16):
                for label, text in STATEMENTS.items():
                    _compare(it.dsn, folder, label, text, clients, rounds, seconds)
            asyncio.run(_relay(it.dsn))


async def _prepare(dsn: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    for table in ("bare", "captured"):
        await connection.execute(TABLE.format(table, table, ROWS))
    await connection.execute(inline(capture.create(CAPTURED)))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _compare(dsn: str, folder: Path, label: str, text: str, clients: int, rounds: int, seconds: int) -> None:
    bare: list[float] = []
    ratios: list[float] = []
    for _ in range(rounds):
        one, other = (_per_second(dsn, folder, text.format(table), clients, seconds) for table in ("bare", "captured"))
        bare.append(one)
        ratios.append(one / other)
    click.echo(f"{label}, {clients} clients: {median(bare):.0f}/s bare, {median(ratios):.2f} times that when captured")


def _per_second(dsn: str, folder: Path, text: str, clients: int, seconds: int) -> float:
    script = folder / "script.sql"
    script.write_text(text)
    line, environment = command(dsn, script, clients, seconds)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if found is None or "ERROR" in done.stderr:
        raise SystemExit(f"pgbench failed: {done.stdout}{done.stderr}")
    return float(found[1])


async def _relay(dsn: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    await _take_over(connection)
    took = {}
    for table in ("bare", "captured"):
        started = time.perf_counter()
        await connection.execute(
            f"INSERT INTO public.{table} (id, title, body, created, updated)"  # noqa: S608
            f" SELECT 'b' || g, 'a title of some words', repeat('body ', 40), now(), now()"
            f" FROM generate_series(1, {BULK}) AS g"
        )
        took[table] = time.perf_counter() - started
    click.echo(f"{BULK:,} rows in one statement: {took['bare']:.1f} s bare, {took['captured']:.1f} s captured")
    started = time.perf_counter()
    moved = 0
    while (more := (await relay_once(connection, 0))[1]) > 0:
        moved += more
    click.echo(f"the relay: {moved / (time.perf_counter() - started):.0f} events/s")
    await connection.close()


async def _take_over(connection: Any) -> None:
    """Relay in place of the server."""
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *LOCK):
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = $1 AND objid = $2", *LOCK
        )
        await asyncio.sleep(0.01)
    await make_partitions(connection)


if __name__ == "__main__":
    main()
