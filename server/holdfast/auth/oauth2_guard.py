"""Refuses OAuth2 providers at addresses that the server may not ask, when they are set and not at the first login."""

from collections.abc import Iterator
from typing import Final

from holdfast.auth.oauth2_client import configured
from holdfast.auth.oauth2_providers import PROVIDERS
from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.outbound.url import check_url
from holdfast.schema.auth_options import OAuth2, auth_options

CLOSED: Final = "validation_url_not_allowed"


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
    wrong = {key: check_url(url, engine.outbound.allow) for key, url in urls.items() if url}
    return {key: Problem(CLOSED, what) for key, what in wrong.items() if what is not None}
