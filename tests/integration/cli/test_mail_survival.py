"""A mail that was promised goes out, however the server ended in between."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from job_worker import until
from mail_sink import Mailbox, mail_server
from served import EMAIL, PASSWORD, Server, clean_environment, command
from tls_postgres import free_port

SUPERUSER = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}
USER = {"email": "ann@example.com", "password": "a long enough password", "passwordConfirm": "a long enough password"}


async def promise_mail(url: str, port: int) -> None:
    """Set the mail server, and have a link for a new password sent."""
    async with httpx.AsyncClient(base_url=url) as client:
        login = {"identity": EMAIL, "password": PASSWORD}
        token = (await client.post("/api/collections/_superusers/auth-with-password", json=login)).json()["token"]
        client.headers["Authorization"] = token
        smtp = {"enabled": True, "host": "127.0.0.1", "port": port}
        assert (await client.patch("/api/settings", json={"smtp": smtp})).status_code == 200
        assert (await client.post("/api/collections/users/records", json=USER)).status_code == 200
        answer = await client.post("/api/collections/users/request-password-reset", json={"email": USER["email"]})
        assert answer.status_code == 204


async def the_mail(box: Mailbox) -> str:
    """The link in the one mail that came."""
    letter = await box.wait("ann@example.com", seconds=30)
    return letter.find(r"(http://\S+/_/#/auth/confirm-password-reset/[\w.-]+)")


@pytest.fixture
def data(anywhere: Path) -> Path:
    return anywhere / "data"


async def start(data: Path, database: str, *options: str) -> tuple[Server, str]:
    server = Server(data, "--port", "0", *options, environment=SUPERUSER | {"DATABASE_URL": database})
    return server, await asyncio.to_thread(server.started)


async def test_a_mail_that_was_promised_goes_out_after_a_kill(data: Path, database: str):
    port = free_port()
    server, url = await start(data, database, "--no-background")
    await promise_mail(url, port)
    server.signal(signal.SIGKILL)
    await asyncio.to_thread(server.ended)
    with mail_server(port=port) as box:
        again, _ = await start(data, database)
        assert await the_mail(box)
        assert await asyncio.to_thread(again.stop) == 0
    assert len(box.letters) == 1


async def test_a_mail_that_was_on_its_way_when_the_server_was_killed_goes_out_again(data: Path, database: str):
    with mail_server() as box:
        box.hold()
        server, url = await start(data, database)
        await promise_mail(url, box.port)
        await until(lambda: box.tried, seconds=10)
        server.signal(signal.SIGKILL)
        await asyncio.to_thread(server.ended)
        box.go_on()
        await until(lambda: box.quiet)
        held = len(box.letters)
        # The lease of the job would end by itself after 15 s.
        connection: Any = await asyncpg.connect(database)
        assert await connection.execute("UPDATE holdfast.jobs SET run_at = now()") == "UPDATE 1"
        await connection.close()
        again, _ = await start(data, database)
        await box.wait("ann@example.com", count=held + 1, seconds=30)
        assert await asyncio.to_thread(again.stop) == 0
    assert len({letter.mail["Message-ID"] for letter in box.letters}) == 1


async def test_a_stop_does_not_lose_a_mail_that_is_on_its_way(data: Path, database: str):
    with mail_server() as box:
        box.hold()
        server, url = await start(data, database)
        await promise_mail(url, box.port)
        await until(lambda: box.tried, seconds=10)
        server.signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        box.go_on()
        assert await asyncio.to_thread(server.ended) == 0
        assert await the_mail(box)
    connection: Any = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM holdfast.jobs") == 0
    await connection.close()


async def test_without_a_mail_server_the_link_is_in_the_log_of_a_developer(data: Path, database: str):
    server, url = await start(data, database)
    async with httpx.AsyncClient(base_url=url) as client:
        login = {"identity": EMAIL, "password": PASSWORD}
        token = (await client.post("/api/collections/_superusers/auth-with-password", json=login)).json()["token"]
        client.headers["Authorization"] = token
        assert (await client.post("/api/collections/users/records", json=USER)).status_code == 200
        del client.headers["Authorization"]
        answer = await client.post("/api/collections/users/request-password-reset", json={"email": USER["email"]})
        assert answer.status_code == 204
        line = await asyncio.to_thread(server.wait_for, "SMTP is not set up")
        link = line["mail"].partition("/_/#/auth/confirm-password-reset/")[2].split(")")[0]
        new = {"token": link, "password": "another good password", "passwordConfirm": "another good password"}
        answer = await client.post("/api/collections/users/confirm-password-reset", json=new)
        assert answer.status_code == 204, answer.text
    assert await asyncio.to_thread(server.stop) == 0


async def test_a_worker_sends_the_mail_of_a_server_that_does_none(data: Path, database: str):
    server, url = await start(data, database, "--no-background")
    worker = await asyncio.create_subprocess_exec(
        *command("worker", "--data", str(data)),
        env=clean_environment() | {"DATABASE_URL": database, "HOLDFAST_LOG_FORMAT": "json"},
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        with mail_server() as box:
            await promise_mail(url, box.port)
            assert await the_mail(box)
    finally:
        worker.send_signal(signal.SIGTERM)
        out, errors = await worker.communicate()
        assert await asyncio.to_thread(server.stop) == 0
    assert (worker.returncode, errors) == (0, b"")
    assert b"Working" in out
    connection: Any = await asyncpg.connect(database)
    kept = "SELECT count(*) FROM holdfast.logs WHERE message = 'a worker has begun'"
    assert await connection.fetchval(kept) == 1, "its lines are kept, too"
    await connection.close()
