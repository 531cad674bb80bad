"""How the OAuth2 options of a request are read and checked."""

from collections.abc import Collection as Some
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.auth_options import MappedFields, OAuth2, Provider
from holdfast.schema.field import EMPTY_MESSAGE, FieldError
from holdfast.schema.oauth2_names import ELSEWHERE, NAMES, OIDC
from holdfast.schema.options import INVALID, read_object, read_struct
from holdfast.schema.url import is_web_address

MAX_PROVIDERS: Final = 50
MAX_REDIRECTS: Final = 50
MAX_ISSUERS: Final = 10
_Found: TypeAlias = dict[str, Problem | Problems]
_NO_URL: Final = "Must be an address such as https://example.com/path."


def read_oauth2(given: Mapping[str, Any], current: OAuth2, fields: Some[str]) -> tuple[OAuth2, _Found]:
    """The OAuth2 options with what is given, and what is wrong with them.

    `fields` are the names of the collection's fields. Raises FieldError for what is no object.
    """
    # A field that is gone is mapped no longer; one that the request itself names has to be there.
    current = msgspec.structs.replace(current, mapped_fields=_still_mapped(current.mapped_fields, fields))
    asked = read_object(given.get("oauth2"))
    read, problems = read_struct(asked, current, without=frozenset(("providers",)))
    providers, wrong = _read_providers(asked, current.providers)
    oauth2 = msgspec.structs.replace(read, providers=providers)
    if wrong:
        problems["providers"] = wrong
    problems.update({key: found for key, found in _other_problems(oauth2, fields).items() if key not in problems})
    return oauth2, problems


def _provider_problems(provider: Provider, before: Some[str]) -> _Found:
    """What keeps a provider from being used."""
    found: _Found = {}
    if provider.name in before:
        found["name"] = Problem("validation_duplicated_provider", f"{provider.name} is there twice.")
    elif provider.name not in NAMES:
        found["name"] = Problem("validation_missing_provider", f"There is no provider {provider.name[:100]!r}.")
    for key, text in (("clientId", provider.client_id), ("clientSecret", provider.client_secret)):
        if not text:
            found[key] = Problem("validation_required", EMPTY_MESSAGE)
    urls = (("authURL", provider.auth_url), ("tokenURL", provider.token_url), ("userInfoURL", provider.user_info_url))
    for key, url in urls:
        if url and not is_web_address(url):
            found[key] = Problem("validation_is_url", _NO_URL)
    extra = _extra_problems(provider.extra or {})
    if extra:
        found["extra"] = extra
    return found | _missing(provider)


def _missing(provider: Provider) -> _Found:
    """What has to be said of a provider that everybody runs for themselves."""
    extra = provider.extra or {}
    if provider.name not in ELSEWHERE or (provider.name in OIDC and extra.get("issuer")):
        return {}
    blank = Problem("validation_required", EMPTY_MESSAGE)
    found: _Found = {}
    for key, url in (("authURL", provider.auth_url), ("tokenURL", provider.token_url)):
        if not url:
            found[key] = blank
    if not provider.user_info_url and provider.name not in OIDC:
        found["userInfoURL"] = blank
    elif not provider.user_info_url and not (extra.get("jwksURL") and extra.get("issuers")):
        message = "Is needed, unless extra has issuer, or jwksURL and issuers, by which ID tokens are checked."
        found["userInfoURL"] = Problem("validation_required", message)
    return found


def _extra_problems(extra: Mapping[str, Any]) -> _Found:
    found: _Found = {}
    for key in ("jwksURL", "issuer"):
        url: object = extra.get(key) or ""
        if url and (not isinstance(url, str) or not is_web_address(url)):
            found[key] = Problem("validation_is_url", _NO_URL)
    issuers: object = extra.get("issuers") or []
    texts = isinstance(issuers, list) and all(isinstance(one, str) and one for one in cast("list[object]", issuers))
    if not texts or len(cast("list[object]", issuers)) > MAX_ISSUERS:
        found["issuers"] = Problem(INVALID, f"Must be a list of at most {MAX_ISSUERS} issuers.")
    return found


def _other_problems(oauth2: OAuth2, fields: Some[str]) -> _Found:
    problems: _Found = {}
    mapped: _Found = {
        key: Problem("validation_missing_field", f"There is no field {name}.")
        for key, name in cast(dict[str, str], msgspec.to_builtins(oauth2.mapped_fields)).items()
        if name and name not in fields
    }
    if mapped:
        problems["mappedFields"] = mapped
    redirects: _Found = {
        str(at): Problem("validation_is_url", "Must be the whole address, without a #, such as https://example.com/in.")
        for at, url in enumerate(oauth2.redirect_urls)
        if "://" not in url or "#" in url or any(char.isspace() for char in url)
    }
    if len(oauth2.redirect_urls) > MAX_REDIRECTS:
        problems["redirectURLs"] = Problem("validation_too_many_values", f"There can be at most {MAX_REDIRECTS}.")
    elif redirects:
        problems["redirectURLs"] = redirects
    return problems


def _still_mapped(mapped: MappedFields, fields: Some[str]) -> MappedFields:
    kept = {name: now if now in fields else "" for name, now in msgspec.structs.asdict(mapped).items()}
    return MappedFields(**kept)


def _read_providers(asked: Mapping[str, Any], current: tuple[Provider, ...]) -> tuple[tuple[Provider, ...], _Found]:
    given = asked.get("providers")
    if given is None:
        return current, {}
    if not isinstance(given, list):
        raise FieldError(INVALID, "providers must be a list of objects.")
    items = cast(list[Any], given)
    if len(items) > MAX_PROVIDERS:
        raise FieldError("validation_too_many_values", f"There can be at most {MAX_PROVIDERS} providers.")
    known = {provider.name: provider for provider in current}
    providers: list[Provider] = []
    problems: _Found = {}
    for at, item in enumerate(items):
        try:
            provider, wrong = _read_provider(read_object(item), known, {one.name for one in providers})
        except FieldError as failure:
            provider, wrong = Provider(), failure.problem
        providers.append(provider)
        if wrong:
            problems[str(at)] = wrong
    return tuple(providers), problems


def _read_provider(
    given: Mapping[str, Any], known: Mapping[str, Provider], before: Some[str]
) -> tuple[Provider, _Found]:
    # The secret never goes out, so who sends back what was read sends none: the one that is there stays.
    name = given.get("name")
    secret = known[name].client_secret if isinstance(name, str) and name in known else ""
    provider, problems = read_struct(given, Provider(client_secret=secret))
    provider = msgspec.structs.replace(provider, client_secret=provider.client_secret or secret)
    return provider, {**_provider_problems(provider, before), **problems}
