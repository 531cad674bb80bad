"""What plugins do when a file is asked for: they may refuse it, and say how it goes out."""

from functools import partial

from holdfast.engine import Engine
from holdfast.files.finding import Found
from holdfast.hooks.calling import call
from holdfast.hooks.origin import Origin
from holdfast.http.request import Request
from holdfast.plugin import FileServed
from holdfast.rules.facts import Facts


async def before_serve(engine: Engine, request: Request, found: Found, *, download: bool) -> FileServed | None:
    """How plugins want the file to go out; None if none is asked. Raises what they refuse it with."""
    calls = engine.hooks.file_before_serve
    if not calls:
        return None
    original = found.original
    served = FileServed(
        record_id=original.record_id,
        field=found.field.name,
        name=original.name,
        size=original.size,
        media_type=original.media_type,
        filename=original.name,
        download=download,
    )
    collection = engine.catalog.by_id.get(original.collection_id)
    facts = partial(Facts.of, request)
    origin = Origin(who=request.principal, request_id=request.id, collection=collection, facts=facts)
    await call(calls, origin, served)
    return served
