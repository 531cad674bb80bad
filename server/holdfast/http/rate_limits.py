"""Which limit counts for a request, as the operator's options say. Pure but for the counting."""

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from holdfast.errors import RateLimited
from holdfast.http.counters import Counters
from holdfast.http.peer import Network, limit_key
from holdfast.http.request import Request
from holdfast.schema.app_options import RateLimitRule, RateLimits

RECORDS: Final = "/api/collections/"
_ACTIONS: Final = {"GET": "list", "POST": "create", "PUT": "create"}
_ONE_ACTIONS: Final = {"GET": "view", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
_READING: Final = ("query", "aggregate", "export")
_LOGIN: Final = re.compile(r"auth-with-[a-z0-9]+|passkeys-login")
_ANY: Final = "*"
NameOf: TypeAlias = Callable[[str], str]
"""Gives the name of a collection by its id or name: a limit is none if the id gets round it."""


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

    def rule(self, request: Request, name_of: NameOf) -> RateLimitRule | None:
        """The rule that fits best: what is done with the collection, then the path, then the longest beginning."""
        audience = "@guest" if request.principal.kind == "guest" else "@auth"
        path = request.path
        for label in (*_labels(request, name_of), f"{request.method} {path}", path):
            for rule in self.exact.get(label, ()):
                if rule.audience in ("", audience):
                    return rule
        with_method = f"{request.method} {path}"
        for rule in self.beginnings:
            if rule.audience in ("", audience) and (path + "/").startswith(rule.label):
                return rule
            if rule.audience in ("", audience) and (with_method + "/").startswith(rule.label):
                return rule
        return None


def _labels(request: Request, name_of: NameOf) -> tuple[str, ...]:
    """What the request does with which collection, the most special first: `posts:create`, `*:create`."""
    if not request.path.startswith(RECORDS):
        return ()
    parts = request.path[len(RECORDS) :].split("/")
    if len(parts) < 2 or not parts[1]:
        return ()
    actions = _record_actions(request.method, parts) if parts[1] == "records" else _auth_actions("-".join(parts[1:]))
    return tuple(f"{collection}:{action}" for collection in (name_of(parts[0]), _ANY) for action in actions)


def _record_actions(method: str, parts: list[str]) -> tuple[str, ...]:
    if len(parts) == 2:
        return (_ACTIONS[method],) if method in _ACTIONS else ()
    if parts[2] in _READING:
        return ("list",)
    return (_ONE_ACTIONS[method],) if method in _ONE_ACTIONS else ()


def _auth_actions(path: str) -> tuple[str, ...]:
    """The name of the action as PocketBase has it (`authWithPassword`), and `auth` for every way to log in."""
    first, *rest = path.split("-")
    own = first + "".join(part.upper() if part in ("otp", "totp") else part.capitalize() for part in rest)
    return (own, "auth") if _LOGIN.fullmatch(path) else (own,)


class RateLimiter:
    """Holds back who asks too often."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self._limits: RateLimits | None = None
        self._compiled = Compiled({}, (), ())

    async def check(self, limits: RateLimits, request: Request, name_of: NameOf) -> None:
        """Count a request of somebody who is no superuser. Raises RateLimited when there were too many."""
        if limits is not self._limits:
            self._compiled = Compiled.of(limits)
            self._limits = limits
        rule = self._compiled.rule(request, name_of)
        if rule is None or self._is_excluded(request.client):
            return
        who = request.principal.key if request.principal.kind != "guest" else limit_key(request.client)
        await self.count(f"{rule.label} {rule.audience} {who}", rule.max_requests, rule.duration, rule.label)

    async def count(self, key: str, most: int, seconds: int, policy: str) -> None:
        """Count one request under a key. Raises RateLimited from the one on that is too many."""
        counted = await self.counters.count(key, seconds)
        if counted.count <= most:
            return
        left = str(max(1, math.ceil(counted.seconds)))
        name = policy.replace("\\", "").replace('"', "")
        raise RateLimited(
            headers={
                "Retry-After": left,
                "RateLimit-Policy": f'"{name}";q={most};w={seconds}',
                "RateLimit": f'"{name}";r=0;t={left}',
            }
        )

    def _is_excluded(self, address: str) -> bool:
        if not self._compiled.excluded:
            return False
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._compiled.excluded if network.version == found.version)
