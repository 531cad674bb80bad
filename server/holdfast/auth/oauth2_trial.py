"""A provider tried by a superuser: who it says that somebody is, and what would come of it. Nobody is logged in."""

from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.auth.identity_field import find_by_email
from holdfast.auth.oauth2_asking import discovered
from holdfast.auth.oauth2_client import Client, find_client
from holdfast.auth.oauth2_exchange import Code, exchange, person
from holdfast.auth.oauth2_links import linked_record
from holdfast.auth.oauth2_profile import Profile
from holdfast.auth.oauth2_start import Start, is_verifier, start
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

Ending: TypeAlias = Literal["linked", "email", "new"]
_UNKNOWN: Final = Problem("validation_invalid_provider", "This collection has no such provider.")
_NO_VERIFIER: Final = Problem("validation_invalid_verifier", "Must be the codeVerifier that the trial began with.")


class Trial(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a provider said, and whose account it would be: a record that is there, or none where one is made."""

    id: str
    name: str
    username: str
    email: str
    avatar_url: str = msgspec.field(name="avatarURL")
    outcome: Ending
    record: str


async def begin_trial(engine: Engine, collection: Collection, provider: str) -> Start:
    """Where to be sent, and what to keep. Raises ValidationFailed, and BadRequest for a provider that says nothing."""
    return start(await discovered(engine, _client(collection, provider)))


async def finish_trial(engine: Engine, collection: Collection, provider: str, code: Code) -> Trial:
    """What the provider says of whoever came back. Raises ValidationFailed, and BadRequest with its no."""
    client = _client(collection, provider)
    if client.pkce and not is_verifier(code.verifier):
        raise ValidationFailed({"codeVerifier": _NO_VERIFIER})
    client = await discovered(engine, client)
    tokens = await exchange(engine, client, code)
    profile = await person(engine, client, tokens, code.verifier)
    outcome, record = await _ending(engine, collection, client, profile)
    return Trial(
        id=profile.id,
        name=profile.name,
        username=profile.username,
        email=profile.email,
        avatar_url=profile.avatar_url,
        outcome=outcome,
        record=record,
    )


def _client(collection: Collection, provider: str) -> Client:
    client = find_client(auth_options(collection.auth).oauth2, provider)
    if client is None:
        raise ValidationFailed({"provider": _UNKNOWN})
    return client


async def _ending(engine: Engine, collection: Collection, client: Client, profile: Profile) -> tuple[Ending, str]:
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            linked = await linked_record(tx, collection, client, profile.id)
    if linked:
        return "linked", linked
    found = await find_by_email(engine, collection, profile.email)
    return ("email", found.id) if found.id else ("new", "")
