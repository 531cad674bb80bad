"""Refuses OAuth2 providers at addresses that the server may not ask, when they are set and not at the first login."""

from collections.abc import Iterator
from typing import Final

from holdfast.auth.oauth2_client import configured
from holdfast.auth.oauth2_providers import PROVIDERS
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.http.peer import read_networks
from holdfast.outbound.url import check_url
from holdfast.schema.auth_options import OAuth2, auth_options

CLOSED: Final = "validation_url_not_allowed"
_EVERYTHING: Final = read_networks(("0.0.0.0/0", "::/0"))
_ALLOW: Final = "If it is in a network of your own, name that network in HOLDFAST_OUTBOUND_ALLOW."


async def refuse_closed_addresses(engine: Engine, _: Transaction, changed: Catalog) -> None:
    """A guard of the engine. Raises ValidationFailed with the provider and the option that names the address."""
    for collection in changed.collections:
        before = engine.catalog.by_id.get(collection.id)
        if not collection.is_auth or (before is not None and before.auth == collection.auth):
            continue
        found = dict(_problems(engine, auth_options(collection.auth).oauth2))
        if found:
            raise ValidationFailed({"oauth2": {"providers": found}})


def _problems(engine: Engine, options: OAuth2) -> Iterator[tuple[str, Problems]]:
    for at, provider in enumerate(options.providers):
        if provider.name not in PROVIDERS:
            continue
        client = configured(provider)
        urls = {"tokenURL": client.token_url, "userInfoURL": client.user_info_url}
        of_extra = {"jwksURL": client.jwks_url, "issuer": client.discovery}
        found: dict[str, Problem | Problems] = dict(_closed(engine, urls))
        inside = _closed(engine, of_extra)
        if inside:
            found["extra"] = inside
        if found:
            yield str(at), found


def _closed(engine: Engine, urls: dict[str, str]) -> dict[str, Problem]:
    wrong = {key: _refusal(engine, url) for key, url in urls.items() if url}
    return {key: Problem(CLOSED, what) for key, what in wrong.items() if what is not None}


def _refusal(engine: Engine, url: str) -> str | None:
    """Why a URL is refused, and what the operator can do about it where there is something."""
    wrong = check_url(url, engine.outbound.allow)
    if wrong is None or check_url(url, _EVERYTHING) is not None:
        return wrong
    return f"{wrong} {_ALLOW}"
