"""`python -m tests.bench.access`: what rules cost a list, 200 logins at once everybody else, a key a request."""

import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import click
import httpx

from tests.bench.keys import keys
from tests.bench.rounds import Plan, send
from tests.bench.subject import FIRST_ID, Subject, fill, subject

POSTS: Final = "/api/collections/posts/records"
RULE: Final = "@request.auth.id != '' && (status = 'published' || author = @request.auth.id)"
PERSON: Final = {"email": "ann@example.com", "password": "correct horse battery"}
LOGINS: Final = 200  # at once
READERS: Final = 4  # connections of those who read meanwhile


@click.command()
@click.option("--posts", default=100_000, show_default=True, help="How many posts to load.")
@click.option("--rounds", "count", default=5, show_default=True, help="Rounds of each measurement.")
@click.option("--seconds", default=2.0, show_default=True, help="Seconds of each part of a round.")
@click.option("--connections", default=32, show_default=True, help="Clients that list at the same time.")
def main(posts: int, count: int, seconds: float, connections: int) -> None:
    """Measure access on this machine."""
    plan = Plan(rounds=count, seconds=seconds, connections=connections, posts=posts)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)  # root's PostgreSQL runs as another user
        with subject(Path(name)) as it:
            asyncio.run(fill(it, posts, 1_000))
            ruled(it, plan, _prepare(it))
            asyncio.run(logins(it, plan))
            asyncio.run(keys(it))


def _prepare(it: Subject) -> str:
    """A rule for the posts; the token of somebody who is under it."""
    with httpx.Client(base_url=it.url, headers={"Authorization": it.token}) as root:
        root.patch("/api/collections/posts", json={"listRule": RULE}).raise_for_status()
        made = {**PERSON, "passwordConfirm": PERSON["password"]}
        root.post("/api/collections/users/records", json=made).raise_for_status()
        asked = {"identity": PERSON["email"], "password": PERSON["password"]}
        answer = root.post("/api/collections/users/auth-with-password", json=asked)
        return str(answer.raise_for_status().json()["token"])


def ruled(it: Subject, plan: Plan, token: str) -> None:
    """The same lists, for a superuser and under the rule, in turn."""
    ratios: list[float] = []
    for _ in range(plan.rounds):
        free, under = (send(it.host, it.port, _lists(it, who), plan) for who in (it.token, token))
        ratios.append(free.per_second / under.per_second)
        click.echo(f"list 20: superuser {free.per_second:.0f} req/s, under a rule {under.per_second:.0f}")
    click.echo(f"a list under a rule costs {statistics.median(ratios):.2f} times the list of a superuser")


def _lists(it: Subject, token: str) -> list[bytes]:
    # Both get the same rows: what differs is the rule.
    shown = {"perPage": 20, "skipTotal": 1, "sort": "-created"}
    queries = [urlencode({**shown, "filter": f"status = 'published' && stars >= {stars}"}) for stars in range(20)]
    return [_get(it, f"{POSTS}?{query}", token) for query in queries]


def _get(it: Subject, target: str, token: str = "") -> bytes:
    authorization = f"Authorization: {token}\r\n" if token else ""
    return f"GET {target} HTTP/1.1\r\nHost: {it.host}:{it.port}\r\n{authorization}\r\n".encode()


async def logins(it: Subject, plan: Plan) -> None:
    """How long others wait for a record while nobody logs in, and while 200 do at every moment."""
    reads = [_get(it, f"{POSTS}/{FIRST_ID + at}") for at in range(500)]
    few = Plan(rounds=plan.rounds, seconds=plan.seconds, connections=READERS, posts=plan.posts)
    ratios: list[float] = []
    for _ in range(plan.rounds):
        quiet = await asyncio.to_thread(send, it.host, it.port, reads, few)
        flood = asyncio.create_task(_flood(it))
        loud = await asyncio.to_thread(send, it.host, it.port, reads, few)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        ratios.append(loud.p99 / quiet.p99)
        click.echo(f"get one, p99: {quiet.p99:.1f} ms; with {LOGINS} logins at once {loud.p99:.1f} ms")
    click.echo(f"others' p99 grows to {statistics.median(ratios):.2f} times")


async def _flood(it: Subject) -> None:
    asked = {"identity": PERSON["email"], "password": PERSON["password"]}
    limits = httpx.Limits(max_connections=LOGINS)
    async with httpx.AsyncClient(base_url=it.url, timeout=60, limits=limits) as client:

        async def again() -> None:
            while True:
                # Those who would wait too long are told so at once, and to come back in a second.
                answer = await client.post("/api/collections/users/auth-with-password", json=asked)
                await asyncio.sleep(1.0 if answer.status_code == 503 else 0.0)

        await asyncio.gather(*(again() for _ in range(LOGINS)))


if __name__ == "__main__":
    main()
