"""Changes of records over a line: which come, to whom, and what is in them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from client import Api, in_one_loop, refused, running
from holdfast.realtime import streams
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT
from sse import Event, Stream, stream

pytestmark = in_one_loop
PASSWORD = "long enough"


def topic(name: str, **query: Any) -> str:
    """A topic with options."""
    return f"{name}?options={quote(json.dumps({'query': query}))}"


class Hall(Api):
    """An application whose events are relayed."""

    people = 0

    async def person(self, **values: Any) -> tuple[dict[str, Any], httpx.AsyncClient]:
        """Somebody new, and a client of theirs."""
        Hall.people += 1
        email = f"p{Hall.people}@example.com"
        record = await self.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD, **values)
        return record, self.client(await self.login(email, PASSWORD, "users"))

    async def subscribe(
        self, opened: Stream, *topics: str, client: httpx.AsyncClient | None = None, since: str = ""
    ) -> Event:
        """Subscribe, and wait until that holds; the HF_READY."""
        body = {"clientId": opened.id, "subscriptions": list(topics)} | ({"since": since} if since else {})
        answer = await (client or self.guest).post("/api/realtime", json=body)
        assert answer.status_code == 204, answer.text
        return await opened.next_of("HF_READY")

    @asynccontextmanager
    async def hears(
        self, *topics: str, client: httpx.AsyncClient | None = None, since: str = ""
    ) -> AsyncIterator[Stream]:
        """A line with topics that hold."""
        async with stream(self.front) as opened:
            body = {"clientId": opened.id, "subscriptions": list(topics)} | ({"since": since} if since else {})
            answer = await (client or self.guest).post("/api/realtime", json=body)
            assert answer.status_code == 204, answer.text
            if not since:
                await opened.next_of("HF_READY")
            yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("hall"), background=True) as made:
        made.__class__ = Hall
        yield made
    await drop_database(cluster, dsn)


async def told(opened: Stream) -> tuple[str, dict[str, Any]]:
    event = await opened.next()
    return event.json["action"], event.json["record"]


async def test_every_change_is_told_as_the_api_shows_the_record(hall: Hall):
    await hall.define("posts", [{"name": "title", "type": "text"}, {"name": "at", "type": "date"}])
    async with hall.hears("posts/*") as opened:
        made = await hall.create("posts", title="one")
        event = await opened.next()
        assert (event.name, event.json) == ("posts/*", {"action": "create", "record": made})
        path = f"/api/collections/posts/records/{made['id']}"
        changed = (await hall.root.patch(path, json={"title": "two", "at": "2026-01-02"})).json()
        assert await told(opened) == ("update", changed)
        await hall.root.delete(path)
        assert await told(opened) == ("delete", changed)


@pytest.mark.parametrize("spelled", ["{name}/*", "{name}", "{id}/*", "{id}", "{name}/{record}", "{id}/{record}"])
async def test_a_topic_names_a_collection_by_name_or_id_and_all_records_or_one(hall: Hall, spelled: str):
    name = f"spelled_{abs(hash(spelled)) % 10**8}"
    collection = await hall.define(name, [{"name": "title", "type": "text"}])
    record, other = await hall.create(name, title="one"), await hall.create(name, title="other")
    text = spelled.format(name=name, id=collection["id"], record=record["id"])
    async with hall.hears(text) as opened:
        for one in (other, record):
            await hall.root.patch(f"/api/collections/{name}/records/{one['id']}", json={"title": "new"})
        first = await opened.next()
        assert first.name == text
        if "record" not in spelled:
            assert first.json["record"]["id"] == other["id"]
            first = await opened.next()
        assert first.json["record"]["id"] == record["id"]
        assert await opened.silent(0.2)


async def test_the_list_rule_decides_about_all_records_and_the_view_rule_about_one(hall: Hall):
    me, mine = await hall.person()
    _, theirs = await hall.person()
    owner = {"name": "owner", "type": "text"}
    rules = {"listRule": "owner = @request.auth.id", "viewRule": "owner != ''"}
    await hall.define("notes", [owner], **rules)
    record = await hall.create("notes", owner=me["id"])
    path = f"/api/collections/notes/records/{record['id']}"
    async with (
        hall.hears("notes/*", client=mine) as by_list,
        hall.hears("notes/*", client=theirs) as other_list,
        hall.hears("notes/*") as guest_list,
        hall.hears(f"notes/{record['id']}") as guest_view,
        hall.hears("notes/*", client=hall.root) as root,
    ):
        await hall.root.patch(path, json={"owner": me["id"]})
        for opened in (by_list, guest_view, root):
            assert (await told(opened))[0] == "update"
        await hall.root.delete(path)
        for opened in (by_list, guest_view, root):
            assert await told(opened) == ("delete", record)
        assert await other_list.silent(0.2)
        assert await guest_list.silent(0.01)


async def test_a_closed_collection_tells_superusers_alone(hall: Hall):
    await hall.define("closed", listRule=None, viewRule=None)
    async with hall.hears("closed/*") as guest, hall.hears("closed/*", client=hall.root) as root:
        record = await hall.create("closed")
        await hall.root.delete(f"/api/collections/closed/records/{record['id']}")
        assert [(await told(root))[0] for _ in range(2)] == ["create", "delete"]
        assert await guest.silent(0.2)


async def test_filter_fields_and_expand_shape_what_is_told(hall: Hall):
    authors = await hall.define("authors", [{"name": "name", "type": "text"}])
    fields = [
        {"name": "title", "type": "text"},
        {"name": "n", "type": "number"},
        {"name": "author", "type": "relation", "collectionId": authors["id"], "maxSelect": 1},
    ]
    await hall.define("books", fields)
    author = await hall.create("authors", name="Ann")
    wanted = topic("books/*", filter="n > 5 && author.name = 'Ann'", fields="title,expand.author.name", expand="author")
    bound = topic("books/*", filter="n > {:least}", **{"p.least": 8})
    async with hall.hears(wanted) as opened, hall.hears(bound) as other:
        await hall.create("books", title="small", n=1, author=author["id"])
        await hall.create("books", title="big", n=7, author=author["id"])
        await hall.create("books", title="huge", n=9, author=author["id"])
        shown = {"title": "big", "expand": {"author": {"name": "Ann"}}}
        assert await told(opened) == ("create", shown)
        assert (await told(opened))[1]["title"] == "huge"
        assert (await told(other))[1]["title"] == "huge"
        assert await other.silent(0.1)


async def test_rules_ask_for_the_query_and_the_headers_of_the_topic(hall: Hall):
    rule = "@request.query.key = secret && @request.headers.x_more = '1' && @request.context = 'realtime'"
    await hall.define("keyed", [{"name": "secret", "type": "text"}], listRule=rule)

    def text(key: str, more: str) -> str:
        options = {"query": {"key": key}, "headers": {"X-More": more}}
        return f"keyed/*?options={quote(json.dumps(options))}"

    async with hall.hears(text("a", "1")) as right, hall.hears(text("b", "1"), text("a", "2")) as wrong:
        await hall.create("keyed", secret="a")
        assert (await told(right))[1]["secret"] == "a"
        assert await wrong.silent(0.2)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"filter": "nothing = 1"}, id="a field that is not there"),
        pytest.param({"filter": "secret = 'x'"}, id="a hidden field"),
        pytest.param({"filter": "title ="}, id="half a filter"),
        pytest.param({"filter": "x" * 2400}, id="no filter"),
        pytest.param({"fields": "title:nothing(1)"}, id="a modifier that is not there"),
        pytest.param({"expand": "a.b.c.d.e.f.g"}, id="too deep"),
    ],
)
async def test_options_that_cannot_be_asked_are_refused_at_once(hall: Hall, query: dict[str, str]):
    if (await hall.root.get("/api/collections/asked")).status_code == 404:
        await hall.define(
            "asked", [{"name": "title", "type": "text"}, {"name": "secret", "type": "text", "hidden": True}]
        )
    async with stream(hall.front) as opened:
        body = {"clientId": opened.id, "subscriptions": ["asked/*", topic("asked/*", **query)]}
        answer = await hall.guest.post("/api/realtime", json=body)
        data = refused(answer, 400, "validation_failed")["data"]
        assert list(data["subscriptions"]) == ["1"]


async def test_hidden_fields_and_emails_stay_where_they_are_hidden(hall: Hall):
    fields = [{"name": "open", "type": "text"}, {"name": "secret", "type": "text", "hidden": True}]
    await hall.define("halves", fields)
    await hall.root.patch("/api/collections/users", json={"listRule": "", "viewRule": ""})
    async with hall.hears("halves/*", "users/*") as guest, hall.hears("halves/*", "users/*", client=hall.root) as root:
        record = await hall.create("halves", open="o", secret="s")
        assert "secret" not in (await told(guest))[1]
        assert (await told(root))[1]["secret"] == "s"
        await hall.root.delete(f"/api/collections/halves/records/{record['id']}")
        assert "secret" not in (await told(guest))[1]
        assert (await told(root))[0] == "delete"
        person, mine = await hall.person()
        _, shown = await told(guest)
        assert shown["id"] == person["id"]
        assert "email" not in shown
        assert not {"password", "tokenKey"} & set(shown)
        assert (await told(root))[1]["email"] == person["email"]
        async with hall.hears("users/*", client=mine) as own:
            await hall.root.patch(f"/api/collections/users/records/{person['id']}", json={"name": "x"})
            assert (await told(own))[1]["email"] == person["email"]


async def test_a_deleted_record_whose_rule_asks_for_what_the_log_does_not_have_is_told_to_nobody_but_superusers(
    hall: Hall,
):
    fields = [{"name": "secret", "type": "text", "hidden": True}]
    await hall.define("lost", fields, listRule="secret != 'x'")
    record = await hall.create("lost", secret="y")
    async with hall.hears("lost/*") as guest, hall.hears("lost/*", client=hall.root) as root:
        await hall.root.delete(f"/api/collections/lost/records/{record['id']}")
        assert (await told(root))[0] == "delete"
        assert await guest.silent(0.2)


async def test_a_deleted_record_is_shown_as_it_was_with_every_type(hall: Hall):
    authors = await hall.define("types_authors")
    author = await hall.create("types_authors")
    one = {"type": "relation", "collectionId": authors["id"]}
    fields = [
        {"name": "t", "type": "text"},
        {"name": "n", "type": "number"},
        {"name": "b", "type": "bool"},
        {"name": "d", "type": "date"},
        {"name": "j", "type": "json"},
        {"name": "s", "type": "select", "values": ["a", "b"]},
        {"name": "ss", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "p", "type": "geoPoint"},
        {"name": "dec", "type": "decimal", "precision": 10, "scale": 2},
        {"name": "r", "maxSelect": 1, **one},
        {"name": "rs", "maxSelect": 5, **one},
        {"name": "created", "type": "autodate", "onCreate": True},
    ]
    await hall.define("types", fields, listRule="n >= 0 && r.id != 'x' && p.lon >= 0 && ss:length >= 0 && d <= @now")
    values = {
        "t": 'a "quote"', "n": 1.5, "b": True, "d": "2026-01-02", "j": {"deep": [1, None]}, "s": "a", "ss": ["a", "b"],
        "p": {"lon": 8.5, "lat": 47.4}, "dec": "12.50", "r": author["id"], "rs": [author["id"]],
    }  # fmt: skip
    async with hall.hears("types/*") as opened:
        for given in (values, {}):
            record = await hall.create("types", **given)
            assert await told(opened) == ("create", record)
            await hall.root.delete(f"/api/collections/types/records/{record['id']}")
            assert await told(opened) == ("delete", record)


async def test_a_record_that_is_gone_before_it_is_told_is_told_all_the_same(hall: Hall):
    await hall.define("short", [{"name": "n", "type": "number"}])
    async with hall.hears("short/*") as opened:
        async with hall.pool.transaction() as tx:
            await tx.connection.execute("INSERT INTO short (id, n) VALUES ('aaaaaaaaaaaaaaa', 1)")
            await tx.connection.execute("DELETE FROM short")
        assert [(await told(opened))[0] for _ in range(2)] == ["create", "delete"]


async def test_an_emptied_collection_asks_its_subscribers_to_read_afresh(hall: Hall):
    await hall.define("emptied")
    record = await hall.create("emptied")
    async with hall.hears("emptied/*") as all_of_it, hall.hears(f"emptied/{record['id']}") as one:
        async with hall.pool.transaction() as tx:
            await tx.connection.execute("TRUNCATE emptied")
        for opened in (all_of_it, one):
            event = await opened.next()
            assert (event.name, event.json["reason"]) == ("HF_RESET", "truncated")


async def test_that_a_closed_collection_was_emptied_is_nobodys_business(hall: Hall):
    await hall.define("silent", listRule=None)
    async with hall.hears("silent/*") as guest, hall.hears("silent/*", client=hall.root) as root:
        async with hall.pool.transaction() as tx:
            await tx.connection.execute("TRUNCATE silent")
        assert (await root.next()).name == "HF_RESET"
        assert await guest.silent(0.1)


async def test_a_rule_that_changes_holds_for_the_next_message(hall: Hall):
    await hall.define("moody", [{"name": "n", "type": "number"}])
    async with hall.hears("moody/*") as opened:
        await hall.create("moody", n=1)
        assert (await told(opened))[1]["n"] == 1
        await hall.root.patch("/api/collections/moody", json={"listRule": "n > 5"})
        await hall.create("moody", n=2)
        await hall.create("moody", n=6)
        assert (await told(opened))[1]["n"] == 6


def line(hall: Hall, query: str, **headers: str) -> AbstractAsyncContextManager[Stream]:
    return stream(hall.front, query, headers)


async def test_what_was_missed_comes_first_in_order_and_once(hall: Hall):
    await hall.define("missed", [{"name": "n", "type": "number"}])
    async with hall.hears("missed/*") as opened:
        await hall.create("missed", n=0)
        since = (await opened.next()).id
    for n in range(1, 22):
        await hall.create("missed", n=n)
    async with hall.hears("missed/*", since=since) as opened:
        await hall.create("missed", n=99)
        numbers, seqs = [], []
        while 99 not in numbers:
            event = await opened.next()
            if event.name == "missed/*":
                numbers.append(event.json["record"]["n"])
                seqs.append(int(event.id.split(":")[1]))
        assert numbers == [*range(1, 22), 99]
        assert seqs == sorted(set(seqs))


async def test_who_subscribes_from_where_a_list_stood_misses_nothing(hall: Hall):
    await hall.define("listed", [{"name": "n", "type": "number"}])
    seqs: list[str] = []
    for n in range(5):
        await hall.create("listed", n=n)
        answer = await hall.guest.get("/api/collections/listed/records?sort=n")
        known = {record["n"] for record in answer.json()["items"]}
        await hall.create("listed", n=n + 100)
        seqs.append(answer.headers["x-event-seq"])
        async with hall.hears("listed/*", since=seqs[-1]) as opened:
            while n + 100 not in known:
                event = await opened.next()
                if event.name == "listed/*":
                    known.add(event.json["record"]["n"])
        assert known == {*range(n + 1), *range(100, n + 101)}
    asked = await hall.guest.post("/api/collections/listed/records/query", json={})
    assert asked.headers["x-event-seq"].split(":")[0] == seqs[0].split(":")[0]


@pytest.mark.parametrize("way", ["since in the query", "Last-Event-ID"])
async def test_one_request_can_say_everything(hall: Hall, way: str):
    name = f"once_{len(way)}"
    await hall.define(name, [{"name": "n", "type": "number"}])
    async with line(hall, f"topics={name}/*") as opened:
        first = await opened.next_of("HF_READY")
        await hall.create(name, n=1)
        assert (await opened.next()).json["record"]["n"] == 1
    given = {"Last-Event-ID": first.id} if way == "Last-Event-ID" else {}
    query = f"topics={name}/*" + ("" if given else f"&since={first.id}")
    async with line(hall, query, **given) as opened:
        # A browser that loses the line here still has something to go on from.
        assert opened.raw.endswith(f"\n\nid:{first.id}\n\n")
        assert (await opened.next()).json["record"]["n"] == 1
        assert (await opened.next_of("HF_READY")).json["seq"] > first.json["seq"]


@pytest.mark.parametrize(
    "since",
    [
        pytest.param("{epoch}:999999999", id="the future"),
        pytest.param("other:1", id="another epoch"),
        pytest.param("a client's id", id="no position"),
    ],
)
async def test_a_position_that_nobody_can_go_on_from_is_told_to_read_afresh(hall: Hall, since: str):
    async with line(hall, "topics=users/*") as opened:
        epoch = (await opened.next_of("HF_READY")).id.split(":")[0]
    async with line(hall, "topics=users/*", **{"Last-Event-ID": since.format(epoch=epoch)}) as opened:
        event = await opened.next()
        assert (event.name, event.json["reason"]) == ("HF_RESET", "lost")
        ready = await opened.next()
        assert (ready.name, ready.id) == ("HF_READY", event.id)


@pytest.mark.parametrize("since", ["x", "a:b", 7, ["a:1"]])
async def test_a_since_that_is_no_position_is_refused(hall: Hall, since: object):
    async with stream(hall.front) as opened:
        body = {"clientId": opened.id, "subscriptions": ["users/*"], "since": since}
        answer = await hall.guest.post("/api/realtime", json=body)
        assert "since" in refused(answer, 400, "validation_failed")["data"]
    answer = await hall.guest.get("/api/realtime?topics=users/*&since=x")
    assert "since" in refused(answer, 400, "validation_failed")["data"]
    answer = await hall.guest.get("/api/realtime?topics=a%0Ab")
    assert "topics" in refused(answer, 400, "validation_failed")["data"]


async def test_the_end_of_a_key_or_session_ends_the_line(hall: Hall):
    key = (await hall.root.post("/api/keys", json={"name": "k", "superuser": True})).json()
    person, _ = await hall.person()
    body = {"identity": person["email"], "password": PASSWORD, "session": True}
    session = (await hall.guest.post("/api/collections/users/auth-with-password", json=body)).json()
    clients = hall.client(session["token"]), hall.client(key["key"])
    async with hall.hears("users/*", client=clients[0]) as one, hall.hears("users/*", client=clients[1]) as other:
        assert (await clients[0].delete("/api/collections/users/sessions")).status_code == 204
        assert (await hall.root.delete(f"/api/keys/{key['id']}")).status_code in (200, 204)
        for opened in (one, other):
            await opened.next_of("HF_CLOSED", 2.0)
            await opened.ended.wait()


async def test_a_database_that_drops_all_connections_loses_no_message(hall: Hall):
    await hall.define("dropped", [{"name": "n", "type": "number"}])
    async with hall.hears("dropped/*") as opened:
        connection = await hall.pool.connect()
        for n in range(3):
            await hall.create("dropped", n=n)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for _ in range(100):
                if (await hall.guest.get("/api/collections/dropped/records")).status_code == 200:
                    break
        await connection.close()
        assert [(await told(opened))[1]["n"] for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("way", ["password", "deletion", "roles", "logout"])
async def test_what_is_taken_away_ends_within_two_seconds(hall: Hall, way: str):
    name = f"taken_{way}"
    role = {"name": f"reader_{way}", "permissions": [{"collection": name, "actions": ["list"], "rule": ""}]}
    await hall.define(
        name, [{"name": "n", "type": "number"}], listRule="@request.auth.id != ''" if way != "roles" else None
    )
    if way == "roles":
        answer = await hall.root.post("/api/roles", json=role)
        assert answer.status_code == 200, answer.text
    person, client = await hall.person(**({"roles": [role["name"]]} if way == "roles" else {}))
    async with hall.hears(f"{name}/*", client=client) as opened:
        await hall.create(name, n=1)
        assert (await told(opened))[1]["n"] == 1
        path = f"/api/collections/users/records/{person['id']}"
        if way == "password":
            new = {"password": "another one", "passwordConfirm": "another one"}
            assert (await hall.root.patch(path, json=new)).status_code == 200
        elif way == "deletion":
            await hall.root.delete(path)
        elif way == "roles":
            assert (await hall.root.patch(path, json={"roles": []})).status_code == 200
        else:
            key = "UPDATE users SET \"tokenKey\" = repeat('x', 50) WHERE id = $1"
            async with hall.pool.transaction() as tx:
                await tx.connection.execute(key, person["id"])
        if way == "roles":
            assert await opened.silent(2.0)
            await hall.create(name, n=2)
            assert await opened.silent(0.3)
        else:
            assert (await opened.next_of("HF_CLOSED", 2.0)).json["reason"]
            await hall.create(name, n=2)
            await opened.ended.wait()
            assert opened.waiting == 0


async def test_all_clients_together_have_so_many_topics_at_most(hall: Hall, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "MOST_TOPICS", 3)
    async with stream(hall.front) as one, stream(hall.front) as other:
        for opened, topics, status in ((one, 2, 204), (one, 3, 204), (other, 1, 503), (one, 2, 204), (other, 1, 204)):
            body = {"clientId": opened.id, "subscriptions": [f"t{n}/*" for n in range(topics)]}
            assert (await hall.guest.post("/api/realtime", json=body)).status_code == status


async def test_a_line_whose_topics_cannot_be_given_to_it_ends_at_once(hall: Hall, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "MOST_TOPICS", 3)
    async with stream(hall.front) as one:
        # The answer comes when the line has its topics: of two that ask with their address, either could be first.
        body = {"clientId": one.id, "subscriptions": ["a/*", "b/*", "c/*"]}
        assert (await hall.guest.post("/api/realtime", json=body)).status_code == 204
        async with stream(hall.front, "topics=d/*") as other, asyncio.timeout(10.0):
            await other.ended.wait()
        assert "retry:" in other.raw  # it comes again
        assert not one.ended.is_set()


async def test_a_client_may_change_its_topics_and_misses_nothing_of_those_it_keeps(hall: Hall):
    await hall.define("kept", [{"name": "n", "type": "number"}])
    async with stream(hall.front) as opened:
        for n in range(20):
            body = {"clientId": opened.id, "subscriptions": ["kept/*", f"other{n}/*"]}
            assert (await hall.guest.post("/api/realtime", json=body)).status_code == 204
            await hall.create("kept", n=n)
        numbers = []
        while len(numbers) < 20:
            event = await opened.next()
            if event.name == "kept/*":
                numbers.append(event.json["record"]["n"])
        assert numbers == list(range(20))
