"""Every committed change of a row is one event, whichever way it was made; nothing else is."""

import asyncio
import json
import random
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from client import in_one_loop
from event_log import Log, folded, opened
from holdfast.db.embedded.binaries import find_binaries
from holdfast.events.context import HOPS_HEADER
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT, on_database
from writing_server import Server, serve

pytestmark = in_one_loop
ANYONE = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
AUTHORS = {"id": "c0authors000001", "name": "authors", "fields": [{"name": "name", "type": "text"}], **ANYONE}


def posts(**more: Any) -> dict[str, Any]:
    to_author = {"type": "relation", "collectionId": AUTHORS["id"]}
    return {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text", "unique": True},
            {"name": "owner", "cascadeDelete": True, "maxSelect": 1, **to_author},
            {"name": "editor", "maxSelect": 1, **to_author},
            {"name": "readers", "cascadeDelete": True, "maxSelect": 9, **to_author},
            {"name": "secret", "type": "text", "hidden": True},
            {"name": "pin", "type": "password"},
            {"name": "place", "type": "geoPoint"},
            {"name": "more", "type": "json"},
            {"name": "due", "type": "date"},
            {"name": "price", "type": "decimal", "precision": 8, "scale": 2},
            {"name": "done", "type": "bool"},
        ],
        **ANYONE,
        **more,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_blog(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Server, Log]]:
    """A server with authors and posts, and its log."""
    dsn = await make_database(cluster, PROJECT)
    async with serve(dsn, tmp_path_factory.mktemp("blog")) as server, opened(dsn) as log:
        await server.define(AUTHORS, posts())
        log.relay()
        yield server, log
    await drop_database(cluster, dsn)


@pytest_asyncio.fixture(loop_scope="module")
async def blog(shared_blog: tuple[Server, Log]) -> tuple[Server, Log]:
    """Two authors, two posts, and the log of what is done to them from here on."""
    _, log = shared_blog
    await log.connection.execute("DELETE FROM posts; DELETE FROM authors")
    await log.settled()
    log.since = await log.feed.position()
    await log.connection.execute("INSERT INTO authors (id, name) VALUES ('a1', 'Ada'), ('a2', 'Bob')")
    await log.connection.execute(
        "INSERT INTO posts (id, title, owner, editor, readers) VALUES ('p1', 'one', 'a1', 'a2', '{a1,a2}'),"
        " ('p2', 'two', 'a2', 'a2', '{a2}')"
    )
    await log.settled()
    return shared_blog


WAYS: dict[str, tuple[str, list[str]]] = {
    "several rows in one statement": (
        "INSERT INTO posts (id, title) VALUES ('x', 'x'), ('y', 'y')",
        ["posts.created x", "posts.created y"],
    ),
    "an insert that becomes an update": (
        "INSERT INTO posts (id, title) VALUES ('p1', 'n'), ('z', 'z') ON CONFLICT (id) DO UPDATE SET done = true",
        ["posts.created z", "posts.updated p1"],
    ),
    "an insert that does nothing": ("INSERT INTO posts (id) VALUES ('p1') ON CONFLICT DO NOTHING", []),
    "an update of all": ("UPDATE posts SET done = true", ["posts.updated p1", "posts.updated p2"]),
    "an update that leaves all as it was": ("UPDATE posts SET id = id WHERE id = 'p1'", ["posts.updated p1"]),
    "an update of none": ("UPDATE posts SET done = true WHERE id = 'nobody'", []),
    "another id": ("UPDATE posts SET id = 'p9' WHERE id = 'p1'", ["posts.created p9", "posts.deleted p1"]),
    "ids and unique values that change places": (
        "UPDATE posts SET id = CASE id WHEN 'p1' THEN 'p3' ELSE 'p1' END",
        ["posts.created p3", "posts.deleted p2", "posts.updated p1"],
    ),
    "a delete": ("DELETE FROM posts WHERE id = 'p1'", ["posts.deleted p1"]),
    "what goes along with its target, loses it, or has it taken out of a list": (
        "DELETE FROM authors WHERE id = 'a2'",
        ["authors.deleted a2", "posts.deleted p2", "posts.updated p1", "posts.updated p1"],
    ),
    "MERGE": (
        "MERGE INTO posts USING (VALUES ('p1'), ('m')) AS v (id) ON posts.id = v.id"
        " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, title) VALUES (v.id, 'm')",
        ["posts.created m", "posts.deleted p1"],
    ),
    "several statements in one": (
        "WITH gone AS (DELETE FROM posts WHERE id = 'p1' RETURNING title), new AS (INSERT INTO authors (id, name)"
        " VALUES ('a3', 'Cid')) UPDATE posts SET done = true WHERE id = 'p2'",
        ["authors.created a3", "posts.deleted p1", "posts.updated p2"],
    ),
    "what is rolled back": ("BEGIN; DELETE FROM posts; ROLLBACK", []),
    "what is rolled back to a savepoint": (
        "BEGIN; SAVEPOINT s; DELETE FROM posts; ROLLBACK TO s; UPDATE posts SET done = true WHERE id = 'p1'; COMMIT",
        ["posts.updated p1"],
    ),
    "a function": (
        "DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO posts (id, title) VALUES ('f' || i, 'f' || i); END LOOP; END $$",
        ["posts.created f1", "posts.created f2", "posts.created f3"],
    ),
    "TRUNCATE": ("TRUNCATE posts", ["posts.truncated "]),
    "TRUNCATE CASCADE": (
        "UPDATE posts SET readers = '{}' WHERE id = 'p1'; DELETE FROM posts WHERE id = 'p2'; TRUNCATE authors CASCADE",
        ["authors.truncated ", "posts.deleted p2", "posts.truncated ", "posts.updated p1"],
    ),
    "what a foreign key and a list change in one statement, before the list takes the row along": (
        "UPDATE posts SET readers = '{a2}', owner = NULL WHERE id = 'p1'; DELETE FROM authors WHERE id = 'a2'",
        ["authors.deleted a2", "posts.deleted p1", "posts.deleted p2", "posts.updated p1"],
    ),
}


@pytest.mark.parametrize(("statements", "expected"), WAYS.values(), ids=WAYS.keys())
async def test_a_change_by_sql_is_captured_as_it_was_committed(
    blog: tuple[Server, Log], statements: str, expected: list[str]
):
    log = blog[1]
    before = await log.events()
    await log.connection.execute(statements)
    after = await log.events()
    happened = [f"{event.type} {event.record_id}" for event in after[len(before) :]]
    assert sorted(happened) == expected
    await agrees(log)


async def agrees(log: Log) -> None:
    """Whoever knows the log alone has the records that the tables hold."""
    known = folded(await log.events(), in_steps=False)
    for table, columns in {"posts": ("title", "owner", "editor", "readers", "done"), "authors": ("name",)}.items():
        rows = await log.connection.fetch(f"SELECT * FROM {table}")  # noqa: S608
        there = {row["id"]: {column: row[column] or "" for column in columns} for row in rows}
        found = known.get(table, {})
        assert {id: {column: row[column] or "" for column in columns} for id, row in found.items()} == there


async def test_whatever_is_done_at_random_the_log_tells_all_of_it(blog: tuple[Server, Log]):
    log, chance = blog[1], random.Random(4)
    for _ in range(150):
        transaction = log.connection.transaction()
        await transaction.start()
        for _ in range(chance.randint(1, 4)):
            low = chance.randint(1, 400)
            await log.connection.execute(chance.choice(STEPS), low, low + chance.randint(0, 60))
        await (transaction.rollback() if chance.random() < 0.2 else transaction.commit())
    await agrees(log)
    events = await log.events()
    assert len(events) > 3000
    first = events[0].seq
    assert [event.seq for event in events] == list(range(first, first + len(events)))


STEPS = (
    "INSERT INTO posts (id, title, owner) SELECT 'r' || g, 'r' || g, 'a1' FROM generate_series($1::int, $2::int) AS g"
    " ON CONFLICT (id) DO UPDATE SET done = NOT posts.done",
    "UPDATE posts SET done = NOT done, editor = 'a1'"
    " WHERE id IN (SELECT 'r' || g FROM generate_series($1::int, $2::int) AS g)",
    "DELETE FROM posts WHERE id IN (SELECT 'r' || g FROM generate_series($1::int, $2::int, 3) AS g)",
    "UPDATE posts SET readers = ARRAY['a1', 'a2']"
    " WHERE id IN (SELECT 'r' || g FROM generate_series($1::int, $2::int) AS g)",
)


async def test_psql_and_copy_leave_events_without_an_actor(blog: tuple[Server, Log]):
    log = blog[1]
    before = await log.feed.position()
    psql = str(find_binaries(None).program("psql"))
    script = (
        "INSERT INTO posts (id, title) VALUES ('q', 'q');\nCOPY authors (id, name) FROM STDIN;\nb1\tX\nb2\tY\n\\.\n"
    )
    command = (psql, log.dsn, "-v", "ON_ERROR_STOP=1")
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, errors = await process.communicate(script.encode())
    assert process.returncode == 0, errors
    events = await log.events(before)
    assert [event.type for event in events] == ["posts.created", "authors.created", "authors.created"]
    assert [(event.actor, event.request) for event in events] == [(None, "")] * 3


async def test_a_role_that_may_only_write_to_the_table_leaves_events_and_cannot_touch_the_log(
    blog: tuple[Server, Log], cluster: Cluster
):
    log = blog[1]
    before = await log.feed.position()
    name = log.dsn.partition("?")[0].rpartition("/")[2]
    admin: Any = await asyncpg.connect(on_database(cluster.superuser, name))
    try:
        await admin.execute("CREATE ROLE hf_test_writer; GRANT INSERT, SELECT ON public.authors TO hf_test_writer")
        await admin.execute("SET ROLE hf_test_writer")
        # What somebody puts into the way of names is not what the function means by them.
        await admin.execute("CREATE TEMPORARY TABLE outbox (type text)")
        await admin.execute("INSERT INTO public.authors (id, name) VALUES ('w', 'W')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute("DELETE FROM holdfast.outbox")
    finally:
        await admin.execute("RESET ROLE; DROP OWNED BY hf_test_writer; DROP ROLE hf_test_writer")
        await admin.close()
    assert await log.types(before) == ["authors.created"]


@pytest.mark.parametrize(
    ("always", "expected"), [(True, ["authors.created", "authors.deleted"]), (False, [])], ids=["as it is", "control"]
)
async def test_replicated_writes_are_captured_because_the_triggers_fire_always(
    blog: tuple[Server, Log], cluster: Cluster, always: bool, expected: list[str]
):
    log = blog[1]
    before = await log.feed.position()
    await enable(log, "" if not always else "ALWAYS")
    name = log.dsn.partition("?")[0].rpartition("/")[2]
    admin: Any = await asyncpg.connect(on_database(cluster.superuser, name))
    await admin.execute("SET session_replication_role = replica; INSERT INTO authors (id, name) VALUES ('r', 'R')")
    await admin.execute("DELETE FROM authors WHERE id = 'r'")
    await admin.close()
    await enable(log, "ALWAYS")
    assert await log.types(before) == expected


async def enable(log: Log, how: str) -> None:
    for trigger in ("create", "delete"):
        await log.connection.execute(f"ALTER TABLE authors ENABLE {how} TRIGGER hf_ev_{trigger}")


async def test_changes_over_the_api_say_who_made_them_and_in_which_request(blog: tuple[Server, Log]):
    server, log = blog
    before = await log.feed.position()
    headers = {"X-Request-Id": "request-of-a-test", HOPS_HEADER.decode(): "2"}
    await server.guest.post("/collections/authors/records", json={"id": "g00000000000001"}, headers=headers)
    await server.root.patch("/collections/authors/records/g00000000000001", json={"name": "G"}, headers=headers)
    etag = (await server.root.get("/collections/authors/records/g00000000000001")).headers["etag"]
    versioned = {**headers, "If-Match": etag}
    url = "/collections/authors/records/g00000000000001"
    assert (await server.root.patch(url, json={"name": "H"}, headers=versioned)).status_code == 200
    batch = {"requests": [{"method": "DELETE", "url": f"/api{url}"}]}
    assert (await server.root.patch("/settings", json={"batch": {"enabled": True}})).status_code == 200
    assert (await server.root.post("/batch", json=batch, headers=headers)).status_code == 200
    events = await log.events(before)
    assert [(event.type, event.actor.kind if event.actor else "") for event in events] == [
        ("authors.created", "guest"),
        ("authors.updated", "superuser"),
        ("authors.updated", "superuser"),
        ("authors.deleted", "superuser"),
    ]
    assert {event.request for event in events} == {"request-of-a-test"}
    assert [event.hops for event in events] == [0, 2, 2, 2]
    assert {event.actor.collection for event in events[1:] if event.actor} == {"_superusers"}


async def test_what_goes_along_with_a_delete_over_the_api_has_the_same_actor(blog: tuple[Server, Log]):
    server, log = blog
    before = await log.feed.position()
    assert (await server.root.delete("/collections/authors/records/a2")).status_code == 204
    events = await log.events(before)
    assert len(events) == 4
    assert {event.actor.kind for event in events if event.actor} == {"superuser"}
    # The setting ends with the transaction: the next one on the same connection knows nothing of it.
    await log.connection.execute("INSERT INTO authors (id, name) VALUES ('later', '')")
    assert (await log.events(before))[-1].actor is None


async def test_the_record_is_the_one_of_the_api_without_what_is_hidden(blog: tuple[Server, Log]):
    server, log = blog
    before = await log.feed.position()
    values = {"title": 'Ünï"\n', "place": {"lon": 1.5, "lat": -2}, "more": {"a": [1, None]}, "due": "2026-01-02"}
    made = await server.made("posts", **values, secret="sesame", pin="123456789", price="3.50", readers=["a1"])
    (event,) = await log.events(before)
    record = json.loads(bytes(event.record))
    assert "sesame" not in bytes(event.record).decode()
    assert {**record, "secret": "sesame"} == made
    await server.root.patch(f"/collections/posts/records/{made['id']}", json={"pin": "987654321", "more": None})
    changed = (await log.events(before))[-1]
    assert changed.changed == ("more",)
    assert json.loads(bytes(changed.previous)) == {"more": {"a": [1, None]}}


async def test_the_keys_of_accounts_are_nowhere_in_the_log(blog: tuple[Server, Log]):
    server, _ = blog
    who = {"email": "a@example.com", "password": "12345678", "passwordConfirm": "12345678"}
    await server.made("users", id="u00000000000001", **who)
    changed = {"password": "123456789", "passwordConfirm": "123456789"}
    await server.root.patch("/collections/users/records/u00000000000001", json=changed)
    rows = await server.rows('SELECT "tokenKey", password FROM users')
    text = str(await server.rows("SELECT * FROM holdfast.events"))
    assert rows[0]["tokenKey"] not in text
    assert "argon2" not in text
