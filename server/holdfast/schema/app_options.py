"""What the operator sets while the server runs (`/api/settings`): how the application is called, mail, limits, logs.

They are a part of the catalog: every process has a change before the answer to it goes out. What the environment
sets wins over them, see `in_effect`.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.config import Settings

Audience: TypeAlias = Literal["", "@guest", "@auth"]
AuthMethod: TypeAlias = Literal["", "PLAIN", "LOGIN"]
_LOOPBACK: Final = frozenset(("127.0.0.1", "::1", "localhost", ""))


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """How the application calls itself. `app_url` is where the links of mails lead, without a slash at its end."""

    app_name: str = "Acme"
    app_url: str = msgspec.field(default="", name="appURL")
    sender_name: str = "Support"
    sender_address: str = "support@example.com"
    hide_controls: bool = False


class Smtp(msgspec.Struct, frozen=True, rename="camel"):
    """Where mail is handed over. `tls`: encrypted from the first byte; otherwise STARTTLS where the server has it."""

    enabled: bool = False
    port: int = 587
    host: str = "smtp.example.com"
    username: str = ""
    password: str = ""
    auth_method: AuthMethod = ""  # empty is PLAIN
    tls: bool = False
    local_name: str = ""


class RateLimitRule(msgspec.Struct, frozen=True, rename="camel"):
    """At most `max_requests` in `duration` seconds for each caller.

    `label` is a path (`/api/batch`), the beginning of one (`/api/`), either with a method before it
    (`POST /api/collections/`), or what is done with which collection (`users:auth`, `*:create`).
    """

    label: str = ""
    audience: Audience = ""
    duration: int = 0
    max_requests: int = 0


class RateLimits(msgspec.Struct, frozen=True, rename="camel"):
    """How often callers may ask. Those from `excluded_ips` (addresses or networks) may as often as they like."""

    rules: tuple[RateLimitRule, ...] = (
        RateLimitRule("*:auth", "", 3, 2),
        RateLimitRule("*:create", "", 5, 20),
        RateLimitRule("/api/batch", "", 1, 3),
        RateLimitRule("/api/", "", 10, 300),
    )
    excluded_ips: tuple[str, ...] = msgspec.field(default=(), name="excludedIPs")
    enabled: bool = False


class Batch(msgspec.Struct, frozen=True, rename="camel"):
    """What a batch may be. `timeout` is in seconds, `max_body_size` in bytes; 0 is what other requests have."""

    enabled: bool = True
    max_requests: int = 50
    timeout: int = 0
    max_body_size: int = 0


class S3(msgspec.Struct, frozen=True, rename="camel"):
    """A bucket of S3 or of what speaks as it does, where files or backups are kept instead of on the server's disk."""

    enabled: bool = False
    bucket: str = ""
    region: str = ""
    endpoint: str = ""
    access_key: str = ""
    secret: str = ""
    force_path_style: bool = False


class Files(msgspec.Struct, frozen=True, rename="camel"):
    """How many bytes files may have together; 0 is no limit. `max_bytes_of` is for collections, by name or id."""

    max_bytes: int = 0
    max_bytes_of: dict[str, int] = msgspec.field(default_factory=dict[str, int])


class Backups(msgspec.Struct, frozen=True, rename="camel"):
    """When backups are made by themselves (`cron`, in UTC; never where it is empty), how many of those are kept, and
    the bucket where all are, if it is not the server's disk.
    """

    cron: str = ""
    cron_max_keep: int = 3
    s3: S3 = S3()


class Logs(msgspec.Struct, frozen=True, rename="camel"):
    """What of the log is kept in the database for `/api/logs`. With 0 for `max_days` nothing is.

    `min_level` is the least severe level that is kept: -4 debug, 0 info, 4 warning, 8 error. `max_per_second` bounds
    what each process keeps; the output of the server has everything in any case.
    """

    max_days: int = 5
    min_level: int = 0
    log_ip: bool = msgspec.field(default=True, name="logIP")
    log_auth_id: bool = False
    max_per_second: int = 200


class AppOptions(msgspec.Struct, frozen=True, rename="camel"):
    """All of them."""

    meta: Meta = Meta()
    smtp: Smtp = Smtp()
    rate_limits: RateLimits = RateLimits()
    batch: Batch = Batch()
    s3: S3 = S3()
    files: Files = Files()
    logs: Logs = Logs()
    backups: Backups = Backups()


class TrustedProxy(msgspec.Struct, frozen=True, rename="camel"):
    """Which headers tell the address of a client, from proxies that are trusted. The environment decides it."""

    headers: tuple[str, ...] = ()
    use_leftmost_ip: bool = msgspec.field(default=False, name="useLeftmostIP")


DEFAULT_OPTIONS: Final = AppOptions()


def in_effect(options: AppOptions, settings: Settings) -> AppOptions:
    """The options with what the environment sets in their place: see `FIXED_BY`."""
    meta, batch = options.meta, options.batch
    app_url = settings.public_url or meta.app_url or _own_url(settings)
    if app_url != meta.app_url:
        meta = msgspec.structs.replace(meta, app_url=app_url)
    if settings.batch_requests:
        batch = msgspec.structs.replace(batch, max_requests=settings.batch_requests)
    return msgspec.structs.replace(options, meta=meta, batch=batch)


FIXED_BY: Final = {("meta", "appURL"): "public_url", ("batch", "maxRequests"): "batch_requests"}
"""Which setting of the environment takes an option's place, where it is set."""


def renamed(options: AppOptions, names: Mapping[str, str]) -> AppOptions:
    """The options after collections got new names: labels of rate limits (`posts:create`) name them, and quotas."""
    if not names:
        return options
    rules = tuple(_relabelled(rule, names) for rule in options.rate_limits.rules)
    limits = msgspec.structs.replace(options.rate_limits, rules=rules)
    room = {names.get(name, name): most for name, most in options.files.max_bytes_of.items()}
    files = msgspec.structs.replace(options.files, max_bytes_of=room)
    return msgspec.structs.replace(options, rate_limits=limits, files=files)


def _relabelled(rule: RateLimitRule, names: Mapping[str, str]) -> RateLimitRule:
    collection, colon, action = rule.label.partition(":")
    return msgspec.structs.replace(rule, label=names.get(collection, collection) + colon + action) if colon else rule


def trusted_proxy(settings: Settings) -> TrustedProxy:
    """What is shown of the proxies."""
    return TrustedProxy(("X-Forwarded-For",) if settings.trusted_proxies else ())


def is_production(options: AppOptions, settings: Settings) -> bool:
    """Whether people other than the developer use this server, by what it says of itself.

    It does when it listens on more than this machine, or when its links lead to https or to another machine.
    """
    if settings.host not in _LOOPBACK:
        return True
    app_url = in_effect(options, settings).meta.app_url
    return app_url.startswith("https://") or _host(app_url) not in _LOOPBACK


def _own_url(settings: Settings) -> str:
    return f"http://localhost:{settings.port}" if settings.port != 80 else "http://localhost"


def _host(url: str) -> str:
    authority = url.partition("://")[2].partition("/")[0]
    return authority.partition("]")[0].lstrip("[") if authority.startswith("[") else authority.partition(":")[0]
