"""Which limit counts for a request, as the operator's options say. Pure but for the buckets."""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeAlias

import msgspec

from holdfast.errors import RateLimited
from holdfast.http.buckets import Buckets
from holdfast.http.peer import Network, is_in, limit_key
from holdfast.identity import Principal
from holdfast.schema.app_options import RateLimitRule, RateLimits

RECORDS: Final = "/api/collections/"
FILES: Final = "/api/files/"
# What load balancers ask, from an address that others may share: counted only by a rule that names it.
PROBES: Final = frozenset(("/api/health", "/api/ready"))
_ACTIONS: Final = {"GET": "list", "POST": "create", "PUT": "create"}
_ONE_ACTIONS: Final = {"GET": "view", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
_NAMED: Final = {"query": "list", "aggregate": "list", "export": "list", "import": "create"}
_LOGIN: Final = re.compile(r"auth-with-[a-z0-9]+|passkeys-login")
# Names that PocketBase does not make of the path, and parts of paths that it writes otherwise.
_CALLED: Final = {"auth-methods": "listAuthMethods"}
_SPELLED: Final = {"otp": "OTP", "totp": "TOTP", "oauth2": "OAuth2"}
_ANY: Final = "*"
RECORD_ACTIONS: Final = ("list", "view", "create", "update", "delete", "file")
"""What labels call requests for records and their files."""
AUTH_PATHS: Final = (
    "auth-methods",
    "auth-refresh",
    "auth-with-oauth2",
    "auth-with-otp",
    "auth-with-password",
    "auth-with-totp",
    "confirm-email-change",
    "confirm-password-reset",
    "confirm-verification",
    "passkeys",
    "passkeys/login",
    "passkeys/login-options",
    "passkeys/register",
    "passkeys/register-options",
    "request-email-change",
    "request-otp",
    "request-password-reset",
    "request-verification",
    "sessions",
    "totp",
    "totp/confirm",
    "totp/disable",
    "totp/enroll",
    "totp/recovery-codes",
)
"""What comes after the name of an auth collection in the paths of its routes, as far as limits can name them."""
NameOf: TypeAlias = Callable[[str], str]
"""Gives the name of a collection by its id or name: a limit is none if the id gets round it."""


class Asked(Protocol):
    """What limits look at: a request, or a part of a batch."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def principal(self) -> Principal: ...
    @property
    def has_own_limit(self) -> bool: ...


class Part(msgspec.Struct, frozen=True):
    """A part of a batch, which counts as if it had come alone."""

    method: str
    path: str
    client: str
    principal: Principal
    has_own_limit: bool


class Bucket(msgspec.Struct, frozen=True):
    """What a request takes its token from: the rule, and what it counts apart."""

    rule: RateLimitRule
    key: str


class Compiled(msgspec.Struct, frozen=True):
    """The limits, ready to be asked for each request: exact labels, and beginnings of paths, the longest first."""

    exact: dict[str, tuple[RateLimitRule, ...]]
    beginnings: tuple[RateLimitRule, ...]
    excluded: tuple[Network, ...]

    @classmethod
    def of(cls, limits: RateLimits) -> "Compiled":
        """The rules of these limits. One without a label, a duration or a number limits nothing."""
        rules = [rule for rule in limits.rules if rule.label and rule.duration > 0 and rule.max_requests > 0]
        exact: dict[str, tuple[RateLimitRule, ...]] = {}
        for rule in rules:
            exact[rule.label] = (*exact.get(rule.label, ()), rule)
        beginnings = sorted((rule for rule in rules if rule.label.endswith("/")), key=lambda rule: -len(rule.label))
        excluded = tuple(ipaddress.ip_network(text, strict=False) for text in limits.excluded_ips)
        return cls(exact, tuple(beginnings), excluded)

    def bucket(self, asked: Asked, name_of: NameOf) -> Bucket | None:
        """What a request takes its token from; None if nothing limits it, or its sender."""
        if asked.principal.is_superuser or asked.has_own_limit or self._is_excluded(asked.client):
            return None
        found = self._rule(asked, name_of)
        if found is None:
            return None
        rule, collection = found
        who = limit_key(asked.client) if asked.principal.kind == "guest" else asked.principal.key
        return Bucket(rule, f"{rule.label} {rule.audience} {collection} {who}")

    def _rule(self, asked: Asked, name_of: NameOf) -> tuple[RateLimitRule, str] | None:
        """The rule that fits best, and the collection if it counts each apart.

        PocketBase's order: what is done with the collection, the same with any collection, then the path with its
        method, then without; of both the whole path before its beginning.
        """
        audiences = ("", "@guest" if asked.principal.kind == "guest" else "@auth")
        collection, actions = _done(asked.method, asked.path, name_of)
        for name in (collection, _ANY):
            for action in actions:
                rule = self._exact(f"{name}:{action}", audiences)
                if rule is not None:
                    return rule, collection
        for path in (f"{asked.method} {asked.path}", asked.path):
            rule = self._exact(path, audiences)
            if rule is None and asked.path not in PROBES:
                rule = self._beginning(path, audiences)
            if rule is not None:
                return rule, ""
        return None

    def _exact(self, label: str, audiences: tuple[str, ...]) -> RateLimitRule | None:
        return next((rule for rule in self.exact.get(label, ()) if rule.audience in audiences), None)

    def _beginning(self, path: str, audiences: tuple[str, ...]) -> RateLimitRule | None:
        whole = path + "/"
        fitting = (rule for rule in self.beginnings if whole.startswith(rule.label))
        return next((rule for rule in fitting if rule.audience in audiences), None)

    def _is_excluded(self, address: str) -> bool:
        return bool(self.excluded) and is_in(address, self.excluded)


def _done(method: str, path: str, name_of: NameOf) -> tuple[str, tuple[str, ...]]:
    """With which collection a request does what; nothing if it does nothing that labels name."""
    if path.startswith(FILES):
        parts = path[len(FILES) :].split("/")
        return (name_of(parts[0]), ("file",)) if len(parts) == 3 else ("", ())
    if not path.startswith(RECORDS):
        return "", ()
    parts = path[len(RECORDS) :].split("/")
    if len(parts) < 2 or not parts[1]:
        return "", ()
    if parts[1] == "records":
        return name_of(parts[0]), _record_actions(method, parts)
    return name_of(parts[0]), _auth_actions("-".join(parts[1:]))


def _record_actions(method: str, parts: list[str]) -> tuple[str, ...]:
    if len(parts) == 2:
        return (_ACTIONS[method],) if method in _ACTIONS else ()
    if parts[2] in _NAMED:
        return (_NAMED[parts[2]],)
    return (_ONE_ACTIONS[method],) if method in _ONE_ACTIONS else ()


def _auth_actions(path: str) -> tuple[str, ...]:
    """The name of the action as PocketBase has it (`authWithPassword`), and `auth` for every way to log in."""
    first, *rest = path.split("-")
    own = _CALLED.get(path) or first + "".join(_SPELLED.get(part) or part.capitalize() for part in rest)
    return (own, "auth") if _LOGIN.fullmatch(path) else (own,)


AUTH_ACTIONS: Final = tuple(sorted({name for path in AUTH_PATHS for name in _auth_actions(path.replace("/", "-"))}))
"""What labels call the requests of auth collections."""


class RateLimiter:
    """Holds back who asks too often."""

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets
        self._limits: RateLimits | None = None
        self._compiled = Compiled({}, (), ())

    async def check(self, limits: RateLimits, asked: Iterable[Asked], name_of: NameOf) -> None:
        """Take a token for a request, or for the parts of a batch. Raises RateLimited when there is none.

        Superusers need none, nor do keys that have a limit of their own.
        """
        if limits is not self._limits:
            self._compiled = Compiled.of(limits)
            self._limits = limits
        found = Counter(self._compiled.bucket(one, name_of) for one in asked)
        for bucket, many in found.items():
            if bucket is not None:
                rule = bucket.rule
                await self.take(bucket.key, rule.max_requests, rule.duration, rule.label, many=many)

    async def take(self, key: str, most: int, seconds: int, policy: str, *, many: int = 1) -> None:
        """Take a token for one request, or for `many`, out of the bucket of a key.

        `most` can be taken at once, and as many come back in so many seconds. Raises RateLimited when there are not
        enough of them; then none is taken.
        """
        taken = await self.buckets.take(key, most, seconds, many)
        if taken.passes:
            return
        left = str(max(1, math.ceil(taken.seconds)))
        name = policy.replace("\\", "").replace('"', "")
        raise RateLimited(
            headers={
                "Retry-After": left,
                "RateLimit-Policy": f'"{name}";q={most};w={seconds}',
                "RateLimit": f'"{name}";r=0;t={left}',
            }
        )
