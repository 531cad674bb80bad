"""R1: every committed change is in the log once, whichever way it was made."""

import asyncio
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from event_log import folded, opened
from holdfast.db.embedded.binaries import find_binaries
from reliability.figures import Figures
from reliability.site import Site

Expected = dict[str, int]
COLUMNS = ("title", "n")
CLIENTS = 8


class Changes:
    """Makes changes in every way there is. Each way says which events it has to leave; `many` is about how many."""

    def __init__(self, site: Site, many: int, connection: Any, superuser: Any) -> None:
        self.site = site
        self.many = many
        self.connection = connection
        self.superuser = superuser

    async def over_the_api(self) -> Expected:
        """Create, change and delete, a third each."""
        third = self.many // 3
        place = asyncio.Semaphore(CLIENTS)

        async def one(number: int) -> None:
            async with place:
                made = await self.site.post("/api/collections/posts/records", {"title": f"api {number}"})
                path = f"/api/collections/posts/records/{made['id']}"
                await self.site.patch(path, {"n": number})
                await self.site.delete(path)

        await asyncio.gather(*(one(number) for number in range(third)))
        return {"posts.created": third, "posts.updated": third, "posts.deleted": third}

    async def one_by_one(self) -> Expected:
        """Single statements over asyncpg."""
        rows = [(f"one {number}", number) for number in range(self.many)]
        await self.connection.executemany("INSERT INTO posts (id, title, n) VALUES ($1, $1, $2)", rows)
        return {"posts.created": self.many}

    async def psql(self) -> Expected:
        """`psql -c`, as an operator types it."""
        insert = f"INSERT INTO posts (id, title) SELECT 'psql ' || g, g FROM generate_series(1, {self.many}) AS g"  # noqa: S608
        command = (str(find_binaries(None).program("psql")), self.site.dsn, "-q", "-v", "ON_ERROR_STOP=1", "-c", insert)
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        _, errors = await process.communicate()
        assert process.returncode == 0, errors
        return {"posts.created": self.many}

    async def copy(self) -> Expected:
        """COPY, as dumps are read."""
        rows = [(f"copy {number}", f"{number}", number) for number in range(self.many)]
        await self.connection.copy_records_to_table("posts", records=rows, columns=["id", "title", "n"])
        return {"posts.created": self.many}

    async def upsert(self) -> Expected:
        """INSERT ... ON CONFLICT, of which half are there."""
        half = self.many // 2
        for most in (half, 2 * half):
            await self.connection.execute(
                "INSERT INTO posts (id, title) SELECT 'up ' || g, g FROM generate_series(1, $1::int) AS g"
                " ON CONFLICT (id) DO UPDATE SET n = posts.n + 1",
                most,
            )
        return {"posts.created": 2 * half, "posts.updated": half}

    async def many_at_once(self) -> Expected:
        """One UPDATE of many rows."""
        done = await self.connection.execute("UPDATE posts SET n = n + 10 WHERE id LIKE 'copy %'")
        return {"posts.updated": int(done.split()[1])}

    async def cascade(self) -> Expected:
        """A DELETE that takes along what points at it."""
        quarter = self.many // 4
        await self.connection.execute(
            "INSERT INTO authors (id, title) SELECT 'a' || g, 'a' FROM generate_series(1, $1::int) AS g", quarter
        )
        await self.connection.execute(
            "INSERT INTO posts (id, title, author) SELECT 'of ' || g || ' ' || t, 'x', 'a' || g"
            " FROM generate_series(1, $1::int) AS g, generate_series(1, 3) AS t",
            quarter,
        )
        await self.connection.execute("DELETE FROM authors WHERE title = 'a'")
        return {
            "authors.created": quarter,
            "posts.created": 3 * quarter,
            "authors.deleted": quarter,
            "posts.deleted": 3 * quarter,
        }

    async def another_id(self) -> Expected:
        """An UPDATE of the primary key: the old record is gone, and a new one is there."""
        done = await self.connection.execute("UPDATE posts SET id = 'new ' || id WHERE id LIKE 'psql %'")
        count = int(done.split()[1])
        return {"posts.deleted": count, "posts.created": count}

    async def savepoint(self) -> Expected:
        """What is rolled back to a savepoint has not happened; what was before it has."""
        await self.connection.execute(
            "BEGIN; INSERT INTO posts (id, title) SELECT 'save ' || g, 'kept' FROM"  # noqa: S608
            f" generate_series(1, {self.many}) AS g; SAVEPOINT s; UPDATE posts SET title = 'not kept';"
            " DELETE FROM authors; ROLLBACK TO s; COMMIT"
        )
        return {"posts.created": self.many}

    async def rollback(self) -> Expected:
        """What is rolled back has not happened."""
        await self.connection.execute("BEGIN; UPDATE posts SET n = 0; DELETE FROM posts; ROLLBACK")
        return {}

    async def replica(self) -> Expected:
        """What a session writes that says it is a replica, as tools of replication and restores do."""
        await self.superuser.execute("SET session_replication_role = replica")
        await self.superuser.execute(
            "INSERT INTO posts (id, title) SELECT 'replica ' || g, 'r' FROM generate_series(1, $1::int) AS g", self.many
        )
        await self.superuser.execute("UPDATE posts SET title = 's' WHERE title = 'r'")
        await self.superuser.execute("DELETE FROM posts WHERE title = 's'")
        await self.superuser.execute("RESET session_replication_role")
        return {"posts.created": self.many, "posts.updated": self.many, "posts.deleted": self.many}

    async def truncate(self) -> Expected:
        """TRUNCATE is one event, however many rows there were."""
        await self.connection.execute(
            "INSERT INTO lists (id, title) SELECT 'l' || g, 'x' FROM generate_series(1, $1::int) AS g", self.many
        )
        await self.connection.execute("TRUNCATE lists")
        return {"lists.created": self.many, "lists.truncated": 1}

    @property
    def ways(self) -> list[Callable[[], Awaitable[Expected]]]:
        """All of them, in an order in which each finds the rows that it changes."""
        first = [self.over_the_api, self.one_by_one, self.psql, self.copy, self.upsert, self.many_at_once]
        return [*first, self.cascade, self.another_id, self.savepoint, self.rollback, self.replica, self.truncate]


@pytest.mark.reliability_gate
@pytest.mark.reliability("R1", "Capture is exact")
async def test_r01_capture_is_exact(site: Site, figures: Figures) -> None:
    """Records are changed in twelve ways: over the API, by single statements, by `psql -c`, by `COPY`, by upserts, by
    an `UPDATE` of many rows, by a cascade, by another primary key, with a rollback to a savepoint, with a full
    rollback, in a session that says it is a replica, and by `TRUNCATE`. Each way says which events it has to leave.
    Then the log is compared with that, and the records that somebody knows who has read the log alone with those that
    the tables hold.

    The control makes the triggers plain ones, which is what `CREATE TRIGGER` makes: what the session that says it is a
    replica writes then is missing.
    """
    many = figures.size("changes in each way", gate=200, full=900)
    await site.start()
    authors = await site.define("authors")
    relation = {
        "name": "author",
        "type": "relation",
        "collectionId": authors["id"],
        "maxSelect": 1,
        "cascadeDelete": True,
    }
    await site.define("posts", {"name": "title", "type": "text"}, {"name": "n", "type": "number"}, relation)
    await site.define("lists")
    connection, superuser = await site.connect(), await site.connect(superuser=True)
    expected: Counter[str] = Counter()
    async with opened(site.dsn) as log:
        try:
            changes = Changes(site, many, connection, superuser)
            for way in changes.ways:
                expected.update(await way())
            events = [event for event in await log.events() if event.collection in ("authors", "posts", "lists")]
            found = Counter(event.type for event in events)
            figures.came_to("changes", expected.total())
            figures.at_most("missing", (expected - found).total(), 0)
            figures.at_most("too many", (found - expected).total(), 0)
            figures.at_most(
                "rows that the log tells otherwise", await differing(connection, folded(events, in_steps=False)), 0
            )
            await superuser.execute(
                "; ".join(f"ALTER TABLE posts ENABLE TRIGGER hf_ev_{on}" for on in ("create", "update", "delete"))
            )
            wanted, before = Counter(await changes.replica()), await log.feed.position()
            again = Counter(event.type for event in await log.events(before))
            figures.control("plain triggers", "missing", (wanted - again).total())
        finally:
            await connection.close()
            await superuser.close()


async def differing(connection: Any, known: dict[str, dict[str, dict[str, Any]]]) -> int:
    """How many rows the tables hold otherwise than somebody knows them who has read the log."""
    count = 0
    for table in ("authors", "posts", "lists"):
        columns = COLUMNS if table == "posts" else COLUMNS[:1]
        rows = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608
        there = {(row["id"], *(row[column] for column in columns)) for row in rows}
        told = {(id, *(one[column] for column in columns)) for id, one in known.get(table, {}).items()}
        count += len(there ^ told)
    return count
