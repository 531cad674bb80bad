"""`/api/console/preferences`: how a superuser wants the console to look, in whichever browser."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.errors import Forbidden, Problem, ValidationFailed
from holdfast.http.request import Request
from holdfast.http.response import NO_CONTENT, Response
from holdfast.http.routing import Route, Schema
from holdfast.schema.system import SUPERUSERS

PATH: Final = "/api/console/preferences"
Theme: TypeAlias = Literal["system", "light", "dark"]
Times: TypeAlias = Literal["local", "utc"]
_SAID: Final[Mapping[str, tuple[str, ...]]] = {"theme": get_args(Theme), "times": get_args(Times)}
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")
_PREFERENCES: Final[Schema] = {
    "type": "object",
    "properties": {
        "theme": {"enum": list(_SAID["theme"])},
        "times": {"enum": list(_SAID["times"]), "description": "Whether times are shown as they are here, or in UTC."},
    },
}
# What is not said stays as it is; what those wanted who are gone goes.
_KEEP: Final = Statement.of(
    raw("WITH gone AS (DELETE FROM holdfast.preferences AS o WHERE NOT EXISTS (")
    + raw("SELECT FROM public._superusers AS s WHERE s.id = o.account))")
    + raw(" INSERT INTO holdfast.preferences AS p (account, chosen) VALUES (")
    + named("account", "text")
    + raw(", ")
    + named("chosen", "jsonb")
    + raw(") ON CONFLICT (account) DO UPDATE SET chosen = p.chosen || excluded.chosen")
)


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody has chosen; None where that is nothing."""

    theme: Theme | None = None
    times: Times | None = None


def read_preferences(body: Mapping[str, Any]) -> Preferences:
    """What a body says. Raises ValidationFailed."""
    problems = {key: _UNKNOWN for key in body if key not in _SAID}
    for key, possible in _SAID.items():
        if key in body and body[key] not in possible:
            problems[key] = Problem("validation_invalid_value", f"Must be one of {', '.join(possible)}.")
    if problems:
        raise ValidationFailed(problems)
    return msgspec.convert(dict(body), Preferences)


def kept_preferences(text: str | None) -> Preferences:
    """What is kept; nothing of what this version does not know."""
    try:
        return msgspec.json.decode(text or "{}", type=Preferences)
    except msgspec.ValidationError:
        return Preferences()


async def put_preferences(engine: Engine, request: Request) -> Response:
    """Keep what the caller has chosen."""
    who = request.principal
    if who.collection != SUPERUSERS or not who.record_id:
        raise Forbidden("Only a superuser who has logged in has preferences, and not an API key.")
    chosen = msgspec.json.encode(read_preferences(await request.object())).decode()
    with as_api_errors():
        await engine.pool.execute(_KEEP, Inputs(named={"account": who.record_id, "chosen": chosen}))
    return NO_CONTENT


PREFERENCE_ROUTES: Final = (
    Route(
        method="PUT",
        path=PATH,
        handler=put_preferences,
        summary="Keep how the console looks for the caller",
        tag="console",
        body=_PREFERENCES,
        status=204,
    ),
)
"""`GET /api/console/bootstrap` has them as `preferences`."""
