"""A PostgreSQL of the operator's own: with and without TLS, and what is said when it cannot be used."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

import tls_postgres
from holdfast.config import Settings
from holdfast.db.external import DatabaseError, check_external
from holdfast.db.migrate import migrate
from holdfast.start import prepare_schema
from tls_postgres import TlsServer

needs_tls = pytest.mark.skipif(tls_postgres.programs() is None, reason="no PostgreSQL with TLS on the PATH")


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    """A PostgreSQL that takes nobody without TLS."""
    folder = tls_postgres.programs()
    assert folder is not None
    home = Path(tempfile.mkdtemp(prefix="hf-test-"))
    home.chmod(0o755)
    try:
        with tls_postgres.tls_server(folder, home) as running:
            yield running
    finally:
        shutil.rmtree(home)


@pytest_asyncio.fixture(autouse=True)
async def _lines_end() -> AsyncIterator[None]:
    """A line over TLS that was refused is closed a moment later: a loop that has ended by then complains."""
    yield
    await asyncio.sleep(0.1)


async def refused(url: str) -> str:
    """The sentence with which a database is refused."""
    with pytest.raises(DatabaseError) as refusal:
        await check_external(url)
    assert tls_postgres.PASSWORD not in str(refusal.value)
    return str(refusal.value)


@needs_tls
async def test_with_tls_an_older_server_is_as_good_as_the_embedded_one(server: TlsServer):
    url = server.url("sslmode=require")
    assert (await check_external(url)).version.startswith(server.version)
    assert len(await prepare_schema(Settings(), url)) >= 1
    assert await migrate(url) == []


@needs_tls
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_certificate_that_is_known_is_accepted(server: TlsServer, mode: str):
    about = await check_external(server.url(f"sslmode={mode}&sslrootcert={server.certificate}"))
    assert about.role == "app"


@needs_tls
async def test_a_certificate_that_nobody_vouches_for_is_refused(server: TlsServer, tmp_path: Path):
    tls_postgres.make_certificate(tmp_path)
    said = await refused(server.url(f"sslmode=verify-full&sslrootcert={tmp_path / 'server.crt'}"))
    assert said.startswith(f"TLS with the database at {server.address}/shop fails: its certificate is not accepted")


@needs_tls
async def test_without_tls_a_server_that_insists_on_it_says_no(server: TlsServer):
    assert "does not let us in: no pg_hba.conf entry" in await refused(server.url("sslmode=disable"))


@needs_tls
async def test_a_wrong_password_and_a_wrong_database_are_told_apart(server: TlsServer):
    assert "check user, password" in await refused(server.url("sslmode=require", password="wrong"))
    assert "make it with CREATE DATABASE" in await refused(server.url("sslmode=require", database="nothing"))


async def test_a_server_without_tls_is_named_when_tls_was_asked_for():
    async def answer_no(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # SSLRequest
        writer.write(b"N")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(answer_no, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    assert "does not speak TLS" in await refused(f"postgresql://app:hunter2@127.0.0.1:{port}/shop?sslmode=require")
    listener.close()
    await listener.wait_closed()


async def test_nobody_at_the_address_is_said_at_once():
    port = tls_postgres.free_port()
    assert (await refused(f"postgresql://app:hunter2@127.0.0.1:{port}/shop")).startswith("No PostgreSQL answers at")


async def test_a_fresh_database_of_our_own_is_fit(empty_database: str):
    assert (await check_external(empty_database)).number >= 150000


async def test_rights_that_are_missing_are_named(cluster: Any, empty_database: str):
    name = empty_database.partition("?")[0].rpartition("/")[2]
    at_it = cluster.superuser.replace("/postgres?", f"/{name}?")
    superuser: Any = await asyncpg.connect(at_it)
    await superuser.execute(f"ALTER DATABASE {name} OWNER TO postgres; GRANT CONNECT ON DATABASE {name} TO holdfast")
    assert f"run GRANT CREATE ON DATABASE {name} TO holdfast." in await refused(empty_database)
    await superuser.execute(f"GRANT CREATE ON DATABASE {name} TO holdfast")
    assert "run GRANT CREATE ON SCHEMA public TO holdfast." in await refused(empty_database)
    await superuser.execute("GRANT CREATE ON SCHEMA public TO holdfast")
    assert (await check_external(empty_database)).tables
    await superuser.close()


async def test_a_database_that_is_not_in_utf_8_is_refused(cluster: Any):
    superuser: Any = await asyncpg.connect(cluster.superuser)
    await superuser.execute(
        "CREATE DATABASE latin OWNER holdfast ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C' LOCALE_PROVIDER libc"
    )
    try:
        url = cluster.dsn.replace("/holdfast?", "/latin?")
        assert "has the encoding LATIN1" in await refused(url)
    finally:
        await superuser.execute("DROP DATABASE latin WITH (FORCE)")
        await superuser.close()
