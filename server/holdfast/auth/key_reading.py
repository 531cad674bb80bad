"""An API key is read from a body, and written as the API has it. Pure."""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.pool import Row
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.expressions.moment import read_moment
from holdfast.http.request_limit import RequestLimit, read_request_limit
from holdfast.schema.field import EMPTY_MESSAGE

MAX_NAME_CHARS: Final = 200
MAX_NETWORKS: Final = 100
MAX_ROLES: Final = 100
MAX_REQUESTS: Final = 1_000_000_000
INVALID: Final = "validation_invalid_value"
SET_BY_SERVER: Final = ("id", "prefix", "lastUsed", "requests", "created", "updated", "revoked")
KEYS: Final = frozenset((*SET_BY_SERVER, "name", "roles", "superuser", "expires", "allowedIps", "rateLimit"))
# A key that ends never because somebody wrote `expiry` is worse than an error. What was read can be sent back.
UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")


class KeyDraft(msgspec.Struct, frozen=True):
    """What can be said about a key. `roles` are ids."""

    name: str = ""
    roles: tuple[str, ...] = ()
    superuser: bool = False
    expires: datetime | None = None
    allowed_ips: tuple[str, ...] = ()
    rate_limit: RequestLimit | None = None


def read_key(catalog: Catalog, body: Mapping[str, Any], old: KeyDraft) -> KeyDraft:
    """`old` with what the body changes. Raises ValidationFailed with everything that is wrong."""
    problems: dict[str, Problem | Problems] = {}
    problems.update({key: UNKNOWN for key in body if key not in KEYS})
    found = msgspec.structs.replace(
        old,
        name=_name(body.get("name", old.name), problems),
        roles=_roles(catalog, body["roles"], problems) if "roles" in body else old.roles,
        superuser=_flag(body, "superuser", problems, default=old.superuser),
        expires=_date(body["expires"], problems) if "expires" in body else old.expires,
        allowed_ips=_networks(body["allowedIps"], problems) if "allowedIps" in body else old.allowed_ips,
        rate_limit=_limit(body["rateLimit"], problems) if "rateLimit" in body else old.rate_limit,
    )
    if problems:
        raise ValidationFailed(problems)
    return found


def key_draft(row: Row) -> KeyDraft:
    """What a row of the table says."""
    limit = msgspec.json.decode(row["rate_limit"], type=RequestLimit) if row["rate_limit"] else None
    expires = row["expires_at"]
    return KeyDraft(row["name"], tuple(row["roles"]), row["superuser"], expires, tuple(row["allowed_ips"]), limit)


def key_json(catalog: Catalog, row: Row) -> dict[str, Any]:
    """The key as the API writes it; its secret is not known any more."""
    return {
        "id": row["id"],
        "name": row["name"],
        "prefix": f"hf_{row['id']}",
        "roles": [catalog.roles_by_id[id].name for id in row["roles"] if id in catalog.roles_by_id],
        "superuser": row["superuser"],
        "expires": row["expires"],
        "allowedIps": list(row["allowed_ips"]),
        "rateLimit": msgspec.json.decode(row["rate_limit"]) if row["rate_limit"] else None,
        "lastUsed": row["last_used"],
        "requests": row["requests"],
        "created": row["created"],
        "updated": row["updated"],
        "revoked": row["revoked"],
    }


def _name(given: Any, problems: dict[str, Problem | Problems]) -> str:
    if not isinstance(given, str) or not given.strip():
        problems["name"] = Problem("validation_required", EMPTY_MESSAGE)
        return ""
    if len(given) > MAX_NAME_CHARS:
        problems["name"] = Problem("validation_max_text_constraint", f"Must have at most {MAX_NAME_CHARS} characters.")
    return given.strip()


def _roles(catalog: Catalog, given: Any, problems: dict[str, Problem | Problems]) -> tuple[str, ...]:
    names = _texts(given)
    if names is None or len(names) > MAX_ROLES:
        problems["roles"] = Problem(INVALID, f"Must be a list of at most {MAX_ROLES} names of roles.")
        return ()
    for name in names:
        if catalog.role(name) is None:
            problems["roles"] = Problem(INVALID, f"There is no role {name[:100]!r}.")
    return tuple(sorted({role.id for name in names if (role := catalog.role(name)) is not None}))


def _flag(body: Mapping[str, Any], name: str, problems: dict[str, Problem | Problems], *, default: bool) -> bool:
    given = body.get(name, default)
    if not isinstance(given, bool):
        problems[name] = Problem(INVALID, "Must be true or false.")
        return default
    return given


def _date(given: Any, problems: dict[str, Problem | Problems]) -> datetime | None:
    if given is None or given == "":
        return None
    found = read_moment(given) if isinstance(given, str) else None
    if found is None:
        problems["expires"] = Problem("validation_invalid_date", "Must be a date such as 2027-01-31 12:00:00Z.")
        return None
    if found <= datetime.now(UTC):
        problems["expires"] = Problem(INVALID, "Must be in the future.")
    return found


def _networks(given: Any, problems: dict[str, Problem | Problems]) -> tuple[str, ...]:
    texts = _texts(given)
    if texts is None or len(texts) > MAX_NETWORKS:
        problems["allowedIps"] = Problem(INVALID, f"Must be a list of at most {MAX_NETWORKS} addresses or networks.")
        return ()
    for text in texts:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            problem = f"{text[:100]!r} is no address and no network such as 192.0.2.0/24."
            problems["allowedIps"] = Problem(INVALID, problem)
    return tuple(texts)


def _limit(given: Any, problems: dict[str, Problem | Problems]) -> RequestLimit | None:
    found = read_request_limit(given, MAX_REQUESTS)
    if isinstance(found, Problem):
        problems["rateLimit"] = found
        return None
    return found


def _texts(given: Any) -> list[str] | None:
    try:
        return msgspec.convert(given, list[str])
    except msgspec.ValidationError:
        return None
