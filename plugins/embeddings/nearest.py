"""Records that are near a text, among those that somebody may see."""

from collections.abc import Sequence
from typing import Any, Final

from holdfast.db.sql import Sql, name, qualified, raw, value
from holdfast.identity import Principal
from holdfast.plugin import Context

from .settings import Embedding

LOOKED_AT: Final = 200  # of the nearest, however many of them may be seen
OPERATORS: Final = {"cosine": raw("<=>"), "l2": raw("<->"), "ip": raw("<#>")}


async def nearest(
    ctx: Context, who: Principal, embedding: Embedding, vector: Sequence[float], most: int
) -> list[dict[str, Any]]:
    """The nearest records first, under the list rule; at most `most`, with their `distance`."""
    rows = await ctx.fetch(_near(ctx, embedding, vector))
    distances = {str(row["id"]): float(row["distance"]) for row in rows}
    found: list[dict[str, Any]] = []
    ids = list(distances)
    while ids and len(found) < most:
        some, ids = ids[:most], ids[most:]
        params = {f"id{number}": id for number, id in enumerate(some)}
        wanted = " || ".join(f"id = {{:{key}}}" for key in params)
        seen = await ctx.records_as(who).list(embedding.collection, filter=wanted, params=params, per_page=most)
        by_id = {record["id"]: record for record in seen}
        found += [by_id[id] for id in some if id in by_id]
    return [{"record": record, "distance": round(distances[record["id"]], 6)} for record in found[:most]]


def _near(ctx: Context, embedding: Embedding, vector: Sequence[float]) -> Sql:
    field: Any = ctx.collections[embedding.collection].by_name[embedding.into]
    written = "[" + ",".join(map(repr, vector)) + "]"
    distance = name(embedding.into) + OPERATORS[field.metric] + value(written, "text") + raw("::public.vector")
    return (
        raw("SELECT id, ")
        + distance
        + raw(" AS distance FROM ")
        + qualified("public", embedding.collection)
        + raw(" WHERE ")
        + name(embedding.into)
        + raw(" IS NOT NULL ORDER BY distance, id LIMIT ")
        + value(LOOKED_AT, "bigint")
    )
