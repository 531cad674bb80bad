"""What passkeys are bound to: a domain, and the web pages on it that may ask for them. Pure."""

import ipaddress
from urllib.parse import urlsplit

import msgspec

from holdfast.config import Settings
from holdfast.errors import BadRequest
from holdfast.schema.app_options import AppOptions, in_effect

LOCAL = "localhost"


class RelyingParty(msgspec.Struct, frozen=True):
    """`id` is the domain, `name` what people are shown, `origins` the pages that may ask."""

    id: str
    name: str
    origins: tuple[str, ...]


def relying_party(options: AppOptions, settings: Settings) -> RelyingParty:
    """The one of this server: its public address, and the sites of `cors_origins` on the same domain.

    Raises BadRequest where the address is no domain: browsers bind passkeys to nothing else.
    """
    meta = in_effect(options, settings).meta
    own = _origin(meta.app_url)
    domain = settings.passkey_domain or (urlsplit(own).hostname or "")
    if not domain or _is_address(domain):
        raise BadRequest("Passkeys need a domain: set public_url to the address that people use.")
    wanted = (own, *(_origin(origin) for origin in settings.cors_origins if origin != "*"))
    origins = tuple(dict.fromkeys(origin for origin in wanted if _is_on(origin, domain)))
    return RelyingParty(domain, meta.app_name, origins)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _is_on(origin: str, domain: str) -> bool:
    """Whether a page is on the domain, or on one under it, and reached in a way that nobody can listen to."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_safe = parts.scheme == "https" or host == LOCAL or host.endswith("." + LOCAL)
    return is_safe and (host == domain or host.endswith("." + domain))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
