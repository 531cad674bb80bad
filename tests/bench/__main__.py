"""`./dev bench`: what the server does per second, and how near that is to what can be done at all.

Two limits are measured in the same run: the same SQL in pgbench, and a bare ASGI function on uvicorn with the same
query, the same pool and the same bytes out. Absolute figures belong to the machine; the ratios are what counts.
"""

import asyncio
import os
import platform
import tempfile
from pathlib import Path

import click
import msgspec

from holdfast.config import Settings
from tests.bench import paging, rounds
from tests.bench.operations import record
from tests.bench.subject import Subject, fill, subject


@click.command()
@click.option("--posts", default=100_000, show_default=True, help="How many posts to load.")
@click.option("--authors", default=1_000, show_default=True, help="How many authors to load.")
@click.option("--rounds", "count", default=5, show_default=True, help="Rounds of each operation.")
@click.option("--seconds", default=2.0, show_default=True, help="Seconds of each part of a round.")
@click.option("--connections", default=32, show_default=True, help="Clients at the same time.")
@click.option("--only", default="", help="Measure only the operations whose name holds this.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(posts: int, authors: int, count: int, seconds: float, connections: int, only: str, as_json: bool) -> None:
    """Measure the server on this machine."""
    plan = rounds.Plan(rounds=count, seconds=seconds, connections=connections, posts=posts)
    settings = Settings.load({})
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)  # root's PostgreSQL runs as another user
        _run(Path(name), plan, settings, authors, only, as_json=as_json)


def _run(folder: Path, plan: rounds.Plan, settings: Settings, authors: int, only: str, *, as_json: bool) -> None:
    with subject(folder) as it:
        click.echo(f"loading {plan.posts:,} posts and {authors:,} authors", err=True)
        asyncio.run(fill(it, plan.posts, authors))
        operations = asyncio.run(record(settings, it.dsn, plan.posts))
        found: list[rounds.Figures] = []
        for operation in operations:
            if only in operation.name:
                click.echo(f"measuring {operation.name}", err=True)
                found.append(rounds.measure(it, operation, plan, settings, folder))
        click.echo("measuring pages by cursor", err=True)
        pages = paging.measure(it, plan)
        show(it, plan, found, pages, as_json=as_json)


def show(
    it: Subject, plan: rounds.Plan, found: list[rounds.Figures], pages: tuple[float, float, float], *, as_json: bool
) -> None:
    """Print the figures."""
    rss = it.peak_rss_mb
    if as_json:
        body = {"plan": plan, "operations": found, "pages": pages, "peakRssMb": round(rss, 1)}
        click.echo(msgspec.json.encode(body).decode())
        return
    click.echo(f"\n{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, one worker,")
    click.echo(
        f"{plan.connections} clients, {plan.posts:,} posts, medians of {plan.rounds} rounds of {plan.seconds} s\n"
    )
    names = f"{'':<26}{'req/s':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'bytes':>8}"
    head = f"{names}{'of bare':>9}{'of pgbench':>12}{'cpu us':>8}{'bare':>6}"
    click.echo(head)
    for one in found:
        click.echo(
            f"{one.name:<26}{one.per_second:>8.0f}{one.p50:>9.2f}{one.p95:>9.2f}{one.p99:>9.2f}{one.bytes_each:>8}"
            f"{one.of_bare:>9.2f}{one.of_pgbench:>12.2f}{one.cpu:>8.0f}{one.cpu_bare:>6.0f}"
        )
    first, second, deep = pages
    click.echo(f"\nby cursor: first page {first:.0f} req/s, second {second:.0f}, page {paging.DEEP:,} {deep:.0f}")
    click.echo(f"peak memory of the worker: {rss:.0f} MB")


if __name__ == "__main__":
    main()
