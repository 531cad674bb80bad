"""Asks OAuth2 providers, through the guarded client, and reads what they answer as JSON. Whatever fails is a 400."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
import structlog

from holdfast.auth.oauth2_client import Client, completed
from holdfast.engine import Engine
from holdfast.errors import BadRequest
from holdfast.outbound.client import Received
from holdfast.outbound.failed import Failed
from holdfast.outbound.refused import Refused

ANSWER_BYTES: Final = 1024 * 1024
REQUEST_SECONDS: Final = 10.0
DISCOVERY_SECONDS: Final = 3600.0  # how long what an issuer says of itself is believed
KEYS_SECONDS: Final = 3600.0
NEW_KEYS_SECONDS: Final = 30.0  # how often a set of keys is asked for at most when one is not in it
_log: Final = structlog.get_logger("holdfast.auth")


def provider_failed(client: Client, sentence: str, **details: object) -> BadRequest:
    """The refusal for a login that failed at the provider, after it was written down. Never what they said of it."""
    _log.warning("login", outcome="provider failed", method="oauth2", provider=client.name, reason=sentence, **details)
    return BadRequest(f"{client.display_name}: {sentence}")


async def ask(
    engine: Engine,
    client: Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    form: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Received:
    """One request. Raises BadRequest when nothing comes, or the address may not be asked."""
    try:
        return await engine.outbound.request(
            method,
            url,
            headers={"accept": "application/json", "user-agent": "holdfast", **headers},
            form=form,
            body=body,
            most_bytes=ANSWER_BYTES,
            seconds=REQUEST_SECONDS,
        )
    except Refused as failure:
        raise provider_failed(client, "the server may not ask its address.", cause=str(failure)) from failure
    except Failed as failure:
        raise provider_failed(client, "it did not answer.", cause=str(failure)) from failure


def read_answer(received: Received) -> Mapping[str, Any]:
    """The JSON object of an answer; an empty one for anything else."""
    found = read_any(received)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def read_any(received: Received) -> object:
    """The JSON of an answer; None for anything else."""
    try:
        return msgspec.json.decode(received.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


async def discovered(engine: Engine, client: Client) -> Client:
    """The client with what its issuer says of itself, where the operator left something to it.

    Raises BadRequest when the issuer does not say it, or says that it is another one.
    """
    if not client.discovery:
        return client
    url = client.discovery.rstrip("/") + "/.well-known/openid-configuration"

    async def look() -> Mapping[str, Any]:
        said = await _object_at(engine, client, url)
        if str(said.get("issuer", "")).rstrip("/") != client.discovery.rstrip("/"):
            raise provider_failed(client, "its configuration is that of another issuer.")
        return said

    said = await engine.keeping.get(url, look, seconds=DISCOVERY_SECONDS)
    found = msgspec.structs.replace(completed(client, said), issuers=tuple({*client.issuers, str(said["issuer"])}))
    if not (found.auth_url and found.token_url and (found.user_info_url or found.jwks_url)):
        raise provider_failed(client, "its configuration does not say where to log in.")
    return found


async def keys_of(engine: Engine, client: Client, *, fresh: bool = False) -> Mapping[str, Any]:
    """The keys that sign its ID tokens. `fresh`: those that are kept miss one; but it is not asked each time."""
    seconds = NEW_KEYS_SECONDS if fresh else KEYS_SECONDS

    async def look() -> Mapping[str, Any]:
        return await _object_at(engine, client, client.jwks_url)

    return await engine.keeping.get(client.jwks_url, look, seconds=seconds)


async def _object_at(engine: Engine, client: Client, url: str) -> Mapping[str, Any]:
    received = await ask(engine, client, "GET", url, headers={})
    found = read_answer(received)
    if received.status != 200 or not found:
        raise provider_failed(client, "it does not say how it can be used.", url=url, status=received.status)
    return found
