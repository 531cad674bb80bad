"""Which account of which provider belongs to whom: the records of `_externalAuths`."""

from typing import Final

from holdfast.auth.oauth2_client import Client
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, raw, value
from holdfast.errors import BadRequest
from holdfast.schema.collection import Collection
from holdfast.schema.ids import new_id

# What somebody else may have put into an account before its owner came: other providers, passkeys, authenticators.
_OTHER_WAYS: Final = (raw("holdfast.passkeys"), raw("holdfast.totps"), raw("holdfast.sessions"))


async def take_turns(tx: Transaction, collection: Collection, *names: str) -> None:
    """Wait for others who log in to the collection as the same person, or with the same address."""
    for name in names:
        await tx.execute(
            raw("SELECT pg_advisory_xact_lock(hashtextextended(")
            + value(f"oauth2 {collection.id} {name}", "text")
            + raw(", 0))")
        )


async def linked_record(tx: Transaction, collection: Collection, client: Client, provider_id: str) -> str:
    """The id of the record that is linked with this account of the provider, or nothing."""
    row = await tx.fetchrow(
        raw('SELECT "recordRef" AS record_id FROM public."_externalAuths" WHERE "collectionRef" = ')
        + value(collection.id, "text")
        + raw(' AND "provider" = ')
        + value(client.name, "text")
        + raw(' AND "providerId" = ')
        + value(provider_id, "text")
    )
    return row["record_id"] if row is not None else ""


async def link(tx: Transaction, collection: Collection, record_id: str, client: Client, provider_id: str) -> None:
    """Link a record with an account of the provider. Raises BadRequest when it is linked with another one there."""
    done = await tx.execute(
        raw('INSERT INTO public."_externalAuths" ("id", "collectionRef", "recordRef", "provider", "providerId")')
        + raw(" VALUES (")
        + value(new_id(), "text")
        + raw(", ")
        + value(collection.id, "text")
        + raw(", ")
        + value(record_id, "text")
        + raw(", ")
        + value(client.name, "text")
        + raw(", ")
        + value(provider_id, "text")
        + raw(") ON CONFLICT DO NOTHING")
    )
    if not done.endswith(" 1"):
        raise BadRequest(f"You are linked with another account of {client.display_name} already: unlink that first.")


async def forget_other_ways(tx: Transaction, collection: Collection, record_id: str) -> None:
    """Take from an account whatever somebody could log in with that was there before its owner showed up."""
    for table in _OTHER_WAYS:
        mine = raw(" WHERE collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ")
        await tx.execute(raw("DELETE FROM ") + table + mine + value(record_id, "text"))
    await tx.execute(raw('DELETE FROM public."_externalAuths" WHERE') + _of(collection, record_id))


def _of(collection: Collection, record_id: str) -> Sql:
    mine = raw(' "collectionRef" = ') + value(collection.id, "text")
    return mine + raw(' AND "recordRef" = ') + value(record_id, "text")
