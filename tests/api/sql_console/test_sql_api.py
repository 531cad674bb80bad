"""`POST /api/sql`: what superusers can do with SQL of their own, and what nobody can."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio

from client import PASSWORD, Api, in_one_loop, refused, running
from holdfast.db.console_roles import ensure_roles, role_key
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
NOT_ALLOWED = "sql_42501"
READ_ONLY = "sql_25006"
WHO_UPDATED = """
    SELECT array_agg(DISTINCT context::json #>> '{actor,kind}') AS kinds
      FROM holdfast.outbox WHERE type = 'posts.updated'
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An application whose console may write, on the roles that the embedded PostgreSQL would have."""
    await make_roles(cluster)
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("desk"), sql_console="write") as api:
        await api.define("posts", [{"name": "title", "type": "text"}, {"name": "views", "type": "number"}])
        for number in range(3):
            await api.create("posts", title=f"Post {number}", views=number)
        await api.create("users", email="ann@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
        yield api
    await drop_database(cluster, dsn)


async def make_roles(cluster: Cluster) -> None:
    connection = cast(Any, await asyncpg.connect(cluster.superuser))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(1)")  # other workers of this run do it, too
        await ensure_roles(connection, "holdfast", role_key(cluster.dsn, b""))
    await connection.close()


async def run(api: Api, sql: str, **more: Any) -> dict[str, Any]:
    answer = await api.root.post("/api/sql", json={"sql": sql, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def problem(api: Api, sql: str, **more: Any) -> dict[str, str]:
    return refused(await api.root.post("/api/sql", json={"sql": sql, **more}), 400, "validation_failed")["data"]["sql"]


async def test_a_role_can_let_read_and_never_write(desk: Api) -> None:
    await desk.root.post("/api/roles", json={"name": "analyst", "operations": ["sql.read"]})
    made = await desk.root.post("/api/keys", json={"name": "report", "roles": ["analyst"]})
    async with desk.client() as analyst:
        analyst.headers["X-API-Key"] = made.json()["key"]
        read = await analyst.post("/api/sql", json={"sql": "SELECT count(*) FROM posts"})
        assert read.json()["rows"] == [["3"]]
        refused(await analyst.post("/api/sql", json={"sql": "SELECT password FROM users"}), 400, "validation_failed")
        tried = await analyst.post("/api/sql", json={"sql": "DELETE FROM posts", "mode": "write"})
        assert "superusers" in refused(tried, 403, "forbidden")["message"]
        refused(await analyst.get("/api/jobs"), 403, "forbidden")


@pytest.mark.parametrize(
    ("sql", "types", "rows"),
    [
        ("SELECT title, views FROM posts ORDER BY views LIMIT 1;", ["text", "float8"], [["Post 0", "0"]]),
        ("TABLE posts -- the whole of it", None, 3),
        ("WITH a AS (SELECT 1 AS n) SELECT n, n FROM a", ["int4", "int4"], [["1", "1"]]),
        ("SELECT 'infinity'::timestamptz, NULL::int, '{1,2}'::int[]", None, [["infinity", None, "{1,2}"]]),
        ("SHOW server_encoding", ["text"], [["UTF8"]]),
        ("EXPLAIN SELECT 1", ["text"], 1),
        ("SELECT email FROM users", ["text"], [["ann@example.com"]]),
        ("SELECT count(*) > 0 FROM holdfast.audit", ["bool"], [["true"]]),
    ],
    ids=["read", "table", "with", "what Python has not", "show", "explain", "users", "audit"],
)
async def test_what_is_there_can_be_read(desk: Api, sql: str, types: list[str] | None, rows: Any) -> None:
    found = await run(desk, sql)
    assert types is None or [column["type"] for column in found["columns"]] == types
    assert (len(found["rows"]) if isinstance(rows, int) else found["rows"]) == rows
    assert (found["cut"], found["committed"], found["affected"]) == ("", False, None)


async def test_an_answer_has_bounds(desk: Api) -> None:
    found = await run(desk, "SELECT generate_series(1, 50000)", limit=25)
    assert (len(found["rows"]), found["cut"]) == (25, "rows")
    found = await run(desk, "SELECT repeat('x', 200000000)")
    assert len(found["rows"][0][0]) == 10_001
    found = await run(desk, "SELECT repeat('x', 10000) FROM generate_series(1, 5000)", limit=5000)
    assert found["cut"] == "bytes"
    assert (await problem(desk, "SELECT pg_sleep(20)", timeout=1))["code"] == "sql_57014"


async def test_a_plan_is_answered_as_it_is(desk: Api) -> None:
    plan = (await run(desk, "SELECT * FROM posts", explain="plan"))["plan"]
    assert plan[0]["Plan"]["Relation Name"] == "posts"
    plan = (await run(desk, "SELECT * FROM posts", explain="analyze"))["plan"]
    assert plan[0]["Plan"]["Actual Rows"] == 3


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELEC 1", "sql_42601", "at character 1"),
        ("SELECT * FROM nowhere", "sql_42P01", "nowhere"),
        ("SELECT 1; SELECT 2", "sql_42601", "multiple commands"),
        ("SELECT $1::int", "validation_invalid_value", "parameters"),
        ("SELECT 1/0", "sql_22012", "division by zero"),
        ("SELECT * FROM users", NOT_ALLOWED, "of users: id, email"),
    ],
)
async def test_what_postgresql_does_not_take_is_said_in_its_words(desk: Api, sql: str, code: str, words: str) -> None:
    found = await problem(desk, sql)
    assert found["code"] == code
    assert words in found["message"].lower()


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE posts SET views = 9", READ_ONLY),
        ("WITH gone AS (DELETE FROM posts RETURNING id) SELECT * FROM gone", READ_ONLY),
        ("CREATE TABLE mine (a int)", READ_ONLY),
        ("SELECT * FROM posts FOR UPDATE", READ_ONLY),
        ("DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); END $$", "sql_25001"),
        ("SET ROLE holdfast", NOT_ALLOWED),
        ("SET SESSION AUTHORIZATION postgres", NOT_ALLOWED),
        ("SELECT set_config('role', 'holdfast', true), query_to_xml('TABLE users', true, true, '')", NOT_ALLOWED),
        ("COPY (SELECT 1) TO PROGRAM 'touch /tmp/x'", NOT_ALLOWED),
        ("COPY (SELECT 1) TO '/tmp/x'", NOT_ALLOWED),
        ("SELECT pg_read_file('/etc/passwd')", NOT_ALLOWED),
        ("SELECT lo_import('/etc/passwd')", NOT_ALLOWED),
        ("SELECT holdfast.files_move('a', 'b', 'c', '{}', 'd', '{}', 'e')", NOT_ALLOWED),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'holdfast'", NOT_ALLOWED),
        ("ALTER ROLE holdfast_reader SUPERUSER", None),
        ("GRANT SELECT ON users TO holdfast_reader", None),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_s87_what_a_reader_may_not_do_is_refused_by_postgresql(desk: Api, sql: str, code: str | None) -> None:
    found = await problem(desk, sql)
    assert found["code"] == (code or found["code"])
    assert found["code"].startswith(("sql_25", "sql_42501"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT password FROM users",
        'SELECT "tokenKey" FROM _superusers',
        "SELECT users FROM users",
        "SELECT row_to_json(u) FROM users AS u",
        "SELECT u.p FROM users AS u(a, p)",
        "SELECT * FROM _otps",
        "SELECT value FROM holdfast.settings",
        "SELECT * FROM holdfast.sessions",
        "SELECT * FROM holdfast.keys",
        "SELECT rolpassword FROM pg_authid",
        "SELECT passwd FROM pg_shadow",
        "SELECT stavalues1 FROM pg_statistic",
        "DO $$ BEGIN RAISE EXCEPTION '%', (SELECT password FROM users LIMIT 1); END $$",
        "SELECT most_common_vals::text FROM pg_stats WHERE attname = 'password'",
    ],
    ids=lambda value: str(value)[:40],
)
async def test_s87_no_secret_comes_out(desk: Api, sql: str) -> None:
    for mode in ("read", "write"):
        answer = await desk.root.post("/api/sql", json={"sql": sql, "mode": mode})
        assert "argon2" not in answer.text
        assert answer.status_code == 400 or answer.json()["rows"] == []


async def test_a_statement_that_ends_the_transaction_leaves_nothing_behind(desk: Api) -> None:
    assert (await run(desk, "COMMIT"))["tag"] == "COMMIT"
    await run(desk, "SELECT pg_advisory_lock(42)")
    free = await desk.pool.fetchrow_text("SELECT pg_try_advisory_xact_lock(42) AS free", ())
    assert free is not None
    assert free["free"]


async def test_a_write_is_tried_and_stays_with_its_count_and_the_password(desk: Api) -> None:
    sql = "UPDATE posts SET views = views + 100 WHERE views < 2 RETURNING title"
    tried = await run(desk, sql, mode="write")
    assert (tried["affected"], len(tried["rows"]), tried["committed"]) == (2, 2, False)
    assert (await run(desk, "SELECT sum(views) FROM posts"))["rows"] == [["3"]]
    asked = {"sql": sql, "mode": "write"}
    wrong = await desk.root.post("/api/sql", json={**asked, "commit": 2, "password": "guessed"})
    assert "password" in refused(wrong, 400, "validation_failed")["data"]
    refused(await desk.root.post("/api/sql", json={**asked, "commit": 3, "password": PASSWORD}), 409, "conflict")
    assert (await run(desk, "SELECT sum(views) FROM posts"))["rows"] == [["3"]]
    done = await run(desk, sql, mode="write", commit=2, password=PASSWORD)
    assert (done["affected"], done["committed"]) == (2, True)
    assert (await run(desk, "SELECT sum(views) FROM posts"))["rows"] == [["203"]]
    told = await desk.pool.fetchrow_text(WHO_UPDATED, ())
    assert told is not None
    assert told["kinds"] == ["superuser"]
    written = (await desk.root.get("/api/audit", params={"action": "sql.*"})).json()["items"]
    seen = [(entry["action"], entry["outcome"]) for entry in written if entry["details"]["sql"] == sql]
    assert seen == [("sql.written", "success"), *[("sql.written", "failure")] * 1, ("sql.tried", "success")]
    again = "UPDATE posts SET views = views - 100 WHERE views >= 100"
    assert (await run(desk, again, mode="write", commit=2, password=PASSWORD))["tag"] == "UPDATE 2"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET password = 'x'",
        "UPDATE _superusers SET email = 'x@example.com'",
        "DELETE FROM _superusers",
        "DELETE FROM holdfast.audit",
        "INSERT INTO holdfast.logs (id) VALUES ('x')",
        "TRUNCATE posts",
        "DROP TABLE posts",
        "ALTER TABLE posts ADD COLUMN a int",
        "CREATE TABLE mine (a int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE holdfast",
        "COPY posts FROM PROGRAM 'id'",
    ],
    ids=lambda value: str(value)[:40],
)
async def test_s87_a_writer_changes_records_and_nothing_else(desk: Api, sql: str) -> None:
    assert (await problem(desk, sql, mode="write"))["code"] == NOT_ALLOWED


async def test_who_is_deleted_by_sql_is_logged_in_no_more(desk: Api) -> None:
    await desk.create("users", email="bob@example.com", password=PASSWORD, passwordConfirm=PASSWORD)
    body = {"identity": "bob@example.com", "password": PASSWORD, "session": True}
    await desk.guest.post("/api/collections/users/auth-with-password", json=body)
    sql = "DELETE FROM users WHERE email = 'bob@example.com'"
    assert (await run(desk, sql, mode="write", commit=1, password=PASSWORD))["affected"] == 1
    left = await desk.pool.fetchrow_text("SELECT count(*) AS left FROM holdfast.sessions", ())
    assert left is not None
    assert left["left"] == 0


async def test_a_change_of_the_collections_counts_at_once(desk: Api) -> None:
    await desk.define("drafts", [{"name": "title", "type": "text"}])
    assert (await run(desk, "SELECT * FROM drafts"))["rows"] == []
    fields = [{"name": "title", "type": "text"}, {"name": "pin", "type": "password"}]
    assert (await desk.root.patch("/api/collections/drafts", json={"fields": fields})).status_code == 200
    assert (await problem(desk, "SELECT pin FROM drafts"))["code"] == NOT_ALLOWED
    assert (await run(desk, "SELECT title FROM drafts"))["rows"] == []


async def test_nobody_else_gets_in(desk: Api) -> None:
    refused(await desk.guest.post("/api/sql", json={"sql": "SELECT 1"}), 401, "unauthenticated")
    ann = desk.client(await desk.login("ann@example.com", collection="users"))
    refused(await ann.post("/api/sql", json={"sql": "SELECT 1"}), 403, "forbidden")
    key = (await desk.root.post("/api/keys", json={"name": "root", "superuser": True})).json()["key"]
    with_key = desk.client(f"Bearer {key}")
    assert (await with_key.post("/api/sql", json={"sql": "SELECT 1"})).status_code == 200
    body = {"sql": "DELETE FROM posts", "mode": "write", "commit": 3, "password": PASSWORD}
    refused(await with_key.post("/api/sql", json=body), 403, "forbidden")


@pytest.mark.asyncio(loop_scope="function")
async def test_it_is_off_until_somebody_turns_it_on(
    start_api: Callable[..., AbstractAsyncContextManager[Api]],
) -> None:
    async with start_api() as api:
        refused(await api.root.post("/api/sql", json={"sql": "SELECT 1"}), 403, "forbidden")
    async with start_api(sql_console="read") as api:
        refused(await api.root.post("/api/sql", json={"sql": "SELECT 1", "mode": "write"}), 403, "forbidden")
