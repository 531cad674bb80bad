"""pgvector, which vector fields need: made where it can be, a clear refusal where it cannot."""

from collections.abc import Iterator

from holdfast.collections.diff import Changes
from holdfast.collections.mishap import Places
from holdfast.collections.step import Step
from holdfast.db.pool import Transaction
from holdfast.db.sql import raw
from holdfast.errors import Problem, ValidationFailed
from holdfast.schema.vector import VectorField

_Place = tuple[str, tuple[str, ...], str]


async def extension_steps(tx: Transaction, changes: Changes, places: Places) -> list[Step]:
    """The step that makes the extension, if a change needs it first. Raises ValidationFailed when it is not there."""
    wanted = list(_new_vectors(changes))
    if not wanted:
        return []
    row = await tx.fetchrow(
        raw(
            "SELECT (SELECT n.nspname::text FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace"
            " WHERE e.extname = 'vector') AS schema,"
            " EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'vector' AND (trusted"
            " OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))) AS allowed"
        )
    )
    schema = None if row is None else row["schema"]
    if schema == "public":
        return []
    if schema is None and row is not None and row["allowed"]:
        sql = raw("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        return [Step(collection=wanted[0][2], action="create_extension", sql=sql)]
    message = (
        "The database has no pgvector: a superuser of PostgreSQL has to run CREATE EXTENSION vector in it."
        if schema is None
        else f"pgvector lies in schema {schema}, and Holdfast looks for it in public."
    )
    problem = Problem("validation_vector_unavailable", message)
    raise ValidationFailed(places.problems((source, where, problem) for source, where, _ in wanted))


def _new_vectors(changes: Changes) -> Iterator[_Place]:
    """Where the vector fields are that are none yet: the collection's id, the place in it, its name."""
    for collection in changes.new.collections:
        was = changes.old.by_id.get(collection.id)
        for place, field in enumerate(() if collection.is_view else collection.fields):
            before = None if was is None else was.by_id.get(field.id)
            if isinstance(field, VectorField) and not isinstance(before, VectorField):
                yield collection.id, ("fields", str(place), "type"), collection.name
