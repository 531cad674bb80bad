"""Every setting of the server, as data: its name, type, default and help.

A value comes from the command line, else from the environment (HOLDFAST_PORT), else from the file
holdfast.toml (port = 8090), else from here. docs/reference/settings.md is compared with this file by a test.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints
from urllib.parse import urlsplit

import msgspec

from holdfast.setting import (
    About,
    Setting,
    choice,
    domain,
    folder,
    inner_networks,
    networks,
    origin,
    origins,
    switch,
    text,
    url,
    whole,
    words,
)

PREFIX: Final = "HOLDFAST_"
FILE: Final = "holdfast.toml"
FILE_VARIABLE: Final = "HOLDFAST_CONFIG"
COMMAND_LINE: Final = "the command line"
TEST_PREFIX: Final = "HOLDFAST_TEST_"  # for the tests of Holdfast itself: never read by the server
MIB: Final = 1024 * 1024  # bytes


class ConfigError(Exception):
    """A setting that cannot be used: one sentence with its name, where it came from and what is allowed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one server process."""

    host: Annotated[
        str,
        About("The address to listen on; 0.0.0.0 for every network of the machine.", text()),
    ] = "127.0.0.1"
    port: Annotated[int, About("The port to listen on; 0 takes any free one.", whole(0, 65535))] = 8090
    data: Annotated[
        Path,
        About("The directory of everything the server keeps, the embedded PostgreSQL included.", folder()),
    ] = Path("hf_data")
    workers: Annotated[int, About("How many server processes answer requests.", whole(1, 64))] = 1
    background: Annotated[
        bool, About("Whether this server also does the background work, such as emptying the trash.", switch())
    ] = True
    stop_seconds: Annotated[
        int, About("How long requests may still run after the server was told to stop, in seconds.", whole(0, 600))
    ] = 10

    database_url: Annotated[
        str,
        About(
            "An external PostgreSQL, 15 or newer, instead of the embedded one.",
            url("postgresql", "postgres"),
            environment="DATABASE_URL",
            secret=True,
        ),
    ] = ""
    redis_url: Annotated[
        str,
        About(
            "A Redis that several servers share: rate limits count in it. Without one each process counts for itself.",
            url("redis", "rediss", "unix"),
            environment="REDIS_URL",
            secret=True,
        ),
    ] = ""
    redis_timeout_ms: Annotated[
        int,
        About("How long a request waits for Redis before its process counts for itself, in ms.", whole(1, 60_000)),
    ] = 250
    database_pool_size: Annotated[
        int, About("How many database connections each server process opens at most.", whole(2, 1000))
    ] = 10
    lock_timeout_ms: Annotated[
        int, About("How long a schema change or a write waits for a lock, in milliseconds.", whole(1, 600_000))
    ] = 5_000
    statement_timeout_ms: Annotated[
        int,
        About("How long one statement of a write or a schema change may run, in milliseconds.", whole(1, 3_600_000)),
    ] = 30_000
    query_timeout_ms: Annotated[
        int, About("How long the statement of a read may run, in milliseconds.", whole(1, 3_600_000))
    ] = 5_000

    body_bytes: Annotated[int, About("The largest request body, in bytes.", whole(1024, 1024 * MIB))] = 32 * MIB
    header_bytes: Annotated[int, About("The largest sum of a request's headers, in bytes.", whole(1024, MIB))] = (
        32 * 1024
    )
    uri_bytes: Annotated[int, About("The longest path with its query, in bytes.", whole(256, 65_000))] = 16 * 1024
    batch_requests: Annotated[
        int,
        About("The most requests in one batch; 0 for what `batch.maxRequests` of /api/settings says.", whole(0, 1000)),
    ] = 0
    trash_days: Annotated[
        int, About("How long dropped collections, fields and values can be brought back, in days.", whole(1, 3650))
    ] = 7
    events_days: Annotated[
        int,
        About("How long events are kept, for clients and receivers that were away, in days.", whole(1, 3650)),
    ] = 7
    audit_days: Annotated[int, About("How long the audit log is kept, in days.", whole(1, 36500))] = 365
    metrics_days: Annotated[
        int, About("How long the history of the metrics is kept, in days; 0 keeps none.", whole(0, 3650))
    ] = 30
    storage_url: Annotated[
        str,
        About(
            "Where files are kept, if not in the data directory: a bucket, with the credentials that its tools use.",
            url("s3", "gs", "az", "file"),
            secret=True,
        ),
    ] = ""
    files_grace_hours: Annotated[
        int, About("How long files are kept that no record holds any more, in hours.", whole(0, 8760))
    ] = 24
    files_redirect_seconds: Annotated[
        int,
        About(
            "For how many seconds clients may get files from the bucket itself; 0 to pass them on.", whole(0, 604_800)
        ),
    ] = 0
    upload_hours: Annotated[
        int, About("How long a resumable upload waits for its next bytes and its record, in hours.", whole(1, 8760))
    ] = 24

    public_url: Annotated[
        str,
        About("The address under which clients reach the server, for the links that it prints and mails.", origin()),
    ] = ""
    passkey_domain: Annotated[
        str,
        About("The domain that passkeys belong to, such as example.com; empty is the host of public_url.", domain()),
    ] = ""
    cors_origins: Annotated[
        tuple[str, ...],
        About("The web sites whose pages may call the API. * allows any; cookies are never allowed.", origins()),
    ] = ("*",)
    docs: Annotated[
        str,
        About(
            "Who may read /api/openapi.json, and with it /api/docs: superusers and this machine itself, or anyone.",
            choice("superusers", "public"),
        ),
    ] = "superusers"
    metrics_role: Annotated[
        str,
        About(
            "The role whose API keys may read /metrics, besides superusers and this machine itself; empty for none.",
            text(),
        ),
    ] = "metrics"
    sdk_name: Annotated[
        str,
        About("What the package of the Python client is called after holdfast-client-; empty is meta.appName.", text()),
    ] = ""
    sdk_role: Annotated[
        str,
        About(
            "The role whose API keys may install the Python client, besides those who may read /api/openapi.json.",
            text(),
        ),
    ] = "sdk"
    outbound_allow: Annotated[
        tuple[str, ...],
        About(
            "Networks of your own that the server may send requests to, besides the public internet.", inner_networks()
        ),
    ] = ()
    webhook_allow: Annotated[
        tuple[str, ...],
        About("The networks inside that webhooks may go to, besides those of outbound_allow.", networks()),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        About("The proxies whose X-Forwarded-For and X-Forwarded-Proto headers are believed.", networks()),
    ] = ()

    environment: Annotated[
        str,
        About(
            "What this server is for, which the console shows: development, staging or production.",
            choice("dev", "staging", "prod"),
        ),
    ] = "dev"

    schema_lock: Annotated[
        bool,
        About(
            "Whether collections are changed by `holdfast schema push --unlock` only: the API then plans, and refuses.",
            switch(),
        ),
    ] = False

    sql_console: Annotated[
        str,
        About(
            "What superusers may do with SQL of their own over /api/sql: nothing, read, or write records as well.",
            choice("off", "read", "write"),
        ),
    ] = "off"

    superuser_email: Annotated[
        str, About("The email of the first superuser, made at start when there is none yet.", text())
    ] = ""
    superuser_password: Annotated[str, About("The password of the first superuser.", text(), secret=True)] = ""

    plugins: Annotated[
        str, About("The directory of plugins; empty is `plugins` beside the data directory.", text())
    ] = ""
    skip_plugins: Annotated[
        tuple[str, ...], About("The names of plugins that are not loaded, with commas between them.", words())
    ] = ()
    reload: Annotated[
        bool, About("Whether plugins are loaded anew when their files change, for development.", switch())
    ] = False

    log_format: Annotated[
        str,
        About(
            "How log lines are written; auto is text on a terminal and json elsewhere.", choice("auto", "text", "json")
        ),
    ] = "auto"
    log_level: Annotated[
        str, About("The least severe log lines that are written.", choice("debug", "info", "warning", "error"))
    ] = "info"
    log_database: Annotated[
        bool, About("Whether the log is kept in the database, too, for /api/logs and the console.", switch())
    ] = True

    sources: dict[str, str] = {}
    """Where each value came from, by the name of its setting; others are defaults. No setting itself."""

    def __repr__(self) -> str:
        """Without the secrets: a repr ends in logs and in test reports."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"

    def shown(self) -> dict[str, object]:
        """Name to value, with the secrets hidden."""
        return {setting.name: setting.shown(getattr(self, setting.name)) for setting in catalogue()}

    @classmethod
    def load(
        cls, environ: Mapping[str, str], file: Path | None = None, overrides: Mapping[str, object] | None = None
    ) -> "Settings":
        """Gather the settings: `overrides` (of the command line; None is absent), then `environ`, then the file.

        Without `file` it is the one that HOLDFAST_CONFIG names, else ./holdfast.toml if that is there.
        An empty environment variable counts as absent. Raises ConfigError.
        """
        _refuse_unknown_variables(environ)
        path = file or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
        values = read_file(path or Path(FILE), must_exist=path is not None)
        sources = dict.fromkeys(values, f"the file {path or FILE}")
        for setting in catalogue():
            if environ.get(setting.environment):
                source = f"the environment variable {setting.environment}"
                values[setting.name] = read(setting, environ[setting.environment], source)
                sources[setting.name] = source
            given = (overrides or {}).get(setting.name)
            if given is not None:
                values[setting.name] = read(setting, given, COMMAND_LINE)
                sources[setting.name] = COMMAND_LINE
        found: dict[str, object] = {"data": Path("hf_data").absolute(), **values, "sources": sources}
        return _checked(msgspec.convert(found, cls))


@cache
def catalogue() -> tuple[Setting, ...]:
    """Every setting, in the order of the reference page."""
    hints = get_type_hints(Settings, include_extras=True)
    found: list[Setting] = []
    for field in msgspec.structs.fields(Settings):
        if field.name == "sources":
            continue
        about: About = hints[field.name].__metadata__[0]
        environment = about.environment or PREFIX + field.name.upper()
        found.append(Setting(field.name, environment, field.default, about))
    return tuple(found)


def read(setting: Setting, value: object, source: str) -> object:
    """One value from outside as the setting's own; ConfigError when the setting does not take it."""
    try:
        return setting.about.kind.read(value)
    except (ValueError, TypeError) as failure:
        wrong = "" if setting.about.secret else f", not {value!r}"
        message = f"The setting {setting.name}, from {source}, has to be {setting.about.kind.allowed}{wrong}."
        # The cause of a secret holds the secret.
        raise ConfigError(message) from (None if setting.about.secret else failure)


def read_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    """The settings of a TOML file by name; a file that is absent holds none, unless it must exist."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as failure:
        if must_exist:
            raise ConfigError(f"The settings file {path} does not exist.") from failure
        return {}
    except OSError as failure:
        raise ConfigError(f"The settings file {path} cannot be read: {failure.strerror}.") from failure
    except ValueError as failure:
        raise ConfigError(f"The settings file {path} is not valid TOML: {failure}.") from failure
    by_name = {setting.name: setting for setting in catalogue()}
    for key in found:
        if key not in by_name:
            raise ConfigError(f"The file {path} holds the unknown setting {key}{_nearest(key, by_name)}.")
    return {key: read(by_name[key], value, f"the file {path}") for key, value in found.items()}


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    known = {setting.environment for setting in catalogue()} | {FILE_VARIABLE}
    for variable in environ:
        if variable.startswith(PREFIX) and not variable.startswith(TEST_PREFIX) and variable not in known:
            raise ConfigError(f"The environment variable {variable} is no setting{_nearest(variable, known)}.")


def _nearest(word: str, known: Iterable[str]) -> str:
    # Without the prefix: else HOLDFAST_DATABASE_URL is nearer to HOLDFAST_DATA than to DATABASE_URL.
    bare = {name.removeprefix(PREFIX): name for name in known}
    near = difflib.get_close_matches(word.removeprefix(PREFIX), bare, n=1)
    return f"; perhaps {bare[near[0]]} was meant" if near else ""


def _checked(settings: Settings) -> Settings:
    """What one setting alone cannot show to be wrong."""
    if bool(settings.superuser_email) != bool(settings.superuser_password):
        raise ConfigError("The settings superuser_email and superuser_password go together: set both, or neither.")
    host = urlsplit(settings.public_url).hostname or ""
    if settings.passkey_domain and host and not f".{host}".endswith(f".{settings.passkey_domain}"):
        raise ConfigError("The setting passkey_domain has to be the host of public_url, or a domain that it is under.")
    if "*" in settings.cors_origins and len(settings.cors_origins) > 1:
        raise ConfigError("The setting cors_origins cannot hold * beside other origins: * alone allows any.")
    return settings
