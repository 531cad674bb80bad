"""A server whose collections are changed over HTTP, and whose tables are looked at directly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest_asyncio

from client import Api

URL = "/api/collections"


class Changes:
    """Collections changed by a superuser. Methods give the answer's JSON, and fail the test on a refusal."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.root = api.root

    async def make(self, name: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A new collection."""
        return taken(await self.root.post(URL, json={"name": name, "fields": list(fields), **more}))

    async def get(self, name: str) -> dict[str, Any]:
        """A collection as it is."""
        return taken(await self.root.get(f"{URL}/{name}"))

    async def change(self, collection: str, /, **more: Any) -> dict[str, Any]:
        """A PATCH."""
        return taken(await self.root.patch(f"{URL}/{collection}", json=more))

    async def change_field(self, collection: str, field: str, /, **options: Any) -> dict[str, Any]:
        """A PATCH that changes options of one field; with `type`, the others are left at that type's own."""
        return await self.change(collection, fields=await self.with_field(collection, field, **options))

    async def with_field(self, collection: str, field: str, /, **options: Any) -> list[dict[str, Any]]:
        """The fields of a collection, of which one has other options."""
        fields: list[dict[str, Any]] = (await self.get(collection))["fields"]
        for at, old in enumerate(fields):
            if old["name"] == field:
                kept = {"id": old["id"], "name": field, "type": old["type"]} if "type" in options else old
                fields[at] = kept | options
        return fields

    async def drop_field(self, name: str, field: str, **more: Any) -> dict[str, Any]:
        """A PATCH without one field."""
        fields = [one for one in (await self.get(name))["fields"] if one["name"] != field]
        return await self.change(name, fields=fields, **more)

    async def delete(self, name: str) -> None:
        """A DELETE."""
        answer = await self.root.delete(f"{URL}/{name}")
        assert answer.status_code == 204, answer.text

    async def trash(self) -> list[dict[str, Any]]:
        """What is in the trash."""
        return taken(await self.root.get(f"{URL}/trash"))["items"]

    async def restore(self, id: str) -> dict[str, Any]:
        """Bring something back."""
        return taken(await self.root.post(f"{URL}/trash/{id}/restore"))

    async def plan(self, method: str, collection: str, **body: Any) -> dict[str, Any]:
        """The plan of one request."""
        return taken(
            await self.root.post(f"{URL}/plan", json={"method": method, "collection": collection, "body": body})
        )

    async def create(self, collection: str, **values: Any) -> dict[str, Any]:
        """A record."""
        return await self.api.create(collection, **values)

    async def rows(self, query: str, *args: Any) -> list[Any]:
        """The rows of a query: tuples, or values where there is one column."""
        async with self.connection() as connection:
            found = [tuple(row.values()) for row in await connection.fetch(query, *args)]
        return [row[0] if len(row) == 1 else row for row in found]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection of one's own; what is left open in a transaction is undone."""
        connection = await self.api.pool.acquire()
        try:
            yield connection
        finally:
            self.api.pool.release(connection)

    async def run(self, statement: str) -> None:
        """A statement, run directly."""
        async with self.connection() as connection:
            await connection.execute(statement)

    async def outline(self) -> list[Any]:
        """Everything that the database has of collections: tables, columns, indexes, constraints, triggers."""
        return await self.rows(OUTLINE)


OUTLINE = """
SELECT 'column', c.table_name::text, c.column_name::text,
       concat_ws(' ', c.udt_name, c.numeric_precision, c.numeric_scale, c.is_nullable, c.column_default)
  FROM information_schema.columns AS c WHERE c.table_schema = 'public'
UNION ALL SELECT 'index', tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid)
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', proname::text, prosrc
  FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace AND proname LIKE 'hf\\_%'
UNION ALL SELECT 'view', viewname::text, '', definition FROM pg_views WHERE schemaname = 'public'
ORDER BY 1, 2, 3
"""


def taken(answer: httpx.Response) -> Any:
    """The JSON of an answer that is no refusal."""
    assert answer.status_code == 200, answer.text
    return answer.json()


CLEAN = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname = 'holdfast_trash' OR tablename LIKE 'foreign_%'
    LOOP EXECUTE format('DROP TABLE %I.%I CASCADE', found.schemaname, found.tablename); END LOOP;
    DELETE FROM holdfast.trash;
    DELETE FROM public.users;
END $$
"""


@pytest_asyncio.fixture(loop_scope="module")
async def changes(shared_api: Api) -> AsyncIterator[Changes]:
    """A server with the system collections only, and it is left like that. Tables called foreign_ are dropped."""
    made = Changes(shared_api)
    system = taken(await shared_api.root.get(URL))["items"]
    yield made
    answer = await shared_api.root.put(f"{URL}/import", json={"collections": system, "deleteMissing": True})
    assert answer.status_code == 204, answer.text
    await made.run(CLEAN)
