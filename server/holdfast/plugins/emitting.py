"""A plugin's own events: into the outbox, in the transaction, as the changes of records."""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.engine import Engine
from holdfast.events.context import context_of, write_context
from holdfast.events.event import ACTIONS
from holdfast.hooks.origin import Origin
from holdfast.identity import Principal
from holdfast.plugin import Audience

MOST_BYTES: Final = 65_536  # of what an event holds, as of a record in the log
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39}){0,3}")
_AUDIENCES: Final = get_args(Audience)
_INSERT: Final = Statement.of(
    raw("INSERT INTO holdfast.outbox (type, record, context) VALUES (")
    + named("type", "text")
    + raw(", ")
    + named("record", "text")
    + raw(", ")
    + named("context", "text")
    + raw(")")
)


async def emit(
    engine: Engine, plugin: str, origin: Origin, name: str, data: Mapping[str, Any], audience: Audience
) -> None:
    """Put an event into the outbox. Raises ValueError for a name, an audience or data that no event can have."""
    if _NAME.fullmatch(name) is None or name in ACTIONS:
        raise ValueError(f"an event cannot be called {name!r}: small letters, digits, underscores, and no change")
    if audience not in _AUDIENCES:
        raise ValueError(f"an event cannot be for {audience!r}, but for {', '.join(_AUDIENCES)}")
    record = msgspec.json.encode(dict(data)).decode()
    if len(record.encode()) > MOST_BYTES:
        raise ValueError(f"an event holds at most {MOST_BYTES} bytes")
    context = context_of(Principal("plugin", name=plugin), origin.request_id)
    told = write_context(msgspec.structs.replace(context, audience=audience))
    inputs = Inputs(named={"type": f"{plugin}.{name}", "record": record, "context": told})
    await (origin.tx or engine.pool).execute(_INSERT, inputs)
