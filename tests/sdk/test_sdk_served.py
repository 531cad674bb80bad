"""The generated client against a server in a process of its own: lines that stay open, logins, the synchronous half."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from client import in_one_loop
from generated import BLOG, OPEN, load
from holdfast_sdk.schema import read_schema
from served import Served

pytestmark = [in_one_loop]


class Site:
    """A server, the package of it, a superuser's token, and a client for nobody."""

    def __init__(self, url: str, package: Any, token: str) -> None:
        self.url = url
        self.p = package
        self.token = token
        self.client = package.AsyncClient(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(served: Served, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with httpx.AsyncClient(base_url=served.url) as root:
        body = {"identity": served.email, "password": served.password}
        token = (await root.post("/api/collections/_superusers/auth-with-password", json=body)).json()["token"]
        root.headers["Authorization"] = token
        for collection in BLOG:
            answer = await root.post("/api/collections", json={**OPEN, **collection})
            assert answer.status_code == 200, answer.text
        assert (await root.post("/api/collections", json={"name": "waste"})).status_code == 200
        schema = read_schema((await root.get("/api/sdk/python/schema.json")).content)
    made = Site(served.url, load(schema, tmp_path_factory.mktemp("package")), token)
    yield made
    await made.client.aclose()


async def changes_of(subscription: Any, count: int) -> list[Any]:
    found: list[Any] = []
    async for change in subscription:
        found.append(change)
        if len(found) == count:
            break
    return found


async def test_what_is_written_after_the_block_began_is_told(site: Site):
    p, client = site.p, site.client
    async with client.articles.subscribe(filter=p.Article.views > 4) as changes:
        made = await client.articles.create(p.ArticleCreate(title="told", views=5))
        await client.articles.create(p.ArticleCreate(title="not told", views=1))
        await client.articles.update(made.id, p.ArticleUpdate(title="told again"))
        await client.articles.delete(made.id)
        found = await asyncio.wait_for(changes_of(changes, 3), 20)
    assert [one.action for one in found] == ["create", "update", "delete"]
    assert {type(one.record) for one in found} == {p.ArticleRecord}
    assert found[0].position != found[2].position


async def test_a_subscription_goes_on_from_a_position(site: Site):
    p, client = site.p, site.client
    async with client.remarks.subscribe() as changes:
        await client.remarks.create(p.RemarkCreate(message="one"))
        position = (await asyncio.wait_for(changes_of(changes, 1), 20))[0].position
    for text in ("two", "three"):
        await client.remarks.create(p.RemarkCreate(message=text))
    found = await asyncio.wait_for(changes_of(client.remarks.subscribe(since=position), 2), 20)
    assert [one.record.message for one in found] == ["two", "three"]


async def test_a_position_that_nobody_knows_is_told_as_a_reset(site: Site):
    found = await asyncio.wait_for(changes_of(site.client.remarks.subscribe(since="000000000000:1"), 1), 20)
    assert isinstance(found[0], site.p.Reset)
    assert found[0].reason == "lost"


async def test_a_line_of_nobody_who_may_is_refused(site: Site):
    with pytest.raises(site.p.ApiError):
        await asyncio.wait_for(changes_of(site.client.articles.subscribe("*?options=%7B"), 1), 20)


async def test_the_history_of_a_record_is_typed_and_can_be_written_back(site: Site):
    p, client = site.p, site.client
    made = await client.articles.create(p.ArticleCreate(title="first words"))
    await client.articles.update(made.id, p.ArticleUpdate(title="second words"))
    versions = (await client.articles.history(made.id)).items
    assert [(one.action, one.record.title) for one in versions] == [
        ("updated", "second words"),
        ("created", "first words"),
    ]
    assert versions[0].changed["title"].before == "first words"
    assert (await client.articles.revert(made.id, versions[1].version)).title == "first words"
    assert (await client.articles.get(made.id, as_of=versions[0].at)).title == "second words"


async def test_a_session_is_refreshed_once_for_many_tasks_and_kept_between_runs(site: Site, tmp_path: Path):
    p, store = site.p, site.p.FileTokens(tmp_path / "kept" / "login.json")
    await site.client.writers.create(p.WriterCreate(email="dora@example.com", password="correct horse"))
    async with p.AsyncClient(site.url, tokens=store) as client:
        me = await client.writers.login("dora@example.com", "correct horse", session=True)
        first = client.who
        assert (store._path.stat().st_mode & 0o777, me.email) == (0o600, "dora@example.com")
        client.hf_core.session._login = due(first)
        seen = await asyncio.gather(*(client.writers.get(me.id) for _ in range(20)))
        assert {one.email for one in seen} == {"dora@example.com"}
        second = client.who
        assert second.refresh_token != first.refresh_token
        assert len([one for one in await client.writers.sessions() if one.current]) == 1
    async with p.AsyncClient(site.url, tokens=store) as again:
        assert again.who == second
        assert (await again.writers.get(me.id)).email == "dora@example.com"
        await again.writers.log_out()
        assert again.who is None
        assert (await again.writers.get(me.id)).email == ""
    assert store.load() is None


def due(login: Any) -> Any:
    """The login, as if it were time to renew it."""
    return msgspec.structs.replace(login, renew_at=1.0)


async def test_a_login_that_has_ended_says_so(site: Site):
    p = site.p
    await site.client.writers.create(p.WriterCreate(email="eve@example.com", password="correct horse"))
    async with p.AsyncClient(site.url) as client:
        await client.writers.login("eve@example.com", "correct horse", session=True)
        await client.writers.end_all_sessions()
        client.hf_core.session._login = due(client.who)
        with pytest.raises(p.Unauthenticated, match="log in again"):
            await client.articles.list()
        assert client.who is None
        with pytest.raises(p.BadRequest, match="authenticate"):
            await client.writers.login("eve@example.com", "not her password")


async def test_a_plain_token_is_exchanged_in_time(site: Site):
    p = site.p
    await site.client.writers.create(p.WriterCreate(email="fay@example.com", password="correct horse"))
    async with p.AsyncClient(site.url) as client:
        me = await client.writers.login("fay@example.com", "correct horse")
        assert client.who.refreshable
        client.hf_core.session._login = due(client.who)
        assert (await client.writers.get(me.id)).email == "fay@example.com"
        assert client.who.renew_at > 1.0


async def test_very_many_records_go_in_and_out_as_streams(site: Site):
    p = site.p
    async with p.AsyncClient(site.url) as root:
        root.hf_core.session.begin(p.Login(site.token))
        report = await root.remarks.import_records(p.RemarkCreate(message="streamed", stars=n % 6) for n in range(3000))
        assert (report.read, report.inserted, report.failed) == (3000, 3000, 0)
        wrong = [p.RemarkCreate(message="x"), p.RemarkCreate(article="nothing00000000")]
        report = await root.remarks.import_records(wrong, on_error="skip", dry_run=True)
        assert (report.failed, report.errors[0]["line"]) == (1, 2)
    mine = (p.Remark.message == "streamed") & (p.Remark.stars == 5)
    found = [one.stars async for one in site.client.remarks.export(filter=mine)]
    assert found == [5] * 500


async def test_no_answer_is_told_as_such(site: Site):
    async with site.p.AsyncClient("http://127.0.0.1:9", retry=site.p.NO_RETRY) as client:
        with pytest.raises(site.p.ConnectionFailed):
            await client.articles.list()


async def test_an_answer_that_does_not_come_in_time_is_told_as_such(site: Site):
    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting.append(writer)

    waiting: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(listen, "127.0.0.1") as silent:
        port = silent.sockets[0].getsockname()[1]
        async with site.p.AsyncClient(f"http://127.0.0.1:{port}", timeout=0.2, retry=site.p.NO_RETRY) as client:
            with pytest.raises(site.p.TimedOut):
                await client.articles.list()
        for writer in waiting:
            writer.close()


async def test_calls_one_after_the_other_go_over_one_connection(site: Site):
    count = 0

    async def counted(event: str, _: object) -> None:
        nonlocal count
        count += event == "connection.connect_tcp.complete"

    async def trace(request: httpx.Request) -> None:
        request.extensions["trace"] = counted

    async with (
        httpx.AsyncClient(base_url=site.url, event_hooks={"request": [trace]}) as http,
        site.p.AsyncClient(site.url, http=http) as client,
    ):
        for _ in range(10):
            await client.articles.list()
    assert count == 1


async def test_a_program_with_a_key_is_who_the_key_is(site: Site):
    async with httpx.AsyncClient(base_url=site.url, headers={"Authorization": site.token}) as root:
        waste = (await root.get("/api/collections/waste")).json()
        permissions = [{"collection": waste["id"], "actions": ["create", "list"]}]
        role = await root.post("/api/roles", json={"name": "cleaners", "permissions": permissions})
        assert role.status_code == 200, role.text
        key = (await root.post("/api/keys", json={"name": "cleaner", "roles": ["cleaners"]})).json()["key"]
    p = site.p
    with pytest.raises(p.Forbidden):
        await site.client.waste.list()
    async with p.AsyncClient(site.url, api_key=key[:-1] + ("y" if key.endswith("x") else "x")) as stranger:
        with pytest.raises(p.Unauthenticated):
            await stranger.waste.list()
    async with p.AsyncClient(site.url, api_key=key) as cleaner:
        made = await cleaner.waste.create(p.WasteCreate())
        assert [one.id for one in await cleaner.waste.all()] == [made.id]


async def test_the_synchronous_client_does_the_same(site: Site, tmp_path: Path):
    await asyncio.to_thread(use_synchronously, site, tmp_path)


def use_synchronously(site: Site, tmp_path: Path) -> None:
    p = site.p
    with p.Client(site.url) as client:
        with client.batch() as batch:
            planned = [batch.articles.create(p.ArticleCreate(title=f"sync {n}", views=n)) for n in range(5)]
        mine = p.contains(p.Article.title, "sync ")
        assert [one.views for one in client.articles.iterate(filter=mine, page_size=2)] == [0, 1, 2, 3, 4]
        read = client.articles.get(planned[0].record.id)
        client.articles.update(read.id, p.ArticleUpdate(views=p.add(3)), if_unchanged=read)
        with pytest.raises(p.VersionConflict):
            client.articles.update(read.id, p.ArticleUpdate(views=0), if_unchanged=read)
        filed = client.articles.update(read.id, p.ArticleUpdate(cover=p.Upload(b"hello" * 1000, name="x.txt")))
        assert client.articles.download(filed, filed.cover, tmp_path / "x") == 5000
        writer = threading.Timer(0.3, lambda: client.articles.delete(read.id))
        with client.articles.subscribe(read.id) as changes:
            writer.start()
            assert next(iter(changes)).action == "delete"
        writer.join()
        client.writers.create(p.WriterCreate(email="gus@example.com", password="correct horse"))
        assert client.writers.login("gus@example.com", "correct horse", session=True).email == "gus@example.com"
        client.writers.log_out()
