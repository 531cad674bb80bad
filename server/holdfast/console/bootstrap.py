"""All that the console's first paint needs, in one answer."""

from typing import Any, Final

import msgspec

from holdfast import __version__
from holdfast.auth.browser import cookie_of, csrf_token, require_own_page
from holdfast.auth.principals import identify
from holdfast.auth.superusers import has_superuser
from holdfast.auth.tokens import peek
from holdfast.backups.state import backups_state
from holdfast.console.folders import folders_there, kept_folders
from holdfast.console.preferences import kept_preferences
from holdfast.console.session import NO_STORE
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Statement, qualified, raw, value
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import OBJECT, Route, Schema
from holdfast.identity import Principal
from holdfast.schema.rendering import collection_json
from holdfast.schema.system import SUPERUSERS

PATH: Final = "/api/console/bootstrap"
# What PostgreSQL counted when it last looked at a table, or -1: nobody waits for a count of a big one.
_ROWS: Final = Statement.of(
    raw(
        "SELECT class.relname AS name, class.reltuples::bigint AS rows FROM pg_class AS class"
        " WHERE class.relnamespace = 'public'::regnamespace AND class.relkind = 'r'"
    )
)
_USER: Final[Schema] = {
    "type": "object",
    "required": ["id", "email"],
    "properties": {"id": {"type": "string"}, "email": {"type": "string"}},
}
_ANSWER: Final[Schema] = {
    "type": "object",
    "required": ["setUp"],
    "properties": {
        "setUp": {"type": "boolean", "description": "Whether there is a superuser."},
        "csrf": {"type": "string", "description": "What the page sends as X-CSRF-Token."},
        "user": _USER,
        "version": {"type": "string"},
        "database": {"type": "string", "description": "The version of PostgreSQL."},
        "appName": {"type": "string"},
        "environment": {"enum": ["dev", "staging", "prod"], "description": "What the server is for."},
        "schemaLock": {
            "type": "boolean",
            "description": "Whether the API only plans changes of collections.",
        },
        "sql": {"enum": ["off", "read", "write"], "description": "What the SQL console may do."},
        "lastBackup": {
            "type": "object",
            "required": ["key", "made", "kind", "scheduled", "late"],
            "properties": {
                "key": {"type": "string", "description": "Empty if there is none."},
                "made": {"type": "string"},
                "kind": {"enum": ["manual", "scheduled", "safety", ""]},
                "scheduled": {"type": "boolean", "description": "Whether backups are made by a schedule."},
                "late": {"type": "boolean", "description": "Whether by that there should be a newer one."},
            },
        },
        "collections": {"type": "array", "items": OBJECT},
        "folders": {
            "type": "array",
            "items": OBJECT,
            "description": "Of collections in the sidebar, as /api/console/layouts/folders has them.",
        },
        "preferences": {
            "type": "object",
            "properties": {"theme": {"enum": ["system", "light", "dark"]}, "times": {"enum": ["local", "utc"]}},
            "description": "What the superuser has chosen by PUT /api/console/preferences.",
        },
        "rows": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "How many records a collection has by PostgreSQL's own estimate; -1 is not known.",
        },
    },
}


async def get_bootstrap(engine: Engine, request: Request) -> Response:
    """Answer `{setUp}` to a browser that is not logged in, and all that the console begins with to one that is."""
    require_own_page(request)
    token = cookie_of(request)
    who = await _who(engine, token)
    if who is None:
        return _answer({"setUp": await has_superuser(engine.pool)})
    return _answer({"setUp": True, "csrf": csrf_token(engine.secret, token), **await _begin(engine, who)})


async def _who(engine: Engine, token: str) -> Principal | None:
    """The superuser whose cookie this is. The page has no CSRF token yet: this answer is what gives it one."""
    claims = peek(token) if token else None
    if claims is None:
        return None
    found = await identify(engine, token, claims)
    return found if found.is_superuser and found.collection == SUPERUSERS else None


async def _begin(engine: Engine, who: Principal) -> dict[str, Any]:
    await engine.live.check()
    catalog = engine.catalog
    with as_api_errors():
        counted = await engine.pool.fetch(_ROWS)
        database = await engine.pool.fetchrow(_about(who.record_id))
        async with engine.pool.transaction() as tx:
            backups = await backups_state(tx.connection, engine.options.backups.cron)
    named = {one.name for one in catalog.collections}
    return {
        "user": {"id": who.record_id, "email": database["email"] if database else ""},
        "preferences": kept_preferences(database["chosen"] if database else None),
        "version": __version__,
        "database": database["version"] if database else "",
        "appName": engine.options.meta.app_name,
        "environment": engine.settings.environment,
        "schemaLock": engine.settings.schema_lock,
        "sql": engine.settings.sql_console,
        "lastBackup": backups,
        "collections": [collection_json(one) for one in catalog.collections],
        "folders": folders_there(kept_folders(database["folders"] if database else None), catalog.by_id),
        "rows": {row["name"]: row["rows"] for row in counted if row["name"] in named},
    }


def _about(id: str) -> Statement:
    """The version of the database, the folders of the sidebar, and the email of a superuser."""
    return Statement.of(
        raw("SELECT current_setting('server_version') AS version, account.\"email\" AS email,")
        + raw(" (SELECT l.positions::text FROM holdfast.layouts AS l WHERE l.name = 'folders') AS folders,")
        + raw(' (SELECT p.chosen::text FROM holdfast.preferences AS p WHERE p.account = account."id") AS chosen FROM ')
        + qualified("public", SUPERUSERS)
        + raw(' AS account WHERE account."id" = ')
        + value(id, "text")
    )


def _answer(content: dict[str, Any]) -> Response:
    return Response(body=msgspec.json.encode(content), headers=(NO_STORE,))


BOOTSTRAP_ROUTES: Final = (
    Route(
        method="GET",
        path=PATH,
        handler=get_bootstrap,
        summary="What the console begins with",
        tag="console",
        access="anyone",
        answer=_ANSWER,
        errors=(403,),
    ),
)
