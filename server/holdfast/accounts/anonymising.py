"""An account without who it is of: its record stays, and with it what others have to do with it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from holdfast.accounts.blanks import Blank, blanks
from holdfast.audit.author import Author
from holdfast.audit.entry import Entry
from holdfast.audit.write import hush, tell, write
from holdfast.auth.accounts import AccountState, account_states
from holdfast.auth.changing import SERVER, random_password
from holdfast.auth.noting import account_target
from holdfast.auth.oauth2_links import forget_other_ways
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, qualified, raw, value
from holdfast.engine import Engine
from holdfast.errors import NotFound, Problem, ValidationFailed
from holdfast.history.redaction import redact, redactable
from holdfast.history.seeing import Place
from holdfast.records.credentials import new_token_key
from holdfast.records.write_service import Write, update
from holdfast.schema.collection import Collection
from holdfast.schema.system_fields import ROLES

_FORGOTTEN: Final = ("auth_mails", "challenges")


class Prospect(msgspec.Struct, frozen=True, rename="camel"):
    """What anonymising an account would do: to its fields, and to what it logs in with."""

    fields: tuple[Blank, ...]
    account: AccountState


class Anonymised(msgspec.Struct, frozen=True):
    """What was done: the fields, and how many versions and events of the past were wiped."""

    fields: tuple[str, ...]
    versions: int
    events: int


async def prospect(engine: Engine, collection: Collection, record_id: str) -> Prospect:
    """Say what would be done. Raises NotFound."""
    found = await account_states(engine, collection, [record_id])
    if not found:
        raise NotFound
    return Prospect(blanks(collection, record_id), found[0])


async def anonymise(
    engine: Engine, author: Author, collection: Collection, record_id: str, wanted: Sequence[str] | None
) -> Anonymised:
    """Blank these fields (None: those that are personal by their type), and all that the account logs in with.

    The record is changed like by any other update, so that its files go and plugins hear of it; then the values are
    wiped out of its versions and events. Done again it does what was left of it.
    Raises NotFound, and ValidationFailed for fields that cannot be blanked.
    """
    chosen = _chosen(blanks(collection, record_id), wanted)
    changes: dict[str, Any] = {one.name: one.to for one in chosen}
    changes |= {"emailVisibility": False, "verified": False, "tokenKey": new_token_key(collection), **random_password()}
    if ROLES in collection.by_name and collection.by_name[ROLES].system:
        changes[ROLES] = []
    names = tuple(one.name for one in chosen)
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            await _blank(engine, tx, author, collection, record_id, changes)
            details = {"fields": list(names)}
            target = account_target(collection, record_id)
            await write(tx, author, Entry(action="auth.anonymised", target=target, details=details))
    wiped: Mapping[str, int] = {}
    place = Place(engine.catalog, collection, record_id)
    with suppress(NotFound):  # nothing is remembered of it
        if kept := await redactable(engine, place, names):  # what has always been hidden is nowhere
            wiped = await redact(engine, author, place, {"fields": kept})
    return Anonymised(names, wiped.get("versions", 0), wiped.get("events", 0))


def _chosen(found: Sequence[Blank], wanted: Sequence[str] | None) -> tuple[Blank, ...]:
    if wanted is None:
        return tuple(one for one in found if one.blank)
    by_name = {one.name: one for one in found}
    for name in wanted:
        if name not in by_name:
            raise ValidationFailed({"fields": Problem("validation_invalid_value", f"{name} cannot be blanked.")})
        if by_name[name].why:
            message = f"{name} cannot be blanked: {by_name[name].why}"
            raise ValidationFailed({"fields": Problem("validation_invalid_value", message)})
    return tuple(one for one in found if one.name in wanted)


async def _blank(
    engine: Engine, tx: Transaction, author: Author, collection: Collection, record_id: str, changes: Mapping[str, Any]
) -> None:
    await tell(tx, author)
    await hush(tx)  # or the address would stand in the audit log once more
    asked = Write(catalog=engine.catalog, collection=collection, who=SERVER, id=record_id, body=changes, fields="id")
    await update(engine, asked, tx)
    await forget_other_ways(tx, collection, record_id)
    for table in _FORGOTTEN:
        await tx.execute(
            raw("DELETE FROM ") + qualified("holdfast", table) + raw(" WHERE") + _of(collection, record_id)
        )
    await tx.execute(raw("UPDATE holdfast.blocks SET reason = '' WHERE") + _of(collection, record_id))


def _of(collection: Collection, record_id: str) -> Sql:
    return raw(" collection_id = ") + value(collection.id, "text") + raw(" AND record_id = ") + value(record_id, "text")
