"""Whose account a provider's person is: one that is linked, one that they are logged in to, theirs by email, or new."""

from collections.abc import Mapping
from typing import Any

import msgspec

from holdfast.audit.author import Author, author_of
from holdfast.audit.write import tell
from holdfast.auth.account import Account, read_account, select_account
from holdfast.auth.changing import SERVER, random_password
from holdfast.auth.hooked import map_oauth2
from holdfast.auth.identity_field import names_it
from holdfast.auth.login import Asked
from holdfast.auth.oauth2_client import Client
from holdfast.auth.oauth2_links import forget_other_ways, link, linked_record, take_turns
from holdfast.auth.oauth2_newcomer import new_values
from holdfast.auth.oauth2_profile import Profile
from holdfast.auth.own import is_impersonation
from holdfast.auth.principals import principal_of
from holdfast.db.failures import as_api_errors
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, ValidationFailed
from holdfast.identity import GUEST, Principal
from holdfast.plugin import OAuth2Newcomer
from holdfast.records.violations import NOT_UNIQUE
from holdfast.records.write_service import Write, create, update
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS


class Newcomer(msgspec.Struct, frozen=True):
    """Somebody whom a provider vouches for. `given` is what the app sends for the record of one who is new."""

    collection: Collection
    client: Client
    profile: Profile
    given: Mapping[str, Any]


class Found(msgspec.Struct, frozen=True):
    """Their account, which may just have been made."""

    account: Account
    is_new: bool


async def account_of(engine: Engine, newcomer: Newcomer, asked: Asked) -> Found:
    """Find the account, or make it under the createRule, and link it with the provider's. All or nothing.

    Raises what a creation is refused with, and BadRequest for an account that is linked with another one there.
    """
    collection, profile = newcomer.collection, newcomer.profile
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            # The address first, so that no two wait for each other.
            names = (f"email {profile.email}",) if profile.email else ()
            await take_turns(tx, collection, *names, f"{newcomer.client.name} {profile.id}")
            linked = await linked_record(tx, collection, newcomer.client, profile.id)
            account = await _present(tx, newcomer, asked, linked)
            if account is None and linked:
                raise BadRequest("The account is gone: log in again.")
            if account is None:
                id = await _create(engine, tx, newcomer, asked)
            else:
                id = account.id
                is_theirs = bool(linked) or _is(asked, collection, account)
                await tell(tx, _author(asked, collection, id))
                await _bring_up_to_date(engine, tx, newcomer, account, is_theirs=is_theirs)
            if not linked:
                await tell(tx, _author(asked, collection, id))
                await link(tx, collection, id, newcomer.client, profile.id)
            found = await _account(tx, collection, _by_id(id))
    if found is None:
        raise BadRequest("The account is gone: log in again.")
    return Found(found, is_new=account is None)


async def _present(tx: Transaction, newcomer: Newcomer, asked: Asked, linked: str) -> Account | None:
    """The account that is there, locked."""
    collection, profile = newcomer.collection, newcomer.profile
    if linked:
        return await _account(tx, collection, _by_id(linked))
    who = _logged_in(asked)
    if who.collection_id == collection.id:
        return await _account(tx, collection, _by_id(who.record_id))
    if profile.email:
        return await _account(tx, collection, names_it(collection, "email", profile.email))
    return None


async def _account(tx: Transaction, collection: Collection, condition: Sql) -> Account | None:
    row = await tx.fetchrow(select_account(collection) + raw(" WHERE ") + condition + raw(" LIMIT 1 FOR UPDATE"))
    return read_account(row) if row is not None else None


def _by_id(id: str) -> Sql:
    return raw('"id" = ') + value(id, "text")


def _author(asked: Asked, collection: Collection, id: str) -> Author:
    """The account itself: who logs in by a provider links it, and nobody else does."""
    return author_of(principal_of(collection, id), asked.origin.request, asked.origin.address, asked.origin.client)


def _logged_in(asked: Asked) -> Principal:
    """The caller, where they have logged in: an impersonation ends when it ends, so it links nothing."""
    return GUEST if is_impersonation(asked.facts.headers.get(b"authorization", b"")) else asked.facts.who


def _is(asked: Asked, collection: Collection, account: Account) -> bool:
    who = _logged_in(asked)
    return (who.collection_id, who.record_id) == (collection.id, account.id)


async def _bring_up_to_date(
    engine: Engine, tx: Transaction, newcomer: Newcomer, account: Account, *, is_theirs: bool
) -> None:
    """What the provider's word for an address changes.

    An account that was found by its address alone, which nobody had confirmed, may have been made by anybody: what
    they could log in with ends now.
    """
    email = newcomer.profile.email
    if not account.email and email:
        await _give_email(engine, tx, newcomer, account)
        return
    changes: dict[str, Any] = {}
    if not account.verified and account.email == email:
        changes["verified"] = True
        if not is_theirs:
            changes |= random_password()
            await forget_other_ways(tx, newcomer.collection, account.id)
    if changes:
        await _change(engine, tx, newcomer.collection, account.id, changes)


async def _give_email(engine: Engine, tx: Transaction, newcomer: Newcomer, account: Account) -> None:
    """Give an account without an address the provider's, unless another account has it."""
    changes = {"email": newcomer.profile.email, "verified": True}
    try:
        async with tx.savepoint():
            await _change(engine, tx, newcomer.collection, account.id, changes)
    except ValidationFailed as failure:
        if "email" not in failure.data:
            raise


async def _change(engine: Engine, tx: Transaction, collection: Collection, id: str, changes: Mapping[str, Any]) -> None:
    write = Write(catalog=engine.catalog, collection=collection, who=SERVER, id=id, body=changes, fields="id")
    await update(engine, write, tx)


async def _create(engine: Engine, tx: Transaction, newcomer: Newcomer, asked: Asked) -> str:
    """Make the record, as whoever asks may; the id."""
    collection, profile = newcomer.collection, newcomer.profile
    if collection.name == SUPERUSERS:
        raise BadRequest("Nobody becomes a superuser by logging in elsewhere.")
    values = new_values(collection, profile, newcomer.given)
    if engine.hooks.auth_map_oauth2:
        told = OAuth2Newcomer(newcomer.client.name, msgspec.to_builtins(profile), values)
        values = await map_oauth2(engine, collection, told, asked, tx)
    username = auth_options(collection.auth).oauth2.mapped_fields.username
    try:
        async with tx.savepoint():
            id = await _create_with(engine, tx, newcomer, asked, values)
    except ValidationFailed as failure:
        is_chosen = username in newcomer.given or username not in values
        if is_chosen or dict(failure.data) != {username: NOT_UNIQUE}:
            raise
        # Somebody else has this name here: that keeps nobody out.
        values.pop(username)
        id = await _create_with(engine, tx, newcomer, asked, values)
    if (values["email"] or "") == profile.email:
        await _change(engine, tx, collection, id, {"verified": True})
    return id


async def _create_with(
    engine: Engine, tx: Transaction, newcomer: Newcomer, asked: Asked, values: Mapping[str, Any]
) -> str:
    facts = msgspec.structs.replace(asked.facts, body=values)
    write = Write(
        catalog=engine.catalog,
        collection=newcomer.collection,
        who=asked.facts.who,
        body=values,
        fields="id",
        request=facts,
    )
    try:
        return (await create(engine, write, tx)).id
    except Forbidden as refusal:
        raise Forbidden(
            "You have no account here, and the createRule of this collection lets you make none."
        ) from refusal
