"""An endpoint is read from a body. Pure, but for the names of hosts: those are looked at when they are dialled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import InvalidFilter, Problem, Problems, ValidationFailed
from holdfast.http.request_limit import RequestLimit, read_request_limit
from holdfast.outbound.address import Network
from holdfast.outbound.url import check_url
from holdfast.schema.collection import Collection
from holdfast.webhooks.endpoint import EndpointDraft
from holdfast.webhooks.endpoint_filter import check_endpoint_filter, endpoint_sight
from holdfast.webhooks.event_types import EVERYTHING, MOST, by_id, wrong_pattern
from holdfast.webhooks.headers import wrong_headers
from holdfast.webhooks.signature import key_of

INVALID: Final = "validation_invalid_value"
RANGE: Final = "validation_out_of_range"
URL_REFUSED: Final = "url_not_allowed"
MAX_DESCRIPTION_CHARS: Final = 1000
MAX_FIELDS: Final = 200
MAX_FILTER_CHARS: Final = 3500  # as rules have it
TIMEOUT: Final = (1, 30)  # seconds
MAX_REQUESTS: Final = 1_000_000
SET_BY_SERVER: Final = ("id", "circuit", "disabled", "oldSecretUntil", "error", "created", "updated")
KEYS: Final = frozenset((
    *SET_BY_SERVER, "url", "description", "events", "filter", "fields", "role", "headers", "active", "secret",
    "ordered", "timeout", "rateLimit",
))  # fmt: skip
UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
_Problems = dict[str, Problem | Problems]


class Rules(msgspec.Struct, frozen=True):
    """What the server's settings say about endpoints. `others` are the event types that are not of a collection.

    `gone` are the ids of deleted collections that the endpoint is about, by their names: it can be saved as it is.
    """

    allow: Sequence[Network] = ()
    https: bool = False
    others: Sequence[str] = ()
    gone: Mapping[str, str] = {}


def read_endpoint(catalog: Catalog, rules: Rules, body: Mapping[str, Any], old: EndpointDraft) -> EndpointDraft:
    """`old` with what the body changes. Raises ValidationFailed with everything that is wrong."""
    problems: _Problems = {key: UNKNOWN for key in body if key not in KEYS}
    found = msgspec.structs.replace(
        old,
        url=_url(rules, body.get("url"), problems) if "url" in body or not old.url else old.url,
        description=_text(body, "description", old.description, MAX_DESCRIPTION_CHARS, problems),
        events=_events(catalog, rules, body["events"], problems) if "events" in body else old.events,
        role=_role(catalog, body["role"], problems) if "role" in body else old.role,
        headers=_headers(body["headers"], problems) if "headers" in body else old.headers,
        active=_flag(body, "active", old.active, problems),
        ordered=_flag(body, "ordered", old.ordered, problems),
        timeout=_timeout(body.get("timeout", old.timeout), problems),
        rate_limit=_limit(body["rateLimit"], problems) if "rateLimit" in body else old.rate_limit,
        filter=_text(body, "filter", old.filter, MAX_FILTER_CHARS, problems).strip(),
    )
    if not problems.keys() & {"events", "role", "filter"}:
        found = _together(catalog, found, body, problems)
    if not old.events and "events" not in body:
        problems["events"] = Problem("validation_required", "Must say which events are sent.")
    if problems:
        raise ValidationFailed(problems)
    return found


def _together(catalog: Catalog, found: EndpointDraft, body: Mapping[str, Any], problems: _Problems) -> EndpointDraft:
    """What depends on the events and the role. What nobody touches may be wrong by now: it can still be turned off."""
    if body.keys() & {"events", "role", "fields"}:
        found = msgspec.structs.replace(
            found, fields=_fields(catalog, found, body.get("fields", found.fields), problems)
        )
    if body.keys() & {"events", "role"}:
        _check_role(catalog, found, problems)
    if body.keys() & {"events", "role", "filter"}:
        _check_filter(catalog, found, problems)
    return found


def read_secret(body: Mapping[str, Any]) -> str:
    """The secret that the body brings; empty if the server is to make one. Raises ValidationFailed."""
    given = body.get("secret", "")
    if given in ("", None):
        return ""
    try:
        key_of(given if isinstance(given, str) else "")
    except ValueError:
        message = "Must be whsec_ and 24 to 64 bytes in base64, or empty for a new one."
        raise ValidationFailed({"secret": Problem(INVALID, message)}) from None
    return given


def concerned(catalog: Catalog, events: Iterable[str]) -> tuple[Collection, ...] | None:
    """The collections that patterns of events are about; None where one of them is about more than collections."""
    ids = list(dict.fromkeys(pattern.partition(".")[0] for pattern in events))
    found = tuple(catalog.by_id[id] for id in ids if id in catalog.by_id)
    return found if len(found) == len(ids) else None


def _url(rules: Rules, given: Any, problems: _Problems) -> str:
    text = given.strip() if isinstance(given, str) else ""
    if not text:
        problems["url"] = Problem("validation_required", "Must be the address that events are sent to.")
        return ""
    wrong = check_url(text, rules.allow, https=rules.https)
    if wrong is not None:
        problems["url"] = Problem(URL_REFUSED, wrong)
    return text


def _events(catalog: Catalog, rules: Rules, given: Any, problems: _Problems) -> tuple[str, ...]:
    patterns: list[object] = list(cast("Iterable[object]", given)) if isinstance(given, list | tuple) else []
    if not 1 <= len(patterns) <= MOST:
        problems["events"] = Problem(INVALID, f"Must be a list of 1 to {MOST} event types such as posts.created.")
        return ()
    collections = [*rules.gone, *(one.name for one in catalog.collections if one.events and not one.is_view)]
    for pattern in patterns:
        wrong = wrong_pattern(pattern, collections, rules.others)
        if wrong is not None:
            problems["events"] = Problem(INVALID, wrong)
            return ()
    ids = {**rules.gone, **{one.name: one.id for one in catalog.collections}}
    return by_id(dict.fromkeys(str(pattern) for pattern in patterns), ids)


def _role(catalog: Catalog, given: Any, problems: _Problems) -> str:
    if given in ("", None):
        return ""
    role = catalog.role(given) if isinstance(given, str) else None
    if role is None:
        problems["role"] = Problem(INVALID, f"There is no role {str(given)[:100]!r}.")
        return ""
    return role.id


def _check_role(catalog: Catalog, found: EndpointDraft, problems: _Problems) -> None:
    others = [one for one in found.events if one != EVERYTHING and one.partition(".")[0] not in catalog.by_id]
    if found.role and others:
        problems["role"] = Problem(INVALID, f"A role says what is seen of collections: without one for {others[0]}.")


def _headers(given: Any, problems: _Problems) -> Mapping[str, str]:
    wrong = wrong_headers(given)
    if wrong is not None:
        problems["headers"] = Problem(INVALID, wrong)
        return {}
    return dict(given)


def _fields(catalog: Catalog, found: EndpointDraft, given: Any, problems: _Problems) -> tuple[str, ...]:
    try:
        names = tuple(dict.fromkeys(msgspec.convert(given, list[str])))
    except msgspec.ValidationError:
        names = ("",)
    if len(names) > MAX_FIELDS or not all(names):
        problems["fields"] = Problem(INVALID, f"Must be a list of at most {MAX_FIELDS} names of fields.")
        return ()
    about = concerned(catalog, found.events)
    sight = endpoint_sight(catalog, found.who)
    for name in names:
        of = [one for one in catalog.collections if name in one.by_name and sight.knows(one, one.by_name[name])]
        if not any(about is None or one in about for one in of):
            problems["fields"] = Problem(INVALID, f"None of the collections has a field {name[:100]!r}.")
    return names


def _check_filter(catalog: Catalog, found: EndpointDraft, problems: _Problems) -> None:
    if not found.filter:
        return
    about = concerned(catalog, found.events)
    if about is None:
        message = "A filter needs events of collections alone: without * , auth.* and the like."
        problems["filter"] = Problem(INVALID, message)
        return
    for collection in about:
        try:
            check_endpoint_filter(catalog, collection, found.who, found.filter)
        except InvalidFilter as failure:
            problems["filter"] = Problem("validation_invalid_rule", f"For {collection.name}: {failure.message}")
            return


def _timeout(given: Any, problems: _Problems) -> int:
    least, most = TIMEOUT
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        problems["timeout"] = Problem(RANGE, f"Must be a whole number of seconds from {least} to {most}.")
        return most
    return given


def _limit(given: Any, problems: _Problems) -> RequestLimit | None:
    found = read_request_limit(given, MAX_REQUESTS)
    if isinstance(found, Problem):
        problems["rateLimit"] = found
        return None
    return found


def _text(body: Mapping[str, Any], name: str, old: str, most: int, problems: _Problems) -> str:
    given = body.get(name, old)
    if not isinstance(given, str) or len(given) > most or "\0" in given:
        problems[name] = Problem("validation_max_text_constraint", f"Must be a text of at most {most} characters.")
        return old
    return given


def _flag(body: Mapping[str, Any], name: str, old: bool, problems: _Problems) -> bool:
    given = body.get(name, old)
    if not isinstance(given, bool):
        problems[name] = Problem(INVALID, "Must be true or false.")
        return old
    return given
