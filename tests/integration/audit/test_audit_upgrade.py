"""A database of before the audit log gets it whole: its accounts are watched like those of new collections."""

from typing import Any

import asyncpg

from client import Api
from holdfast.start import prepare_schema

TRIGGERS = """
    SELECT t.relname AS table, pg_get_triggerdef(g.oid) AS trigger FROM pg_catalog.pg_trigger AS g
    JOIN pg_catalog.pg_class AS t ON t.oid = g.tgrelid WHERE g.tgname LIKE 'hf\\_audit%' ORDER BY 1, 2
"""
BEFORE = """
    DROP FUNCTION holdfast.audit_account() CASCADE;
    DROP FUNCTION holdfast.audit_link() CASCADE;
    DROP TABLE holdfast.audit;
    DROP FUNCTION holdfast.audit_stays();
    DROP FUNCTION holdfast.told_client();
    DELETE FROM holdfast.migration WHERE name LIKE '%system_audit%';
"""


async def test_an_upgrade_watches_the_accounts_that_are_there(api: Api, database: str) -> None:
    await api.define("members", type="auth")
    connection: Any = await asyncpg.connect(database)
    try:
        made = [tuple(row) for row in await connection.fetch(TRIGGERS)]
        assert [table for table, _ in made] == ["_externalAuths", "_superusers", "_superusers", "members", "users"]
        await connection.execute(BEFORE)
        assert await connection.fetch(TRIGGERS) == []
        applied = await prepare_schema(api.settings, database)
        assert [name for name in applied if "audit" in name] == applied
        assert len(applied) == 3
        assert [tuple(row) for row in await connection.fetch(TRIGGERS)] == made
    finally:
        await connection.close()
    # A later change of the collection finds them as it would its own.
    answer = await api.root.patch("/api/collections/members", json={"name": "people"})
    assert answer.status_code == 200, answer.text
    assert (await api.root.delete("/api/collections/people")).status_code == 204
