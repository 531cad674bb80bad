"""What the server keeps for itself, to be looked at: without a secret, a hash or a token in any column."""

from typing import Any, Final

from piccolo.columns import JSONB, Array, BigInt, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table, create_table_class

PREFIX: Final = "holdfast."  # no collection has a dot in its name
_KEY: Final = "text id"
_NUMBER: Final = "bigint id"
# Names of columns by their sort; the first is the primary key.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "keys": (_KEY, "text name", "bool superuser", "list roles", "list allowed_ips", "time expires", "time last_used",
             "time revoked", "time created", "time updated"),
    "roles": (_KEY, "text name", "json definition", "time created", "time updated"),
    "sessions": (_KEY, "text collection_id", "text record_id", "time created", "time used", "time expires",
                 "text address", "text agent"),
    "blocks": ("text record_id", "text collection_id", "text reason", "time since"),
    "webhooks": (_KEY, "text url", "text description", "list events", "text filter", "list fields", "bool active",
                 "bool ordered", "integer timeout", "text disabled", "time created", "time updated"),
    "deliveries": (_NUMBER, "text webhook_id", "bigint seq", "text event_id", "text type", "integer state",
                   "integer attempts", "time next_at", "integer status", "text error", "time created", "time finished"),
    "audit": (_NUMBER, "time at", "text action", "text outcome", "text reason", "text actor_kind", "text actor_id",
              "text actor_name", "text target_kind", "text target_id", "text target_name", "text request",
              "text address", "long details"),
    "jobs": (_NUMBER, "text name", "text key", "time run_at", "integer attempts", "long error", "time dead",
             "time created"),
    "schedules": (_KEY, "text cron", "text timezone", "time next_run", "time last_run"),
    "imports": (_KEY, "text collection_id", "text state", "bigint bytes", "bigint read", "bigint inserted",
                "bigint updated", "bigint skipped", "bigint failed", "long message", "time started", "time ended"),
    "rule_tests": (_KEY, "text name", "text collection_id", "json definition", "time created", "time updated"),
}  # fmt: skip


def system_table(name: str, engine: Any) -> type[Table]:
    """A table of the schema holdfast, by its bare name. Raises KeyError."""
    first, *rest = COLUMNS[name]
    kind, _, column = first.partition(" ")
    key = _make(kind, primary_key=True)
    members: dict[str, Any] = {column: key}
    for told in rest:
        kind, _, column = told.partition(" ")
        members[column] = _make(kind)
    about = {"tablename": name, "schema": "holdfast", "db": engine}
    return create_table_class(f"System{name.title().replace('_', '')}", class_kwargs=about, class_members=members)


def _make(kind: str, *, primary_key: bool = False) -> Any:
    about: dict[str, Any] = {"null": not primary_key, "default": None, "primary_key": primary_key}
    if kind == "text":
        return Varchar(length=None, **about)  # pyright: ignore[reportArgumentType]
    if kind == "list":
        return Array(base_column=Varchar(length=None), **about)  # pyright: ignore[reportArgumentType]
    plain = {
        "long": Text,
        "bigint": BigInt,
        "integer": Integer,
        "bool": Boolean,
        "time": Timestamptz,
        "json": JSONB,
    }
    return plain[kind](**about)
